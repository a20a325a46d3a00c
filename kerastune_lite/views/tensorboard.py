"""TensorBoard: learning curves while trials train, and the HParams table of those that ended.

What is where. A trial is one run, `trial_0007/`; with several executions each is a run of its own,
`trial_0007/execution0/`; a retry is a fresh one, `trial_0007_retry1/` or
`trial_0007/execution0_retry1/`. Epochs are written as they end, under the tags that Keras uses
(`train/epoch_loss`, `validation/epoch_loss`). What makes a run a session of HParams, namely its
hyperparameters, the score as the scalar `objective` and the status, follows in one record when the
trial has ended.

Why not when it starts. TensorBoard believes the first record it reads of a run's hyperparameters,
for as long as it lives. At the start they are not known: a builder may ask for parameters that
nobody has heard of, and leave unused some that were proposed (the units of a layer that this trial
does not have). A running trial is therefore seen in Time Series but not yet in HParams, and no row
there is ever wrong, nor left over from a search that was killed.

What a row holds. Parallel coordinates drop a trial that lacks a column, and a column of mixed
types is no axis. So each trial gets all columns, and each column has one type: boolean, number, or
text where the parameter is conditional, where a trial did without it ("inactive"), or where its
values are of several types. Late news (trial 40 is the first to ask for a parameter, or to do
without one) is written into the files of the earlier trials, too. A TensorBoard that is running
sees that change when it is started again.

Attempts that were tried again are no sessions: a row shows the means over its sessions, and what
an attempt reached before it failed does not belong there. Their curves stay in Time Series.
"""

from __future__ import annotations

import dataclasses
import itertools
import math
import os
import time
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from kerastune_lite.events import (
    EpochEnded,
    Event,
    ExecutionEnded,
    SearchEnded,
    SearchStarted,
    SegmentStarted,
    SpaceGrown,
    TrialEnded,
    TrialStarted,
)
from kerastune_lite.hyperparameters import Choice, Parameter, Value
from kerastune_lite.objective import DefaultObjective
from kerastune_lite.trial import Execution, Outcome, Trial, TrialStatus
from kerastune_lite.views.base import View

if TYPE_CHECKING:
    from kerastune_lite.views.event_files import EventFile

INACTIVE = "inactive"
MAX_OPEN_FILES = 8


class TensorBoardView(View):
    """Writes a search where TensorBoard looks.

    Args:
        directory: the log directory, for this project alone; made when it is first needed.
        extra_hparams_dirs: log directories that Keras's own TensorBoard callback writes to, below
            `trial_0007/execution0/`. They get what HParams needs, and no curves.
    """

    def __init__(
        self, directory: Path | str, *, extra_hparams_dirs: Sequence[Path | str] = ()
    ) -> None:
        self._directory = os.path.abspath(directory)
        extra = dict.fromkeys(os.path.abspath(path) for path in extra_hparams_dirs)
        self._extra_directories = [path for path in extra if path != self._directory]
        self._project = ""
        self._repeated = False
        self._columns = _Columns()
        self._running: dict[int, _RunningTrial] = {}
        self._ended: dict[int, _EndedTrial] = {}
        self._open: dict[str, EventFile] = {}
        self._refreshed = -1
        self._refresh_at = 0

    def on_event(self, event: Event) -> None:
        if isinstance(event, EpochEnded):
            self._epoch_ended(event)
        elif isinstance(event, SegmentStarted):
            self._segment_started(event)
        elif isinstance(event, ExecutionEnded):
            self._execution_ended(event)
        elif isinstance(event, TrialEnded):
            self._trial_ended(event.trial)
        elif isinstance(event, TrialStarted):
            self._running[event.trial.number] = _RunningTrial(self._repeated)
        elif isinstance(event, SpaceGrown):
            self._columns.learn(event.added)
        elif isinstance(event, SearchStarted):
            self._search_started(event)
        elif isinstance(event, SearchEnded):
            self.close()

    def close(self) -> None:
        """Bring all rows up to date and give the files back; events may still follow."""
        self._refresh()
        for file in self._open.values():
            file.close()
        self._open.clear()

    # ------------------------------------------------------------------ events

    def _search_started(self, event: SearchStarted) -> None:
        self._project = event.project
        self._repeated = event.executions_per_trial > 1
        self._columns.learn(event.space)
        for trial in event.trials:
            ended = trial.status in (TrialStatus.COMPLETED, TrialStatus.FAILED)
            if ended and trial.number not in self._ended:
                self._columns.fit(trial.values)
                nested = self._nested_on_disk(trial)
                self._ended[trial.number] = _EndedTrial(trial, _last_attempts(trial), nested)
                self._refreshed = -1
        self._refresh()

    def _segment_started(self, event: SegmentStarted) -> None:
        trial = self._trial(event.trial, event.execution)
        key = event.execution, event.attempt
        known = trial.runs.get(key)
        if known is None or event.start_epoch < known.next_epoch:
            # Epochs that are trained again replace the ones written before.
            if known is not None and known.file is not None:
                self._release(known.file)
            trial.runs[key] = _Run(event.start_epoch, event.start_epoch)

    def _epoch_ended(self, event: EpochEnded) -> None:
        from kerastune_lite.views.event_files import begin_run, scalars_event

        number, execution, attempt = event.trial, event.execution, event.attempt
        trial = self._trial(number, execution)
        run = trial.runs.setdefault((execution, attempt), _Run(event.epoch, event.epoch))
        if run.file is None:
            paths = (
                os.path.join(self._directory, _run_name(number, execution, each, trial.nested))
                for each in itertools.count(attempt)
            )
            run.file = begin_run(next(paths), run.start, paths)
        scalars = {_tag(name): float(value) for name, value in event.metrics.items()}
        self._use(run.file)
        run.file.append(scalars_event(event.epoch, scalars, time.time(), run.file.described))
        run.next_epoch = event.epoch + 1

    def _execution_ended(self, event: ExecutionEnded) -> None:
        execution = event.execution
        trial = self._trial(event.trial, execution.index)
        key = execution.index, execution.attempt
        run = trial.runs.setdefault(key, _Run(execution.epochs, execution.epochs))
        trial.executions[key] = execution
        if run.file is not None:
            self._release(run.file)

    def _trial_ended(self, trial: Trial) -> None:
        running = self._running.setdefault(trial.number, _RunningTrial(self._repeated))
        last = _last_attempts(trial, running.executions.values())
        if any(execution.index for execution in last):
            self._nest(trial.number, running)
        self._columns.fit(trial.values)
        ended = _EndedTrial(trial, last, running.nested)
        self._write_sessions(ended, running.runs)
        for run in running.runs.values():
            if run.file is not None:
                self._release(run.file)
        del self._running[trial.number]
        self._ended[trial.number] = ended
        # Rows are written anew at once while they are few, and in doses when they are many, so
        # that a search whose every trial asks for something new does not slow down.
        if len(self._ended) >= self._refresh_at:
            self._refresh()

    def _trial(self, number: int, execution: int) -> _RunningTrial:
        trial = self._running.get(number)
        if trial is None:
            trial = self._running[number] = _RunningTrial(self._repeated)
        if execution > 0:
            self._nest(number, trial)
        return trial

    def _nest(self, number: int, trial: _RunningTrial) -> None:
        """Move a trial that turns out to have several executions one level down."""
        from kerastune_lite.views.event_files import own_files, remove

        if trial.nested:
            return
        trial.nested = True
        for key, run in trial.runs.items():
            if run.file is not None:
                self._release(run.file)
                directory = os.path.join(self._directory, _run_name(number, *key, True))
                os.makedirs(directory, exist_ok=True)
                path = os.path.join(directory, os.path.basename(run.file.path))
                os.replace(run.file.path, path)
                run.file.path = path
        # What is left was written by a search that was killed.
        remove(own_files(os.path.join(self._directory, _trial_name(number))))

    # ------------------------------------------------------------------ sessions

    def _refresh(self) -> None:
        """Write the rows of ended trials that do not have today's columns."""
        if self._columns.version == self._refreshed:
            return
        for ended in self._ended.values():
            if ended.columns != self._columns.version:
                self._write_sessions(ended, {})
        self._refreshed = self._columns.version
        self._refresh_at = len(self._ended) * 5 // 4

    def _write_sessions(self, ended: _EndedTrial, runs: Mapping[tuple[int, int], _Run]) -> None:
        from kerastune_lite.views.event_files import end_run, scalars_event, session_event

        trial = ended.trial
        hparams = self._columns.row(trial.values)
        finished = time.time() if trial.finished is None else trial.finished
        for execution in ended.executions:
            key = execution.index, execution.attempt
            # The score was reached at the best epoch, and stands above it.
            step = execution.best_epoch or 0
            session = session_event(
                group=f"{self._project}/{_trial_name(trial.number)}",
                hparams=hparams,
                success=execution.outcome is Outcome.COMPLETED,
                score=execution.score,
                step=step,
                started=finished if trial.started is None else trial.started,
                finished=finished,
            )
            run = runs.get(key)
            if run is not None and run.file is not None:
                run.file.append(session)
            else:
                directory = os.path.join(
                    self._directory, _run_name(trial.number, *key, ended.nested)
                )
                metrics = {
                    _tag(metric): float(value)
                    for metric, value in execution.metrics.items()
                    if metric != DefaultObjective().name  # it would repeat `objective`
                }
                summary = scalars_event(step, metrics, finished) if metrics else None
                end_run(directory, session, None if run is None else run.start, summary)
            for directory in self._extra_directories:
                end_run(os.path.join(directory, _run_name(trial.number, *key, True)), session)
        ended.columns = self._columns.version

    def _nested_on_disk(self, trial: Trial) -> bool:
        """How an earlier search laid the trial out (`executions_per_trial` may have changed)."""
        from kerastune_lite.views.event_files import own_files

        directory = os.path.join(self._directory, _trial_name(trial.number))
        if os.path.isdir(os.path.join(directory, "execution0")):
            return True
        if own_files(directory):
            return False
        return self._repeated or any(execution.index for execution in trial.executions)

    # ------------------------------------------------------------------ open files

    def _use(self, file: EventFile) -> None:
        """Count `file` among the open ones, and close the one that was idle for longest."""
        self._open.pop(file.path, None)
        self._open[file.path] = file
        if len(self._open) > MAX_OPEN_FILES:
            self._release(next(iter(self._open.values())))

    def _release(self, file: EventFile) -> None:
        self._open.pop(file.path, None)
        file.close()


@dataclasses.dataclass
class _Run:
    """One training as it goes on; `start` is the first epoch that this process trains."""

    start: int
    next_epoch: int
    file: EventFile | None = None


@dataclasses.dataclass
class _RunningTrial:
    """Runs and executions by (execution, attempt)."""

    nested: bool
    runs: dict[tuple[int, int], _Run] = dataclasses.field(default_factory=dict)
    executions: dict[tuple[int, int], Execution] = dataclasses.field(default_factory=dict)


@dataclasses.dataclass
class _EndedTrial:
    """A row, and the version of the columns that it was last written with."""

    trial: Trial
    executions: Sequence[Execution]
    nested: bool
    columns: int = -1


class _Columns:
    """The columns of the HParams table: all hyperparameters, each with one type for all trials."""

    def __init__(self) -> None:
        self.version = 0
        """Changes whenever rows that were made before would look different now."""
        self._types: dict[str, type] = {}
        self._rows = 0

    def learn(self, parameters: Iterable[Parameter]) -> None:
        """Take the types of parameters that trials may have."""
        for parameter in parameters:
            domain = parameter.domain
            values = domain.values if isinstance(domain, Choice) else (domain.default,)
            for value in values:
                self._add(parameter.name, str if parameter.conditions else _type(value))

    def fit(self, values: Mapping[str, Value]) -> None:
        """Take notice of what a trial used, and of what it did without."""
        for name, value in values.items():
            self._add(name, _type(value))
        for name in self._types.keys() - values.keys():
            self._add(name, str)
        self._rows += 1

    def _add(self, name: str, of: type) -> None:
        known = self._types.get(name)
        # A newcomer is text as soon as there is a row that does not have it.
        now = of if known is None and not self._rows else of if known is of else str
        if now is not known:
            self._types[name] = now
            self.version += 1

    def row(self, values: Mapping[str, Value]) -> dict[str, Value]:
        """A value for each column."""
        return {
            name: INACTIVE
            if name not in values
            else str(values[name])
            if of is str
            else values[name]
            for name, of in self._types.items()
        }


def _type(value: Value) -> type:
    """bool, float or str: how TensorBoard shows a value."""
    if isinstance(value, bool):
        return bool
    # TensorBoard drops numbers that JSON does not have.
    if isinstance(value, (int, float)) and math.isfinite(value):
        return float
    return str


def _last_attempts(trial: Trial, seen: Iterable[Execution] = ()) -> list[Execution]:
    """The executions that count: of each the last attempt, by index.

    A trial that failed before its first execution has a failed one all the same.
    """
    last: dict[int, Execution] = {}
    for execution in trial.executions or seen:
        known = last.get(execution.index)
        if known is None or known.attempt <= execution.attempt:
            last[execution.index] = execution
    if not last:
        done = trial.status is TrialStatus.COMPLETED
        outcome = Outcome.COMPLETED if done else Outcome.FAILED
        last[0] = Execution(0, outcome, score=trial.score, best_epoch=trial.best_step)
    return [last[index] for index in sorted(last)]


def _trial_name(number: int) -> str:
    return f"trial_{number:04d}"


def _run_name(number: int, execution: int, attempt: int, nested: bool) -> str:
    name = _trial_name(number)
    if nested:
        name = f"{name}/execution{execution}"
    return f"{name}_retry{attempt}" if attempt else name


def _tag(metric: str) -> str:
    """Keras's tag for a metric: that of its callback, behind the name of the callback's run."""
    if metric.startswith("val_"):
        return f"validation/epoch_{metric[len('val_') :]}"
    return f"train/epoch_{metric}"
