"""What a history teaches: Gaussian processes over the points of a space."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Sequence

import numpy as np

from kerastune_lite._src.algorithms.oracles.gp.activity import Rule, expected, learned_rules
from kerastune_lite._src.algorithms.oracles.gp.encoding import Array, Encoding, Indices, Mask
from kerastune_lite._src.algorithms.oracles.gp.ensemble import Ensemble, ensemble
from kerastune_lite._src.algorithms.oracles.gp.former import surface_of
from kerastune_lite._src.algorithms.oracles.gp.goals import limits_of, reference_of, scalarized
from kerastune_lite._src.algorithms.oracles.gp.learning_curves import Timed, timed
from kerastune_lite._src.algorithms.oracles.gp.model import Data, Posterior
from kerastune_lite._src.algorithms.oracles.gp.observations import Observations, observe
from kerastune_lite._src.algorithms.oracles.gp.process import Process, Table
from kerastune_lite._src.algorithms.oracles.gp.selection import chosen, refitted_at
from kerastune_lite._src.core.former import Former
from kerastune_lite._src.core.history import TrialHistory
from kerastune_lite._src.core.pareto import fronts, ranking

_FITTED = 200
"""The largest number of observations to which the settings are fitted."""
_FITTED_BY_TIME = 120
"""The same if trials are resumed: smaller, because their losses change more often."""
_CONDITIONED = 300
"""The largest number of observations of the posterior."""
_OF_A_FRONT = 2
"""How many objectives have a process each; the hypervolume of more takes much longer."""
_LEADERS = 5
"""The largest number of leaders,"""
_LEADERS_OF_FRONT = 16
"""and of those of a front."""


@dataclasses.dataclass(frozen=True)
class Learned:
    """What the trials of a history have taught.

    Attributes:
        encoding, rules: how points are converted to rows.
        processes: of two objectives, or of one loss.
        running: rows of the running trials, `(q, d)`.
        timed: whether the last column of a row is the training time.
        front: the expected targets of the trials that no other one dominates, `(f, k)` for `k`
            processes; with one process those of the best trial.
        reference: up to where hypervolume counts, `(k,)`.
        leaders: units of the best trials, `(l, p)`.
        limits: the processes of the constraints.
        is_allowed: whether a trial satisfies all of them.
        changes: whether the next proposal may have other processes, or other weights, because there
            are several objectives.
    """

    encoding: Encoding
    rules: list[Rule]
    processes: tuple[Process, ...]
    running: Array
    timed: bool
    front: Array
    reference: Array
    leaders: Array
    limits: tuple[Posterior, ...] = ()
    is_allowed: bool = True
    changes: bool = False

    @property
    def trust(self) -> float:
        """The weight of former projects, in [0, 1]."""
        prior = self.processes[0].prior
        return 0.0 if prior is None else prior.trust

    def pending(self, points: Sequence[Array]) -> Array:
        """Rows, `(q, d)`, of the running trials and of `points`, units `(p,)` each."""
        if not points:
            return self.running
        units = np.array(points)
        added = self.encoding.rows(units, expected(self.encoding, self.rules, units))
        return np.concatenate([self.running, _at_the_end(added) if self.timed else added])

    def believing(self, rows: Array) -> tuple[tuple[Posterior, ...], Array]:
        """The posteriors and the front, given that `rows`, `(q, d)`, are being trained.

        Others have to improve on what is expected of them.
        """
        posteriors, targets = zip(*(process.believing(rows) for process in self.processes))
        return posteriors, np.concatenate([self.front, np.column_stack(targets)])


def learned(
    history: TrialHistory,
    encoding: Encoding,
    theta_of: Callable[[Data], Array],
    least: int,
    rng: np.random.Generator,
    as_one: bool = False,
) -> Learned | None:
    """What a history teaches; None if it has fewer than `least` finite losses.

    Args:
        theta_of: fits the settings of a process.
        rng: draws the weights of objectives that are combined.
        as_one: whether two objectives are combined, too; more always are.
    """
    seen = observe(history, encoding)
    if np.isfinite(seen.losses).sum() < least:
        return None
    rules = learned_rules(encoding, seen.units[seen.used], seen.active[seen.used])
    running = encoding.rows(seen.pending, expected(encoding, rules, seen.pending))
    ends = encoding.rows(seen.units, seen.active)
    by_time = timed(history) if seen.several is None else None
    if by_time is None:
        losses = _learned_losses(seen, as_one, rng)
        # With several objectives, those of repeats are not known.
        repeats = seen.repeats if seen.several is None else [[]] * len(seen)
        table = Table(ends, losses, repeats, encoding.groups)
        few = table.fitted(refitted_at(len(seen)), _FITTED)
    else:
        table = _table_by_time(len(history), encoding, seen, by_time, ends, running)
        count = int((by_time.numbers < refitted_at(len(history))).sum())
        few = table.fitted(count, _FITTED_BY_TIME)
        ends, running = _at_the_end(ends), _at_the_end(running)
    all_data = table.fitted(len(table), _CONDITIONED)
    processes = tuple(Process(data, theta_of(each)) for data, each in zip(all_data, few))
    if seen.several is None:
        latest = None if by_time is None else by_time.latest[chosen(by_time.losses, _CONDITIONED)]
        prior = _prior(history.former, encoding, processes[0], latest)
        if prior is not None:
            theta = theta_of(dataclasses.replace(few[0], z=few[0].z - prior.mean(few[0].x)))
            processes = (Process(processes[0].data, theta, prior),)
    limits: tuple[Posterior, ...] = ()
    if seen.excesses is not None:
        limits = limits_of(ends, seen.excesses, table.groups, theta_of)
    means = np.column_stack([process.posterior().predict(ends)[0] for process in processes])
    leaders, front = _best(means, np.isfinite(seen.losses), seen.allowed)
    return Learned(
        encoding,
        rules,
        processes,
        running,
        timed=by_time is not None,
        front=means[front],
        reference=reference_of(means[front]),
        leaders=seen.units[leaders],
        limits=limits,
        is_allowed=bool(seen.allowed.any()),
        changes=seen.several is not None,
    )


def _learned_losses(seen: Observations, as_one: bool, rng: np.random.Generator) -> Array:
    """What processes learn of trials, `(n, k)`: the losses of two objectives, or one loss."""
    if seen.several is None:
        return seen.losses[:, None]
    if as_one or seen.several.shape[1] != _OF_A_FRONT:
        return scalarized(seen.several, seen.allowed, rng)[:, None]
    return seen.several


def _best(means: Array, finite: Mask, allowed: Mask) -> tuple[Indices, Indices]:
    """The indices of some of the best trials, and of those of which none dominates another one.

    Args:
        means: expected targets, `(n, k)`.
        finite, allowed: whether a trial has a loss, and satisfies all constraints, `(n,)`; those
            that satisfy them come first.
    """
    known = np.flatnonzero(finite)
    if means.shape[1] == 1:
        order = known[np.lexsort((means[known, 0], ~allowed[known]))]
        return order[:_LEADERS], order[:1]
    violations = (~allowed[known]).astype(float).tolist()
    order = known[ranking(means[known], violations, crowded_last=True)]
    compared = np.flatnonzero(allowed) if allowed.any() else known
    front = compared[fronts(means[compared]) == 0]
    return order[:_LEADERS_OF_FRONT], front


def _table_by_time(
    trials: int,
    encoding: Encoding,
    seen: Observations,
    by_time: Timed,
    ends: Array,
    running: Array,
) -> Table:
    """The observations of trials of different lengths; time is the last column of their rows."""
    every = np.empty((trials, ends.shape[1]))
    every[seen.numbers], every[seen.running] = ends, running
    rows = np.column_stack([every[by_time.numbers], by_time.times])
    # Time is an input like the others, with its own length scale.
    groups = np.append(encoding.groups, len(encoding.axes))
    return Table(rows, by_time.losses[:, None], [[]] * len(rows), groups)


def _prior(
    former: Sequence[Former], encoding: Encoding, process: Process, latest: Mask | None
) -> Ensemble | None:
    """The prior mean from former projects; None if they do not explain the data.

    Args:
        process: without a prior mean.
        latest: which of the data are the last ones of their trials, `(n,)`; None: all.
    """
    surfaces = [surface_of(encoding.space, each) for each in former]
    known = [surface for surface in surfaces if surface is not None]
    if not known:
        return None
    data = process.data
    if latest is not None:
        data = Data(data.x[latest], data.z[latest], data.extra[latest], data.groups)
    return ensemble(known, data, process.theta)


def _at_the_end(rows: Array) -> Array:
    """Rows `(m, d)` with one more column, the end of training: 1."""
    return np.column_stack([rows, np.ones(len(rows))])
