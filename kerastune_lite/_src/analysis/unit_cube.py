"""Trials as a table of numbers: a column in [0, 1] for each hyperparameter, and the losses."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Iterable, Mapping, Sequence

import numpy as np
import numpy.typing as npt

from kerastune_lite._src.core.scored_trials import scored
from kerastune_lite._src.core.trial import Trial
from kerastune_lite._src.space.choice import Choice
from kerastune_lite._src.space.domains import Value
from kerastune_lite._src.space.parameters import Space

Array = npt.NDArray[np.float64]

FAR = 10.0
"""The largest distance of a loss above the median, relative to that of the median from the best.

A search that learns has most trials near the best; with a smaller limit, its first random trials
would count as diverged.
"""


@dataclasses.dataclass(frozen=True)
class Columns:
    """The trials that have a score.

    Attributes:
        names: the hyperparameters that differ between these trials.
        units: (n, d), the position of each value on the scale of its domain; NaN if it was
            inactive. Values without an order (a Choice of names) are ordered by their mean losses.
        losses: (n,), smaller is better; `winsorized`.
    """

    names: tuple[str, ...]
    units: Array
    losses: Array

    @property
    def trials(self) -> int:
        return len(self.losses)


def space_of(trials: Iterable[Trial]) -> Space:
    """The merged spaces of the trials; that of a later trial takes precedence."""
    space, seen = Space(), None
    for trial in trials:
        if trial.space is not seen:
            space, seen = space.merged(trial.space, overwrite=True), trial.space
    return space


def columns_of(trials: Sequence[Trial], losses_of: Mapping[int, float] | None = None) -> Columns:
    """The trials with a score as columns.

    Args:
        trials: of any status; those without a score are left out.
        losses_of: by the number of the trial. Default: `trial.loss`.
    """
    rows = scored(trials)
    space = space_of(rows)
    units = np.array([[_unit(space, name, row.values) for name in space.names] for row in rows])
    units = units.reshape(len(rows), len(space.names))
    differs = [len(np.unique(column)) > 1 for column in units.T]  # all NaN count as one
    names = tuple(name for name, tells in zip(space.names, differs) if tells)
    losses = winsorized(
        np.array(
            [row.loss if losses_of is None else losses_of[row.number] for row in rows],
            dtype=np.float64,
        )
    )
    for column, name in enumerate(space.names):
        if _nominal(space, name):
            units[:, column] = _by_mean_loss(units[:, column], losses)
    return Columns(names, units[:, differs], losses)


def winsorized(losses: Array) -> Array:
    """Losses with a limit, so that a single bad one does not cause most of the variance.

    The loss of a diverged training may be a million. A loss is at most the median, plus `FAR` times
    the distance of the median from the best.
    """
    if not len(losses):
        return losses
    best, median = float(losses.min()), float(np.median(losses))
    return losses if best == median else np.minimum(losses, median + FAR * (median - best))


def _nominal(space: Space, name: str) -> bool:
    domains = [parameter.domain for parameter in space.named(name)]
    return all(isinstance(domain, Choice) and not domain.ordered for domain in domains)


def _by_mean_loss(units: Array, losses: Array) -> Array:
    """A column without an order, its values ordered by their mean losses.

    This order is the best one for the splits of a tree (Breiman et al., "Classification and
    Regression Trees", 1984, theorem 4.5).
    """
    known = ~np.isnan(units)
    values, codes = np.unique(units[known], return_inverse=True)
    means = np.bincount(codes, losses[known]) / np.bincount(codes)
    place = np.empty(len(values))
    place[np.argsort(means, kind="stable")] = (np.arange(len(values)) + 0.5) / len(values)
    ordered = units.copy()
    ordered[known] = place[codes]
    return ordered


def _unit(space: Space, name: str, values: Mapping[str, Value]) -> float:
    parameter = space.active(name, values) if name in values else None
    if parameter is None:
        return math.nan
    try:
        return parameter.domain.to_unit(values[name])
    except ValueError:
        # The domain was changed after this trial, so the position is not known.
        return math.nan
