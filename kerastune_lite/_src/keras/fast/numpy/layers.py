"""The layers of dense networks: what they compute, and their gradients, for all members at once."""

from __future__ import annotations

import numbers
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from kerastune_lite._src.keras.fast.numpy.activations import activation_of, leaky_relu, name_of
from kerastune_lite._src.keras.fast.numpy.nodes import (
    Activated,
    Masks,
    Node,
    Parts,
    Steps,
    Written,
    frozen_alike,
)
from kerastune_lite._src.keras.fast.numpy.values import Bound, Place
from kerastune_lite._src.keras.loading import load_keras

keras = load_keras()

Array = np.ndarray

_UNKNOWN = 100
"""A guess at the steps of sequences whose length a model does not know."""


class Dense(Activated):
    """`keras.layers.Dense` along the last axis.

    Args:
        layer: Keras's.
        find: where a Keras variable is found.
        rank: of the layer's input.
    """

    def __init__(self, layer: Any, find: Callable[[Any], Place], rank: int) -> None:
        super().__init__(activation_of(layer.activation))
        self._rank = rank
        self.steps = Steps.KEPT if rank > 2 else Steps.MIXED
        self._kernel = find(layer.kernel)
        self._bias = None if layer.bias is None else find(layer.bias)
        self.trained = self._kernel.trained

    @property
    def kind(self) -> tuple[Any, ...]:
        return (*super().kind, self._bias is None, self.trained, self._rank)

    def forward(self, values: Bound, xs: Sequence[Array]) -> tuple[Array, Any]:
        (x,) = xs
        kernel = values.value(self._kernel)
        y = np.matmul(self._rows(x), kernel)
        if self._bias is not None:
            y += values.value(self._bias)
        return self._activated(x, y.reshape(*x.shape[:-1], -1) if self._rank > 2 else y)

    def backward(self, values: Bound, dy: Array, kept: Any, wanted: bool) -> Sequence[Array]:
        x, dy = kept.inputs, self._rows(self._before(dy, kept))
        if self.trained:
            np.matmul(self._rows(x).swapaxes(1, 2), dy, out=values.gradient(self._kernel))
            if self._bias is not None:
                dy.sum(1, keepdims=True, out=values.gradient(self._bias))
        if not wanted:
            return ()
        dx = np.matmul(dy, values.value(self._kernel).swapaxes(1, 2))
        return (dx.reshape(x.shape) if self._rank > 2 else dx,)

    def _rows(self, x: Array) -> Array:
        """All that the kernel is applied to, of each member: `(G, rows, features)`."""
        return x.reshape(len(x), -1, x.shape[-1]) if self._rank > 2 else x


class Activate(Activated):
    """`keras.layers.Activation`, `LeakyReLU`, `ReLU`, `Softmax`."""

    steps = Steps.KEPT

    def forward(self, values: Bound, xs: Sequence[Array]) -> tuple[Array, Any]:
        return self._activated(xs[0], xs[0].copy())

    def backward(self, values: Bound, dy: Array, kept: Any, wanted: bool) -> Sequence[Array]:
        return (self._before(dy, kept),)


class Dropout(Node):
    """`keras.layers.Dropout`, with masks drawn elsewhere.

    Args:
        index: which of the model's dropout layers it is.
    """

    steps = Steps.KEPT

    def __init__(self, index: int) -> None:
        self._index = index

    def forward(self, values: Bound, xs: Sequence[Array]) -> tuple[Array, Any]:
        (x,) = xs
        if not values.training:
            return x, None
        mask = values.mask(self._index, x.shape)
        return x * mask, mask

    def backward(self, values: Bound, dy: Array, kept: Any, wanted: bool) -> Sequence[Array]:
        dy *= kept
        return (dy,)


class Reshape(Node):
    """`keras.layers.Flatten`, `Reshape`: (batch, ...) to (batch, *shape)."""

    def __init__(self, shape: tuple[int, ...]) -> None:
        self._shape = shape

    def forward(self, values: Bound, xs: Sequence[Array]) -> tuple[Array, Any]:
        before = xs[0].shape
        return xs[0].reshape(*before[:2], *self._shape), before

    def backward(self, values: Bound, dy: Array, kept: Any, wanted: bool) -> Sequence[Array]:
        return (dy.reshape(kept),)


class Rescaling(Node):
    """`keras.layers.Rescaling` by numbers, or by one number for each place of the last axis."""

    def __init__(self, scale: Any, offset: Any) -> None:
        self._scale, self._offset = np.asarray(scale, np.float32), np.asarray(offset, np.float32)

    @property
    def kind(self) -> tuple[Any, ...]:
        return (*super().kind, self._scale.ndim, self._offset.ndim)

    def forward(self, values: Bound, xs: Sequence[Array]) -> tuple[Array, Any]:
        return xs[0] * self._scale + self._offset, None

    def backward(self, values: Bound, dy: Array, kept: Any, wanted: bool) -> Sequence[Array]:
        return (dy * self._scale,)


class Sum(Node):
    """`keras.layers.Add`, `Average`, `Subtract`: a weighted sum.

    Args:
        signs: of each input.
        average: whether to divide by their number.
    """

    def __init__(self, signs: Sequence[int], average: bool = False) -> None:
        self._shares = [np.float32(sign / (len(signs) if average else 1)) for sign in signs]

    def forward(self, values: Bound, xs: Sequence[Array]) -> tuple[Array, Any]:
        total = xs[0] * self._shares[0]
        for x, share in zip(xs[1:], self._shares[1:]):
            total += x * share
        return total, None

    def backward(self, values: Bound, dy: Array, kept: Any, wanted: bool) -> Sequence[Array]:
        return [dy * share for share in self._shares]


class Product(Node):
    """`keras.layers.Multiply` of two inputs."""

    def forward(self, values: Bound, xs: Sequence[Array]) -> tuple[Array, Any]:
        return xs[0] * xs[1], xs

    def backward(self, values: Bound, dy: Array, kept: Any, wanted: bool) -> Sequence[Array]:
        return dy * kept[1], dy * kept[0]


class Concatenate(Node):
    """`keras.layers.Concatenate` along the last axis."""

    def forward(self, values: Bound, xs: Sequence[Array]) -> tuple[Array, Any]:
        return np.concatenate(xs, -1), np.cumsum([x.shape[-1] for x in xs])[:-1]

    def backward(self, values: Bound, dy: Array, kept: Any, wanted: bool) -> Sequence[Array]:
        return [np.ascontiguousarray(part) for part in np.split(dy, kept, -1)]


def _is_along_last(value: Any, layer: Any) -> bool:
    """Whether it is a number, or has one for each place of the last axis of a layer's input."""
    if isinstance(value, numbers.Real):
        return True
    last = keras.config.image_data_format() == "channels_last"
    vector = isinstance(value, (list, tuple, np.ndarray))
    return last and vector and np.shape(value) == (layer.input.shape[-1],)


def rank(layer: Any) -> int:
    return len(keras.tree.flatten(layer.input)[0].shape)  # a mask may follow


def places_of_input(layer: Any) -> int:
    """How many vectors a layer is given of a sample; the steps of a sequence, say."""
    return places(keras.tree.flatten(layer.input)[0])


def places(tensor: Any) -> int:
    """How many vectors a symbolic tensor has for each sample."""
    return int(np.prod([_UNKNOWN if size is None else size for size in tensor.shape[1:-1]]))


def _is_usual_dense(layer: Any) -> bool:
    return (
        len(layer.kernel.shape) == 2
        and name_of(layer.activation) is not None
        and frozen_alike(layer, layer.kernel, layer.bias)
    )


def _of_equal_shapes(layer: Any) -> bool:
    return len({tuple(tensor.shape) for tensor in layer.input}) == 1


def _dropout(layer: Any, parts: Parts) -> Node:
    return Dropout(parts.masked(layer)) if layer.rate > 0 else Activate(activation_of(None))


LAYERS: Mapping[str, Written] = {
    "Activation": Written(
        lambda layer: name_of(layer.activation) is not None,
        lambda layer, parts: Activate(activation_of(layer.activation)),
        masks=Masks.HANDED_ON,
    ),
    "Add": Written(_of_equal_shapes, lambda layer, parts: Sum([1] * parts.inputs)),
    "Average": Written(
        _of_equal_shapes, lambda layer, parts: Sum([1] * parts.inputs, average=True)
    ),
    "Concatenate": Written(
        lambda layer: layer.axis in (-1, len(layer.input[0].shape) - 1),
        lambda layer, parts: Concatenate(),
    ),
    "Dense": Written(
        _is_usual_dense,
        lambda layer, parts: Dense(layer, parts.find, rank(layer)),
        places_of_input,
        Masks.HANDED_ON,
    ),
    "Dropout": Written(
        lambda layer: layer.noise_shape is None and layer.rate != 1,
        _dropout,
        masks=Masks.HANDED_ON,
    ),
    "Flatten": Written(
        lambda layer: layer.data_format == "channels_last" or rank(layer) < 3,
        lambda layer, parts: Reshape((-1,)),
    ),
    "LeakyReLU": Written(
        lambda layer: layer.negative_slope > 0,
        lambda layer, parts: Activate(leaky_relu(float(layer.negative_slope))),
        masks=Masks.HANDED_ON,
    ),
    "Multiply": Written(
        lambda layer: len(layer.input) == 2 and _of_equal_shapes(layer),
        lambda layer, parts: Product(),
    ),
    "ReLU": Written(
        lambda layer: layer.max_value is None and not layer.negative_slope and not layer.threshold,
        lambda layer, parts: Activate(activation_of(keras.activations.relu)),
        masks=Masks.HANDED_ON,
    ),
    "Rescaling": Written(
        lambda layer: _is_along_last(layer.scale, layer) and _is_along_last(layer.offset, layer),
        lambda layer, parts: Rescaling(layer.scale, layer.offset),
    ),
    "Reshape": Written(lambda layer: True, lambda layer, parts: Reshape(tuple(layer.target_shape))),
    "Softmax": Written(
        lambda layer: layer.axis == -1,
        lambda layer, parts: Activate(activation_of(keras.activations.softmax)),
    ),
    "Subtract": Written(_of_equal_shapes, lambda layer, parts: Sum([1, -1])),
    "TimeDistributed": Written(
        lambda layer: (
            type(layer.layer).__name__ == "Dense"
            and _is_usual_dense(layer.layer)
            and layer.layer.activity_regularizer is None
        ),
        lambda layer, parts: Dense(layer.layer, parts.find, rank(layer)),
        places_of_input,
        Masks.HANDED_ON,
    ),
}
