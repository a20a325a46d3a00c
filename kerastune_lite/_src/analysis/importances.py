"""Which hyperparameters the score depends on, and how sure that is.

A random forest learns the loss from the hyperparameters, and the functional analysis of variance of
its trees (`fanova.py`) says what part of their variance each one is the cause of. What makes this
hold for searches of neural networks:

- An inactive hyperparameter has no effect, so any value of it is as good as any other: it gets one
  at random. Then the score is a function on the whole cube, and the variance is well defined.
- Trials of a search in rungs were trained for different numbers of epochs, the better ones for
  more. What those that ended early would have gained is told by the others' curves (`rungs.py`).
- A diverged training does not count for more than one that is just bad (`unit_cube.winsorized`).

How sure: the forest predicts trials that the tree in question was not shown ("out of bag"). What it
cannot predict, its importances say nothing about.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from kerastune_lite._src.analysis.comparable_losses import losses_at_the_end
from kerastune_lite._src.analysis.curves import Curves
from kerastune_lite._src.analysis.fanova import Shares, boxes_of, shares
from kerastune_lite._src.analysis.unit_cube import Array, Columns, columns_of
from kerastune_lite._src.core.objective import Objective
from kerastune_lite._src.core.trial import Trial

MIN_TRIALS = 10
"""From fewer trials a forest learns nothing worth showing."""

_TREES = 64
_LEAF = 3
"""Trials in a leaf, at least: the mean of fewer is mostly noise."""

_PAIRED = 12
"""Pairs are looked for among so many hyperparameters: those that most splits gain from."""


@dataclasses.dataclass(frozen=True, repr=False)
class Importances:
    """What part of the differences between trials comes from which hyperparameter.

    Attributes:
        values: the share of each hyperparameter alone, the largest first. With `interactions` they
            add up to at most 1; what is missing is noise, and what needs three or more at once.
        spread: the standard deviation of each share over the trees of the forest.
        interactions: the share of each pair: what both do together and neither does alone. The
            largest first; names in the order of the search space.
        quality: R^2 of the forest on trials that its trees were not shown: 1 is perfect, and at 0
            or below it knows nothing.
        trials: how many were learned from.
        objective: the name of the metric.
    """

    values: Mapping[str, float]
    spread: Mapping[str, float]
    interactions: Mapping[tuple[str, str], float]
    quality: float
    trials: int
    objective: str = ""

    def certainty(self) -> str:
        """How far the shares can be trusted, in a sentence."""
        if self.quality < 0.2:
            return (
                f"Do not rely on this: a forest that learned from {self.trials} trials cannot "
                f"predict the others (R² = {self.quality:.2f}). Either there are too few, or they "
                "differ by chance."
            )
        known = f"{100 * self.quality:.0f} % of the differences between trials it has not seen"
        if self.quality < 0.5:
            return f"The forest explains only {known}: believe no more than who comes first."
        if self.quality < 0.8:
            return f"The forest explains {known}: trust the order, not the digits."
        return f"The forest explains {known}: trust the order, and the digits within their ±."

    def __str__(self) -> str:
        width = max(map(len, self._labels()))
        lines = [f"What {self.objective or 'the objective'} depends on, over {self.trials} trials"]
        for name, share in self.values.items():
            lines.append(f"  {name:{width}}  {100 * share:3.0f} % ± {100 * self.spread[name]:.0f}")
        for (one, other), share in self.largest_interactions().items():
            lines.append(f"  {f'{one} × {other}':{width}}  {100 * share:3.0f} %")
        return "\n".join([*lines, self.certainty()])

    __repr__ = __str__

    def largest_interactions(self) -> dict[tuple[str, str], float]:
        """Of the interactions the three largest, if they are worth a line."""
        return dict([item for item in self.interactions.items() if item[1] >= 0.02][:3])

    def _labels(self) -> list[str]:
        return [*self.values, *(f"{one} × {other}" for one, other in self.largest_interactions())]


def importances(
    trials: Sequence[Trial],
    objective: Objective,
    *,
    seed: int = 0,
    curves: Mapping[int, Curves] | None = None,
) -> Importances:
    """The share of each hyperparameter, and of pairs, in the differences between trials.

    Args:
        trials: of any status; those without a score say nothing.
        objective: what the scores are of.
        seed: of the forest.
        curves: learning curves by the trial's number, for searches in rungs: without them, what
            more epochs do cannot be told from what the trials that went on do better.

    Raises:
        ValueError: there are too few trials, all have the same score, or no hyperparameter
            differs.
    """
    columns = columns_of(trials, losses_at_the_end(trials, objective, curves or {}))
    _check(columns, objective)
    generator = np.random.default_rng(seed)
    points = _filled(columns.units, generator)
    forest = _forest(points, columns.losses, int(generator.integers(2**31)))
    paired = np.argsort(-forest.feature_importances_, kind="stable")[:_PAIRED].tolist()
    trees = [shares(boxes_of(tree.tree_, points.shape[1]), paired) for tree in forest.estimators_]
    return _summary(columns, trees, float(forest.oob_score_), objective)


def _check(columns: Columns, objective: Objective) -> None:
    if columns.trials < MIN_TRIALS:
        raise ValueError(
            f"Importances need at least {MIN_TRIALS} completed trials. There are "
            f"{columns.trials}: search on (raise `max_trials`)."
        )
    if not columns.names:
        raise ValueError(
            f"Importances need hyperparameters that differ between trials. In all {columns.trials} "
            "completed trials they are the same."
        )
    if np.ptp(columns.losses) == 0:
        raise ValueError(
            f"All {columns.trials} completed trials have the same {objective.name}: there are no "
            "differences to explain."
        )


def _filled(units: Array, generator: np.random.Generator) -> Array:
    """(n, d): units with a random value where there is none."""
    return np.where(np.isnan(units), generator.random(units.shape), units)


def _forest(points: Array, losses: Array, seed: int) -> Any:
    from sklearn.ensemble import RandomForestRegressor

    # All columns are offered to each split: with fewer, hyperparameters without any effect get
    # splits of their own, and shares with them.
    forest = RandomForestRegressor(
        _TREES, min_samples_leaf=_LEAF, max_features=1.0, oob_score=True, random_state=seed
    )
    return forest.fit(points, losses)


def _summary(
    columns: Columns, trees: Sequence[Shares], quality: float, objective: Objective
) -> Importances:
    main = np.array([tree.main for tree in trees])
    names, mean = columns.names, main.mean(axis=0)
    order = np.argsort(-mean, kind="stable")
    pairs: dict[tuple[str, str], float] = {}
    for tree in trees:
        for (i, j), share in tree.pairs.items():
            pair = names[i], names[j]
            pairs[pair] = pairs.get(pair, 0.0) + share / len(trees)
    spread = main.std(axis=0, ddof=1)
    return Importances(
        values={names[i]: float(mean[i]) for i in order},
        spread={names[i]: float(spread[i]) for i in order},
        interactions=dict(sorted(pairs.items(), key=lambda item: -item[1])),
        quality=quality,
        trials=columns.trials,
        objective=objective.name,
    )
