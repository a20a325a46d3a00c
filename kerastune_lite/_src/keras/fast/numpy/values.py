"""The states of members as arrays."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterator, Sequence

import numpy as np

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

    def copy(self) -> ArrayValues:
        """The same in arrays of their own."""
        return self.each(np.copy)

    def picked(self, members: Sequence[int]) -> ArrayValues:
        """Those of some members."""
        return self.each(lambda array: array[list(members)])

    def with_member(self, place: int, by: ArrayValues) -> ArrayValues:
        """The values with those of one member replaced by those of another one, alone in `by`."""
        new = self.copy()
        pairs = [(new.weights, by.weights)]
        pairs += zip(new.others, by.others)
        pairs += zip(new.rows, by.rows)
        pairs += zip(new.alone, by.alone)
        for array, replacing in pairs:
            array[place] = replacing[0]
        return new


def row(values: Sequence[Array]) -> Array:
    """These side by side."""
    return np.concatenate([np.asarray(value).reshape(-1) for value in values])


def parts(row: Array, shapes: Sequence[tuple[int, ...]]) -> Iterator[Array]:
    """What `row` was made of."""
    begin = 0
    for shape in shapes:
        end = begin + int(np.prod(shape))
        yield row[begin:end].reshape(shape)
        begin = end
