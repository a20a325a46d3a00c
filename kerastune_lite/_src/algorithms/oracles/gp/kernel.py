"""The Matern-5/2 kernel with a length scale per parameter (Rasmussen and Williams 2006, eq. 4.17).

k(r) = s2 (1 + a + a^2 / 3) exp(-a) with a = sqrt(5) r and r^2 = sum_g D_g / l_g^2, where D_g is the
squared distance within the columns of parameter g.
"""

from __future__ import annotations

import numpy as np
from scipy import linalg

from kerastune_lite._src.algorithms.oracles.gp.encoding import Array, Indices

_ROOT5 = float(np.sqrt(5.0))


def matern(r2: Array) -> tuple[Array, Array]:
    """The kernel of unit variance at squared distances `r2`, and -2 times its derivative by r2."""
    a = _ROOT5 * np.sqrt(np.maximum(r2, 0.0))
    decay = np.exp(-a)
    derivative = (1.0 + a) * decay
    return derivative + (a * a / 3.0) * decay, (5.0 / 3.0) * derivative


def squared_distances(x: Array, y: Array) -> Array:
    """`(m, n)` for rows `(m, d)` and `(n, d)`, which are divided by the length scales."""
    r2: Array = (x * x).sum(1)[:, None] + (y * y).sum(1)[None, :] - 2.0 * (x @ y.T)
    return np.maximum(r2, 0.0, out=r2)


def likelihood(covariance: Array, targets: Array) -> tuple[float, Array] | None:
    """How well a covariance explains targets (Rasmussen and Williams 2006, eqs. 2.30 and 5.9).

    Args:
        covariance: `(n, n)`, noise included.
        targets: `(n,)`.

    Returns:
        The negative logarithm of the marginal likelihood, without its constant, and twice its
        derivative by the covariance, `(n, n)`; None if the covariance is not positive definite.
    """
    factor, failed = linalg.lapack.dpotrf(covariance, lower=1)
    if failed:
        return None
    alpha = linalg.lapack.dpotrs(factor, targets, lower=1)[0]
    value = 0.5 * targets @ alpha + np.log(factor.diagonal()).sum()
    inverse = linalg.lapack.dpotri(factor, lower=1)[0]
    inverse = np.tril(inverse) + np.tril(inverse, -1).T
    return float(value), inverse - np.outer(alpha, alpha)


def distances_by_group(x: Array, groups: Indices) -> Array:
    """Squared distances within each group of columns, `(g, n, n)`, for rows `(n, d)`."""
    count = int(groups[-1]) + 1 if len(groups) else 0
    distances = np.zeros((count, len(x), len(x)))
    for column, group in enumerate(groups):
        difference = x[:, column, None] - x[None, :, column]
        distances[group] += difference * difference
    return distances
