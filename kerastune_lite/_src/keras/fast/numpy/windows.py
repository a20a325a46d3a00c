"""The windows that convolutions and poolings move over images and sequences."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from typing import Any

import numpy as np

Array = np.ndarray


@dataclasses.dataclass(frozen=True)
class Windows:
    """Windows on images, `(G, batch, rows, columns, channels)`; a sequence is an image of one row.

    Attributes:
        size: rows and columns of a window.
        strides: from one window to the next.
        dilation: from one place within a window to the next.
        padding: "valid", "same" or "causal", as Keras has it.
    """

    size: tuple[int, int]
    strides: tuple[int, int]
    dilation: tuple[int, int]
    padding: str

    @property
    def _extents(self) -> tuple[int, int]:
        """From the first place within a window to behind the last."""
        (rows, columns), (down, right) = self.size, self.dilation
        return (rows - 1) * down + 1, (columns - 1) * right + 1

    def margins(self, shape: tuple[int, ...]) -> list[tuple[int, int]]:
        """How many rows and columns to add before and after images of this shape."""
        found = []
        for size, extent, stride in zip(shape[2:4], self._extents, self.strides):
            if self.padding == "causal":
                found.append((extent - 1, 0))
            elif self.padding == "same":
                total = max(0, (-(-size // stride) - 1) * stride + extent - size)
                found.append((total // 2, total - total // 2))
            else:
                found.append((0, 0))
        return found

    def padded(self, x: Array, fill: float = 0.0) -> Array:
        """Images with their margins; where there are none, as they are."""
        margins = self.margins(x.shape)
        if not any(map(any, margins)):
            return x
        (top, bottom), (left, right) = margins
        count, batch, rows, columns, channels = x.shape
        shape = (count, batch, top + rows + bottom, left + columns + right, channels)
        padded = np.full(shape, fill, x.dtype)
        padded[:, :, top : top + rows, left : left + columns] = x
        return padded

    def inner(self, padded: Array, shape: tuple[int, ...]) -> Array:
        """Images without their margins.

        Args:
            shape: that of the images before `padded`.
        """
        if padded.shape == shape:
            return padded
        (top, _), (left, _) = self.margins(shape)
        return padded[:, :, top : top + shape[2], left : left + shape[3]]

    def counts(self, shape: tuple[int, ...]) -> tuple[int, int]:
        """How many windows there are below and beside each other on padded images."""
        rows, columns = (
            (size - extent) // stride + 1
            for size, extent, stride in zip(shape[2:4], self._extents, self.strides)
        )
        return rows, columns

    def places(self, padded: Array) -> Iterator[Array]:
        """What all windows have at a place within them, for each place; row by row.

        Yields:
            Views, `(G, batch, *counts, channels)`.
        """
        rows, columns = self.counts(padded.shape)
        (down, right), (step, stride) = self.dilation, self.strides
        for i in range(self.size[0]):
            for j in range(self.size[1]):
                top, left = i * down, j * right
                yield padded[
                    :,
                    :,
                    top : top + (rows - 1) * step + 1 : step,
                    left : left + (columns - 1) * stride + 1 : stride,
                ]

    def side_by_side(self, padded: Array) -> Array:
        """All windows as rows, `(G, windows, places * channels)`."""
        count, batch, *_, channels = padded.shape
        rows, columns = self.counts(padded.shape)
        shape = (count, batch, rows, columns, *self.size, channels)
        if channels < _FEW:
            made = np.empty(shape, padded.dtype)
            for place, part in enumerate(self.places(padded)):
                made[:, :, :, :, place // self.size[1], place % self.size[1]] = part
        else:
            of_g, of_batch, of_row, of_column, of_channel = padded.strides
            (down, right), (step, stride) = self.dilation, self.strides
            between = (step * of_row, stride * of_column, down * of_row, right * of_column)
            made = np.lib.stride_tricks.as_strided(
                padded, shape, (of_g, of_batch, *between, of_channel), writeable=False
            )
        return made.reshape(count, batch * rows * columns, -1)


_FEW = 4
"""Channels up to which whole images are sooner copied for each place than windows one by one."""


def windows_of(layer: Any, size: Any) -> Windows:
    """The windows of a convolution or a pooling.

    Args:
        size: of a window, along one axis or two.
    """

    def of_two(given: Any) -> tuple[int, int]:
        rows, columns = given if len(given) == 2 else (1, *given)
        return int(rows), int(columns)

    dilation = getattr(layer, "dilation_rate", (1,) * len(size))
    return Windows(of_two(size), of_two(layer.strides), of_two(dilation), layer.padding)


def as_images(x: Array) -> Array:
    """Sequences, `(G, batch, steps, channels)`, as images of one row; images as they are."""
    return x if x.ndim == 5 else x[:, :, None]


def as_given(images: Array, axes: int) -> Array:
    """Back to sequences, if those that `as_images` was given had so many axes."""
    return images if axes == 5 else images[:, :, 0]
