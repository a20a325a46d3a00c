"""How promising points are, as functions of what processes predict of them."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from typing import Protocol

import numpy as np

from kerastune_lite._src.algorithms.oracles.gp.acquisition import Acquisition
from kerastune_lite._src.algorithms.oracles.gp.encoding import Array
from kerastune_lite._src.algorithms.oracles.gp.hypervolume import (
    log_expected_hypervolume_improvement,
)
from kerastune_lite._src.algorithms.oracles.gp.model import Posterior


class Merit(Protocol):
    """A function of points, larger is better."""

    def value(self, rows: Array) -> Array:
        """At rows `(m, d)`, `(m,)`."""

    def with_gradient(self, rows: Array) -> tuple[float, Array]:
        """The sum over rows `(m, d)`, and its gradient, `(m, d)`."""


@dataclasses.dataclass(frozen=True)
class MeritOfOne:
    """A merit by one process.

    Attributes:
        posterior: of the process.
        acquisition: of means and standard deviations, `(m,)` each.
    """

    posterior: Posterior
    acquisition: Callable[[Array, Array], Acquisition]

    def value(self, rows: Array) -> Array:
        return self.acquisition(*self.posterior.predict(rows)).value

    def with_gradient(self, rows: Array) -> tuple[float, Array]:
        prediction = self.posterior.predict_with_gradients(rows)
        acquired = self.acquisition(prediction.mean, prediction.deviation)
        gradient = (
            acquired.by_mean[:, None] * prediction.mean_gradient
            + acquired.by_deviation[:, None] * prediction.deviation_gradient
        )
        return float(acquired.value.sum()), gradient


@dataclasses.dataclass(frozen=True)
class MeritOfTwo:
    """The expected hypervolume improvement of two objectives, each with a process of its own.

    Attributes:
        posteriors: of the processes.
        front: the targets that count as known, `(k, 2)`.
        reference: up to where hypervolume counts, `(2,)`.
    """

    posteriors: tuple[Posterior, ...]
    front: Array
    reference: Array

    def value(self, rows: Array) -> Array:
        means, deviations = zip(*(each.predict(rows) for each in self.posteriors))
        return self._acquired(np.array(means), np.array(deviations)).value

    def with_gradient(self, rows: Array) -> tuple[float, Array]:
        found = [each.predict_with_gradients(rows) for each in self.posteriors]
        means, deviations, by_row, deviation_by_row = map(np.array, zip(*found))
        acquired = self._acquired(means, deviations)
        gradient = acquired.by_mean[:, :, None] * by_row
        gradient += acquired.by_deviation[:, :, None] * deviation_by_row
        return float(acquired.value.sum()), gradient.sum(0)

    def _acquired(self, means: Array, deviations: Array) -> Acquisition:
        return log_expected_hypervolume_improvement(means, deviations, self.front, self.reference)
