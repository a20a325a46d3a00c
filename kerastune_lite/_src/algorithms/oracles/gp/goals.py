"""Several objectives as one loss, the reference of a front, and constraints as processes."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from kerastune_lite._src.algorithms.oracles.gp.encoding import Array, Indices, Mask
from kerastune_lite._src.algorithms.oracles.gp.model import Data, Posterior
from kerastune_lite._src.algorithms.oracles.gp.selection import chosen, refitted_at
from kerastune_lite._src.algorithms.oracles.gp.targets import Targets
from kerastune_lite._src.core.pareto import fronts

_SUM = 0.05
"""The weight of the sum in the augmented Chebyshev function, as in ParEGO."""
_BEYOND = 0.1
"""The distance of the reference from the worst of the front, relative to the front's range."""
_FAR = 1e6
"""Larger excesses count as this one; they may be infinite."""
_FITTED = 100
"""The largest number of observations to which the settings of a constraint's process are fitted."""
_CONDITIONED = 200
"""The largest number of observations of that process."""


def scalarized(losses: Array, allowed: Mask, rng: np.random.Generator) -> Array:
    """One loss of several, with weights that are drawn anew for each proposal.

    The augmented Chebyshev function of the losses: max(w l) + 0.05 sum(w l) (Knowles, "ParEGO",
    2006, eq. 2). For each point of the front there are weights with which it is the best one, also
    where the front is concave. Each loss is scaled so that it is in [0, 1] on the front: scaled by
    all trials, bad ones would decide what the weights mean.

    Args:
        losses: `(n, m)`, infinite for failed trials.
        allowed: `(n,)`, the trials that satisfy all constraints.

    Returns:
        `(n,)`, infinite for failed trials.
    """
    # Diverged trainings would leave no difference between the others.
    targets = np.column_stack([Targets(column)(column) for column in losses.T])
    finite = np.isfinite(losses).all(1)
    compared = np.flatnonzero(finite & allowed if (finite & allowed).any() else finite)
    front = targets[compared[fronts(losses[compared]) == 0]]
    scaled = np.column_stack([_scaled(t, f) for t, f in zip(targets.T, front.T, strict=True)])
    weighted = scaled * rng.dirichlet(np.ones(losses.shape[1]))
    combined: Array = weighted.max(1) + _SUM * weighted.sum(1)
    combined[~finite] = np.inf
    return combined


def _scaled(values: Array, front: Array) -> Array:
    """Values with the best of the front at 0 and its worst at 1; if these are equal, the worst."""
    low, high = float(front.min()), float(front.max())
    high = high if high > low else float(values.max())
    return (values - low) / (high - low) if high > low else np.zeros_like(values)


def reference_of(front: Array) -> Array:
    """Up to where hypervolume counts: a tenth of the front's range beyond its worst, `(k,)`.

    Farther away the ends of the front would be worth more than all that is between them (Ishibuchi
    et al., "How to specify a reference point in hypervolume calculation", 2018). Where the front
    has no range, it is a tenth of the deviation of the trials' targets, which is 1.

    Args:
        front: targets, `(f, k)`.
    """
    low, high = front.min(0), front.max(0)
    reference: Array = high + _BEYOND * np.where(high > low, high - low, 1.0)
    return reference


def limits_of(
    rows: Array, excesses: Array, groups: Indices, theta_of: Callable[[Data], Array]
) -> tuple[Posterior, ...]:
    """For each constraint the process of its excess; the constraint is satisfied up to 0.

    Args:
        rows: of the trials, `(n, d)`.
        excesses: `(n, c)`, NaN for trials that failed, which say nothing of constraints.
        groups: of the columns of the rows, `(d,)`.
        theta_of: fits the settings of a process.
    """
    found = []
    for column in excesses.T:
        known = ~np.isnan(column)
        # Between -1 and 1: how far a bound is exceeded hardly matters if it is by far.
        excess = np.clip(column[known], -_FAR, _FAR)
        bounded = excess / (1.0 + np.abs(excess))
        # As for the losses, settings are fitted less often when there are many observations.
        fitted = refitted_at(len(bounded))
        # Without a shift: 0 keeps its meaning.
        spread = float(np.sqrt(np.mean(bounded[:fitted] ** 2)))
        targets = bounded / spread if spread > 0.0 else bounded
        theta = theta_of(_nearest(rows[known][:fitted], targets[:fitted], groups, _FITTED))
        found.append(Posterior(_nearest(rows[known], targets, groups, _CONDITIONED), theta))
    return tuple(found)


def _nearest(rows: Array, targets: Array, groups: Indices, limit: int) -> Data:
    """At most `limit` observations, above all those near the bound."""
    kept = chosen(np.abs(targets), limit)
    return Data(rows[kept], targets[kept], np.zeros(len(kept)), groups)
