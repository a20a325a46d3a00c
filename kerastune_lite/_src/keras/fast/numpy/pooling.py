"""Layers that take one number of many neighbours."""

from __future__ import annotations

import functools
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from kerastune_lite._src.keras.fast.numpy.nodes import Node, Written, mean_of_rows
from kerastune_lite._src.keras.fast.numpy.values import Bound
from kerastune_lite._src.keras.fast.numpy.windows import as_given, as_images, windows_of

Array = np.ndarray


class OfAll(Node):
    """A number for each channel, of all places: (G, batch, ..., channels) to (G, batch, channels).

    The axes of places may stay, with length 1.
    """

    def __init__(self, layer: Any) -> None:
        self._keeps = bool(layer.keepdims)

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
        return mean_of_rows(rows).reshape(self._shape(x)), x.shape

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


class OfWindows(Node):
    """A number for each channel, of each window."""

    def __init__(self, layer: Any) -> None:
        self._windows = windows_of(layer, layer.pool_size)

    @property
    def kind(self) -> tuple[Any, ...]:
        return (*super().kind, self._windows)


class LargestOfWindows(OfWindows):
    """`keras.layers.MaxPooling1D`, `MaxPooling2D`."""

    def forward(self, values: Bound, xs: Sequence[Array]) -> tuple[Array, Any]:
        images = as_images(xs[0])
        padded = self._windows.padded(images, -np.inf)
        # Copies: NumPy goes through them several times as fast as through parts of images.
        places = [part.copy() for part in self._windows.places(padded)]
        y = functools.reduce(np.maximum, places[1:], places[0])
        return as_given(y, xs[0].ndim), (places, padded.shape, images.shape, y)

    def backward(self, values: Bound, dy: Array, kept: Any, wanted: bool) -> Sequence[Array]:
        places, padded, shape, y = kept
        dx, of_windows = np.zeros(padded, np.float32), as_images(dy)
        left = np.ones(y.shape, bool)
        # Of equal ones, TensorFlow takes the first.
        for place, to in zip(places, self._windows.places(dx)):
            taken = place == y
            taken &= left
            left ^= taken
            to += of_windows * taken
        dx = self._windows.inner(dx, shape)
        return (as_given(dx, dy.ndim),)


class MeanOfWindows(OfWindows):
    """`keras.layers.AveragePooling1D`, `AveragePooling2D`."""

    def forward(self, values: Bound, xs: Sequence[Array]) -> tuple[Array, Any]:
        images = as_images(xs[0])
        padded = self._windows.padded(images)
        first, *rest = self._windows.places(padded)
        y = first.copy()
        for part in rest:
            y += part
        y *= self._shares(images.shape)
        return as_given(y, xs[0].ndim), (padded.shape, images.shape)

    def backward(self, values: Bound, dy: Array, kept: Any, wanted: bool) -> Sequence[Array]:
        padded, shape = kept
        dx, share = np.zeros(padded, np.float32), as_images(dy) * self._shares(shape)
        for to in self._windows.places(dx):
            to += share
        dx = self._windows.inner(dx, shape)
        return (as_given(dx, dy.ndim),)

    def _shares(self, shape: tuple[int, ...]) -> Array:
        """By what the sum of each window is multiplied; margins do not count."""
        ones = self._windows.padded(np.ones((1, 1, *shape[2:4], 1), np.float32))
        total: Any = sum(self._windows.places(ones))
        return np.float32(1) / total


def _written(node: Callable[[Any], Node]) -> Written:
    return Written(
        lambda layer: layer.data_format == "channels_last", lambda layer, parts: node(layer)
    )


LAYERS: Mapping[str, Written] = {
    **{f"AveragePooling{axes}D": _written(MeanOfWindows) for axes in (1, 2)},
    **{f"MaxPooling{axes}D": _written(LargestOfWindows) for axes in (1, 2)},
    **{f"GlobalAveragePooling{axes}D": _written(MeanOfAll) for axes in (1, 2, 3)},
    **{f"GlobalMaxPooling{axes}D": _written(LargestOfAll) for axes in (1, 2, 3)},
}
