"""Acquisition functions: expected improvement, confidence bounds, probabilities of feasibility."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from scipy import special

from kerastune_lite._src.algorithms.oracles.gp.encoding import Array

_HALF_LOG_2PI = 0.5 * float(np.log(2.0 * np.pi))
_ROOT_HALF_PI = float(np.sqrt(0.5 * np.pi))
_FAR = -1e4
"""Below it, 1 + z Phi(z) / phi(z) is lost in rounding; it is 1 / z^2."""


class Acquisition(NamedTuple):
    """A value, larger is better, `(m,)`, and its derivatives by mean and deviation.

    These are `(m,)` each for one process, `(k, m)` for `k` of them.
    """

    value: Array
    by_mean: Array
    by_deviation: Array


def log_expected_improvement(mean: Array, deviation: Array, best: float) -> Acquisition:
    """log E[max(best - f, 0)] (Ament et al. 2023, eq. 9 and appendix A.1).

    Where improvement is unlikely, expected improvement and its gradient are 0 in floating point;
    their logarithm is not.
    """
    z = (best - mean) / deviation
    log_h = log_h_of(z)
    # d log h / dz = Phi / h, computed from logarithms.
    ratio = np.exp(special.log_ndtr(z) - log_h)
    return Acquisition(np.log(deviation) + log_h, -ratio / deviation, (1.0 - ratio * z) / deviation)


def log_h_of(z: Array) -> Array:
    """log(phi(z) + z Phi(z)), `(m,)`."""
    near, far = np.maximum(z, -1.0), np.minimum(z, -1.0)
    log_phi = -0.5 * z * z - _HALF_LOG_2PI
    direct = np.log(np.exp(-0.5 * near * near - _HALF_LOG_2PI) + near * special.ndtr(near))
    # z Phi(z) / phi(z) through the scaled complementary error function, which does not underflow.
    scaled = far * _ROOT_HALF_PI * special.erfcx(-far / np.sqrt(2.0))
    rest = np.where(far > _FAR, np.log1p(np.maximum(scaled, -1.0 + 1e-12)), -2.0 * np.log(-far))
    result: Array = np.where(z > -1.0, direct, log_phi + rest)
    return result


def log_probability_of_feasibility(mean: Array, deviation: Array) -> Acquisition:
    """log P[f <= 0] (Gardner et al. 2014, section 3)."""
    z = -mean / deviation
    value = special.log_ndtr(z)
    ratio = np.exp(-0.5 * z * z - _HALF_LOG_2PI - value)  # d log Phi / dz
    return Acquisition(value, -ratio / deviation, -ratio * z / deviation)


def confidence_bound(mean: Array, deviation: Array, beta: float) -> Acquisition:
    """-(mean - beta deviation) (Cox and John 1992)."""
    ones = np.ones_like(mean)
    return Acquisition(beta * deviation - mean, -ones, beta * ones)
