"""Keras's losses and their gradients, on arrays.

Losses of probabilities are computed from what softmax or sigmoid was given, as Keras does.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from typing import Any

import numpy as np
from scipy import special

from kerastune_lite._src.keras.fast.numpy.activations import softmax

Array = np.ndarray


class Loss(ABC):
    """One number per sample, and its gradient.

    Args:
        options: what Keras's loss is configured with.
        fused: whether it is computed from what the model's last activation is given.
    """

    activation: str | None = None
    """The activation behind which the loss looks, where the model ends with it."""

    def __init__(self, options: Mapping[str, Any], fused: bool) -> None:
        self.options = options
        self.fused = fused

    def targets(self, y: Array, outputs: int) -> Array:
        """The targets as the loss wants them, `(n, outputs)`.

        Raises:
            ValueError: Keras would not take them, or would take them in some special way.
        """
        y = np.asarray(y, np.float32)
        if y.ndim == 1:
            y = y[:, None]
        if y.ndim != 2 or y.shape[1] != outputs:
            raise ValueError(f"targets of shape {y.shape} for {outputs} outputs")
        return y

    @abstractmethod
    def values(self, x: Array, y: Array) -> Array:
        """The losses of samples, `(G, b)`.

        Args:
            x: outputs, or what the last activation was given, `(G, b, outputs)`.
            y: as `targets` made them, `(G, b, ...)`.
        """

    @abstractmethod
    def gradient(self, x: Array, outputs: Array, y: Array, share: Any) -> Array:
        """That of the sum of losses, each times its share, by x.

        Args:
            outputs: of the model, `(G, b, outputs)`.
            share: a number, or `(G, b, 1)`.
        """


class _SparseCategorical(Loss):
    activation = "softmax"

    def targets(self, y: Array, outputs: int) -> Array:
        if y.ndim == 2 and y.shape[1] == 1:
            y = y[:, 0]
        if y.ndim != 1 or not np.all(np.isfinite(y)):
            raise ValueError(f"classes of shape {y.shape}")
        y = y.astype(np.int64)
        if y.size and (y.min() < 0 or y.max() >= outputs):
            raise ValueError(f"classes from {y.min()} to {y.max()} for {outputs} outputs")
        return y

    def values(self, x: Array, y: Array) -> Array:
        return _log_of_sum(x) - _picked(x, y)

    def gradient(self, x: Array, outputs: Array, y: Array, share: Any) -> Array:
        dx = outputs.copy() if self.fused else softmax(x.copy())
        flat = dx.reshape(-1)
        flat[np.arange(0, flat.size, dx.shape[-1]) + y.reshape(-1)] -= 1
        dx *= share
        return dx


class _Categorical(Loss):
    activation = "softmax"

    def targets(self, y: Array, outputs: int) -> Array:
        if y.ndim != 2:
            raise ValueError(f"classes of shape {y.shape}")
        y = super().targets(y, outputs)
        smoothing = self.options.get("label_smoothing") or 0
        if smoothing:
            y = y * np.float32(1 - smoothing) + np.float32(smoothing / outputs)
        return y

    def values(self, x: Array, y: Array) -> Array:
        return (y * (_log_of_sum(x)[..., None] - x)).sum(-1)

    def gradient(self, x: Array, outputs: Array, y: Array, share: Any) -> Array:
        dx = (outputs if self.fused else softmax(x.copy())) - y
        dx *= share
        return dx


class _Binary(Loss):
    activation = "sigmoid"

    def targets(self, y: Array, outputs: int) -> Array:
        y = super().targets(y, outputs)
        smoothing = self.options.get("label_smoothing") or 0
        return y * np.float32(1 - smoothing) + np.float32(0.5 * smoothing) if smoothing else y

    def values(self, x: Array, y: Array) -> Array:
        return (np.maximum(x, 0) - x * y + np.log1p(np.exp(-np.abs(x)))).mean(-1)

    def gradient(self, x: Array, outputs: Array, y: Array, share: Any) -> Array:
        dx = (outputs if self.fused else special.expit(x)) - y
        dx *= share / np.float32(x.shape[-1])
        return dx


class _OfErrors(Loss):
    """A function of the differences between outputs and targets, its mean over the outputs."""

    def values(self, x: Array, y: Array) -> Array:
        return self._function(x - y).mean(-1)

    def gradient(self, x: Array, outputs: Array, y: Array, share: Any) -> Array:
        dx = self._slope(x - y)
        dx *= share / np.float32(x.shape[-1])
        return dx

    @abstractmethod
    def _function(self, error: Array) -> Array: ...

    @abstractmethod
    def _slope(self, error: Array) -> Array: ...


class _Squared(_OfErrors):
    def _function(self, error: Array) -> Array:
        return error * error

    def _slope(self, error: Array) -> Array:
        return error * np.float32(2)


class _Absolute(_OfErrors):
    def _function(self, error: Array) -> Array:
        return np.abs(error)

    def _slope(self, error: Array) -> Array:
        return np.sign(error)


class _Huber(_OfErrors):
    def _function(self, error: Array) -> Array:
        delta, size = np.float32(self.options.get("delta", 1.0)), np.abs(error)
        half = np.float32(0.5)
        return np.where(size <= delta, half * error * error, delta * size - half * delta * delta)

    def _slope(self, error: Array) -> Array:
        delta = np.float32(self.options.get("delta", 1.0))
        return np.where(np.abs(error) <= delta, error, delta * np.sign(error))


class _LogCosh(_OfErrors):
    def _function(self, error: Array) -> Array:
        softplus = np.logaddexp(error * np.float32(-2), np.float32(0))
        return error + softplus - np.float32(np.log(2))

    def _slope(self, error: Array) -> Array:
        return np.tanh(error)


LOSSES: Mapping[str, type[Loss]] = {
    "binary_crossentropy": _Binary,
    "categorical_crossentropy": _Categorical,
    "huber": _Huber,
    "log_cosh": _LogCosh,
    "mean_absolute_error": _Absolute,
    "mean_squared_error": _Squared,
    "sparse_categorical_crossentropy": _SparseCategorical,
}
"""By the name of the function in `keras.losses`."""


def is_special(options: Mapping[str, Any]) -> bool:
    """Whether a loss has arguments that are not written out."""
    return options.get("axis", -1) != -1 or options.get("ignore_class") is not None


def _log_of_sum(x: Array) -> Array:
    """log(sum(exp(x))) over the last axis."""
    largest = x.max(-1, keepdims=True)
    total = np.exp(x - largest).sum(-1)
    return np.log(total) + largest[..., 0]


def _picked(x: Array, y: Array) -> Array:
    """x of each sample's class."""
    flat = x.reshape(-1)
    places = np.arange(0, flat.size, x.shape[-1]) + y.reshape(-1)
    return flat[places].reshape(y.shape)
