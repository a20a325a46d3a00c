"""Layers that normalise: by statistics of a batch, moving ones, or constants."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from kerastune_lite._src.keras.fast.numpy.layers import rank
from kerastune_lite._src.keras.fast.numpy.nodes import Node, Steps, Written, mean_of_rows
from kerastune_lite._src.keras.fast.numpy.values import Bound, Place
from kerastune_lite._src.keras.loading import load_keras

keras = load_keras()

Array = np.ndarray


class BatchNormalization(Node):
    """`keras.layers.BatchNormalization` along the last axis.

    It computes with `(G, rows, width * channels)`, where the width is that of an image or the
    length of a sequence: NumPy goes through long rows several times as fast as through short ones.
    """

    steps = Steps.KEPT

    def __init__(self, layer: Any, find: Callable[[Any], Place]) -> None:
        self._gamma = find(layer.gamma) if layer.scale else None
        self._beta = find(layer.beta) if layer.center else None
        self._mean, self._variance = find(layer.moving_mean), find(layer.moving_variance)
        self._momentum, self._epsilon = layer.momentum, np.float32(layer.epsilon)
        self._learns = bool(layer.trainable)
        self.trained = any(p is not None and p.trained for p in (self._gamma, self._beta))

    @property
    def kind(self) -> tuple[Any, ...]:
        return (*super().kind, self._gamma is None, self._beta is None, self._learns)

    def forward(self, values: Bound, xs: Sequence[Array]) -> tuple[Array, Any]:
        (x,) = xs
        width = _width(x)
        rows = x.reshape(len(x), -1, width * x.shape[-1])
        if not (values.training and (self._learns or self.trained)):
            scale, offset = self._line(values)
            y = rows * _repeated(scale, width)
            y += _repeated(offset, width)
            return y.reshape(x.shape), (None, scale, False)
        if self._learns:
            mean = _means(rows, width)
            normal = rows - _repeated(mean, width)
            variance = _means(np.square(normal), width)
            for place, now in ((self._mean, mean), (self._variance, variance)):
                moving = values.value(place)
                moving *= np.float32(self._momentum)
                moving += now * np.float32(1.0 - self._momentum)
        else:
            normal = rows - _repeated(values.value(self._mean), width)
            variance = values.value(self._variance)
        scale = 1 / np.sqrt(variance + self._epsilon)
        normal *= _repeated(scale, width)
        gamma = 1 if self._gamma is None else _repeated(values.value(self._gamma), width)
        y = normal * gamma
        if self._beta is not None:
            y += _repeated(values.value(self._beta), width)
        if self._gamma is not None:
            scale = scale * values.value(self._gamma)
        return y.reshape(x.shape), (normal, scale, self._learns)

    def _line(self, values: Bound) -> tuple[Array, Array]:
        """The factor and the offset of each channel, where the statistics are those of before."""
        scale = 1 / np.sqrt(values.value(self._variance) + self._epsilon)
        if self._gamma is not None:
            scale = scale * values.value(self._gamma)
        offset = -values.value(self._mean) * scale
        return scale, offset if self._beta is None else offset + values.value(self._beta)

    def backward(self, values: Bound, dy: Array, kept: Any, wanted: bool) -> Sequence[Array]:
        normal, scale, of_batch = kept
        shape, width = dy.shape, _width(dy)
        rows = dy.reshape(len(dy), -1, width * shape[-1])
        if normal is not None:
            by_offset, by_scale = _means(rows, width), _means(rows * normal, width)
            count = np.float32(rows.shape[1] * width)
            for place, mean in ((self._beta, by_offset), (self._gamma, by_scale)):
                if place is not None and place.trained:
                    np.multiply(mean, count, out=values.gradient(place))
            if of_batch and wanted:
                # The mean and the variance depend on the batch, too (Ioffe and Szegedy 2015).
                rows = rows - _repeated(by_offset, width)
                rows -= normal * _repeated(by_scale, width)
        if not wanted:
            return ()
        return ((rows * _repeated(scale, width)).reshape(shape),)


def _width(x: Array) -> int:
    """Of images, and of sequences; vectors, `(G, batch, features)`, have none."""
    return x.shape[-2] if x.ndim > 3 else 1


def _repeated(of_channels: Any, width: int) -> Array:
    """(G, 1, channels) to (G, 1, width * channels)."""
    return np.tile(of_channels, width) if width > 1 else of_channels


def _means(rows: Array, width: int) -> Array:
    """Of each channel: (G, n, width * channels) to (G, 1, channels)."""
    of_columns = mean_of_rows(rows)
    if width == 1:
        return of_columns
    return of_columns.reshape(len(rows), width, -1).mean(1, keepdims=True)


class Normalization(Node):
    """`keras.layers.Normalization` by statistics that are constants of its structure."""

    def __init__(self, layer: Any) -> None:
        self._mean = np.asarray(layer.mean, np.float32)
        deviation = np.sqrt(np.asarray(layer.variance, np.float32))
        self._scale = np.maximum(deviation, np.float32(keras.config.epsilon()))
        self._invert = bool(layer.invert)

    @property
    def kind(self) -> tuple[Any, ...]:
        return (*super().kind, self._invert, self._mean.ndim)

    def forward(self, values: Bound, xs: Sequence[Array]) -> tuple[Array, Any]:
        if self._invert:
            return xs[0] * self._scale + self._mean, None
        return (xs[0] - self._mean) / self._scale, None

    def backward(self, values: Bound, dy: Array, kept: Any, wanted: bool) -> Sequence[Array]:
        return (dy * self._scale if self._invert else dy / self._scale,)


LAYERS: Mapping[str, Written] = {
    "BatchNormalization": Written(
        lambda layer: (
            layer.axis in (-1, rank(layer) - 1)
            and not layer.synchronized
            and not getattr(layer, "renorm", False)
        ),
        lambda layer, parts: BatchNormalization(layer, parts.find),
    ),
    "Normalization": Written(
        lambda layer: layer.mean is not None and layer.mean.shape[0] == 1,
        lambda layer, parts: Normalization(layer),
    ),
}
