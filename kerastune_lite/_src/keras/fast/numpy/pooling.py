"""Layers that take one number of many neighbours."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from kerastune_lite._src.keras.fast.numpy.nodes import Node, Written
from kerastune_lite._src.keras.fast.numpy.values import Bound

Array = np.ndarray


class OfAll(Node):
    """A number for each channel, of all places: (G, batch, ..., channels) to (G, batch, channels).

    Args:
        keeps: whether the axes of places stay, with length 1.
    """

    def __init__(self, keeps: bool) -> None:
        self._keeps = keeps

    @property
    def kind(self) -> tuple[Any, ...]:
        return (*super().kind, self._keeps)

    def _shape(self, x: Array) -> tuple[int, ...]:
        """Of the output."""
        middle = (1,) * (x.ndim - 3) if self._keeps else ()
        return (*x.shape[:2], *middle, x.shape[-1])

    @staticmethod
    def _in_a_row(x: Array) -> Array:
        """With one axis for all places."""
        return x.reshape(*x.shape[:2], -1, x.shape[-1])


class MeanOfAll(OfAll):
    """`keras.layers.GlobalAveragePooling1D`, `...2D`, `...3D`."""

    def forward(self, values: Bound, xs: Sequence[Array]) -> tuple[Array, Any]:
        (x,) = xs
        rows = self._in_a_row(x)
        # A product takes a fifth of the time of a mean over this axis.
        shares = np.full((1, rows.shape[2]), 1 / rows.shape[2], np.float32)
        return np.matmul(shares, rows).reshape(self._shape(x)), x.shape

    def backward(self, values: Bound, dy: Array, kept: Any, wanted: bool) -> Sequence[Array]:
        rows = dy.reshape(*kept[:2], 1, kept[-1])
        count = int(np.prod(kept[2:-1]))
        dx = np.empty((*kept[:2], count, kept[-1]), np.float32)
        dx[...] = rows * np.float32(1 / count)
        return (dx.reshape(kept),)


class LargestOfAll(OfAll):
    """`keras.layers.GlobalMaxPooling1D`, `...2D`, `...3D`."""

    def forward(self, values: Bound, xs: Sequence[Array]) -> tuple[Array, Any]:
        (x,) = xs
        y = self._in_a_row(x).max(2)
        return y.reshape(self._shape(x)), (x, y)

    def backward(self, values: Bound, dy: Array, kept: Any, wanted: bool) -> Sequence[Array]:
        x, y = kept
        largest = self._in_a_row(x) == y[:, :, None]
        # TensorFlow shares it out among equals.
        share = dy.reshape(y.shape) / largest.sum(2, dtype=np.float32)
        return ((largest * share[:, :, None]).reshape(x.shape),)


def _has_channels_last(layer: Any) -> bool:
    return bool(layer.data_format == "channels_last")


LAYERS: Mapping[str, Written] = {
    **{
        f"GlobalAveragePooling{axes}D": Written(
            _has_channels_last, lambda layer, parts: MeanOfAll(bool(layer.keepdims))
        )
        for axes in (1, 2, 3)
    },
    **{
        f"GlobalMaxPooling{axes}D": Written(
            _has_channels_last, lambda layer, parts: LargestOfAll(bool(layer.keepdims))
        )
        for axes in (1, 2, 3)
    },
}
