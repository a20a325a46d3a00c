"""On which hyperparameters the score depends, and how certain that is.

A random forest learns the loss from the hyperparameters, and a functional analysis of variance of
its trees (`fanova.py`) gives the share of their variance that each hyperparameter causes. For
searches of neural networks:

- An inactive hyperparameter has no effect, so it gets a random value. The loss is then a function
  on the whole cube, and its variance is well defined.
- Trials of a search with rungs were trained for different numbers of epochs, the better ones for
  more. Their losses are made comparable first (`comparable_losses.py`).
- A diverged training does not count for more than a bad one (`unit_cube.winsorized`).

The certainty is that of the forest's predictions for trials that a tree was not trained on ("out of
bag").
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
"""The smallest number of trials to learn from."""

_TREES = 64
_LEAF = 3
"""The smallest number of trials in a leaf; the mean of fewer is mostly noise."""

_PAIRED = 12
"""The number of hyperparameters whose pairs are computed: the most important of the forest."""


@dataclasses.dataclass(frozen=True, repr=False)
class Importances:
    """The shares of the differences between trials that hyperparameters cause.

    Attributes:
        values: the share of each hyperparameter alone, the largest first. With `interactions` they
            add up to at most 1; the rest is noise, and interactions of three or more.
        spread: the standard deviation of each share over the trees of the forest.
        interactions: the share of each pair together, without their shares alone; the largest
            first, names in the order of the search space.
        quality: R^2 of the forest on trials that its trees were not trained on: 1 is perfect, 0 or
            less is useless.
        trials: the number of trials learned from.
        objective: the name of the metric.
    """

    values: Mapping[str, float]
    spread: Mapping[str, float]
    interactions: Mapping[tuple[str, str], float]
    quality: float
    trials: int
    objective: str = ""

    def certainty(self) -> str:
        """A sentence on how far the shares can be trusted."""
        if self.quality < 0.2:
            return (
                f"Do not rely on this: a forest that learned from {self.trials} trials cannot "
                f"predict the others (R² = {self.quality:.2f}). Either there are too few, or they "
                "differ by chance."
            )
        known = f"{100 * self.quality:.0f} % of the differences between trials it has not seen"
        if self.quality < 0.5:
            return f"The forest explains only {known}: trust only which one is first."
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
        """The interactions of at least 2 %, at most three."""
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
    """The shares of hyperparameters, and of pairs, in the differences between trials.

    Args:
        trials: of any status; those without a score are left out.
        objective: of the scores.
        seed: of the forest.
        curves: learning curves by the number of the trial, for searches with rungs; without them
            the effect of more epochs cannot be separated from that of better hyperparameters.

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
            f"{columns.trials}: raise `max_trials` and call search() again."
        )
    if not columns.names:
        raise ValueError(
            "Importances need hyperparameters that differ between trials. All "
            f"{columns.trials} completed trials have the same values."
        )
    if np.ptp(columns.losses) == 0:
        raise ValueError(
            f"All {columns.trials} completed trials have the same {objective.name}: there are no "
            "differences to explain."
        )


def _filled(units: Array, generator: np.random.Generator) -> Array:
    """(n, d): units, with random values instead of NaN."""
    return np.where(np.isnan(units), generator.random(units.shape), units)


def _forest(points: Array, losses: Array, seed: int) -> Any:
    from sklearn.ensemble import RandomForestRegressor

    # Each split may use all columns; with fewer, hyperparameters without any effect would get
    # splits, and shares with them.
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
