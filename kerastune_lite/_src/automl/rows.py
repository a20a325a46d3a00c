"""Encoded rows: samples, targets and weights that stay together."""

from __future__ import annotations

import dataclasses
from typing import Any

import numpy as np


@dataclasses.dataclass(frozen=True)
class Rows:
    """Encoded rows.

    Attributes:
        x: `(n, ...)`.
        y: `(n,)` or `(n, outputs)`.
        weights: `(n,)`, or None.
    """

    x: Any
    y: np.ndarray
    weights: np.ndarray | None = None

    def __len__(self) -> int:
        return len(self.y)

    def first(self, count: int) -> Rows:
        """The first `count` rows; rows are in random order, as splits are."""
        weights = None if self.weights is None else self.weights[:count]
        return Rows(self.x[:count], self.y[:count], weights)

    def arguments(self) -> dict[str, Any]:
        """As arguments of `fit`."""
        given = {"x": self.x, "y": self.y, "sample_weight": self.weights}
        return {name: value for name, value in given.items() if value is not None}

    def joined(self, others: Rows) -> Rows:
        """These rows and others."""
        weights = None
        if self.weights is not None and others.weights is not None:
            weights = np.concatenate([self.weights, others.weights])
        x, y = (np.concatenate(pair) for pair in ((self.x, others.x), (self.y, others.y)))
        return Rows(x, y, weights)
