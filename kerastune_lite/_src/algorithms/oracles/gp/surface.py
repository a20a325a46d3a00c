"""The search for the most promising points of the posterior of a Gaussian process."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence

import numpy as np
from scipy import optimize

from kerastune_lite._src.algorithms.oracles.gp.activity import Rule, expected
from kerastune_lite._src.algorithms.oracles.gp.belief import Belief
from kerastune_lite._src.algorithms.oracles.gp.encoding import Array, Encoding, Mask
from kerastune_lite._src.algorithms.oracles.gp.kernel import squared_distances
from kerastune_lite._src.algorithms.oracles.gp.merit import Merit

_UNIFORM, _MUTATED = 512, 256
_STARTS = 4
"""The number of local searches from the best candidates."""
_APART = 0.1
"""The smallest distance between the rows of their starting points."""
_ROOM = 0.02
"""The smallest distance of the row of a point from those that are being trained."""
_CLIMB = 20
"""Steps of a local search."""


@dataclasses.dataclass(frozen=True)
class Surface:
    """The merit of the points of a space.

    Attributes:
        encoding, rules: how points are converted to rows.
        merits: functions of rows, `(m, d)`, whose sum is the merit; the last column of a row may be
            the training time.
        timed: whether there is that column; points are then evaluated at the end of training, 1.
        taken: rows that are being trained, `(q, d)`.
        held: units, `(p,)`, that all points have in common; NaN for those that may vary.
        belief: what the user expects, which is added to the merit; None: nothing.
    """

    encoding: Encoding
    rules: list[Rule]
    merits: Sequence[Merit]
    timed: bool
    taken: Array
    held: Array | None = None
    belief: Belief | None = None

    def rows(self, units: Array) -> Array:
        """Rows of proposed points, `(m, p)`."""
        return self._rows(units, expected(self.encoding, self.rules, units))

    def _rows(self, units: Array, active: Mask) -> Array:
        rows = self.encoding.rows(units, active)
        return np.column_stack([rows, np.ones(len(rows))]) if self.timed else rows

    def merit(self, units: Array) -> Array:
        """The merit of points, `(m,)`; larger is better."""
        active = expected(self.encoding, self.rules, units)
        rows = self._rows(units, active)
        total = np.zeros(len(rows)) if self.belief is None else self.belief.value(units, active)
        for merit in self.merits:
            total += merit.value(rows)
        return total

    def best(self, leaders: Array, rng: np.random.Generator) -> Array:
        """Points in descending order of merit, `(m, p)`.

        Args:
            leaders: the best points so far, `(k, p)`, some of which are mutated.
        """
        units = self._with_held(candidates(self.encoding, leaders, rng))
        merit = self.merit(units)
        order = np.argsort(-merit, kind="stable")
        units, merit = units[order], merit[order]
        starts = units[self._apart(units)]
        found = self._climbed(starts)
        found = np.concatenate([found, self._neighbours(found)])
        units = np.concatenate([found, units])
        merit = np.concatenate([self.merit(found), merit])
        return units[np.argsort(-merit, kind="stable")]

    def not_taken(self, units: Array) -> Array:
        """The points that are not close to those that are being trained, `(m, p)`.

        If the model is sure of a minimum, the merit is high only there, and all workers would train
        there.
        """
        if not len(self.taken):
            return units
        return units[squared_distances(self.rows(units), self.taken).min(1) > _ROOM**2]

    def _with_held(self, units: Array) -> Array:
        if self.held is None:
            return units
        return np.where(np.isnan(self.held), units, self.held)

    def _apart(self, units: Array) -> list[int]:
        """The indices of the first points that are not close to each other."""
        rows = self.rows(units[:128])
        chosen = [0]
        for i in range(1, len(rows)):
            if len(chosen) == _STARTS:
                break
            if ((rows[chosen] - rows[i]) ** 2).sum(1).min() > _APART**2:
                chosen.append(i)
        return chosen

    def _climbed(self, starts: Array) -> Array:
        """The ends of local searches over the continuous parameters, `(k, p)` for `(k, p)`."""
        active = expected(self.encoding, self.rules, starts)
        free = np.zeros_like(active)
        free[:, self.encoding.continuous] = True
        free &= active
        if self.held is not None:
            free &= np.isnan(self.held)
        if not free.any():
            return starts
        rows, units = self._rows(starts, active), starts.copy()
        which, axes = np.nonzero(free)
        columns = np.array([self.encoding.axes[axis].columns.start for axis in axes])

        # All searches are one: their sum is separable, and four rows cost as much as one.
        def fall(point: Array) -> tuple[float, Array]:
            rows[which, columns] = point
            value, gradient = 0.0, np.zeros_like(rows)
            for merit in self.merits:
                more = merit.with_gradient(rows)
                value, gradient = value + more[0], gradient + more[1]
            slopes = gradient[which, columns]
            if self.belief is not None:
                units[which, axes] = point
                value += float(self.belief.value(units, active).sum())
                slopes = slopes + self.belief.slope(units, active)[which, axes]
            return -value, -slopes

        found = optimize.minimize(
            fall,
            starts[which, axes],
            jac=True,
            method="L-BFGS-B",
            bounds=[(0.0, 1.0)] * len(which),
            options={"maxiter": _CLIMB},
        )
        climbed = starts.copy()
        climbed[which, axes] = np.clip(found.x, 0.0, 1.0)
        return climbed

    def _neighbours(self, units: Array) -> Array:
        """All points that differ in one discrete parameter, `(m, p)`."""
        found = [
            np.column_stack([units[:, :i], np.full(len(units), position), units[:, i + 1 :]])
            for i, axis in enumerate(self.encoding.axes)
            for position in axis.positions
            if self.held is None or np.isnan(self.held[i])
        ]
        return np.concatenate(found) if found else units[:0]


def candidates(encoding: Encoding, leaders: Array, rng: np.random.Generator) -> Array:
    """Uniform points, then mutations of `leaders`, `(m, p)`, discrete parameters rounded."""
    width = len(encoding.axes)
    uniform = rng.random((_UNIFORM, width))
    if not len(leaders):
        return encoding.snapped(uniform)
    parents = leaders[rng.integers(len(leaders), size=_MUTATED)]
    fresh = rng.random(parents.shape)
    # From steps as wide as the space to those that refine a minimum.
    steps = 10.0 ** rng.uniform(-2.5, -0.3, (_MUTATED, 1))
    moved = parents + steps * rng.standard_normal(parents.shape)
    moved = np.abs(moved)
    moved = np.clip(np.minimum(moved, 2.0 - moved), 0.0, 1.0)
    discrete = np.array([axis.members is not None for axis in encoding.axes], dtype=bool)
    changed = np.where(discrete, fresh, moved)
    share = max(1.0 / max(width, 1), 0.25)
    which = rng.random(parents.shape) < np.where(discrete, share, 0.5)
    mutated = np.where(which, changed, parents)
    return encoding.snapped(np.concatenate([uniform, mutated]))
