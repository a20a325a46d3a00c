"""Expected hypervolume improvement with two objectives.

A front cuts the points that nothing on it dominates into strips. With the points of the front
`(a_1, b_1) .. (a_k, b_k)`, `a` ascending and `b` descending, and the reference `(r, s)`, strip `i`
reaches from `a_i` to `a_(i + 1)` and up to `b_i`, where `a_0` is minus infinity, `a_(k + 1) = r`
and `b_0 = s`. A point `(y, z)` adds to the hypervolume, in each strip, a rectangle of the width
`max(a_(i + 1) - y, 0) - max(a_i - y, 0)` and of the height `max(b_i - z, 0)`. If `y` and `z` are
independent, the expectation of the area is the product of expectations, and those are expected
improvements:

    sum_i (EI(a_(i + 1)) - EI(a_i)) EI(b_i)

(Emmerich, Deutz and Klinkenberg, "Hypervolume-based expected improvement", 2011; Yang and others,
"Efficient computation of expected hypervolume improvement using box decomposition algorithms",
2019). As with one objective (Ament and others, 2023), everything is computed in logarithms, because
the improvement and its gradient are 0 in floating point where it is unlikely.
"""

from __future__ import annotations

import numpy as np
from scipy import special

from kerastune_lite._src.algorithms.oracles.gp.acquisition import Acquisition, log_h_of
from kerastune_lite._src.algorithms.oracles.gp.encoding import Array
from kerastune_lite._src.core.pareto import fronts

_HALF_LOG_2PI = 0.5 * float(np.log(2.0 * np.pi))
_TINY = 1e-300
"""The least difference of logarithms; rounding may leave none."""
_LARGE = 600.0
"""Larger exponents are those of points that are billions of deviations away."""


def log_expected_hypervolume_improvement(
    mean: Array, deviation: Array, front: Array, reference: Array
) -> Acquisition:
    """The logarithm of the expected hypervolume improvement of `m` points.

    Args:
        mean, deviation: of the two objectives, `(2, m)` each; smaller is better.
        front: points that are as good as known, `(k, 2)`; those that others dominate, or that are
            not better than the reference, do not count.
        reference: `(2,)`.

    Returns:
        The value, `(m,)`, and its derivatives, `(2, m)` each.
    """
    ends, heights = _strips(front, reference)
    across = _Improvement(mean[0], deviation[0], ends)
    up = _Improvement(mean[1], deviation[1], heights)
    widths = across.log_differences()
    areas = widths + up.log_value
    value: Array = special.logsumexp(areas, axis=0)
    shares = np.exp(areas - value)
    by_mean, by_deviation = across.slopes_of_differences(widths)
    above_mean, above_deviation = up.slopes()
    return Acquisition(
        value,
        np.array([(shares * by_mean).sum(0), (shares * above_mean).sum(0)]),
        np.array([(shares * by_deviation).sum(0), (shares * above_deviation).sum(0)]),
    )


def _strips(front: Array, reference: Array) -> tuple[Array, Array]:
    """Where the strips end, ascending, and their heights, descending, `(k + 1,)` each."""
    inside = front[(front < reference).all(1)]
    inside = np.unique(inside, axis=0)  # in the order of the first objective
    inside = inside[fronts(inside) == 0]
    return np.append(inside[:, 0], reference[0]), np.insert(inside[:, 1], 0, reference[1])


class _Improvement:
    """E[max(t - y, 0)] for normal `y` and `n` thresholds `t`, in logarithms, `(n, m)`.

    Args:
        mean, deviation: of `y`, `(m,)`.
        thresholds: `(n,)`, ascending where differences are asked for.
    """

    def __init__(self, mean: Array, deviation: Array, thresholds: Array) -> None:
        self._z = (thresholds[:, None] - mean) / deviation
        self.log_value = np.log(deviation) + log_h_of(self._z)
        self._log_mass = special.log_ndtr(self._z)
        self._log_density = -0.5 * self._z * self._z - _HALF_LOG_2PI

    def log_differences(self) -> Array:
        """The logarithms of the value at each threshold minus that at the one before, or 0."""
        return _log_differences(self.log_value)

    def slopes(self) -> tuple[Array, Array]:
        """The derivatives of the logarithm of the value by mean and deviation."""
        return -_exp(self._log_mass - self.log_value), _exp(self._log_density - self.log_value)

    def slopes_of_differences(self, differences: Array) -> tuple[Array, Array]:
        """The derivatives of `differences`, which are those of the values."""
        by_mean = -_exp(_log_differences(self._log_mass) - differences)
        by_deviation = _exp(self._log_density - differences)
        by_deviation[1:] -= _exp(self._log_density[:-1] - differences[1:])
        return by_mean, by_deviation


def _log_differences(logarithms: Array) -> Array:
    """log(e^x_i - e^x_(i - 1)), and x_0, of ascending `logarithms`, `(n, m)`."""
    rises = np.maximum(np.diff(logarithms, axis=0), _TINY)
    return np.concatenate([logarithms[:1], logarithms[1:] + np.log(-np.expm1(-rises))])


def _exp(exponents: Array) -> Array:
    found: Array = np.exp(np.minimum(exponents, _LARGE))
    return found
