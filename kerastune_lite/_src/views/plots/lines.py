"""Learning curves with their colours and limits, before a backend draws them."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Mapping

import numpy as np

from kerastune_lite._src.analysis.curves import Fan
from kerastune_lite._src.analysis.importances import Importances
from kerastune_lite._src.core.objective import Objective
from kerastune_lite._src.core.scored_trials import scored
from kerastune_lite._src.core.trial import Trial

_COLOURED = 0.75
"""The part of the trials, the best first, over which the colours are spread."""


@dataclasses.dataclass(frozen=True)
class Drawing:
    """A fan with its colours and limits.

    Attributes:
        objective: of the scores, which the colours show.
        scores: the final score of each line, by the trial's number.
        best: the number of the best trial that has a line.
        colours: the scores at both ends of the colour scale, the worse first.
        limits: of the vertical axis; a curve that diverges leaves it.
    """

    fan: Fan
    objective: Objective
    scores: Mapping[int, float]
    best: int
    colours: tuple[float, float]
    limits: tuple[float, float]

    def place(self, number: int) -> float:
        """The position of a trial's score on the colour scale: 0 is the worse end, 1 the best."""
        worst, best = self.colours
        if worst == best:
            return 1.0
        return float(np.clip((self.scores[number] - worst) / (best - worst), 0.0, 1.0))

    @property
    def title(self) -> str:
        """The title of the figure."""
        return f"{self.fan.metric} of {len(self.fan.lines)} trials: median, 10 to 90 %, and best"

    def ordered(self) -> list[int]:
        """The trials, the worst first, so that the better ones are drawn above."""
        return sorted(self.fan.lines, key=lambda n: -self.objective.loss_of(self.scores[n]))


def bars_of(found: Importances) -> list[tuple[str, float, float]]:
    """Labels, importances and their spread: hyperparameters, then the largest pairs."""
    alone = [(name, share, found.spread[name]) for name, share in found.values.items()]
    pairs = found.largest_interactions().items()
    return [*alone, *((f"{one} × {other}", share, 0.0) for (one, other), share in pairs)]


def scores_of(trials: Iterable[Trial]) -> dict[int, float]:
    """The scores by the trial's number."""
    return {trial.number: trial.score for trial in scored(trials) if trial.score is not None}


def drawing(fan: Fan, scores: Mapping[int, float], objective: Objective) -> Drawing:
    """How to draw these learning curves; trials without a score count as the worst."""
    known = [scores[number] for number in fan.lines if number in scores]
    worst = objective.loss_of(max(map(objective.loss_of, known))) if known else 0.0
    complete = {number: scores.get(number, worst) for number in fan.lines}
    losses = sorted(map(objective.loss_of, complete.values()))
    end = losses[max(round(_COLOURED * len(losses)) - 1, 0)]
    best = min(complete, key=lambda number: (objective.loss_of(complete[number]), number))
    colours = objective.loss_of(end), complete[best]
    return Drawing(fan, objective, complete, best, colours, _limits(fan, best))


def _limits(fan: Fan, best: int) -> tuple[float, float]:
    """The range of the median and the best curve, and of the band where it is not far from it."""
    low, middle, high = fan.band
    core = np.concatenate([middle, fan.lines[best]])
    core = core[np.isfinite(core)]
    bottom, top = float(core.min()), float(core.max())
    span = (top - bottom) or 0.1 * abs(top) or 1.0
    edges = np.concatenate([low, high])
    edges = edges[np.isfinite(edges)].clip(bottom - span, top + span)
    bottom, top = min([bottom, *edges.tolist()]), max([top, *edges.tolist()])
    return bottom - 0.1 * span, top + 0.1 * span
