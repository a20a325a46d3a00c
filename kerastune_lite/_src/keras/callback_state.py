"""What callbacks know of a training: their plain data, taken out of them and put back.

Plain data are None, booleans, numbers, text, NumPy scalars and arrays, and lists, tuples, sets,
dictionaries and queues (`collections.deque`) of these. They go into a file as JSON, and the arrays
beside it; there is no pickle.
"""

from __future__ import annotations

import collections
import dataclasses
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
    """Something that is no plain data."""


def pack(value: Any, name: str, arrays: MutableMapping[str, np.ndarray]) -> Any:
    """Plain data as JSON can hold it.

    Args:
        name: what arrays in `value` are called, with their place in it appended.
        arrays: receives copies of them.

    Raises:
        NotPlainError: it is no plain data, or holds some that is none.
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
    """What `pack` was given; nothing in it is shared with `arrays`."""
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


@dataclasses.dataclass(frozen=True)
class _Known:
    """A class of callbacks whose attributes we know.

    Attributes:
        state: what changes while it watches a training; None for whatever is plain data. All
            else are settings, and those are the new callback's.
        alone: what is not to be carried over in subclasses of the user's either, whose other
            plain data are all taken for state: where it writes to, and what it writes with.
    """

    state: tuple[str, ...] | None = ()
    alone: tuple[str, ...] = ()


_SEEN_BATCHES = ("_batches_seen_since_last_saving", "_last_batch_seen")
_MONITORS = ("min_delta",)
_COMPARISONS = {"less": keras.ops.less, "greater": keras.ops.greater}

_KERAS = {
    "BackupAndRestore": _Known(
        (*_SEEN_BATCHES, "_current_epoch"),
        (
            "backup_dir",
            "_weights_path",
            "_training_metadata_path",
            "_prev_weights_path",
            "_prev_training_metadata_path",
        ),
    ),
    # The columns are chosen in its first epoch, which may have been one without validation.
    "CSVLogger": _Known(
        ("keys",), ("filename", "append", "append_header", "writer", "csv_file", "sep")
    ),
    "EarlyStopping": _Known(
        ("wait", "stopped_epoch", "best", "best_weights", "best_epoch"), _MONITORS
    ),
    "History": _Known(("history", "epoch")),
    "LambdaCallback": _Known(None),
    "LearningRateScheduler": _Known(),
    "ModelCheckpoint": _Known(("best", "_current_epoch", *_SEEN_BATCHES), (*_MONITORS, "filepath")),
    "OrbaxCheckpoint": _Known(
        ("best", "_current_epoch", "_total_batches_seen", *_SEEN_BATCHES),
        (*_MONITORS, "directory", "checkpointer", "_async_futures"),
    ),
    "ProgbarLogger": _Known((), ("progbar", "target", "seen", "verbose", "epochs")),
    "ReduceLROnPlateau": _Known(("best", "wait", "cooldown_counter"), _MONITORS),
    "RemoteMonitor": _Known(),
    "SwapEMAWeights": _Known(("_ema_weights_in_model",)),
    "TensorBoard": _Known(
        ("_global_train_batch", "_global_test_batch"),
        (
            "log_dir",
            "_log_write_dir",
            "_train_dir",
            "_val_dir",
            "_writers",
            "_summary_module",
            "_prev_summary_state",
            "_should_write_train_graph",
            "_profiler_started",
            "_batch_trace_context",
            "_is_tracing",
            "_previous_epoch_iterations",
            "_epoch_start_time",
            "_batch_start_time",
        ),
    ),
    "TerminateOnNaN": _Known(),
}

_KNOWN: dict[type, _Known] = {
    **{
        getattr(keras.callbacks, name): known
        for name, known in _KERAS.items()
        if hasattr(keras.callbacks, name)
    },
    EpochReporter: _Known(
        ("history", "epochs", "best_epoch", "best_weights", "_best_loss", "_latest")
    ),
    SizeLimit: _Known(),
    HookCaller: _Known(),
    BatchHookCaller: _Known(),
}

_OF_ALL = ("params", "_model")
"""What `fit` gives every callback."""

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
"""What is no plain data and no state either."""


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


def _monitors(callback: Any) -> bool:
    return hasattr(callback, "_set_monitor_op")


def take(
    callback: Any, name: str, arrays: MutableMapping[str, np.ndarray]
) -> tuple[dict[str, Any], list[str]]:
    """The state of one callback.

    Args:
        name: what its arrays are called, with the attribute appended.
        arrays: receives them.

    Returns:
        The attributes, packed, and the names of those that are no plain data and may be state.
    """
    kept: dict[str, Any] = {}
    left_out = []
    if _monitors(callback):
        chosen = vars(callback).get("monitor_op")
        for in_words, comparison in _COMPARISONS.items():
            if comparison is chosen:
                kept["monitor_op"] = in_words
    for attribute in _names(callback):
        value = vars(callback)[attribute]
        own: dict[str, np.ndarray] = {}
        try:
            kept[attribute] = pack(value, f"{name}/{attribute}", own)
            arrays.update(own)
        except (NotPlainError, RecursionError):
            if not isinstance(value, _CONSTANTS) and value is not vars(callback).get("_model"):
                left_out.append(attribute)
    return kept, left_out


def put_back(callback: Any, kept: Mapping[str, Any], arrays: Mapping[str, np.ndarray]) -> None:
    """Give a callback the state that `take` took from one of its class."""
    if isinstance(callback, keras.callbacks.CSVLogger):
        # It opens its file when the training begins, and would start a new one.
        callback.append = True
    known = _KNOWN.get(type(callback))
    for attribute, packed in kept.items():
        if attribute == "monitor_op" and _monitors(callback):
            # Chosen at the end of the first epoch, and the sign of min_delta with it; a checkpoint
            # in mid-epoch needs it before.
            callback.monitor_op = _COMPARISONS[packed]
            callback.min_delta = abs(callback.min_delta) * (-1 if packed == "less" else 1)
        elif known is None or known.state is None or attribute in known.state:
            vars(callback)[attribute] = unpack(packed, arrays)


def take_all(
    callbacks: Sequence[Any], arrays: MutableMapping[str, np.ndarray]
) -> list[dict[str, Any]]:
    """The states of a list of callbacks, as JSON can hold them.

    Args:
        arrays: receives the arrays among them.
    """
    states = []
    for index, callback in enumerate(callbacks):
        kept, left_out = take(callback, f"callbacks/{index}", arrays)
        states.append({"class": type(callback).__name__, "kept": kept, "left_out": left_out})
    return states


def put_all_back(
    states: Sequence[Mapping[str, Any]],
    arrays: Mapping[str, np.ndarray],
    callbacks: Sequence[Any],
) -> None:
    """Give callbacks the states that `take_all` took from their like.

    Raises:
        StoreError: they are others, or in another order.
    """
    expected = [state["class"] for state in states]
    received = [type(callback).__name__ for callback in callbacks]
    if received != expected:
        raise StoreError(
            "A training goes on with callbacks of the same classes in the same order as before. "
            f"Expected: {_listed(expected)}. Received: {_listed(received)}. Pass the callbacks "
            "that the search began with, or begin a new project."
        )
    for callback, state in zip(callbacks, states):
        put_back(callback, state["kept"], arrays)


def _listed(names: Sequence[str]) -> str:
    return ", ".join(names) or "none"


def cannot_resume(callbacks: Sequence[Any]) -> str | None:
    """Why a training with these callbacks cannot be continued in a later segment; None if it can.

    Only the attributes that are there now are judged; what `on_train_begin` adds is not.
    """
    for callback in callbacks:
        _, left_out = take(callback, "", {})
        if left_out:
            name = left_out[0]
            return (
                "What a callback remembers must be plain data (numbers, text, lists, "
                "dictionaries, NumPy arrays) to be kept between two segments of a training. "
                f"Received: {type(callback).__name__} with the attribute {name!r} of type "
                f"{type(vars(callback)[name]).__name__}. Keep plain data in it instead."
            )
    return None
