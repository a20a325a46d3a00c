"""What both backends need to know before they draw learning curves."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping

import numpy as np

from kerastune_lite._src.analysis.curves import Fan
from kerastune_lite._src.core.objective import Objective

_COLOURED = 0.75
"""The part of the trials, from the best on, that the colours are spread over."""


@dataclasses.dataclass(frozen=True)
class Drawing:
    """A fan with its colours and limits.

    Attributes:
        fan: the curves.
        objective: what the colours stand for.
        scores: the final score by the trial's number, for all lines.
        best: the number of the best trial that has a line.
        colours: the scores at both ends of the colour scale, the worse first.
        limits: of the vertical axis; a curve that diverged leaves it.
    """

    fan: Fan
    objective: Objective
    scores: Mapping[int, float]
    best: int
    colours: tuple[float, float]
    limits: tuple[float, float]

    def place(self, number: int) -> float:
        """Where a trial's score is on the colour scale: 0 for the worse end, 1 for the best."""
        worst, best = self.colours
        if worst == best:
            return 1.0
        return float(np.clip((self.scores[number] - worst) / (best - worst), 0.0, 1.0))

    @property
    def title(self) -> str:
        """What is to be seen."""
        return f"{self.fan.metric} of {len(self.fan.lines)} trials: median, 10 to 90 %, and best"

    def ordered(self) -> list[int]:
        """The trials from the worst on, so that the better are drawn above."""
        return sorted(self.fan.lines, key=lambda n: -self.objective.loss_of(self.scores[n]))


def drawing(fan: Fan, scores: Mapping[int, float], objective: Objective) -> Drawing:
    """How to draw these learning curves.

    Args:
        fan: the curves.
        scores: by the trial's number; trials without one count as the worst of all.
        objective: what the scores are of.
    """
    known = [scores[number] for number in fan.lines if number in scores]
    worst = objective.loss_of(max(map(objective.loss_of, known))) if known else 0.0
    complete = {number: scores.get(number, worst) for number in fan.lines}
    losses = sorted(map(objective.loss_of, complete.values()))
    end = losses[max(round(_COLOURED * len(losses)) - 1, 0)]
    best = min(complete, key=lambda number: (objective.loss_of(complete[number]), number))
    colours = objective.loss_of(end), complete[best]
    return Drawing(fan, objective, complete, best, colours, _limits(fan, best))


def _limits(fan: Fan, best: int) -> tuple[float, float]:
    """The range of the median and the best, and of the band as far as that is not far off."""
    low, middle, high = fan.band
    core = np.concatenate([middle, fan.lines[best]])
    core = core[np.isfinite(core)]
    bottom, top = float(core.min()), float(core.max())
    span = (top - bottom) or 0.1 * abs(top) or 1.0
    edges = np.concatenate([low, high])
    edges = edges[np.isfinite(edges)].clip(bottom - span, top + span)
    bottom, top = min([bottom, *edges.tolist()]), max([top, *edges.tolist()])
    return bottom - 0.1 * span, top + 0.1 * span
