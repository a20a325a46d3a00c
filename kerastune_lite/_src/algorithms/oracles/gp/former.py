"""Former projects as processes over the rows of the new space.

A parameter counts if both spaces have its name. What the former project alone has is noise for its
process; what the new space alone has does not change what it predicts.
"""

from __future__ import annotations

import dataclasses
import functools

import numpy as np

from kerastune_lite._src.algorithms.oracles.gp.encoding import (
    Array,
    Encoding,
    Indices,
    encoding_of,
)
from kerastune_lite._src.algorithms.oracles.gp.model import Data, Posterior, Priors, fitted
from kerastune_lite._src.algorithms.oracles.gp.selection import chosen
from kerastune_lite._src.algorithms.oracles.gp.targets import Targets
from kerastune_lite._src.core.former import Former
from kerastune_lite._src.space.adapting import adapted
from kerastune_lite._src.space.domains import Value
from kerastune_lite._src.space.parameters import Space
from kerastune_lite._src.util.threads import one_thread

_LEAST = 3
"""The smallest number of results for a process."""
_FITTED = 200
"""The largest number of results of a process."""
_KEPT = 64
"""How many former projects stay fitted."""


@dataclasses.dataclass(frozen=True)
class Relevant:
    """The trials of a former project that are points of the new space.

    Attributes:
        points: values for all active parameters of the new space.
        losses: `(n,)`; infinite for failed trials.
    """

    points: tuple[dict[str, Value], ...]
    losses: Array

    @property
    def ranking(self) -> list[dict[str, Value]]:
        """The points without those of failed trials, the best first."""
        order = np.argsort(self.losses, kind="stable")
        return [self.points[i] for i in order if np.isfinite(self.losses[i])]


@dataclasses.dataclass(frozen=True)
class FormerSurface:
    """The process of a former project.

    Attributes:
        posterior: over its columns.
        columns: those of the rows of the new space that it depends on, `(k,)`.
    """

    posterior: Posterior
    columns: Indices

    def mean(self, rows: Array) -> Array:
        """Expected targets at rows `(m, d)`, `(m,)`; smaller is better."""
        return self.posterior.mean(rows[:, self.columns])

    def gradient(self, rows: Array) -> Array:
        """The gradient of the mean at rows `(m, d)`, `(m, d)`."""
        gradient = np.zeros_like(rows)
        within = self.posterior.predict_with_gradients(rows[:, self.columns])
        gradient[:, self.columns] = within.mean_gradient
        return gradient


def shared_names(space: Space, former: Space) -> list[str]:
    """The parameters that vary in `space` and that `former` has, too."""
    known = set(former.names)
    names = (axis.parameter.name for axis in encoding_of(space).axes)
    return list(dict.fromkeys(name for name in names if name in known))


@functools.lru_cache(maxsize=_KEPT)
def relevant(space: Space, former: Former) -> Relevant:
    """The trials of `former` that are points of `space`; none if no parameter is shared."""
    found: list[tuple[dict[str, Value], float]] = []
    if shared_names(space, former.space):
        for values, loss in zip(former.points, former.losses):
            point = adapted(values, space)
            if point is not None and not np.isnan(loss):
                found.append((point, loss))
    losses = np.array([loss for _, loss in found], dtype=float)
    return Relevant(tuple(point for point, _ in found), losses)


@functools.lru_cache(maxsize=_KEPT)
@one_thread()
def surface_of(space: Space, former: Former) -> FormerSurface | None:
    """The process of `former` over `space`; None if too few of its results are of use."""
    trials = relevant(space, former)
    finite = trials.losses[np.isfinite(trials.losses)]
    if len(finite) < _LEAST or finite.min() == finite.max():
        return None
    kept = chosen(trials.losses, _FITTED)
    encoding = encoding_of(space)
    points = [encoding.units(trials.points[i]) for i in kept]
    units = np.array([each for each, _ in points])
    rows = encoding.rows(units, np.array([active for _, active in points]))
    columns, groups = _shared_columns(encoding, former)
    targets = Targets(trials.losses)(trials.losses)[kept]
    data = Data(rows[:, columns], targets, np.zeros(len(kept)), groups)
    return FormerSurface(Posterior(data, fitted(data, Priors())), columns)


def _shared_columns(encoding: Encoding, former: Former) -> tuple[Indices, Indices]:
    """The columns of the shared parameters, and the group of each, both `(k,)`."""
    names = set(shared_names(encoding.space, former.space))
    shared = [i for i, axis in enumerate(encoding.axes) if axis.parameter.name in names]
    columns = np.flatnonzero(np.isin(encoding.groups, shared))
    return columns, np.searchsorted(shared, encoding.groups[columns])
