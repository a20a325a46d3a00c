"""The states of members as arrays, and as the layers of a network compute with them."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Sequence

import numpy as np

from kerastune_lite._src.keras.fast.numpy.masks import Masks

Array = np.ndarray


@dataclasses.dataclass(frozen=True)
class ArrayValues:
    """All that training changes in G members.

    Attributes:
        shapes: of the weights of each.
        weights: `(G, size)`, the weights of a member side by side.
        others: `(G, ...)` each.
        rows: the optimizer's variables that belong to weights, `(G, size)` each.
        alone: the others of its variables, `(G,)` each: iterations, learning rate, ...
    """

    shapes: tuple[tuple[int, ...], ...]
    weights: Array
    others: list[Array]
    rows: list[Array]
    alone: list[Array]

    def each(self, change: Callable[[Array], Array]) -> ArrayValues:
        """The values with every array changed."""
        groups = (self.others, self.rows, self.alone)
        changed = ([change(array) for array in group] for group in groups)
        return ArrayValues(self.shapes, change(self.weights), *changed)


def row(values: Sequence[Array]) -> Array:
    """These side by side."""
    return np.concatenate([np.asarray(value).reshape(-1) for value in values])


def views(rows: Array, shapes: Sequence[tuple[int, ...]]) -> list[Array]:
    """What rows were made of: `(..., size)` to `(..., *shape)` each."""
    found, begin = [], 0
    for shape in shapes:
        end = begin + int(np.prod(shape))
        found.append(rows[..., begin:end].reshape(*rows.shape[:-1], *shape))
        begin = end
    return found


@dataclasses.dataclass(frozen=True)
class Place:
    """Where a variable is found.

    Attributes:
        trained: among those with gradients, or among the others.
        index: there.
    """

    trained: bool
    index: int


Sums = Callable[[Callable[[Array], Array], Array], None]
"""Of a function, of each gradient of a weight that consists of several, and where to write that."""


class Bound:
    """The variables of members, as the layers want them.

    Args:
        values: changed in place by what keeps statistics.
        masks: of dropout layers; None: it is measured, not trained.
    """

    def __init__(self, values: ArrayValues, masks: Masks | None) -> None:
        self.training = masks is not None
        self.gradients = np.empty_like(values.weights) if self.training else values.weights
        self._weights = _along_samples(views(values.weights, values.shapes))
        self._gradients = _along_samples(views(self.gradients, values.shapes))
        self._others = _along_samples(values.others)
        self._masks = masks
        self.sums: dict[int, Sums] = {}
        """By the index of a weight: where the optimizer is given gradients of its rows that are not
        added up yet."""

    def value(self, place: Place) -> Array:
        """Of a variable, `(G, ...)`, with an axis for the samples where it is a vector."""
        return (self._weights if place.trained else self._others)[place.index]

    def gradient(self, place: Place) -> Array:
        """Where that of a weight is to be written."""
        return self._gradients[place.index]

    def mask(self, dropout: int, shape: tuple[int, ...]) -> Array:
        """What a dropout layer multiplies this batch with, `(G, batch, ...)`."""
        assert self._masks is not None
        return self._masks.of(dropout, shape)


def _along_samples(values: Sequence[Array]) -> list[Array]:
    """Vectors of each member with an axis for the samples."""
    return [value[:, None] if value.ndim == 2 else value for value in values]
