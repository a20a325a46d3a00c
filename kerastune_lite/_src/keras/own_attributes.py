"""What the user's own classes keep in Python attributes."""

from __future__ import annotations

import collections
import functools
import logging
import zlib
from collections.abc import Mapping
from typing import Any

import numpy as np

from kerastune_lite._src.keras.compat.global_state import names_given_back
from kerastune_lite._src.keras.compat.models import compile_arguments, layers_within
from kerastune_lite._src.keras.loading import load_keras
from kerastune_lite._src.keras.resuming import optimizers_of

keras = load_keras()
logger = logging.getLogger(__name__)

_LIBRARIES = ("keras.", "tensorflow.", "numpy.", "builtins.", "functools.", "tf_keras.")


def attributes_of(model: Any) -> dict[int, Any] | None:
    """What the user's own classes keep in Python attributes, and what is frozen, by object.

    Their methods may change such attributes while they are traced. Keras's own classes do not. It
    is None where that cannot be read.
    """
    try:
        return _attributes_of(model)
    except Exception as error:
        # They may hold anything: chains of a thousand objects, files that are closed.
        logger.debug("The attributes of a model cannot be read.", exc_info=error)
        return None


def _attributes_of(model: Any) -> dict[int, Any]:
    layers = [model, *layers_within(model)]
    others = [*optimizers_of(model).values(), *compiled_with(model)]
    found = {id(each): _content(each, set()) for each in (*layers, *others) if _is_users(each)}
    return found | {-id(each): each.trainable for each in layers}


def _is_users(value: Any) -> bool:
    return hasattr(value, "__dict__") and not f"{type(value).__module__}.".startswith(_LIBRARIES)


def _content(value: Any, seen: set[int]) -> Any:
    """Plain data, and that within containers and objects of the user's; None for all else."""
    if isinstance(value, (bool, int, float, complex, str, bytes, np.generic)):
        return repr(value)
    if isinstance(value, np.ndarray):
        plain = not value.dtype.hasobject
        return value.shape, zlib.crc32(np.ascontiguousarray(value).data) if plain else id(value)
    if id(value) in seen:
        return None
    seen.add(id(value))
    if isinstance(value, Mapping):
        return [(_content(key, seen), _content(each, seen)) for key, each in value.items()]
    if isinstance(value, (list, tuple, collections.deque)):
        return [_content(each, seen) for each in value]
    if isinstance(value, (set, frozenset)):
        return sorted(repr(_content(each, seen)) for each in value)
    if not _is_users(value):
        return None
    names = vars(value).keys() - _attributes_of_keras()
    found = {name: _content(vars(value)[name], seen) for name in sorted(names)}
    # Weights and layers that are made late.
    return {name: content for name, content in found.items() if content is not None}


@functools.cache
def _attributes_of_keras() -> frozenset[str]:
    with names_given_back():
        return frozenset((*vars(keras.Model()), *vars(keras.layers.Layer()), "history"))


def compiled_with(model: Any) -> list[Any]:
    """What `compile` was given, flat."""
    given: list[Any] = keras.tree.flatten(list(compile_arguments(model).values()))
    return given
