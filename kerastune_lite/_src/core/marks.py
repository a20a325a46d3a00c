"""What the goals of a search say of a trial before its training has ended."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import NamedTuple

from kerastune_lite._src.core.trial import Trial
from kerastune_lite._src.util.public import public


@public("kerastune_lite.oracles")
class Marks(NamedTuple):
    """The results of an epoch by each goal, if a search has several; NaN if one is not known.

    Attributes:
        losses: of all objectives; smaller is better.
        excesses: by how much the bound of each constraint is exceeded; at most 0 if it is not.

    Example:
        >>> from kerastune_lite.oracles import Marks, Trial, TrialHistory
        >>> history = TrialHistory([Trial(0, {"units": 16})])
        >>> history.note(0, 0, epoch=0, loss=0.5, marks=Marks((0.5, 1200.0), (-0.2, 0.3)))
        >>> history.marks(0, [0]).losses, history.marks(0, [0]).violation
        ((0.5, 1200.0), 0.3)
    """

    losses: tuple[float, ...] = ()
    excesses: tuple[float, ...] = ()

    @property
    def violation(self) -> float:
        """How far the constraints are known to be violated, all together."""
        return math.fsum(max(excess, 0.0) for excess in self.excesses if not math.isnan(excess))

    def completed_by(self, trial: Trial) -> Marks:
        """These; what is not known of an epoch is taken from the latest results of `trial`."""
        latest = marks_of(trial)
        return Marks(
            tuple(map(_first_known, self.losses, latest.losses or self.losses)),
            tuple(map(_first_known, self.excesses, latest.excesses or self.excesses)),
        )


def marks_of(trial: Trial) -> Marks:
    """The latest results of a trial, by each goal; empty if it has none."""
    if trial.loss is None:
        return Marks()
    return Marks(trial.losses or (trial.loss,), trial.excesses)


def mean_of(marks: Sequence[Marks]) -> Marks:
    """The means over several epochs or executions; without NaN, unless there is nothing else."""
    if len(marks) == 1:
        return marks[0]
    losses = zip(*(each.losses for each in marks), strict=True)
    excesses = zip(*(each.excesses for each in marks), strict=True)
    return Marks(tuple(map(_mean, losses)), tuple(map(_mean, excesses)))


def _mean(values: Sequence[float]) -> float:
    known = [value for value in values if not math.isnan(value)]
    return sum(known) / len(known) if known else math.nan


def _first_known(value: float, other: float) -> float:
    return other if math.isnan(value) else value
