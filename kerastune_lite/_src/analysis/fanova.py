"""Functional analysis of variance of a regression tree.

A tree is constant on each of its leaves, and its leaves are boxes that fill the unit cube. So its
mean over all hyperparameters but one, or but two, is a step function, whose variance is computed
exactly, without sampling.

F. Hutter, H. Hoos and K. Leyton-Brown, "An Efficient Approach for Assessing Hyperparameter
Importance", ICML 2014, section 4.
"""

from __future__ import annotations

import dataclasses
import itertools
from collections.abc import Iterable
from typing import Any

import numpy as np

from kerastune_lite._src.analysis.unit_cube import Array


@dataclasses.dataclass(frozen=True)
class Boxes:
    """The leaves of a tree.

    Attributes:
        low, high: (leaves, d), their corners in [0, 1].
        values: (leaves,), the predictions of the tree.
    """

    low: Array
    high: Array
    values: Array


@dataclasses.dataclass(frozen=True)
class Shares:
    """The shares of a tree's variance.

    Attributes:
        main: (d,), of each column alone.
        pairs: of columns (i, j), i < j, together, without their shares alone.
    """

    main: Array
    pairs: dict[tuple[int, int], float]


def boxes_of(tree: Any, columns: int) -> Boxes:
    """The leaves of a fitted scikit-learn tree (its `tree_`) over columns in [0, 1]."""
    low = np.zeros((tree.node_count, columns))
    high = np.ones((tree.node_count, columns))
    left, right = tree.children_left.tolist(), tree.children_right.tolist()
    # A node is always listed before its children.
    for node, (column, edge) in enumerate(zip(tree.feature.tolist(), tree.threshold.tolist())):
        if left[node] < 0:
            continue
        for child in (left[node], right[node]):
            low[child], high[child] = low[node], high[node]
        high[left[node], column] = low[right[node], column] = edge
    leaves = tree.children_left < 0
    return Boxes(low[leaves], high[leaves], tree.value[leaves, 0, 0])


def shares(boxes: Boxes, pairs_of: Iterable[int] = ()) -> Shares:
    """The variance of a tree over the unit cube, by columns and by pairs of columns.

    Args:
        boxes: its leaves.
        pairs_of: the columns whose pairs are computed.
    """
    sides = boxes.high - boxes.low
    weights = sides.prod(axis=1) * boxes.values
    mean = float(weights.sum())
    variance = float(weights @ boxes.values) - mean**2
    steps = [_Steps(boxes, column) for column in range(sides.shape[1])]
    if variance <= 1e-12 * (1.0 + mean**2):  # a tree that was never split
        return Shares(np.zeros(len(steps)), {})
    main = np.array(
        [
            step.widths @ (step.marginal(weights / sides[:, column]) - mean) ** 2
            for column, step in enumerate(steps)
        ]
    )
    pairs = {}
    for i, j in itertools.combinations(sorted(pairs_of), 2):
        density = weights / (sides[:, i] * sides[:, j])
        surface = steps[i].surface(steps[j], density) - mean
        both = float(steps[i].widths @ surface**2 @ steps[j].widths)
        # Negative only by rounding.
        pairs[i, j] = max(both - main[i] - main[j], 0.0) / variance
    return Shares(main / variance, pairs)


class _Steps:
    """A column cut at all edges of leaves; a leaf covers the steps from `start` up to `stop`."""

    def __init__(self, boxes: Boxes, column: int) -> None:
        low, high = boxes.low[:, column], boxes.high[:, column]
        self.edges = np.unique(np.concatenate([low, high]))
        self.widths = np.diff(self.edges)
        self.start = np.searchsorted(self.edges, low)
        self.stop = np.searchsorted(self.edges, high)

    def marginal(self, density: Array) -> Array:
        """The tree's mean over all other columns, on each step."""
        changes = np.bincount(self.start, density, len(self.edges))
        changes -= np.bincount(self.stop, density, len(self.edges))
        marginal: Array = np.cumsum(changes, dtype=np.float64)[:-1]
        return marginal

    def surface(self, other: _Steps, density: Array) -> Array:
        """The tree's mean over all columns but two, on each rectangle of steps."""
        rows, columns = len(self.edges), len(other.edges)
        changes = np.zeros(rows * columns)
        for at, first in ((self.start, 1.0), (self.stop, -1.0)):
            for where, second in ((other.start, 1.0), (other.stop, -1.0)):
                changes += (
                    first * second * np.bincount(at * columns + where, density, rows * columns)
                )
        table = changes.reshape(rows, columns)
        surface: Array = table.cumsum(axis=0).cumsum(axis=1)[:-1, :-1]
        return surface
