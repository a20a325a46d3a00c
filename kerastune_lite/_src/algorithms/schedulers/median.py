"""The median stopping rule."""

from __future__ import annotations

import math
import statistics
from collections.abc import Sequence
from typing import ClassVar

from kerastune_lite._src.algorithms.schedulers.merit import (
    average_place,
    in_order,
    place_at,
    place_of,
    tiers,
)
from kerastune_lite._src.algorithms.schedulers.rungs import (
    level_of,
    next_rung,
    whole_number,
)
from kerastune_lite._src.algorithms.schedulers.scheduler import (
    Decision,
    Scheduler,
    Supply,
    TrainingRequest,
)
from kerastune_lite._src.core.history import TrialHistory
from kerastune_lite._src.core.trial import Trial, TrialStatus
from kerastune_lite._src.space.domains import Value
from kerastune_lite._src.util.public import public


@public("kerastune_lite.schedulers")
class MedianStopping(Scheduler):
    """The median stopping rule (Golovin, Solnik, Moitra and others, 2017, section 3.2.2).

    A trial stops if its best loss so far is worse than the median, over the other trials, of their
    mean losses up to the same epoch. The rule assumes nothing about the shape of learning curves,
    and stops only trials that are clearly bad.

    The other trials are those that have reached the epoch and did not fail. Unlike in the paper,
    they may still be running; otherwise no trial of several that train in parallel would stop.

    With several objectives, a trial stops if its front is behind the median of the fronts of the
    others; objectives count that are known during a training. Trials that violate constraints are
    behind all fronts.

    With `stop=False`, trials pause where they are judged, and are resumed unless they are worse.
    `TunerSearchCV` uses this, because it knows no losses in mid-training.

    Args:
        max_epochs: of a trial; None: as many as the fit arguments say.
        warmup_epochs: a trial is not stopped before this epoch.
        min_trials: how many other trials must have reached an epoch before a trial is stopped.
        interval: the number of epochs between two judgements, from the end of the warmup on.
            Default: 1; with `stop=False`, `warmup_epochs`.
        stop: whether to stop trials in mid-training instead of pausing them.

    Raises:
        TypeError: an argument is not a whole number.
        ValueError: an argument is out of range, or `stop=False` without `max_epochs`.

    Example:
        >>> from kerastune_lite.schedulers import MedianStopping
        >>> MedianStopping(warmup_epochs=5).settings()["interval"]
        1
    """

    reads_curves: ClassVar[bool] = True

    def __init__(
        self,
        max_epochs: int | None = None,
        warmup_epochs: int = 3,
        min_trials: int = 5,
        interval: int | None = None,
        stop: bool = True,
    ) -> None:
        self.max_epochs = None if max_epochs is None else whole_number("max_epochs", max_epochs, 1)
        self.warmup_epochs = whole_number("warmup_epochs", warmup_epochs, 1)
        self.min_trials = whole_number("min_trials", min_trials, 1)
        self.stop = bool(stop)
        if interval is None:
            interval = 1 if self.stop else self.warmup_epochs
        self.interval = whole_number("interval", interval, 1)
        self._ends: list[int] = []
        if not self.stop:
            if self.max_epochs is None:
                raise ValueError(
                    "`stop=False` needs `max_epochs`, the end of the last rung. "
                    "Received: max_epochs=None; write, for example, MedianStopping(27, stop=False)."
                )
            pauses = range(self.warmup_epochs, self.max_epochs, self.interval)
            self._ends = [*pauses, self.max_epochs]

    @property
    def decides_epochs(self) -> bool:
        return self.max_epochs is not None

    def plan(self, history: TrialHistory, free: int, supply: Supply) -> list[TrainingRequest]:
        if self.stop:
            return [] if supply.exhausted else [TrainingRequest(end_epoch=self.max_epochs)] * free
        going_on = [trial for trial in history.paused if not self._is_given_up(history, trial)]
        rungs = [
            next_rung(trial, self._ends, level_of(trial, self._ends) + 1)
            for place in in_order([place_of(trial) for trial in going_on])[:free]
            for trial in [history[place.number]]
        ]
        if not supply.exhausted:
            new = TrainingRequest(None, 0, self._ends[0], resumable=len(self._ends) > 1)
            rungs += [new] * (free - len(rungs))
        return rungs

    def judge(self, history: TrialHistory, trial: int, losses: Sequence[float]) -> Decision:
        # After the last epoch, stopping saves nothing.
        if not self.stop or len(losses) == self.max_epochs or not self._is_due(losses):
            return Decision.CONTINUE
        worse = self._is_worse(history, trial, len(losses), losses)
        return Decision.STOP if worse else Decision.CONTINUE

    def finished(self, history: TrialHistory, supply: Supply) -> list[int]:
        if self.stop:
            return []
        return [each.number for each in history.paused if self._is_given_up(history, each)]

    def _is_due(self, losses: Sequence[float]) -> bool:
        """Whether a judgement is due, or has been due since the previous loss."""
        late = len(losses) - self.warmup_epochs
        return late >= 0 and all(map(math.isnan, losses[-1 - late % self.interval : -1]))

    def _is_given_up(self, history: TrialHistory, trial: Trial) -> bool:
        """Whether a paused trial will not be resumed."""
        epochs = self._ends[level_of(trial, self._ends)]
        curve = history.curve(trial.number)
        losses = curve if trial.losses and curve else [*curve, place_of(trial).loss]
        return self._is_worse(history, trial.number, epochs, losses)

    def _is_worse(
        self, history: TrialHistory, trial: int, epochs: int, losses: Sequence[float]
    ) -> bool:
        averages = _averages(history, trial, epochs)
        if len(averages) < self.min_trials:
            return False
        own = place_at(history, trial, losses)
        others = [average_place(history, n, loss, epochs) for n, loss in averages.items()]
        if not any(each.losses or each.violation for each in [own, *others]):
            return own.loss > statistics.median(averages.values())
        first, *rest = tiers([own, *others], own.known)
        return first > statistics.median_high(rest)

    def pausing(self, epochs: int) -> MedianStopping:
        if not self.stop:
            return self
        interval = self.interval if self.interval > 1 else None
        longest = self.max_epochs or epochs
        return MedianStopping(longest, self.warmup_epochs, self.min_trials, interval, stop=False)

    def settings(self) -> dict[str, Value]:
        return {
            **super().settings(),
            "max_epochs": self.max_epochs,
            "warmup_epochs": self.warmup_epochs,
            "min_trials": self.min_trials,
            "interval": self.interval,
            "stop": self.stop,
        }


def _averages(history: TrialHistory, trial: int, epochs: int) -> dict[int, float]:
    """The mean losses over the first `epochs` of the other trials that have reached that epoch."""
    averages = {}
    for other in history:
        if other.number == trial or other.status is TrialStatus.FAILED:
            continue
        curve = history.curve(other.number)
        if len(curve) >= epochs and (average := _mean(curve[:epochs])) is not None:
            averages[other.number] = average
    return averages


def _mean(losses: Sequence[float]) -> float | None:
    """The mean of the losses that are not NaN; None if there are none."""
    total = sum(losses)
    if math.isnan(total):
        losses = [loss for loss in losses if not math.isnan(loss)]
        total = sum(losses)
    return total / len(losses) if losses else None
