"""Convolutions of sequences and images, as products of windows with kernels."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np

from kerastune_lite._src.keras.fast.numpy.activations import activation_of, name_of
from kerastune_lite._src.keras.fast.numpy.layers import places
from kerastune_lite._src.keras.fast.numpy.nodes import Activated, Written, frozen_alike
from kerastune_lite._src.keras.fast.numpy.values import Bound, Place
from kerastune_lite._src.keras.fast.numpy.windows import as_given, as_images, windows_of

Array = np.ndarray


class _Seen(NamedTuple):
    """What a convolution keeps of its input.

    Attributes:
        windows: side by side.
        shape: of the images.
    """

    windows: Array
    shape: tuple[int, ...]


class Convolution(Activated):
    """`keras.layers.Conv1D` and `Conv2D`, channels last, in one group."""

    wide = True

    def __init__(self, layer: Any, find: Callable[[Any], Place]) -> None:
        super().__init__(activation_of(layer.activation))
        self._kernel = find(layer.kernel)
        self._bias = None if layer.bias is None else find(layer.bias)
        self._windows = windows_of(layer, layer.kernel_size)
        self.trained = self._kernel.trained

    @property
    def kind(self) -> tuple[Any, ...]:
        return (*super().kind, self._bias is None, self.trained, self._windows)

    def forward(self, values: Bound, xs: Sequence[Array]) -> tuple[Array, Any]:
        (x,) = xs
        images = as_images(x)
        padded = self._windows.padded(images)
        windows = self._windows.side_by_side(padded)
        y = np.matmul(windows, self._as_matrix(values.value(self._kernel)))
        rows, columns = self._windows.counts(padded.shape)
        if self._bias is not None:
            # NumPy goes through long rows faster.
            y = y.reshape(len(y), -1, columns * y.shape[-1])
            y += np.tile(values.value(self._bias), columns)
        shape = (rows, columns) if x.ndim == 5 else (columns,)
        y = y.reshape(*x.shape[:2], *shape, -1)
        return self._activated(_Seen(windows, images.shape), y)

    def backward(self, values: Bound, dy: Array, kept: Any, wanted: bool) -> Sequence[Array]:
        dy = self._before(dy, kept)
        windows, shape = kept.inputs
        rows = dy.reshape(*windows.shape[:2], -1)
        if self.trained:
            gradient = self._as_matrix(values.gradient(self._kernel))
            np.matmul(windows.swapaxes(1, 2), rows, out=gradient)
            if self._bias is not None:
                ones = np.ones((1, 1, rows.shape[1]), np.float32)
                np.matmul(ones, rows, out=values.gradient(self._bias))
        if not wanted:
            return ()
        dx = self._by_images(values, rows, shape)
        return (as_given(dx, dy.ndim),)

    def _by_images(self, values: Bound, rows: Array, shape: tuple[int, ...]) -> Array:
        """The gradient by the images.

        Args:
            rows: that by the output, `(G, windows, filters)`.
            shape: of the images.
        """
        margins = self._windows.margins(shape)
        larger = (size + sum(margin) for size, margin in zip(shape[2:4], margins))
        padded = np.zeros((*shape[:2], *larger, shape[4]), np.float32)
        kernel = values.value(self._kernel)
        filters = kernel.reshape(len(kernel), -1, *kernel.shape[-2:])
        # A product for each place in the windows: adding up the parts of all windows takes longer.
        for place, part in enumerate(self._windows.places(padded)):
            part += np.matmul(rows, filters[:, place].swapaxes(1, 2)).reshape(part.shape)
        return self._windows.inner(padded, shape)

    @staticmethod
    def _as_matrix(kernel: Array) -> Array:
        """(G, ..., channels, filters) to (G, ... * channels, filters): a view."""
        return kernel.reshape(len(kernel), -1, kernel.shape[-1])


def _uses(layer: Any) -> int:
    """How many windows there are in a sample."""
    return places(layer.output)


def _is_usual(layer: Any) -> bool:
    return bool(
        layer.data_format == "channels_last"
        and layer.groups == 1
        and not layer.lora_enabled
        and frozen_alike(layer, layer.kernel, layer.bias)
        and name_of(layer.activation) is not None
    )


_CONVOLUTION = Written(_is_usual, lambda layer, parts: Convolution(layer, parts.find), _uses)

LAYERS: Mapping[str, Written] = dict.fromkeys(("Conv1D", "Conv2D"), _CONVOLUTION)
