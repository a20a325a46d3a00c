"""How much a step of a model computes, by which it is decided who computes it."""

from __future__ import annotations

from typing import Any

import numpy as np

from kerastune_lite._src.keras.compat import internals
from kerastune_lite._src.keras.fast.numpy.convolution import LAYERS as CONVOLUTIONS
from kerastune_lite._src.keras.fast.numpy.written import WRITTEN
from kerastune_lite._src.keras.fast.supported import MODELS, RECURRENT


def arithmetic(model: Any, batch_size: int) -> int:
    """How many products with weights the samples of a batch take on their way forward.

    Those with weights that are not trained count a third: there is no way back.

    Args:
        model: built, Sequential or functional.
    """
    thirds = sum(
        _uses(layer) * int(np.prod(variable.shape)) * (3 if variable.trainable else 1)
        for layer in internals.nested_layers(model)
        if type(layer).__name__ not in MODELS
        for variable in layer.weights
    )
    return batch_size * thirds // 3


def convolves(model: Any) -> bool:
    """Whether it has convolutions."""
    return any(type(layer).__name__ in CONVOLUTIONS for layer in internals.nested_layers(model))


def turns(model: Any) -> int:
    """How many operations in a row wait for each other: the steps of all recurrent layers."""
    return sum(_uses(layer) for layer in internals.nested_layers(model) if _is_recurrent(layer))


def _uses(layer: Any) -> int:
    written = WRITTEN.get(type(layer).__name__)
    return 1 if written is None else written.uses(layer)


def _is_recurrent(layer: Any) -> bool:
    return type(layer).__name__ in RECURRENT
