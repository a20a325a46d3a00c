"""The loop: propose, train, record, decide."""

from __future__ import annotations

import dataclasses
import logging
import time
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from kerastune_lite import events as ev
from kerastune_lite.events import StopReason
from kerastune_lite.history import History
from kerastune_lite.hooks import Hooks
from kerastune_lite.hyperparameters import Space, Value
from kerastune_lite.interrupts import Interrupts
from kerastune_lite.objective import Objective
from kerastune_lite.oracles import Oracle
from kerastune_lite.recorder import Recorder
from kerastune_lite.runners import Runner
from kerastune_lite.schedulers import Decision, Rung, Scheduler
from kerastune_lite.store import Checkpoints, Store
from kerastune_lite.training.base import Job
from kerastune_lite.trial import Execution, Outcome, Report, Segment, Trial, TrialStatus
from kerastune_lite.views.base import View

logger = logging.getLogger(__name__)


@dataclasses.dataclass(frozen=True)
class Limits:
    """When to stop.

    Attributes:
        max_trials: None: when the space is exhausted.
        max_time: seconds of wall clock for this call; trials under way are finished.
        executions_per_trial: how often each trial is trained.
        max_retries_per_trial: how often a failed execution is tried again.
        max_consecutive_failed_trials: so many failures in a row stop the search.
    """

    max_trials: int | None = None
    max_time: float | None = None
    executions_per_trial: int = 1
    max_retries_per_trial: int = 0
    max_consecutive_failed_trials: int = 3


@dataclasses.dataclass
class Parts:
    """What a search is put together from."""

    oracle: Oracle
    scheduler: Scheduler
    runner: Runner
    store: Store
    checkpoints: Checkpoints
    views: list[View]
    job: Job
    hooks: Hooks


class Search:
    """One call of `search()`: runs until a limit is reached or the space is exhausted.

    Args:
        parts: the exchangeable parts.
        limits: when to stop.
        objective: with its direction.
        seed: of the project; with the number of a trial it determines all that is random.
        history: the trials so far; it is kept up to date.
        space: as known so far.
        queue: points to try first: position -> values.
        tune_new_entries: whether parameters met on the way join the space.
        clock: seconds since 1970.
    """

    def __init__(
        self,
        parts: Parts,
        limits: Limits,
        objective: Objective,
        seed: int,
        history: History,
        space: Space,
        queue: Mapping[int, Mapping[str, Value]],
        tune_new_entries: bool = True,
        clock: Any = time.time,
    ) -> None:
        self.space = space
        self.history = history
        self._parts = parts
        self._limits = limits
        self._objective = objective
        self._seed = seed
        self._queue = dict(sorted(queue.items()))
        self._tune_new_entries = tune_new_entries
        self._clock = clock
        self._recorder = Recorder(parts.store, parts.views)
        self._record = self._recorder.record
        self._interrupts = Interrupts()
        self._under_way: set[int] = set()
        self._losses: dict[tuple[int, int, int], list[float]] = {}
        self._failures_in_a_row = 0
        self._deadline: float | None = None

    # ------------------------------------------------------------------ the loop

    def run(self, project: str, settings: Mapping[str, Any]) -> StopReason:
        """Search; returns why it ended.

        Raises:
            FatalError: the user's code asked for the end.
            RuntimeError: too many trials failed in a row.
            StoreError: the project could not be written.
        """
        reason, message = StopReason.FAILED, "stopped by an error"
        if self._limits.max_time is not None:
            self._deadline = time.monotonic() + self._limits.max_time
        with self._interrupts:
            try:
                self._record(self._started(project, settings))
                self._parts.runner.open(self._parts.job, self._on_epoch)
                reason = self._loop()
                message = self._message(reason)
            except KeyboardInterrupt:
                reason = StopReason.INTERRUPTED
                message = self._message(reason)
            except Exception as error:
                first_sentence = str(error).strip().split("\n")[0].split(". ")[0]
                message = f"stopped by {type(error).__name__}: {first_sentence}"
                raise
            finally:
                self._parts.runner.close()
                self._recorder.end(ev.SearchEnded(reason, message, self._clock()))
        return reason

    def _started(self, project: str, settings: Mapping[str, Any]) -> ev.SearchStarted:
        return ev.SearchStarted(
            project,
            self._objective,
            self.space,
            self._limits.max_trials,
            tuple(self.history),
            settings,
            self._clock(),
            self._limits.executions_per_trial,
        )

    def _loop(self) -> StopReason:
        for trial in self.history.running:
            self._start(trial)
        while True:
            stop = self._fill()
            if not self._under_way:
                if stop is StopReason.EXHAUSTED and 0 < self.history.failed == len(self.history):
                    raise self._hopeless(
                        f"All {self.history.failed} points of the space failed",
                        "start afresh with overwrite=True",
                    )
                return stop or StopReason.EXHAUSTED
            with self._interrupts.interruptible():
                reports = self._parts.runner.wait()
            for report in reports:
                self._on_report(report)

    def _fill(self) -> StopReason | None:
        """Start trials while there is room; returns why no more can be started, if so."""
        together = self._together()
        while True:
            free = self._parts.runner.capacity - len(self._under_way)
            if free <= 0 and (together <= 0 or len(self._under_way) >= together):
                return None
            if self._interrupts.requested:
                raise KeyboardInterrupt
            if self._deadline is not None and time.monotonic() >= self._deadline:
                return StopReason.TIME
            if self._limits.max_trials is not None:
                left = self._limits.max_trials - len(self.history)
                if left <= 0:
                    return StopReason.BUDGET
                free = min(free, left)
            if free <= 0:
                if not self._start_alike():
                    return None
            elif not self._start_queued() and not self._start_proposed(free):
                return StopReason.EXHAUSTED

    def _together(self) -> int:
        """How many trials may begin at once because they might be trained side by side.

        Only while none is under way, so that those which begin together stay together.
        """
        if self._parts.oracle.learns or self._under_way:
            return 0
        return self._parts.job.together // self._limits.executions_per_trial

    def _start_queued(self) -> bool:
        """Start the first point of the queue that was not tried yet."""
        for position in list(self._queue):
            values = self._queue.pop(position)
            if values in self.history.visited:
                logger.info("The enqueued point %s was tried already.", dict(values))
                continue
            self._start_new(values, "enqueued", position)
            return True
        return False

    def _start_proposed(self, free: int) -> bool:
        rungs = self._parts.scheduler.plan(self.history, free)
        new = sum(rung.trial is None for rung in rungs)
        if new == 0:
            return False
        # Each draws from a generator of its own, however many begin together.
        points = self._proposed(new if self._parts.oracle.learns else 1)
        for values in points:
            self._start_new(values, "oracle", None)
        return bool(points)

    def _proposed(self, count: int) -> list[dict[str, Value]]:
        rng = np.random.default_rng([self._seed, len(self.history)])
        return self._parts.oracle.propose(self.space, self.history, count, rng)

    def _start_alike(self) -> bool:
        """Start the next trial if it is like the latest but for some fractions.

        Learning rates and the like leave a network what it is; numbers of units do not.
        """
        latest = self.history[-1]
        rungs = self._parts.scheduler.plan(self.history, 1)
        if self._queue or latest.origin != "oracle" or rungs != [Rung()]:
            return False
        for values in self._proposed(1):
            if _alike(values, latest.values):
                self._start_new(values, "oracle", None)
                return True
        return False

    def _start_new(self, values: Mapping[str, Value], origin: str, queued: int | None) -> None:
        trial = Trial(
            len(self.history), dict(values), self.space, origin=origin, started=self._clock()
        )
        self.history.add(trial)
        self._start(trial, queued)

    def _start(self, trial: Trial, queued: int | None = None) -> None:
        """Begin a trial, or go on with one that a dead search left behind."""
        self._under_way.add(trial.number)
        self._parts.hooks.on_trial_begin(trial)
        self._submit(trial, self._missing(trial), ev.TrialStarted(trial, queued))

    def _missing(self, trial: Trial) -> list[int]:
        """The executions of a trial that are not completed yet."""
        if self._parts.job.whole_trials:
            return [] if trial.completed_executions else [0]
        done = {execution.index for execution in trial.completed_executions}
        return [i for i in range(self._limits.executions_per_trial) if i not in done]

    def _submit(self, trial: Trial, executions: Sequence[int], *before: ev.Event) -> None:
        """Have the first of these executions trained, and the others along if that is of use."""
        first, *others = (self._segment(trial, execution) for execution in executions)
        self._record(*before, self._begun(first))
        self._parts.runner.submit([dataclasses.replace(first, along=tuple(others))])

    def _segment(self, trial: Trial, execution: int) -> Segment:
        attempt = sum(
            e.index == execution and e.outcome is Outcome.FAILED for e in trial.executions
        )
        return Segment(
            trial,
            execution,
            attempt,
            seed=self._draw_seed(trial.number, 1 + execution, attempt),
            unseen=self._parts.oracle.unseen if self._tune_new_entries else "default",
            fill_seed=self._draw_seed(trial.number, 0, 0),
            keep_below=self._keep_below(trial),
        )

    def _keep_below(self, trial: Trial) -> float | None:
        """The loss under which an execution's weights may be of use; None: any."""
        kept = [e.loss for e in trial.completed_executions if e.weights and e.loss is not None]
        if kept:
            # Of a trial only the best execution's are kept.
            return min(kept)
        return self._parts.checkpoints.threshold(self.history, self._limits.executions_per_trial)

    def _begun(self, segment: Segment) -> ev.SegmentStarted:
        """The event that a segment has begun; what an earlier start of it told is forgotten."""
        number, execution, attempt = segment.trial.number, segment.execution, segment.attempt
        self._losses[number, execution, attempt] = []
        return ev.SegmentStarted(number, execution, attempt, 0, None, self._clock())

    def _draw_seed(self, *key: int) -> int:
        # Room below 2**32 is left for the repeats that a user's run_trial trains by itself.
        state = np.random.SeedSequence([self._seed, *key]).generate_state(1)
        return int(state[0]) % (2**32 - 2**10)

    # ------------------------------------------------------------------ what comes back

    def _on_epoch(self, event: ev.EpochEnded) -> Decision:
        with self._interrupts.shielded():
            losses = self._losses.get((event.trial, event.execution, event.attempt))
            if losses is None:
                # It was brought along, and is trained indeed.
                trial = self.history[event.trial]
                self._record(self._begun(self._segment(trial, event.execution)), event)
                losses = self._losses[event.trial, event.execution, event.attempt]
            else:
                self._record(event)
            if not self._objective.missing(event.metrics):
                losses.append(self._objective.loss(event.metrics))
            return self._parts.scheduler.judge(self.history, event.trial, losses)

    def _on_report(self, report: Report) -> None:
        trial = self.history[report.segment.trial.number]
        if self._interrupts.requested and not self._succeeded(report):
            # What looks like a failure may be the interrupt, swallowed and raised as something
            # else by the user's code; the trial will be trained again.
            raise KeyboardInterrupt
        self._grow_space(report, trial)
        if report.fatal is not None:
            raise report.fatal
        trial = dataclasses.replace(
            trial,
            values={**report.values, **_without(trial.values, report.values)},
            space=self.space,
            executions=(*trial.executions, *report.executions),
        )
        failed = [e for e in report.executions if e.outcome is not Outcome.COMPLETED]
        hopeless = [e for e in failed if not self._may_retry(trial, e)]
        ended = [
            ev.ExecutionEnded(trial.number, e, will_retry=e in failed and not hopeless)
            for e in report.executions
        ]
        if hopeless:
            self._end_trial(trial.failed_by(hopeless[-1], self._clock()), ended)
        elif missing := self._missing(trial):
            self.history.update(trial)
            self._submit(trial, missing, *ended)
        else:
            # Only what was asked for counts: two trials that agree on it are the same model. A
            # run_trial that never asked `hp` may have read the values in another way.
            trial = dataclasses.replace(trial, values=report.values or trial.values)
            self._end_trial(trial.scored(self._objective.loss_of, self._clock()), ended)

    @staticmethod
    def _succeeded(report: Report) -> bool:
        return report.fatal is None and all(
            e.outcome is Outcome.COMPLETED for e in report.executions
        )

    def _grow_space(self, report: Report, trial: Trial) -> None:
        if not report.added or not self._tune_new_entries:
            return
        added = tuple(p for p in report.added if self.space.find(*p.identity) is None)
        if added:
            self.space = self.space.merged(added)
            self._record(ev.SpaceGrown(added, trial.number))

    def _may_retry(self, trial: Trial, failed: Execution) -> bool:
        attempts = sum(e.index == failed.index for e in trial.executions)
        return failed.outcome is Outcome.FAILED and (attempts <= self._limits.max_retries_per_trial)

    def _end_trial(self, trial: Trial, ended: Sequence[ev.Event]) -> None:
        self._record(*ended, ev.TrialEnded(trial))
        self.history.update(trial)
        self._under_way.discard(trial.number)
        for place in [place for place in self._losses if place[0] == trial.number]:
            del self._losses[place]
        self._parts.checkpoints.prune(self.history, trial)
        self._parts.hooks.on_trial_end(trial)
        if trial.status is TrialStatus.COMPLETED:
            self._failures_in_a_row = 0
            return
        self._failures_in_a_row += 1
        if self._failures_in_a_row >= self._limits.max_consecutive_failed_trials:
            raise self._hopeless(
                f"{self._failures_in_a_row} trials failed one after the other",
                "run the script again (the search goes on), or raise max_consecutive_failed_trials",
            )

    def _hopeless(self, what: str, mend: str) -> RuntimeError:
        latest = next(t for t in reversed(self.history) if t.status is TrialStatus.FAILED)
        return RuntimeError(
            f"{what}, so something is wrong with all of them. Mend it and {mend}. "
            f"The latest failure:\n\n{latest.message}"
        )

    def _message(self, reason: StopReason) -> str:
        """Why the search ended, to follow upon how many trials were done."""
        return {
            StopReason.BUDGET: f"max_trials={self._limits.max_trials} reached",
            StopReason.EXHAUSTED: "every point of the space was tried",
            StopReason.TIME: f"max_time={self._limits.max_time} s reached; search() again goes on",
            StopReason.INTERRUPTED: "interrupted; search() again goes on",
        }[reason]


def _alike(one: Mapping[str, Value], other: Mapping[str, Value]) -> bool:
    """Whether two points differ in nothing but floating-point numbers."""
    return one.keys() == other.keys() and all(
        value == other[name] or (type(value) is float and type(other[name]) is float)
        for name, value in one.items()
    )


def _without(values: Mapping[str, Value], others: Mapping[str, Value]) -> dict[str, Value]:
    return {name: value for name, value in values.items() if name not in others}
