"""How far a search has come: what every live view shows, kept up to date event by event."""

from __future__ import annotations

import bisect
import dataclasses
import math
import time
from collections.abc import Callable

from kerastune_lite._src.core.events import (
    Enqueued,
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
    TrialResumed,
    TrialStarted,
)
from kerastune_lite._src.core.objective import Objective
from kerastune_lite._src.core.trial import Outcome, Trial, TrialStatus
from kerastune_lite._src.util.formatting import NO_REASON

Clock = Callable[[], float]
"""Seconds from some fixed moment; `time.monotonic` but in tests."""

REDRAWN_AT = (SearchStarted, TrialStarted, EpochEnded, TrialEnded, SearchEnded)
"""What live views are drawn anew at; the other events change little and come in between these."""


@dataclasses.dataclass
class Running:
    """A trial that has begun and has not ended.

    Attributes:
        number: the trial's.
        execution: which repeat, counted from 0.
        epoch: how many epochs of this execution have ended, which is also the number of the
            last one counted from 1; 0 before the first ends.
        end_epoch: how many there will be, if known.
    """

    number: int
    execution: int = 0
    epoch: int = 0
    end_epoch: int | None = None


class Progress:
    """Counts, best trials, failures and times of one search; each event costs O(1).

    Args:
        clock: seconds from some fixed moment.
        keep: how many of the best trials to remember.
    """

    def __init__(self, clock: Clock = time.monotonic, keep: int = 5) -> None:
        self._clock = clock
        self._keep = keep
        self._reset()

    def _reset(self) -> None:
        self.project = ""
        self.objective: Objective | None = None
        self.max_trials: int | None = None
        self.executions_per_trial = 1
        self.resumed = 0
        """How many trials had ended before this search began; they cost it no time."""
        self.ended = 0
        """How many trials are completed or failed, the resumed ones included."""
        self.failed = 0
        """How many failed; those that were rejected do not count."""
        self.failures: dict[str, list[int]] = {}
        """The numbers of the failed trials by the reason of their failure."""
        self.rejected = 0
        self.rejections: dict[str, list[int]] = {}
        """The same of the trials that were rejected."""
        self.best_trials: list[Trial] = []
        """The best few completed trials; of equal ones the earlier first."""
        self.scored: dict[int, Trial] = {}
        """The completed and paused trials by number, each with the latest score it has."""
        self.message = ""
        """The latest news that is more than a number."""
        self.reason: StopReason | None = None
        """Why the search ended; None while it goes on."""
        self.running: Running | None = None
        """The unfinished trial that was heard of last."""
        # In the order of their latest event.
        self._running: dict[int, Running] = {}
        self._started: float | None = None
        self._last_end: float | None = None
        self._finished: float | None = None

    # ------------------------------------------------------------------ events

    def on_event(self, event: Event) -> None:
        """Take in what happened. A `SearchStarted` forgets what came before it."""
        if isinstance(event, SearchStarted):
            self._start(event)
        elif self._started is None:
            self._started = self._clock()
        if isinstance(event, (TrialStarted, TrialResumed)):
            self._touch(event.trial.number)
        elif isinstance(event, TrialPaused):
            self._leave(event.trial.number)
            self._rank_in(event.trial)
        elif isinstance(event, SegmentStarted):
            running = self._touch(event.trial)
            running.execution = event.execution
            running.epoch = event.start_epoch
            running.end_epoch = event.end_epoch
        elif isinstance(event, EpochEnded):
            running = self._touch(event.trial)
            running.execution = event.execution
            running.epoch = event.epoch + 1
        elif isinstance(event, ExecutionEnded):
            self._touch(event.trial)
            if event.will_retry and event.execution.outcome is not Outcome.COMPLETED:
                reason = last_line(event.execution.message) or NO_REASON
                self.message = f"trial {event.trial} is tried again after {reason}"
        elif isinstance(event, TrialEnded):
            self._leave(event.trial.number)
            self._count(event.trial)
            self._last_end = self._clock()
        elif isinstance(event, SpaceGrown):
            if event.trial is not None:
                names = ", ".join(parameter.name for parameter in event.added)
                self.message = f"trial {event.trial} brought new hyperparameters: {names}"
        elif isinstance(event, Enqueued):
            self.message = "a hand-picked point was enqueued"
        elif isinstance(event, SearchEnded):
            self.reason = event.reason
            self.message = event.message
            self._finished = self._clock()

    def _start(self, event: SearchStarted) -> None:
        self._reset()
        self.project = event.project
        self.objective = event.objective
        self.max_trials = event.max_trials
        self.executions_per_trial = event.executions_per_trial
        for trial in event.trials:
            # One that is still RUNNING was cut off; it begins again with a TrialStarted.
            if trial.status is TrialStatus.PAUSED:
                self._rank_in(trial)
            elif trial.status is not TrialStatus.RUNNING:
                self._count(trial)
        self.resumed = self.ended
        self._started = self._clock()
        self._last_end = self._started

    def _touch(self, number: int) -> Running:
        running = self._running.pop(number, None) or Running(number)
        self._running[number] = self.running = running
        return running

    def _leave(self, number: int) -> None:
        self._running.pop(number, None)
        self.running = next(reversed(self._running.values()), None)

    def _count(self, trial: Trial) -> None:
        self.ended += 1
        if trial.status is TrialStatus.FAILED:
            self.failed += not trial.rejected
            self.rejected += trial.rejected
            reasons = self.rejections if trial.rejected else self.failures
            reasons.setdefault(trial.failure or NO_REASON, []).append(trial.number)
        else:
            self._rank_in(trial)

    def _rank_in(self, trial: Trial) -> None:
        """Put a trial among the best, in place of what it was in an earlier rung."""
        self.best_trials = [t for t in self.best_trials if t.number != trial.number]
        if trial.loss is not None and not math.isnan(trial.loss):
            self.scored[trial.number] = trial
            bisect.insort(self.best_trials, trial, key=_rank)
            del self.best_trials[self._keep :]

    # ------------------------------------------------------------------ what views show

    @property
    def best(self) -> Trial | None:
        """The best completed trial so far."""
        return self.best_trials[0] if self.best_trials else None

    @property
    def unfinished(self) -> int:
        """How many trials have begun and not ended, those that wait for their next segment too."""
        return len(self._running)

    @property
    def elapsed(self) -> float:
        """Seconds since this search began, until it ended."""
        if self._started is None:
            return 0.0
        now = self._clock() if self._finished is None else self._finished
        return now - self._started

    @property
    def fraction(self) -> float | None:
        """The ended part of all trials, from 0 to 1; None when their number is open."""
        if self.max_trials is None:
            return None
        return min(self.ended / self.max_trials, 1.0) if self.max_trials > 0 else 1.0

    @property
    def remaining(self) -> float | None:
        """The estimated seconds to the end; None while there is nothing to estimate it from.

        Trials are taken to go on ending at the mean rate of those that ended in this search,
        however many train at a time. Between two ends the estimate counts down, but never below
        what the trials after the next one will take.
        """
        if self.max_trials is None or self._started is None or self.reason is not None:
            return None
        left = self.max_trials - self.ended
        if left <= 0:
            return 0.0
        ended_here = self.ended - self.resumed
        if ended_here == 0 or self._last_end is None:
            return None
        each = (self._last_end - self._started) / ended_here
        waited = self._clock() - self._last_end
        return max(each * left - waited, each * (left - 1))


class Pace:
    """Lets something happen `rate` times a second, and up to `burst` times at once after a rest.

    Args:
        rate: per second, in the long run.
        burst: at least 1.
        clock: seconds from some fixed moment.
    """

    def __init__(self, rate: float, burst: int, clock: Clock = time.monotonic) -> None:
        self._rate = rate
        self._burst = burst
        self._clock = clock
        self._saved = float(burst)
        self._then = clock()

    def ready(self) -> bool:
        """Whether it may happen now; True counts it as having happened."""
        now = self._clock()
        self._saved = min(self._saved + (now - self._then) * self._rate, self._burst)
        self._then = now
        if self._saved < 1:
            return False
        self._saved -= 1
        return True


def last_line(message: str | None) -> str:
    """The last line of a traceback, which names the exception; "" for none."""
    lines = (message or "").strip().splitlines()
    return lines[-1] if lines else ""


def _rank(trial: Trial) -> tuple[float, int]:
    return (math.inf if trial.loss is None else trial.loss), trial.number
