"""Events of a search as runs: learning curves while trials train, sessions once they have ended."""

from __future__ import annotations

import contextlib
import dataclasses
import functools
import itertools
import logging
import os
import time
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from kerastune_lite._src.core.events import (
    EpochEnded,
    Event,
    ExecutionEnded,
    SearchEnded,
    SearchStarted,
    SegmentStarted,
    SpaceGrown,
    StopReason,
    TrialEnded,
    TrialPaused,
    TrialStarted,
)
from kerastune_lite._src.core.objective import DefaultObjective, Objective
from kerastune_lite._src.core.trial import Execution, Outcome, Trial, TrialStatus
from kerastune_lite._src.util.windows import patiently
from kerastune_lite._src.views.tensorboard.hparams_columns import Columns
from kerastune_lite._src.views.tensorboard.names import (
    SEARCH,
    goal_scores,
    last_attempts,
    run_name,
    tag,
    trial_name,
)
from kerastune_lite._src.views.tensorboard.search_run import SearchRun
from kerastune_lite._src.views.view import View

if TYPE_CHECKING:
    from kerastune_lite._src.views.tensorboard.event_files import EventFile

logger = logging.getLogger(__name__)

MAX_OPEN_FILES = 8


class TensorBoardView(View):
    """Writes a search for TensorBoard.

    Args:
        directory: the log directory of this project only; created when it is first needed.
        extra_hparams_dirs: log directories in which Keras's own TensorBoard callback writes to
            `trial_0007/execution0/`. They get what HParams needs, without curves.
    """

    def __init__(
        self, directory: Path | str, *, extra_hparams_dirs: Sequence[Path | str] = ()
    ) -> None:
        self._directory = os.path.abspath(directory)
        extra = dict.fromkeys(os.path.abspath(path) for path in extra_hparams_dirs)
        self._extra_directories = [path for path in extra if path != self._directory]
        self._project = ""
        self._objective: Objective = DefaultObjective()
        self._repeated = False
        self._columns = Columns()
        self._search_run: SearchRun | None = SearchRun(self._directory)
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
        elif isinstance(event, TrialPaused):
            self._trial_paused(event.trial)
        elif isinstance(event, TrialStarted):
            self._running[event.trial.number] = _RunningTrial(self._repeated)
        elif isinstance(event, SpaceGrown):
            self._columns.learn(event.added)
        elif isinstance(event, SearchStarted):
            self._search_started(event)
        elif isinstance(event, SearchEnded):
            self._close(weigh=event.reason not in (StopReason.INTERRUPTED, StopReason.FAILED))

    def close(self) -> None:
        """Write everything and close the files; events may still follow."""
        self._close(weigh=False)

    def _close(self, weigh: bool) -> None:
        self._refresh()
        for file in self._open.values():
            file.close()
        self._open.clear()
        if self._search_run is not None:
            with self._guarded():
                self._search_run.end(weigh)

    # ------------------------------------------------------------------ events

    def _search_started(self, event: SearchStarted) -> None:
        self._project, self._objective = event.project, event.objective
        if self._search_run is not None:
            self._search_run.begin(event.project, event.objective)
        self._repeated = event.executions_per_trial > 1
        self._columns.learn(event.space)
        for trial in event.trials:
            if trial.status is TrialStatus.RUNNING or trial.number in self._ended:
                continue
            last, nested = last_attempts(trial), self._nested_on_disk(trial)
            if self._search_run is not None:
                self._search_run.know(trial, self._directories(trial, last, nested))
            if trial.status is not TrialStatus.PAUSED:
                self._columns.fit(trial.values)
                self._ended[trial.number] = _EndedTrial(trial, last, nested)
                self._refreshed = -1
        self._refresh()

    def _segment_started(self, event: SegmentStarted) -> None:
        trial = self._trial(event.trial, event.execution)
        key = event.execution, event.attempt
        known = trial.runs.get(key)
        if known is None or event.start_epoch < known.next_epoch:
            # Epochs that are trained again replace those written before.
            if known is not None and known.file is not None:
                self._release(known.file)
            trial.runs[key] = _Run(event.start_epoch, event.start_epoch)

    def _epoch_ended(self, event: EpochEnded) -> None:
        from kerastune_lite._src.views.tensorboard.event_files import begin_run, scalars_event

        number, execution, attempt = event.trial, event.execution, event.attempt
        trial = self._trial(number, execution)
        run = trial.runs.setdefault((execution, attempt), _Run(event.epoch, event.epoch))
        if run.file is None:
            paths = (
                os.path.join(self._directory, run_name(number, execution, each, trial.nested))
                for each in itertools.count(attempt)
            )
            run.file = begin_run(next(paths), run.start, paths)
        scalars = {tag(name): float(value) for name, value in event.metrics.items()}
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
        last = last_attempts(trial, running.executions.values())
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
        # A few rows are rewritten at once, many only from time to time, so that a search in which
        # every trial has new hyperparameters does not become slow.
        if len(self._ended) >= self._refresh_at:
            self._refresh()
        self._show(trial, last, running.nested)

    def _trial_paused(self, trial: Trial) -> None:
        running = self._trial(trial.number, 0)
        last = last_attempts(trial, running.executions.values())
        self._show(trial, last, running.nested or self._nested_on_disk(trial))

    def _show(self, trial: Trial, last: Sequence[Execution], nested: bool) -> None:
        """Add a trial to the run of all trials."""
        if self._search_run is not None:
            with self._guarded():
                self._search_run.show(trial, self._directories(trial, last, nested))

    @contextlib.contextmanager
    def _guarded(self) -> Iterator[None]:
        """If the run of all trials fails, the others are still written."""
        try:
            yield
        except Exception:
            logger.warning("TensorBoard's run %s is no longer written.", SEARCH, exc_info=True)
            self._search_run = None

    def _directories(self, trial: Trial, last: Sequence[Execution], nested: bool) -> list[str]:
        """The directories of the executions that count."""
        names = (run_name(trial.number, each.index, each.attempt, nested) for each in last)
        return [os.path.join(self._directory, name) for name in names]

    def _trial(self, number: int, execution: int) -> _RunningTrial:
        trial = self._running.get(number)
        if trial is None:
            trial = self._running[number] = _RunningTrial(self._repeated)
        if execution > 0:
            self._nest(number, trial)
        return trial

    def _nest(self, number: int, trial: _RunningTrial) -> None:
        """Move the runs of a trial one level down, since it has several executions."""
        from kerastune_lite._src.views.tensorboard.event_files import own_files, remove

        if trial.nested:
            return
        trial.nested = True
        for key, run in trial.runs.items():
            if run.file is not None:
                self._release(run.file)
                directory = os.path.join(self._directory, run_name(number, *key, True))
                os.makedirs(directory, exist_ok=True)
                path = os.path.join(directory, os.path.basename(run.file.path))
                patiently(functools.partial(os.replace, run.file.path, path))
                run.file.path = path
        # The remaining files were written by a search that was killed.
        remove(own_files(os.path.join(self._directory, trial_name(number))))

    # ------------------------------------------------------------------ sessions

    def _refresh(self) -> None:
        """Rewrite the rows of ended trials that do not have the current columns."""
        if self._columns.version == self._refreshed:
            return
        for ended in self._ended.values():
            if ended.columns != self._columns.version:
                self._write_sessions(ended, {})
        self._refreshed = self._columns.version
        self._refresh_at = len(self._ended) * 5 // 4

    def _write_sessions(self, ended: _EndedTrial, runs: Mapping[tuple[int, int], _Run]) -> None:
        from kerastune_lite._src.views.tensorboard.event_files import (
            end_run,
            scalars_event,
            session_event,
        )

        trial = ended.trial
        hparams = self._columns.row(trial.values)
        finished = time.time() if trial.finished is None else trial.finished
        for execution in ended.executions:
            key = execution.index, execution.attempt
            # The score is that of the best epoch.
            step = execution.best_epoch or 0
            session = session_event(
                group=f"{self._project}/{trial_name(trial.number)}",
                hparams=hparams,
                success=execution.outcome is Outcome.COMPLETED,
                scores=goal_scores(self._objective, trial.metrics, execution),
                step=step,
                started=finished if trial.started is None else trial.started,
                finished=finished,
            )
            run = runs.get(key)
            if run is not None and run.file is not None:
                run.file.append(session)
            else:
                directory = os.path.join(
                    self._directory, run_name(trial.number, *key, ended.nested)
                )
                metrics = {
                    tag(metric): float(value)
                    for metric, value in execution.metrics.items()
                    if metric != DefaultObjective().name  # it would repeat `objective`
                }
                summary = scalars_event(step, metrics, finished) if metrics else None
                end_run(directory, session, None if run is None else run.start, summary)
            for directory in self._extra_directories:
                end_run(os.path.join(directory, run_name(trial.number, *key, True)), session)
        ended.columns = self._columns.version

    def _nested_on_disk(self, trial: Trial) -> bool:
        """Whether an earlier search nested it (`executions_per_trial` may have changed)."""
        from kerastune_lite._src.views.tensorboard.event_files import own_files

        directory = os.path.join(self._directory, trial_name(trial.number))
        if os.path.isdir(os.path.join(directory, "execution0")):
            return True
        if own_files(directory):
            return False
        return self._repeated or any(execution.index for execution in trial.executions)

    # ------------------------------------------------------------------ open files

    def _use(self, file: EventFile) -> None:
        """Add `file` to the open ones; close the least recently used one if there are too many."""
        self._open.pop(file.path, None)
        self._open[file.path] = file
        if len(self._open) > MAX_OPEN_FILES:
            self._release(next(iter(self._open.values())))

    def _release(self, file: EventFile) -> None:
        self._open.pop(file.path, None)
        file.close()


@dataclasses.dataclass
class _Run:
    """A training; `start` is the first epoch that this process trains."""

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
    """A row, and the version of the columns with which it was last written."""

    trial: Trial
    executions: Sequence[Execution]
    nested: bool
    columns: int = -1
