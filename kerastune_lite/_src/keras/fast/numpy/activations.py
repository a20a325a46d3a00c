"""Keras's activation functions and their gradients, on arrays."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
from scipy import special

from kerastune_lite._src.keras.loading import load_keras

keras = load_keras()

Array = np.ndarray

_SELU_ALPHA, _SELU_SCALE = 1.6732632423543772, 1.0507009873554805


@dataclasses.dataclass(frozen=True)
class Activation:
    """An activation function.

    Attributes:
        name: Keras's.
        forward: x -> y; may write into x where `in_place`.
        backward: (dy, x, y) -> dx; may write into dy.
        in_place: whether the gradient needs y only, so that x may be overwritten.
    """

    name: str
    forward: Callable[[Array], Array]
    backward: Callable[[Array, Array, Array], Array]
    in_place: bool = True


def _relu(x: Array) -> Array:
    return np.maximum(x, 0, out=x)


def _relu_back(dy: Array, x: Array, y: Array) -> Array:
    dy *= y > 0
    return dy


def _relu6(x: Array) -> Array:
    return np.clip(x, 0, 6, out=x)


def _relu6_back(dy: Array, x: Array, y: Array) -> Array:
    dy *= (y > 0) & (y < 6)
    return dy


def _tanh_back(dy: Array, x: Array, y: Array) -> Array:
    dy *= 1 - y * y
    return dy


def _sigmoid(x: Array) -> Array:
    # NumPy's exponential computes many numbers at once, SciPy's `expit` one after the other.
    np.negative(x, out=x)
    np.exp(x, out=x)
    x += 1
    return np.reciprocal(x, out=x)


def _sigmoid_back(dy: Array, x: Array, y: Array) -> Array:
    dy *= y * (1 - y)
    return dy


def _hard_sigmoid(x: Array) -> Array:
    x += 3
    np.clip(x, 0, 6, out=x)
    x /= 6
    return x


def _hard_sigmoid_back(dy: Array, x: Array, y: Array) -> Array:
    dy *= ((y > 0) & (y < 1)) * np.float32(1 / 6)
    return dy


def softmax(x: Array) -> Array:
    """Over the last axis, in place."""
    x -= x.max(-1, keepdims=True)
    np.exp(x, out=x)
    x /= x.sum(-1, keepdims=True)
    return x


def _softmax_back(dy: Array, x: Array, y: Array) -> Array:
    dy -= (dy * y).sum(-1, keepdims=True)
    dy *= y
    return dy


def _elu(x: Array) -> Array:
    return np.where(x > 0, x, np.expm1(np.minimum(x, 0)))


def _elu_back(dy: Array, x: Array, y: Array) -> Array:
    dy *= np.where(y > 0, np.float32(1), y + 1)
    return dy


def _selu(x: Array) -> Array:
    y = _elu(x)
    y *= np.where(x > 0, np.float32(_SELU_SCALE), np.float32(_SELU_SCALE * _SELU_ALPHA))
    return y


def _selu_back(dy: Array, x: Array, y: Array) -> Array:
    dy *= np.where(y > 0, np.float32(_SELU_SCALE), y + np.float32(_SELU_SCALE * _SELU_ALPHA))
    return dy


def leaky_relu(slope: float = 0.2) -> Activation:
    """x where it is positive, else x times the slope; the default is Keras's.

    Args:
        slope: positive.
    """
    one, leak = np.float32(1), np.float32(slope)

    def backward(dy: Array, x: Array, y: Array) -> Array:
        dy *= np.where(y > 0, one, leak)
        return dy

    return Activation("leaky_relu", lambda x: np.where(x > 0, x, x * leak), backward)


def _softplus(x: Array) -> Array:
    return np.logaddexp(x, 0).astype(x.dtype, copy=False)


def _softplus_back(dy: Array, x: Array, y: Array) -> Array:
    dy *= special.expit(x)
    return dy


def _softsign(x: Array) -> Array:
    return x / (1 + np.abs(x))


def _softsign_back(dy: Array, x: Array, y: Array) -> Array:
    dy /= np.square(1 + np.abs(x))
    return dy


def _silu(x: Array) -> Array:
    return x * special.expit(x)


def _silu_back(dy: Array, x: Array, y: Array) -> Array:
    gate = special.expit(x)
    dy *= gate * (1 + x * (1 - gate))
    return dy


def _gelu(x: Array) -> Array:
    return np.float32(0.5) * x * (1 + special.erf(x * np.float32(math.sqrt(0.5))))


def _gelu_back(dy: Array, x: Array, y: Array) -> Array:
    half = np.float32(0.5)
    normal = half * (1 + special.erf(x * np.float32(math.sqrt(0.5))))
    density = np.exp(-half * x * x) * np.float32(1 / math.sqrt(2 * math.pi))
    dy *= normal + x * density
    return dy


def _exponential_back(dy: Array, x: Array, y: Array) -> Array:
    dy *= y
    return dy


_WRITTEN: Mapping[str, Activation] = {
    each.name: each
    for each in (
        Activation("elu", _elu, _elu_back),
        Activation("exponential", lambda x: np.exp(x, out=x), _exponential_back),
        Activation("gelu", _gelu, _gelu_back, in_place=False),
        Activation("hard_sigmoid", _hard_sigmoid, _hard_sigmoid_back),
        leaky_relu(),
        Activation("linear", lambda x: x, lambda dy, x, y: dy),
        Activation("relu", _relu, _relu_back),
        Activation("relu6", _relu6, _relu6_back),
        Activation("selu", _selu, _selu_back),
        Activation("sigmoid", _sigmoid, _sigmoid_back),
        Activation("silu", _silu, _silu_back, in_place=False),
        Activation("softmax", softmax, _softmax_back),
        Activation("softplus", _softplus, _softplus_back, in_place=False),
        Activation("softsign", _softsign, _softsign_back, in_place=False),
        Activation("tanh", lambda x: np.tanh(x, out=x), _tanh_back),
    )
}


def name_of(function: Any) -> str | None:
    """The name of an activation that is written out here; None of any other function."""
    if function is None:
        return "linear"
    for name in _WRITTEN:
        # By identity: a function of the user's own may have the same name.
        if function is getattr(keras.activations, name, None):
            return name
    return None


def activation_of(function: Any) -> Activation:
    """What is written out for a function that has a name here."""
    return _WRITTEN[str(name_of(function))]
