"""A Gaussian process over whole learning curves.

An observation is the best loss of a trial up to one of its epochs, at a time in [0, 1],
u = ln(epoch) / ln(longest). Its covariance with another one is

    k(x, x') (a + b m(|u - u'| / l)) + c m(|u - u'| / l_c) [same trial] + e m(|u - u'|)

with the Matern-5/2 kernels k over points and m over time: a level and a shape of the curve that
neighbouring points share, what is a trial's own, and the shape that all trials share. Freeze-thaw
optimisation (Swersky, Snoek and Adams 2014) has the first and the third term, with curves that
decay exponentially.
"""

from __future__ import annotations

import dataclasses
import math

import numpy as np
from scipy import linalg, optimize

from kerastune_lite._src.algorithms.oracles.gp.encoding import Array, Indices
from kerastune_lite._src.algorithms.oracles.gp.kernel import (
    distances_by_group,
    likelihood,
    matern,
    squared_distances,
)

_JITTER = 1e-8
_STEPS = 25
"""Steps of L-BFGS."""
_LIMITS = (-12.0, 6.0)
"""Of the logarithm of a setting."""
_LENGTH = (math.log(0.3), 1.0)
"""Mean and standard deviation of the logarithms of the length scales of points,"""
_OTHERS = np.array(
    [
        (math.log(0.7), 1.0),
        (math.log(0.3), 1.0),
        (math.log(0.6), 0.5),
        (math.log(0.03), 1.0),
        (math.log(0.5), 0.5),
        (math.log(0.5), 1.0),
        (math.log(1e-3), 1.5),
    ]
)
"""and of a, b, l, c, l_c, e and the noise."""
_START = math.log(0.5)
"""The logarithms of the length scales of points at the start of a fit."""


@dataclasses.dataclass(frozen=True)
class Curves:
    """Observations of curves, or places where they are predicted.

    Attributes:
        rows: of the points, `(n, d)` in [0, 1].
        times: in [0, 1], `(n,)`.
        trials: `(n,)`; equal numbers are the same trial.
    """

    rows: Array
    times: Array
    trials: Indices

    def __len__(self) -> int:
        return len(self.times)

    def at(self, kept: Indices) -> Curves:
        """Some of them."""
        return Curves(self.rows[kept], self.times[kept], self.trials[kept])

    def with_more(self, more: Curves) -> Curves:
        """These, then `more`."""
        return Curves(
            np.concatenate([self.rows, more.rows]),
            np.concatenate([self.times, more.times]),
            np.concatenate([self.trials, more.trials]),
        )


class CurveProcess:
    """The process given observations and its settings.

    Args:
        curves: the observations.
        targets: their losses, `(n,)`, of about zero mean and unit variance.
        groups: of the columns of the rows, `(d,)`.
        theta: the logarithms of the settings.
    """

    def __init__(self, curves: Curves, targets: Array, groups: Indices, theta: Array) -> None:
        self._curves = curves
        lengths = len(theta) - len(_OTHERS)
        self._inverse_lengths = np.exp(-theta[:lengths])[groups]
        self._settings = np.exp(theta[lengths:])
        covariance = self._covariance(curves)
        covariance[np.diag_indices(len(curves))] += self._settings[6] + _JITTER
        self._factor = linalg.cholesky(covariance, lower=True, check_finite=False)
        self._alpha = linalg.cho_solve((self._factor, True), targets, check_finite=False)

    def predict(self, places: Curves, shared: bool = False) -> tuple[Array, Array]:
        """Means and deviations of the curves without noise, each `(m,)`.

        Args:
            shared: of trials that are not observed, whether to leave out what is a trial's own.
        """
        cross = self._covariance(places)
        whitened = linalg.solve_triangular(self._factor, cross.T, lower=True, check_finite=False)
        a, b, _, c, _, e, _ = self._settings
        prior = a + b + e + (0.0 if shared else c)
        variance = np.maximum(prior - (whitened * whitened).sum(0), _JITTER)
        return cross @ self._alpha, np.sqrt(variance)

    def _covariance(self, places: Curves) -> Array:
        """Of places with the observations, `(m, n)`."""
        known = self._curves
        a, b, length, c, own_length, e, _ = self._settings
        apart = squared_distances(
            places.rows * self._inverse_lengths, known.rows * self._inverse_lengths
        )
        steps = np.abs(places.times[:, None] - known.times)
        covariance: Array = matern(apart)[0] * (a + b * _over_time(steps, length)[0])
        covariance += e * _over_time(steps, 1.0)[0]
        same = np.nonzero(places.trials[:, None] == known.trials)
        covariance[same] += c * _over_time(steps[same], own_length)[0]
        return covariance


def fitted(curves: Curves, targets: Array, groups: Indices) -> Array:
    """The most probable settings, their logarithms `(g + 7,)`; the start is always the same."""
    objective = _Objective(curves, targets, groups)
    start = objective.mean.copy()
    start[: -len(_OTHERS)] = _START
    found = optimize.minimize(
        objective,
        start,
        jac=True,
        method="L-BFGS-B",
        bounds=[_LIMITS] * len(start),
        options={"maxiter": _STEPS},
    )
    theta: Array = found.x
    return theta


class _Objective:
    """Minus the logarithm of the posterior of the settings.

    The marginal likelihood is eq. 5.8 of Rasmussen and Williams (2006), its gradient eq. 5.9.
    """

    def __init__(self, curves: Curves, targets: Array, groups: Indices) -> None:
        self._targets = targets
        distances = distances_by_group(curves.rows, groups)
        self._flat = distances.reshape(len(distances), len(curves) ** 2)
        self._steps = np.abs(curves.times[:, None] - curves.times)
        self._same = (curves.trials[:, None] == curves.trials).astype(float)
        self._shared = _over_time(self._steps, 1.0)[0]
        priors = np.concatenate([np.tile(_LENGTH, (len(distances), 1)), _OTHERS])
        self.mean, self._deviation = priors.T

    def __call__(self, theta: Array) -> tuple[float, Array]:
        """Value and gradient, `(g + 7,)`."""
        n, groups = len(self._targets), len(self._flat)
        inverse_squares = np.exp(-2.0 * theta[:groups])
        a, b, length, c, own_length, e, noise = np.exp(theta[groups:])
        points, by_points = matern((inverse_squares @ self._flat).reshape(n, n))
        shape, by_length = _over_time(self._steps, length)
        own, by_own_length = (self._same * each for each in _over_time(self._steps, own_length))
        by_time = a + b * shape
        covariance = points * by_time + c * own + e * self._shared
        covariance[np.diag_indices(n)] += noise + _JITTER
        found = likelihood(covariance, self._targets)
        if found is None:
            return 1e10, np.zeros_like(theta)
        value, weights = found[0], 0.5 * found[1]
        of_points = weights * points
        gradient = np.empty_like(theta)
        gradient[:groups] = self._flat @ (weights * by_points * by_time).ravel() * inverse_squares
        gradient[groups:] = (
            a * of_points.sum(),
            b * np.vdot(of_points, shape),
            b * np.vdot(of_points, by_length),
            c * np.vdot(weights, own),
            c * np.vdot(weights, by_own_length),
            e * np.vdot(weights, self._shared),
            noise * weights.trace(),
        )
        standard = (theta - self.mean) / self._deviation
        return float(value + 0.5 * standard @ standard), gradient + standard / self._deviation


def _over_time(steps: Array, length: float) -> tuple[Array, Array]:
    """The Matern-5/2 kernel of steps in time, and its derivative by the logarithm of `length`."""
    squares = (steps / length) ** 2
    kernel, derivative = matern(squares)
    return kernel, derivative * squares
