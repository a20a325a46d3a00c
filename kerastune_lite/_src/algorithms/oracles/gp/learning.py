"""A Gaussian process over the points of a space, fitted to a history."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Sequence

import numpy as np

from kerastune_lite._src.algorithms.oracles.gp.activity import Rule, expected, learned_rules
from kerastune_lite._src.algorithms.oracles.gp.encoding import Array, Encoding, Indices, Mask
from kerastune_lite._src.algorithms.oracles.gp.ensemble import Ensemble, ensemble
from kerastune_lite._src.algorithms.oracles.gp.former import surface_of
from kerastune_lite._src.algorithms.oracles.gp.goals import limits_of, scalarized
from kerastune_lite._src.algorithms.oracles.gp.learning_curves import timed
from kerastune_lite._src.algorithms.oracles.gp.model import Data, Posterior
from kerastune_lite._src.algorithms.oracles.gp.observations import observe
from kerastune_lite._src.algorithms.oracles.gp.selection import chosen, refitted_at
from kerastune_lite._src.algorithms.oracles.gp.targets import Targets
from kerastune_lite._src.core.former import Former
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
        prior: its prior mean, from former projects; None: zero.
        running: rows of the running trials, `(q, d)`.
        timed: whether the last column of a row is the training time.
        best: the lowest expected target of the trials so far.
        leaders: units of the trials, in ascending order of their expected losses, `(k, p)`; those
            that satisfy all constraints first.
        limits: the processes of the constraints.
        is_allowed: whether a trial satisfies all of them.
        is_scalarized: whether the losses are of several objectives, with weights that were drawn.
    """

    encoding: Encoding
    rules: list[Rule]
    data: Data
    theta: Array
    prior: Ensemble | None
    running: Array
    timed: bool
    best: float
    leaders: Array
    limits: tuple[Posterior, ...] = ()
    is_allowed: bool = True
    is_scalarized: bool = False

    @property
    def trust(self) -> float:
        """The weight of former projects, in [0, 1]."""
        return 0.0 if self.prior is None else self.prior.trust

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
        posterior = Posterior(self.data, self.theta, self.prior)
        if not len(rows):
            return posterior, self.best
        means = posterior.predict(rows)[0]
        believed = Data(
            np.concatenate([self.data.x, rows]),
            np.concatenate([self.data.z, means]),
            np.concatenate([self.data.extra, np.zeros(len(rows))]),
            self.data.groups,
        )
        return Posterior(believed, self.theta, self.prior), min(self.best, float(means.min()))


def learned(
    history: TrialHistory,
    encoding: Encoding,
    theta_of: Callable[[Data], Array],
    least: int,
    rng: np.random.Generator,
) -> Learned | None:
    """The process fitted to a history; None if it has fewer than `least` finite losses.

    Args:
        theta_of: fits the settings of the process.
        rng: draws the weights of several objectives.
    """
    seen = observe(history, encoding)
    if np.isfinite(seen.losses).sum() < least:
        return None
    if seen.several is not None:
        seen = dataclasses.replace(seen, losses=scalarized(seen.several, seen.allowed, rng))
    rules = learned_rules(encoding, seen.units[seen.used], seen.active[seen.used])
    running = encoding.rows(seen.pending, expected(encoding, rules, seen.pending))
    ends = encoding.rows(seen.units, seen.active)
    by_time = timed(history) if seen.several is None else None
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
    few = table.data(count, _FITTED if by_time is None else _FITTED_BY_TIME)
    theta = theta_of(few)
    data = table.data(len(table), _CONDITIONED)
    latest = None if by_time is None else by_time.latest[chosen(by_time.losses, _CONDITIONED)]
    former = history.former if seen.several is None else ()
    prior = _prior(former, encoding, data, theta, latest)
    if prior is not None:
        theta = theta_of(dataclasses.replace(few, z=few.z - prior.mean(few.x)))
    means = Posterior(data, theta, prior).predict(ends)[0]
    order = np.argsort(means, kind="stable")
    finite = order[np.isfinite(seen.losses[order])]
    allowed = seen.allowed[finite]
    finite = np.concatenate([finite[allowed], finite[~allowed]])
    limits = () if seen.excesses is None else limits_of(ends, seen.excesses, data.groups, theta_of)
    return Learned(
        encoding,
        rules,
        data,
        theta,
        prior,
        running,
        timed=by_time is not None,
        best=float(means[finite[0]]),
        leaders=seen.units[finite[:_LEADERS]],
        limits=limits,
        is_allowed=bool(allowed.any()),
        is_scalarized=seen.several is not None,
    )


def _prior(
    former: Sequence[Former], encoding: Encoding, data: Data, theta: Array, latest: Mask | None
) -> Ensemble | None:
    """The prior mean from former projects; None if they do not explain the data.

    Args:
        data, theta: of the process without a prior mean.
        latest: which of the data are the last ones of their trials, `(n,)`; None: all.
    """
    surfaces = [surface_of(encoding.space, each) for each in former]
    known = [surface for surface in surfaces if surface is not None]
    if not known:
        return None
    if latest is not None:
        data = Data(data.x[latest], data.z[latest], data.extra[latest], data.groups)
    return ensemble(known, data, theta)


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
