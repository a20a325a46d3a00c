"""The progress of a search, which every live view shows; updated by each event."""

from __future__ import annotations

import bisect
import dataclasses
import math
import time
from collections.abc import Callable

from kerastune_lite._src.core.confirmation import Confirmation
from kerastune_lite._src.core.events import (
    Enqueued,
    EpochEnded,
    Event,
    ExecutionEnded,
    RoundStarted,
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
from kerastune_lite._src.core.ranked import best_first, leading
from kerastune_lite._src.core.trial import Outcome, Trial, TrialStatus
from kerastune_lite._src.util.formatting import NO_REASON

Clock = Callable[[], float]
"""Seconds since a fixed moment; `time.monotonic` except in tests."""

REDRAWN_AT = (SearchStarted, TrialStarted, EpochEnded, TrialEnded, RoundStarted, SearchEnded)
"""Events at which live views are redrawn; the others change little and come between these."""


@dataclasses.dataclass
class Running:
    """A trial that has begun and has not ended.

    Attributes:
        execution: counted from 0.
        epoch: how many epochs of this execution have ended.
        end_epoch: how many there will be, if known.
        score: the objective at the latest epoch of this execution, if known.
        since: when the current segment began, by the clock of the progress.
    """

    number: int
    since: float
    execution: int = 0
    epoch: int = 0
    end_epoch: int | None = None
    score: float | None = None


class Progress:
    """Counts, best trials, failures and times of one search; each event costs O(1).

    Args:
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
        self.workers = 1
        """How many lists of segments can run at the same time."""
        self.resumed = 0
        """How many trials had ended before this search began."""
        self.ended = 0
        """How many trials are completed or failed, including the resumed ones."""
        self.failed = 0
        """How many failed, without the rejected ones."""
        self.rejected = 0
        self.failed_trials: list[Trial] = []
        """The failed and the rejected trials."""
        self.best_trials: list[Trial] = []
        """The best completed trials; of equal ones the earlier first."""
        self.front = 0
        """With several objectives, how many trials no other one dominates."""
        self.scored: dict[int, Trial] = {}
        """The completed and paused trials by number, with their latest scores."""
        self.message = ""
        """The latest news in words."""
        self.confirming = ""
        """How far the race after the search is; "" before it and after it."""
        self.confirmation: Confirmation | None = None
        """The result of that race."""
        self.reason: StopReason | None = None
        """Why the search ended; None while it runs."""
        self.running: Running | None = None
        """The unfinished trial with the latest event."""
        # In the order of their latest event.
        self._running: dict[int, Running] = {}
        self._started: float | None = None
        self._last_end: float | None = None
        self._finished: float | None = None

    # ------------------------------------------------------------------ events

    def on_event(self, event: Event) -> None:
        """Record an event. A `SearchStarted` resets everything."""
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
            running.score = None
            running.since = self._clock()
        elif isinstance(event, EpochEnded):
            running = self._touch(event.trial)
            running.execution = event.execution
            running.epoch = event.epoch + 1
            if self.objective is not None and not self.objective.missing(event.metrics):
                running.score = self.objective.score(event.metrics)
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
        elif isinstance(event, RoundStarted):
            self.message = (
                f"confirming: round {event.number} of {event.most}, {event.left} of "
                f"{event.candidates} left"
            )
            self.confirming = self.message
        elif isinstance(event, SearchEnded):
            self.confirming = ""
            self._put_first(event.confirmation)
            self.reason = event.reason
            self.message = event.message
            self._finished = self._clock()

    def _start(self, event: SearchStarted) -> None:
        self._reset()
        self.project = event.project
        self.objective = event.objective
        self.max_trials = event.max_trials
        self.executions_per_trial = event.executions_per_trial
        self.workers = event.workers
        for trial in event.trials:
            # One that is still RUNNING was cut off; it will begin again with a TrialStarted.
            if trial.status is TrialStatus.PAUSED:
                self._rank_in(trial)
            elif trial.status is not TrialStatus.RUNNING:
                self._count(trial)
        self.resumed = self.ended
        self._started = self._clock()
        self._last_end = self._started

    def _touch(self, number: int) -> Running:
        running = self._running.pop(number, None) or Running(number, self._clock())
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
            self.failed_trials.append(trial)
        else:
            self._rank_in(trial)

    def _rank_in(self, trial: Trial) -> None:
        """Put a trial among the best; it replaces its score of an earlier rung."""
        self.best_trials = [t for t in self.best_trials if t.number != trial.number]
        if trial.loss is not None and not math.isnan(trial.loss):
            self.scored[trial.number] = trial
            if trial.losses:  # A new trial changes the places of others.
                self.best_trials = best_first(self.scored.values())
                self.front = len(leading(self.best_trials))
            else:
                bisect.insort(self.best_trials, trial, key=_rank)
            del self.best_trials[self._keep :]

    def _put_first(self, confirmation: Confirmation | None) -> None:
        """Put the winner of the race first."""
        self.confirmation = confirmation
        winner = None if confirmation is None else self.scored.get(confirmation.winner)
        if winner is not None:
            self.scored[winner.number] = dataclasses.replace(winner, confirmed=True)
            self.best_trials = best_first(self.scored.values())[: self._keep]

    # ------------------------------------------------------------------ what views show

    @property
    def best(self) -> Trial | None:
        """The best completed trial so far."""
        return self.best_trials[0] if self.best_trials else None

    @property
    def unfinished(self) -> int:
        """How many trials have begun and not ended, including those that wait for a segment."""
        return len(self._running)

    @property
    def unfinished_trials(self) -> list[Running]:
        """The trials that have begun and not ended, in the order of their numbers."""
        return sorted(self._running.values(), key=lambda running: running.number)

    def seconds_of(self, running: Running) -> float:
        """How long its current segment has been trained."""
        return self._clock() - running.since

    @property
    def elapsed(self) -> float:
        """Seconds since this search began, until it ended."""
        if self._started is None:
            return 0.0
        now = self._clock() if self._finished is None else self._finished
        return now - self._started

    @property
    def fraction(self) -> float | None:
        """The part of all trials that has ended, from 0 to 1; None if there is no `max_trials`."""
        if self.max_trials is None:
            return None
        return min(self.ended / self.max_trials, 1.0) if self.max_trials > 0 else 1.0

    @property
    def remaining(self) -> float | None:
        """The estimated seconds to the end; None while there is no estimate.

        Trials are assumed to end at the mean rate of this search so far. Between two ends the
        estimate counts down, but not below what the trials after the next one will take.
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
    """Limits how often something happens: `rate` times per second, `burst` times after a rest."""

    def __init__(self, rate: float, burst: int, clock: Clock = time.monotonic) -> None:
        self._rate = rate
        self._burst = burst
        self._clock = clock
        self._saved = float(burst)
        self._then = clock()

    def ready(self) -> bool:
        """Whether it may happen now; if True, it is counted."""
        now = self._clock()
        self._saved = min(self._saved + (now - self._then) * self._rate, self._burst)
        self._then = now
        if self._saved < 1:
            return False
        self._saved -= 1
        return True


def last_line(message: str | None) -> str:
    """The last line of a traceback, which names the exception; "" if there is none."""
    lines = (message or "").strip().splitlines()
    return lines[-1] if lines else ""


def _rank(trial: Trial) -> tuple[float, float, int]:
    return trial.violation, (math.inf if trial.loss is None else trial.loss), trial.number
