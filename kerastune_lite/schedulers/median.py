"""The median rule: trials stop that are worse than the others were on average."""

from __future__ import annotations

import math
import statistics
from collections.abc import Sequence
from typing import ClassVar

from kerastune_lite.history import History
from kerastune_lite.hyperparameters import Value
from kerastune_lite.schedulers.base import Decision, Rung, Scheduler
from kerastune_lite.schedulers.rungs import best_of, whole_number
from kerastune_lite.trial import TrialStatus


class MedianStopping(Scheduler):
    """The median stopping rule (Golovin, Solnik, Moitra and others, 2017, section 3.2.2).

    After an epoch, a trial stops if the best loss that it has had is worse than the median of what
    the other trials' losses were on average over as many epochs. It assumes nothing of the shape
    of learning curves, and as averages lag behind, it stops only what is clearly bad.

    The others are those that have come as far and did not fail. That they may be still running is
    a departure from the paper: of trials that train side by side none would be stopped.

    Args:
        max_epochs: that a trial is trained for; None: as many as the fit arguments say.
        warmup_epochs: so many are trained in any case.
        min_trials: so many others must have come as far for a trial to be stopped.

    Raises:
        TypeError, ValueError: an argument is not a whole number, or out of its range.
    """

    reads_curves: ClassVar[bool] = True

    def __init__(
        self,
        max_epochs: int | None = None,
        warmup_epochs: int = 3,
        min_trials: int = 5,
    ) -> None:
        self.max_epochs = None if max_epochs is None else whole_number("max_epochs", max_epochs, 1)
        self.warmup_epochs = whole_number("warmup_epochs", warmup_epochs, 1)
        self.min_trials = whole_number("min_trials", min_trials, 1)

    @property
    def decides_epochs(self) -> bool:
        return self.max_epochs is not None

    def plan(self, history: History, free: int) -> list[Rung]:
        return [] if history.exhausted else [Rung(end_epoch=self.max_epochs)] * free

    def judge(self, history: History, trial: int, losses: Sequence[float]) -> Decision:
        epochs = len(losses)
        # After the last epoch there is nothing to be saved.
        if epochs < self.warmup_epochs or epochs == self.max_epochs:
            return Decision.CONTINUE
        averages = _averages(history, trial, epochs)
        if len(averages) < self.min_trials:
            return Decision.CONTINUE
        worse = best_of(losses) > statistics.median(averages)
        return Decision.STOP if worse else Decision.CONTINUE

    def settings(self) -> dict[str, Value]:
        return {
            **super().settings(),
            "max_epochs": self.max_epochs,
            "warmup_epochs": self.warmup_epochs,
            "min_trials": self.min_trials,
        }


def _averages(history: History, trial: int, epochs: int) -> list[float]:
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
