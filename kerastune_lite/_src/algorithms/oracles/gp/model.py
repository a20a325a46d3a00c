"""A Gaussian process: its settings by maximum a posteriori, and its posterior."""

from __future__ import annotations

import dataclasses
from typing import NamedTuple, Protocol

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
_STEPS = 40
"""Steps of L-BFGS; more of them gain less than the next trial."""

_LIMIT = 12.0
"""The largest absolute value of the logarithm of a setting."""


@dataclasses.dataclass(frozen=True)
class Data:
    """The observations of a process.

    Attributes:
        x: rows, `(n, d)` in [0, 1].
        z: targets, `(n,)`, of about zero mean and unit variance, smaller is better.
        extra: `(n,)`, known variances of the targets, in addition to the learned noise.
        groups: `(d,)`, the group of each column; columns of a group share a length scale.
    """

    x: Array
    z: Array
    extra: Array
    groups: Indices

    def __len__(self) -> int:
        return len(self.z)

    def key(self) -> tuple[bytes, ...]:
        """A key that is equal for equal data."""
        return tuple(
            np.ascontiguousarray(a).tobytes() for a in (self.x, self.z, self.extra, self.groups)
        )


@dataclasses.dataclass(frozen=True)
class Priors:
    """Normal distributions of the logarithms of the settings: (mean, standard deviation)."""

    length: tuple[float, float] = (float(np.log(0.3)), 1.0)
    signal: tuple[float, float] = (0.0, 1.0)
    noise: tuple[float, float] = (-7.0, 2.0)
    fixed_noise: float | None = None

    def arrays(self, groups: int) -> tuple[Array, Array]:
        """Means and deviations of theta, each `(g + 2,)`."""
        pairs = np.array([self.length] * groups + [self.signal, self.noise])
        return pairs[:, 0], pairs[:, 1]


class Objective:
    """Minus the logarithm of the posterior of theta = (ln l_1 .. ln l_g, ln s2, ln noise).

    The marginal likelihood is eq. 5.8 of Rasmussen and Williams (2006), its gradient eq. 5.9.
    """

    def __init__(self, data: Data, priors: Priors) -> None:
        self._z, self._extra = data.z, data.extra
        self._distances = distances_by_group(data.x, data.groups)
        self._flat = self._distances.reshape(len(self._distances), -1)
        self.mean, self.deviation = priors.arrays(len(self._distances))
        self._fixed_noise = priors.fixed_noise

    def __call__(self, theta: Array) -> tuple[float, Array]:
        """Value and gradient, `(g + 2,)`."""
        n, groups = len(self._z), len(self._distances)
        inverse_squares = np.exp(-2.0 * theta[:groups])
        variance, noise = np.exp(theta[groups]), self._noise(theta[-1])
        correlation, derivative = matern((inverse_squares @ self._flat).reshape(n, n))
        covariance = variance * correlation
        covariance[np.diag_indices(n)] += noise + self._extra + _JITTER
        found = likelihood(covariance, self._z)
        if found is None:
            return 1e10, np.zeros_like(theta)
        value, weights = found
        gradient = np.empty_like(theta)
        gradient[:groups] = self._flat @ (weights * derivative).ravel() * inverse_squares
        gradient[:groups] *= 0.5 * variance
        gradient[groups] = 0.5 * variance * np.vdot(weights, correlation)
        gradient[-1] = 0.5 * noise * weights.trace() if self._fixed_noise is None else 0.0

        standard = (theta - self.mean) / self.deviation
        return float(value + 0.5 * standard @ standard), gradient + standard / self.deviation

    def _noise(self, logarithm: float) -> float:
        return float(np.exp(logarithm)) if self._fixed_noise is None else self._fixed_noise


def fitted(data: Data, priors: Priors) -> Array:
    """The most probable theta, `(g + 2,)`; the start is always the same."""
    objective = Objective(data, priors)
    start = objective.mean.copy()
    start[:-2] = np.log(0.5)
    found = optimize.minimize(
        objective,
        start,
        jac=True,
        method="L-BFGS-B",
        bounds=[(-_LIMIT, _LIMIT)] * len(start),
        options={"maxiter": _STEPS},
    )
    theta: Array = found.x
    if priors.fixed_noise is not None:
        theta[-1] = np.log(max(priors.fixed_noise, 1e-300))
    return theta


class Prediction(NamedTuple):
    """Means and standard deviations at `m` rows, `(m,)`, and their gradients, `(m, d)`."""

    mean: Array
    deviation: Array
    mean_gradient: Array
    deviation_gradient: Array


class PriorMean(Protocol):
    """What a process expects where there are no data."""

    def mean(self, rows: Array) -> Array:
        """At rows `(m, d)`, `(m,)`."""

    def gradient(self, rows: Array) -> Array:
        """Its gradient at rows `(m, d)`, `(m, d)`."""


class Posterior:
    """The process given data and theta; eqs. 2.23 to 2.26 of Rasmussen and Williams (2006).

    Args:
        prior_mean: of the process; None: zero.
    """

    def __init__(self, data: Data, theta: Array, prior_mean: PriorMean | None = None) -> None:
        self._prior_mean = prior_mean
        z = data.z if prior_mean is None else data.z - prior_mean.mean(data.x)
        self._inverse_lengths = np.exp(-theta[:-2])[data.groups]
        self._variance, noise = float(np.exp(theta[-2])), float(np.exp(theta[-1]))
        self._x = data.x * self._inverse_lengths
        covariance = self._variance * matern(squared_distances(self._x, self._x))[0]
        covariance[np.diag_indices(len(data))] += noise + data.extra + _JITTER
        self._factor = _cholesky(covariance)
        self._alpha = linalg.cho_solve((self._factor, True), z, check_finite=False)
        # For many rows, multiplying by the inverse factor is several times faster than solving.
        self._inverse_factor = linalg.lapack.dtrtri(self._factor, lower=1)[0]

    def predict(self, rows: Array) -> tuple[Array, Array]:
        """Means and deviations of the noise-free function at rows `(m, d)`, each `(m,)`."""
        correlation, _ = matern(squared_distances(rows * self._inverse_lengths, self._x))
        cross = self._variance * correlation
        whitened = cross @ self._inverse_factor.T
        mean = cross @ self._alpha
        if self._prior_mean is not None:
            mean += self._prior_mean.mean(rows)
        return mean, self._deviation((whitened * whitened).sum(1))

    def mean(self, rows: Array) -> Array:
        """Means at rows `(m, d)`, `(m,)`; much quicker than with deviations."""
        correlation, _ = matern(squared_distances(rows * self._inverse_lengths, self._x))
        mean: Array = self._variance * (correlation @ self._alpha)
        return mean if self._prior_mean is None else mean + self._prior_mean.mean(rows)

    def predict_with_gradients(self, rows: Array) -> Prediction:
        """The predictions at rows `(m, d)`, with gradients."""
        scaled = rows * self._inverse_lengths
        correlation, derivative = matern(squared_distances(scaled, self._x))
        cross = self._variance * correlation
        whitened = cross @ self._inverse_factor.T
        deviation = self._deviation((whitened * whitened).sum(1))
        # dk/dx = -derivative s2 (x - x_i) / l^2 for each observation i, times its weight.
        falls = self._variance * derivative
        for_mean = falls * self._alpha
        for_deviation = falls * (whitened @ self._inverse_factor)
        by_mean = for_mean @ self._x - for_mean.sum(1)[:, None] * scaled
        by_variance = -2.0 * (for_deviation @ self._x - for_deviation.sum(1)[:, None] * scaled)
        mean, by_mean = cross @ self._alpha, by_mean * self._inverse_lengths
        if self._prior_mean is not None:
            mean += self._prior_mean.mean(rows)
            by_mean += self._prior_mean.gradient(rows)
        return Prediction(
            mean,
            deviation,
            by_mean,
            by_variance * self._inverse_lengths / (2.0 * deviation[:, None]),
        )

    def left_out(self, z: Array) -> Array:
        """What the process predicts of each of its data, whose targets are `z`, from the others.

        Eq. 5.12 of Rasmussen and Williams (2006); `(n,)`.
        """
        left_out: Array = z - self._alpha / (self._inverse_factor**2).sum(0)
        return left_out

    def _deviation(self, explained: Array) -> Array:
        deviation: Array = np.sqrt(np.maximum(self._variance - explained, 1e-12 * self._variance))
        return deviation


def _cholesky(covariance: Array) -> Array:
    """The lower factor, `(n, n)`; the diagonal is increased until there is one."""
    jitter = _JITTER * float(covariance.trace()) / len(covariance)
    while True:
        factor, failed = linalg.lapack.dpotrf(covariance, lower=1)
        if not failed:
            lower: Array = np.tril(factor)
            return lower
        covariance[np.diag_indices(len(covariance))] += jitter
        jitter *= 10.0
