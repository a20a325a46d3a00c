"""The state of callbacks: their plain data, which is read from them and restored.

Plain data is None, booleans, numbers, text, NumPy scalars and arrays, and lists, tuples, sets,
dictionaries and queues (`collections.deque`) of these. It is stored as JSON, with the arrays beside
it, and without pickle.
"""

from __future__ import annotations

import collections
import enum
import functools
import logging
import math
import pathlib
import re
import types
from collections.abc import Mapping, MutableMapping, Sequence
from typing import Any

import numpy as np

from kerastune_lite._src.keras.callbacks import (
    BatchHookCaller,
    EpochReporter,
    HookCaller,
    SizeLimit,
)
from kerastune_lite._src.keras.compat.callbacks import (
    KNOWN,
    Known,
    choose_comparison,
    comparison_of,
    monitors,
    unknown_memory,
)
from kerastune_lite._src.keras.loading import load_keras
from kerastune_lite._src.util.errors import StoreError

keras = load_keras()

_COLLECTIONS: dict[type, str] = {tuple: "tuple", set: "set", frozenset: "frozenset"}
_MAPPINGS: dict[type, str] = {
    dict: "dict",
    collections.OrderedDict: "ordered",
    collections.Counter: "counter",
}
_TYPES = {tag: kind for kind, tag in (_COLLECTIONS | _MAPPINGS).items()}


class NotPlainError(TypeError):
    """A value is not plain data."""


def pack(value: Any, name: str, arrays: MutableMapping[str, np.ndarray]) -> Any:
    """Plain data as JSON.

    Args:
        name: the first part of the names of arrays in `value`.
        arrays: receives copies of them.

    Raises:
        NotPlainError: the value, or a part of it, is not plain data.
    """
    kind = type(value)
    if value is None or kind in (bool, int, str):
        return value
    if kind is float:
        return value if math.isfinite(value) else {"float": repr(value)}
    if isinstance(value, np.generic) or kind is np.ndarray:
        if value.dtype.kind not in "biufcSUMmV" or value.dtype.hasobject:
            raise NotPlainError(f"an array of {value.dtype}")
        arrays[name] = np.array(value)
        return {"array" if kind is np.ndarray else "scalar": name}
    if kind in _MAPPINGS:
        pairs = enumerate(value.items())
        return {_MAPPINGS[kind]: [pack([*pair], f"{name}/{i}", arrays) for i, pair in pairs]}
    if kind is list or kind in _COLLECTIONS or kind is collections.deque:
        members = [pack(each, f"{name}/{i}", arrays) for i, each in enumerate(value)]
        if kind is list:
            return members
        if kind is collections.deque:
            return {"deque": members, "maxlen": value.maxlen}
        return {_COLLECTIONS[kind]: members}
    raise NotPlainError(kind.__name__)


def unpack(packed: Any, arrays: Mapping[str, np.ndarray]) -> Any:
    """The inverse of `pack`; the result shares nothing with `arrays`."""
    if isinstance(packed, list):
        return [unpack(each, arrays) for each in packed]
    if not isinstance(packed, dict):
        return packed
    tag, content = next(iter(packed.items()))
    if tag == "float":
        return float(content)
    if tag == "array":
        return arrays[content].copy()
    if tag == "scalar":
        return arrays[content][()]
    members = [unpack(each, arrays) for each in content]
    if tag == "deque":
        return collections.deque(members, packed["maxlen"])
    kind = _TYPES[tag]
    # A Counter made of pairs would count the pairs.
    return kind(dict(members)) if kind in _MAPPINGS else kind(members)


_COMPARISONS = {"less": keras.ops.less, "greater": keras.ops.greater}

_KNOWN: dict[type, Known] = {
    **KNOWN,
    EpochReporter: Known(
        ("history", "epochs", "best_epoch", "best_weights", "_best_loss", "_latest")
    ),
    SizeLimit: Known(),
    HookCaller: Known(),
    BatchHookCaller: Known(),
}

_OF_ALL = tuple(vars(keras.callbacks.Callback()))
"""The attributes that every callback has."""

_CONSTANTS = (
    types.FunctionType,
    types.BuiltinFunctionType,
    types.MethodType,
    types.ModuleType,
    functools.partial,
    type,
    enum.Enum,
    pathlib.PurePath,
    re.Pattern,
    logging.Logger,
    np.dtype,
    np.ufunc,
)
"""Types that are neither plain data nor state."""


def _names(callback: Any) -> list[str]:
    """The attributes that may be state."""
    known = _KNOWN.get(type(callback))
    if known is not None and known.state is not None:
        return [name for name in known.state if name in vars(callback)]
    alone = {*_OF_ALL}
    for base in type(callback).__mro__:
        if base in _KNOWN:
            alone.update(_KNOWN[base].alone)
    return [name for name in vars(callback) if name not in alone]


def take(
    callback: Any, name: str, arrays: MutableMapping[str, np.ndarray]
) -> tuple[dict[str, Any], list[str]]:
    """The state of one callback.

    Args:
        name: the first part of the names of its arrays.
        arrays: receives them.

    Returns:
        The packed attributes, and the names of those that may be state but are not plain data.
    """
    kept: dict[str, Any] = {}
    left_out = []
    if monitors(callback):
        for in_words, comparison in _COMPARISONS.items():
            if comparison is comparison_of(callback):
                kept["monitor_op"] = in_words
    for attribute in _names(callback):
        value = vars(callback)[attribute]
        own: dict[str, np.ndarray] = {}
        try:
            kept[attribute] = pack(value, f"{name}/{attribute}", own)
            arrays.update(own)
        except (NotPlainError, RecursionError):
            if not isinstance(value, _CONSTANTS) and value is not getattr(callback, "model", None):
                left_out.append(attribute)
    return kept, left_out


def put_back(callback: Any, kept: Mapping[str, Any], arrays: Mapping[str, np.ndarray]) -> None:
    """Restore the state that `take` read from a callback of the same class."""
    if isinstance(callback, keras.callbacks.CSVLogger):
        # It opens its file when the training starts, and would overwrite it.
        callback.append = True
    known = _KNOWN.get(type(callback))
    for attribute, packed in kept.items():
        if attribute == "monitor_op" and monitors(callback):
            # Keras chooses it at the end of the first epoch; a checkpoint in mid-epoch needs it
            # earlier.
            choose_comparison(callback, "min" if packed == "less" else "max")
        elif known is None or known.state is None or attribute in known.state:
            vars(callback)[attribute] = unpack(packed, arrays)


def take_all(
    callbacks: Sequence[Any], arrays: MutableMapping[str, np.ndarray]
) -> list[dict[str, Any]]:
    """The states of a list of callbacks, as JSON.

    Args:
        arrays: receives the arrays among them.
    """
    states = []
    for index, callback in enumerate(callbacks):
        kept, left_out = take(callback, f"callbacks/{index}", arrays)
        states.append({"class": type(callback).__name__, "kept": kept, "left_out": left_out})
    return states


def check_same(states: Sequence[Mapping[str, Any]], callbacks: Sequence[Any]) -> None:
    """Check that the states are those of callbacks of these classes.

    Raises:
        StoreError: the callbacks are others, or in another order.
    """
    expected = [state["class"] for state in states]
    received = [type(callback).__name__ for callback in callbacks]
    if received != expected:
        raise StoreError(
            "A training is resumed with callbacks of the same classes in the same order as before. "
            f"Expected: {_listed(expected)}. Received: {_listed(received)}. Pass the callbacks "
            "that the search started with, or start a new project."
        )


def put_all_back(
    states: Sequence[Mapping[str, Any]],
    arrays: Mapping[str, np.ndarray],
    callbacks: Sequence[Any],
) -> None:
    """Restore the states that `take_all` read from callbacks of the same classes.

    Raises:
        StoreError: the callbacks are others, or in another order.
    """
    check_same(states, callbacks)
    for callback, state in zip(callbacks, states):
        put_back(callback, state["kept"], arrays)


def _listed(names: Sequence[str]) -> str:
    return ", ".join(names) or "none"


def cannot_resume(callbacks: Sequence[Any]) -> str | None:
    """Why a training with these callbacks cannot be resumed in a later segment; None if it can.

    Only the attributes that exist now are checked, not those that `on_train_begin` adds.
    """
    for callback in callbacks:
        unknown = unknown_memory(callback)
        if unknown is not None:
            return f"The state of {type(callback).__name__} must be known: {unknown}"
        _, left_out = take(callback, "", {})
        if left_out:
            name = left_out[0]
            return (
                "The state of a callback must be plain data (numbers, text, lists, dictionaries, "
                "NumPy arrays) to be stored between two segments of a training. "
                f"Received: {type(callback).__name__} with the attribute {name!r} of type "
                f"{type(vars(callback)[name]).__name__}. Keep plain data in it instead"
            )
    return None
