"""A Gaussian process over the points of a space, fitted to a history."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Sequence

import numpy as np

from kerastune_lite._src.algorithms.oracles.gp.activity import Rule, expected, learned_rules
from kerastune_lite._src.algorithms.oracles.gp.encoding import Array, Encoding, Indices
from kerastune_lite._src.algorithms.oracles.gp.learning_curves import timed
from kerastune_lite._src.algorithms.oracles.gp.model import Data, Posterior
from kerastune_lite._src.algorithms.oracles.gp.observations import observe
from kerastune_lite._src.algorithms.oracles.gp.selection import chosen, refitted_at
from kerastune_lite._src.algorithms.oracles.gp.targets import Targets
from kerastune_lite._src.core.history import TrialHistory

_FITTED = 200
"""The largest number of observations to which the settings are fitted."""
_FITTED_BY_TIME = 120
"""The same if trials are resumed: smaller, because their losses change more often."""
_CONDITIONED = 300
"""The largest number of observations of the posterior."""
_LEADERS = 16


@dataclasses.dataclass(frozen=True)
class Learned:
    """A process fitted to a history.

    Attributes:
        encoding, rules: how points are converted to rows.
        data, theta: of the process.
        running: rows of the running trials, `(q, d)`.
        timed: whether the last column of a row is the training time.
        best: the lowest expected target of the trials so far.
        leaders: units of the trials, in ascending order of their expected losses, `(k, p)`.
    """

    encoding: Encoding
    rules: list[Rule]
    data: Data
    theta: Array
    running: Array
    timed: bool
    best: float
    leaders: Array

    def pending(self, points: Sequence[Array]) -> Array:
        """Rows, `(q, d)`, of the running trials and of `points`, units `(p,)` each."""
        if not points:
            return self.running
        units = np.array(points)
        added = self.encoding.rows(units, expected(self.encoding, self.rules, units))
        return np.concatenate([self.running, _at_the_end(added) if self.timed else added])

    def posterior(self, rows: Array) -> tuple[Posterior, float]:
        """The posterior and the best target, given that `rows`, `(q, d)`, are being trained.

        They count as observations of their expected targets (Ginsbourger et al. 2010, the kriging
        believer). That changes no mean, but removes the uncertainty around them, and others have to
        improve on their targets.
        """
        posterior = Posterior(self.data, self.theta)
        if not len(rows):
            return posterior, self.best
        means = posterior.predict(rows)[0]
        believed = Data(
            np.concatenate([self.data.x, rows]),
            np.concatenate([self.data.z, means]),
            np.concatenate([self.data.extra, np.zeros(len(rows))]),
            self.data.groups,
        )
        return Posterior(believed, self.theta), min(self.best, float(means.min()))


def learned(
    history: TrialHistory, encoding: Encoding, theta_of: Callable[[Data], Array], least: int
) -> Learned | None:
    """The process fitted to a history; None if it has fewer than `least` finite losses.

    Args:
        theta_of: fits the settings of the process.
    """
    seen = observe(history, encoding)
    if np.isfinite(seen.losses).sum() < least:
        return None
    rules = learned_rules(encoding, seen.units[seen.used], seen.active[seen.used])
    running = encoding.rows(seen.pending, expected(encoding, rules, seen.pending))
    ends = encoding.rows(seen.units, seen.active)
    by_time = timed(history)
    if by_time is None:
        table = Table(ends, seen.losses, seen.repeats, encoding.groups)
        count = refitted_at(len(seen))
    else:
        every = np.empty((len(history), ends.shape[1]))
        every[seen.numbers], every[seen.running] = ends, running
        rows = np.column_stack([every[by_time.numbers], by_time.times])
        # Time is an input like the others, with its own length scale.
        groups = np.append(encoding.groups, len(encoding.axes))
        table = Table(rows, by_time.losses, [[]] * len(rows), groups)
        count = int((by_time.numbers < refitted_at(len(history))).sum())
        ends, running = _at_the_end(ends), _at_the_end(running)
    theta = theta_of(table.data(count, _FITTED if by_time is None else _FITTED_BY_TIME))
    data = table.data(len(table), _CONDITIONED)
    means = Posterior(data, theta).predict(ends)[0]
    order = np.argsort(means, kind="stable")
    finite = order[np.isfinite(seen.losses[order])]
    return Learned(
        encoding,
        rules,
        data,
        theta,
        running,
        timed=by_time is not None,
        best=float(means[finite[0]]),
        leaders=seen.units[finite[:_LEADERS]],
    )


def _at_the_end(rows: Array) -> Array:
    """Rows `(m, d)` with one more column, the end of training: 1."""
    return np.column_stack([rows, np.ones(len(rows))])


@dataclasses.dataclass(frozen=True)
class Table:
    """All observations: rows `(n, d)`, losses `(n,)`, their repeats; groups of columns, `(d,)`."""

    rows: Array
    losses: Array
    repeats: list[list[float]]
    groups: Indices

    def __len__(self) -> int:
        return len(self.losses)

    def data(self, count: int, limit: int) -> Data:
        """At most `limit` of the first `count` observations; targets are fitted to all `count`."""
        losses = self.losses[:count]
        targets = Targets(losses)
        kept = chosen(losses, limit)
        extra = _extra(targets, self.repeats[:count])
        return Data(self.rows[kept], targets(losses)[kept], extra[kept], self.groups)


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
