"""The rank-weighted ensemble of former projects (Feurer et al. 2018), as a prior mean.

A former project has the weight of the share of bootstrap samples of the new results that it ranks
better than anybody else: the other former projects, the new process, whose predictions leave out
the result they predict, and chance. So the weights fall to 0 as the new process learns to rank its
results, and at once if a former project does not rank them.

Feurer and others add the processes. Here the ensemble is the prior mean, and the new process learns
the difference of its results from it (as in Salinas et al. 2020): near results it is always right.
"""

from __future__ import annotations

import dataclasses
import math

import numpy as np

from kerastune_lite._src.algorithms.oracles.gp.encoding import Array, Mask
from kerastune_lite._src.algorithms.oracles.gp.former import FormerSurface
from kerastune_lite._src.algorithms.oracles.gp.model import Data, Posterior

_SAMPLES = 128
"""How many bootstrap samples the weights are counted in."""
_BETTER_THAN_CHANCE = 1.5
"""By how many standard errors of the ranks of unrelated projects."""
_TIE = 1e-9
"""Shares that differ by less are equal, but for rounding."""
_LEAST_WEIGHT = 0.05
"""Of all former projects together; below it they are not used."""


@dataclasses.dataclass(frozen=True)
class Ensemble:
    """A prior mean: `offset` and the sum of the former processes' means by their `factors`.

    Attributes:
        surfaces: the former processes.
        factors: of each, `(k,)`.
        trust: the sum of the weights, in [0, 1].
    """

    surfaces: tuple[FormerSurface, ...]
    factors: Array
    offset: float
    trust: float

    def mean(self, rows: Array) -> Array:
        """The prior mean at rows `(m, d)`, `(m,)`."""
        means = np.full(len(rows), self.offset)
        for surface, factor in zip(self.surfaces, self.factors):
            means += factor * surface.mean(rows)
        return means

    def gradient(self, rows: Array) -> Array:
        """Its gradient at rows `(m, d)`, `(m, d)`."""
        gradient = np.zeros_like(rows)
        for surface, factor in zip(self.surfaces, self.factors):
            gradient += factor * surface.gradient(rows)
        return gradient


def ensemble(surfaces: list[FormerSurface], data: Data, theta: Array) -> Ensemble | None:
    """The prior mean of a process; None if former projects do not explain its data.

    Args:
        data, theta: of the process without a prior mean.
    """
    own = Posterior(data, theta).left_out(data.z)
    predicted = np.array([surface.mean(data.x) for surface in surfaces])
    weights = rank_weights(predicted, own, data.z)
    trust = float(weights.sum())
    if trust < _LEAST_WEIGHT:
        return None
    used = np.flatnonzero(weights)
    mixed = weights[used] @ predicted[used] / trust
    slope, offset = _line(mixed, data.z)
    if slope == 0.0:
        return None
    return Ensemble(tuple(surfaces[i] for i in used), slope * weights[used], trust * offset, trust)


def rank_weights(predicted: Array, own: Array, targets: Array) -> Array:
    """The weight of each of `k` former processes, `(k,)`; their sum is at most 1.

    Args:
        predicted: what they predict of the new results, `(k, n)`.
        own: what the new process predicts of each result from the others, `(n,)`.
        targets: the new results, `(n,)`, smaller is better.
    """
    count = len(targets)
    if count < 2:
        return np.zeros(len(predicted))
    drawn = np.random.default_rng(count).integers(count, size=(_SAMPLES, count))
    samples = np.array([np.bincount(each, minlength=count) for each in drawn], dtype=float)
    pairs = np.maximum(_weighted_pairs(samples, _differ(targets)), 1.0)
    shares = np.array([_wrong(samples, each, targets) / pairs for each in [*predicted, own]])
    chance = 0.5 - 0.5 * _BETTER_THAN_CHANCE * _deviation_of_tau(count)
    rivals = np.vstack([shares, np.full(_SAMPLES, chance)])
    won = rivals <= rivals.min(axis=0) + _TIE
    # A tie with the new process, or with chance, is theirs.
    won[:-2, won[-2:].any(axis=0)] = False
    weights: Array = (won / won.sum(axis=0)).mean(axis=1)[:-2]
    return weights


def _differ(targets: Array) -> Mask:
    """Which pairs have different targets, `(n, n)`."""
    differ: Mask = targets[:, None] != targets[None, :]
    return differ


def _weighted_pairs(samples: Array, which: Array | Mask) -> Array:
    """The number of pairs in each bootstrap sample, `(s,)`."""
    pairs: Array = ((samples @ which.astype(float)) * samples).sum(axis=1)
    return pairs


def _wrong(samples: Array, predicted: Array, targets: Array) -> Array:
    """The number of wrongly ranked pairs in each bootstrap sample, `(s,)`; ties count half."""
    # Not by differences: two failed trials differ by infinity minus infinity.
    order = np.where(
        _differ(targets), np.where(targets[:, None] > targets[None, :], 1.0, -1.0), 0.0
    )
    ranked = np.sign(predicted[:, None] - predicted[None, :])
    wrong = np.where(order == 0.0, 0.0, 0.5 * (1.0 - order * ranked))
    return _weighted_pairs(samples, wrong)


def _deviation_of_tau(count: int) -> float:
    """The standard deviation of Kendall's tau of two unrelated rankings (Kendall 1938)."""
    return math.sqrt(2.0 * (2.0 * count + 5.0) / (9.0 * count * (count - 1.0)))


def _line(mixed: Array, targets: Array) -> tuple[float, float]:
    """Slope and offset of targets by predictions; a slope close to 1, and not negative."""
    center, middle = float(mixed.mean()), float(targets.mean())
    x, z = mixed - center, targets - middle
    slope = max((float(x @ z) + 1.0) / (float(x @ x) + 1.0), 0.0)
    return slope, middle - slope * center
