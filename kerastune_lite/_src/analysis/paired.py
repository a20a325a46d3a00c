"""Two configurations compared by trainings in pairs: how likely the first one is better.

The Bayesian correlated t-test (Corani and Benavoli, "A Bayesian approach for comparing
cross-validated algorithms on multiple data sets", Machine Learning 100, 2015). Trainings on splits
of the same data have most of their training samples in common, so their differences are correlated,
and the usual t-test is too sure; the correction is that of Nadeau and Bengio ("Inference for the
Generalization Error", Machine Learning 52, 2003).
"""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence

import numpy as np

from kerastune_lite._src.analysis.unit_cube import Array

LEVEL = 0.95
"""Of the intervals."""

PRIOR = 2.0
"""The weight of the spread of all pairs beside that of one pair, in degrees of freedom.

Three rounds give a pair two of them: its own spread alone is by chance often much too small."""


@dataclasses.dataclass(frozen=True)
class Paired:
    """What is believed of the mean difference: Student's t around `mean`.

    Attributes:
        mean: of the differences.
        scale: of the distribution, in the same unit.
        freedom: its degrees of freedom.
        rounds: how many differences there were.
    """

    mean: float
    scale: float
    freedom: float
    rounds: int

    @property
    def probability(self) -> float:
        """That the true difference is positive."""
        from scipy import special

        if self.scale == 0.0:
            return float(np.heaviside(self.mean, 0.5))
        return float(special.stdtr(self.freedom, self.mean / self.scale))

    @property
    def interval(self) -> tuple[float, float]:
        """In which the true difference lies with a probability of `LEVEL`."""
        from scipy import special

        width = float(special.stdtrit(self.freedom, (1 + LEVEL) / 2)) * self.scale
        return self.mean - width, self.mean + width


def paired(differences: Sequence[float], shared: float, variance: float = 0.0) -> Paired:
    """Compare two configurations that were trained in the same rounds.

    With n differences of mean m and variance s^2, the posterior (equation 8 of Corani and Benavoli)
    is Student's t around m with n - 1 degrees of freedom and the scale

        sqrt((1 / n + rho / (1 - rho)) s^2),

    where rho, the correlation of two differences, is the share of the samples that validate. As
    few differences tell little of their spread, s^2 has a conjugate prior, which `PRIOR` further
    differences with the spread of all pairs would give.

    Args:
        differences: at least two; positive where the first one was better.
        shared: rho; 0 if the rounds have the same data and differ in their seeds alone.
        variance: of the differences of all pairs that were compared. 0: no prior.

    Example:
        >>> from kerastune_lite._src.analysis.paired import paired
        >>> round(paired([0.5, 0.75, 0.25, 0.5], shared=0.2).probability, 3)
        0.959
    """
    count = len(differences)
    mean = float(np.mean(differences))
    own = float(np.var(differences, ddof=1))
    weight = PRIOR if variance > 0.0 else 0.0
    freedom = count - 1 + weight
    spread = ((count - 1) * own + weight * variance) / freedom
    scale = float(np.sqrt((1 / count + shared / (1 - shared)) * spread))
    return Paired(mean, scale, freedom, count)


def variance_of_pairs(losses: Array) -> float:
    """The mean variance of the differences of two rows of `losses`, which are (rows, rounds).

    It is twice the residual of the losses when the mean of each row and of each round is
    subtracted, so it costs no more for many rows.
    """
    rows, rounds = losses.shape
    if rows < 2 or rounds < 2:
        return 0.0
    rest = losses - losses.mean(axis=1, keepdims=True) - losses.mean(axis=0) + losses.mean()
    return float(2 * (rest**2).sum() / ((rows - 1) * (rounds - 1)))
