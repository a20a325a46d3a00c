"""A Gaussian process fitted to the trials of a search, whatever is being trained."""

from __future__ import annotations

import dataclasses

import numpy as np

from kerastune_lite._src.algorithms.oracles.gp.encoding import Array, Indices
from kerastune_lite._src.algorithms.oracles.gp.ensemble import Ensemble
from kerastune_lite._src.algorithms.oracles.gp.model import Data, Posterior
from kerastune_lite._src.algorithms.oracles.gp.selection import chosen
from kerastune_lite._src.algorithms.oracles.gp.targets import Targets
from kerastune_lite._src.core.pareto import fronts


@dataclasses.dataclass(frozen=True)
class Process:
    """A fitted process.

    Attributes:
        data, theta: of the process.
        prior: its prior mean, from former projects; None: zero.
    """

    data: Data
    theta: Array
    prior: Ensemble | None = None

    def posterior(self) -> Posterior:
        return Posterior(self.data, self.theta, self.prior)

    def believing(self, rows: Array) -> tuple[Posterior, Array]:
        """The posterior while `rows`, `(q, d)`, are being trained, and their targets, `(q,)`.

        They count as observations of their expected targets (Ginsbourger et al. 2010, the kriging
        believer). That changes no mean, but removes the uncertainty around them.
        """
        posterior = self.posterior()
        if not len(rows):
            return posterior, np.zeros(0)
        means = posterior.predict(rows)[0]
        believed = Data(
            np.concatenate([self.data.x, rows]),
            np.concatenate([self.data.z, means]),
            np.concatenate([self.data.extra, np.zeros(len(rows))]),
            self.data.groups,
        )
        return Posterior(believed, self.theta, self.prior), means


@dataclasses.dataclass(frozen=True)
class Table:
    """All observations.

    Attributes:
        rows: `(n, d)`.
        losses: `(n, k)`, of `k` processes; infinite for failed trials.
        repeats: for each observation the losses of its executions, or nothing.
        groups: of the columns of the rows, `(d,)`.
    """

    rows: Array
    losses: Array
    repeats: list[list[float]]
    groups: Indices

    def __len__(self) -> int:
        return len(self.losses)

    def fitted(self, count: int, limit: int) -> list[Data]:
        """For each process at most `limit` of the first `count` observations.

        Targets are fitted to all `count`.
        """
        losses = self.losses[:count]
        kept = chosen(_places(losses), limit)
        found = []
        for column in losses.T:
            targets = Targets(column)
            extra = _extra(targets, self.repeats[:count])
            found.append(Data(self.rows[kept], targets(column)[kept], extra[kept], self.groups))
        return found


def _places(losses: Array) -> Array:
    """Smaller for better observations, `(n,)`: the loss, or the front of several losses."""
    if losses.shape[1] == 1:
        return losses[:, 0]
    places = np.full(len(losses), np.inf)
    finite = np.isfinite(losses).all(1)
    places[finite] = fronts(losses[finite])
    return places


def _extra(targets: Targets, repeats: list[list[float]]) -> Array:
    """The variances of the trials' targets, from their repeats, `(n,)`.

    Each is the variance of a mean of `k` repeats, shrunk towards the pooled variance, because two
    or three repeats say little about their own.
    """
    counts = np.array([max(len(losses), 1) for losses in repeats])
    squares = np.array(
        [np.var(targets(np.array(losses))) * len(losses) if losses else 0.0 for losses in repeats]
    )
    freedom = counts - 1
    if not freedom.any():
        return np.zeros(len(repeats))
    pooled = squares.sum() / freedom.sum()
    weight = 4.0
    variances: Array = (squares + weight * pooled) / (freedom + weight)
    return variances / counts
