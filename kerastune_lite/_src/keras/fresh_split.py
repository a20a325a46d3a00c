"""Other samples to validate on than the last ones, which `validation_split` takes."""

from __future__ import annotations

import collections
import math
from typing import Any

import numpy as np

from kerastune_lite._src.keras.loading import load_keras

_KEPT = 3
"""How many orders of the samples are kept in memory: the first rounds may be trained together."""

_KEPT_BYTES = 2**28
"""If the samples take more than this, only the latest one is."""

_COPIED_BYTES = 2**29
"""Larger samples keep their order: each process that trains would need a copy of them."""


class FreshSplits:
    """Samples in such orders that `validation_split` takes others than those of the search.

    It takes the last samples. Here these are a contiguous block that begins at a given place.
    So of a series, only samples at the two ends of the block have neighbours that are trained on;
    of samples in a random order, it is as good as a random choice.
    """

    def __init__(self) -> None:
        self._kept: collections.OrderedDict[Any, Any] = collections.OrderedDict()

    def clear(self) -> None:
        """Forget the copies of the samples."""
        self._kept.clear()

    def __reduce__(self) -> tuple[Any, ...]:
        return FreshSplits, ()  # Another process begins with none.

    def ordered(self, data: Any, share: float, place: float) -> Any:
        """Nested arrays of n samples in another order, those that validate at the end.

        Args:
            data: nested arrays; None stays None.
            share: of the samples that validate, in (0, 1).
            place: where these begin, in [0, 1). If the samples that validated in the search are at
                most a third of all, all others make up a circle on which the block lies, so that it
                has none of those. Otherwise all samples do.
        """
        leaves = load_keras().tree.flatten(data)
        key = (*map(id, leaves), share, place)
        if key not in self._kept:
            if size_of(data) > _KEPT_BYTES:
                self._kept.clear()  # before another copy is made
            # The arrays are kept along: their identity is part of the key.
            self._kept[key] = (data, self._made(data, share, place))
        self._kept.move_to_end(key)
        while len(self._kept) > _KEPT:
            self._kept.popitem(last=False)
        return self._kept[key][1]

    @staticmethod
    def _made(data: Any, share: float, place: float) -> Any:
        count = next(len(leaf) for leaf in load_keras().tree.flatten(data) if leaf is not None)
        order = block_last(count, share, place)

        def taken(leaf: Any) -> Any:
            if leaf is None:
                return None
            return leaf.iloc[order] if hasattr(leaf, "iloc") else np.asarray(leaf)[order]

        return load_keras().tree.map_structure(taken, data)


def block_last(count: int, share: float, place: float) -> np.ndarray:
    """The places of `count` samples, those of the block last; see `FreshSplits.ordered`."""
    validating = count - math.floor(count * (1.0 - share))  # as Keras counts them
    circle = count - validating if 3 * validating <= count else count
    block = (math.floor(place * circle) + np.arange(validating)) % circle
    training = np.ones(count, bool)
    training[block] = False
    return np.concatenate((np.flatnonzero(training), block))


def can_be_ordered(data: Any) -> bool:
    """Whether all of these nested arrays can be taken in another order, and are not too large."""
    leaves = [leaf for leaf in load_keras().tree.flatten(data) if leaf is not None]
    kinds = ("EagerTensor", "DataFrame", "Series")
    return (
        bool(leaves)
        and all(
            isinstance(leaf, np.ndarray)
            or any(kind.__name__ in kinds for kind in type(leaf).__mro__)
            for leaf in leaves
        )
        and size_of(data) <= _COPIED_BYTES
    )


def size_of(data: Any) -> int:
    """The bytes of nested arrays."""
    return sum(int(np.sum(getattr(leaf, "nbytes", 0))) for leaf in load_keras().tree.flatten(data))
