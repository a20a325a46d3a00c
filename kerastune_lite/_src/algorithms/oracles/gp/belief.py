"""The user's priors as a part of the merit of points (Hvarfner and others, 2022, "piBO")."""

from __future__ import annotations

import dataclasses

import numpy as np

from kerastune_lite._src.algorithms.oracles.gp.encoding import Array, Encoding, Mask

_BETA = 10.0
"""After how many trials the density counts as much as the expected improvement."""


@dataclasses.dataclass(frozen=True)
class Belief:
    """The logarithm of the density of the priors, times beta / n (eq. 6).

    Attributes:
        encoding: of the space.
        trials: n, the number of trials so far.
    """

    encoding: Encoding
    trials: int

    def value(self, units: Array, active: Mask) -> Array:
        """At points `(m, p)`, whose active parameters are `active`, `(m,)`."""
        total: Array = self._each(units, active, 0).sum(axis=1)
        return total

    def slope(self, units: Array, active: Mask) -> Array:
        """Its gradient, `(m, p)`; 0 for values without order."""
        return self._each(units, active, 1)

    def _each(self, units: Array, active: Mask, part: int) -> Array:
        weight = _BETA / max(self.trials, 1)
        found = np.zeros(units.shape)
        for i, axis in enumerate(self.encoding.axes):
            domain = axis.parameter.domain
            if domain.prior is not None:
                found[:, i] = weight * domain.prior.log_density(domain, units[:, i])[part]
        return np.where(active, found, 0.0)
