"""The median rule: trials stop that are worse than the others were on average."""

from __future__ import annotations

import math
import statistics
from collections.abc import Sequence
from typing import ClassVar

from kerastune_lite._src.algorithms.schedulers.rungs import (
    best_of,
    level_of,
    next_rung,
    place_of,
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

    After an epoch, a trial stops if the best loss that it has had is worse than the median of what
    the other trials' losses were on average over as many epochs. It assumes nothing of the shape
    of learning curves, and as averages lag behind, it stops only what is clearly bad.

    The others are those that have come as far and did not fail. That they may be still running is
    a departure from the paper: of trials that train side by side none would be stopped.

    With `stop=False` a trial pauses where it is judged, and goes on unless it is worse. That is for
    losses that are not known in mid-training, as those of `TunerSearchCV`, which asks for it by
    itself.

    Args:
        max_epochs: that a trial is trained for; None: as many as the fit arguments say.
        warmup_epochs: so many are trained in any case.
        min_trials: so many others must have come as far for a trial to be stopped.
        interval: how many epochs lie between two judgements, from the end of the warmup on.
            Default: 1; where trials pause, which takes a while, as many as the warmup has.
        stop: whether trials are stopped in mid-training, instead of pausing to be judged.

    Raises:
        TypeError, ValueError: an argument is not a whole number, or out of its range; trials are
            to pause, and `max_epochs` is not given.
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
                    "`stop=False` needs `max_epochs`, or it is not known where the last rung ends. "
                    "Received: max_epochs=None; write MedianStopping(27, stop=False), say."
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
        going_on.sort(key=place_of)
        rungs = [
            next_rung(trial, self._ends, level_of(trial, self._ends) + 1)
            for trial in going_on[:free]
        ]
        if not supply.exhausted:
            new = TrainingRequest(None, 0, self._ends[0], resumable=len(self._ends) > 1)
            rungs += [new] * (free - len(rungs))
        return rungs

    def judge(self, history: TrialHistory, trial: int, losses: Sequence[float]) -> Decision:
        # After the last epoch there is nothing to be saved.
        if not self.stop or len(losses) == self.max_epochs or not self._is_due(losses):
            return Decision.CONTINUE
        worse = self._is_worse(history, trial, len(losses), best_of(losses))
        return Decision.STOP if worse else Decision.CONTINUE

    def finished(self, history: TrialHistory, supply: Supply) -> list[int]:
        if self.stop:
            return []
        return [each.number for each in history.paused if self._is_given_up(history, each)]

    def _is_due(self, losses: Sequence[float]) -> bool:
        """Whether it is time for a judgement, or was since the loss before this one."""
        late = len(losses) - self.warmup_epochs
        return late >= 0 and all(map(math.isnan, losses[-1 - late % self.interval : -1]))

    def _is_given_up(self, history: TrialHistory, trial: Trial) -> bool:
        """Whether a paused trial does not go on."""
        epochs = self._ends[level_of(trial, self._ends)]
        losses = [*history.curve(trial.number), place_of(trial)[0]]
        return self._is_worse(history, trial.number, epochs, best_of(losses))

    def _is_worse(self, history: TrialHistory, trial: int, epochs: int, best: float) -> bool:
        averages = _averages(history, trial, epochs)
        return len(averages) >= self.min_trials and best > statistics.median(averages)

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


def _averages(history: TrialHistory, trial: int, epochs: int) -> list[float]:
    """Of the other trials that have come as far, each one's mean loss over its first `epochs`."""
    averages = []
    for other in history:
        if other.number == trial or other.status is TrialStatus.FAILED:
            continue
        curve = history.curve(other.number)
        if len(curve) >= epochs and (average := _mean(curve[:epochs])) is not None:
            averages.append(average)
    return averages


def _mean(losses: Sequence[float]) -> float | None:
    """Of those that are there; None when there are none."""
    total = sum(losses)
    if math.isnan(total):
        losses = [loss for loss in losses if not math.isnan(loss)]
        total = sum(losses)
    return total / len(losses) if losses else None
