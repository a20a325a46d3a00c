"""What Keras's callbacks keep to themselves."""

from __future__ import annotations

import dataclasses
import functools
import types
from collections.abc import Mapping
from typing import Any

from kerastune_lite._src.keras.compat.parts import Part
from kerastune_lite._src.keras.loading import load_keras

keras = load_keras()

# ------------------------------------------------------------------ what they remember


@dataclasses.dataclass(frozen=True)
class Known:
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

BY_NAME: Mapping[str, Known] = {
    "BackupAndRestore": Known(
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
    "CSVLogger": Known(
        ("keys",), ("filename", "append", "append_header", "writer", "csv_file", "sep")
    ),
    "EarlyStopping": Known(
        ("wait", "stopped_epoch", "best", "best_weights", "best_epoch"), _MONITORS
    ),
    "History": Known(("history", "epoch")),
    "LambdaCallback": Known(None),
    "LearningRateScheduler": Known(),
    "ModelCheckpoint": Known(("best", "_current_epoch", *_SEEN_BATCHES), (*_MONITORS, "filepath")),
    "OrbaxCheckpoint": Known(
        ("best", "_total_batches_seen", *_SEEN_BATCHES),
        (*_MONITORS, "directory", "checkpointer", "_async_futures"),
    ),
    "ProgbarLogger": Known((), ("progbar", "target", "seen", "verbose", "epochs")),
    "ReduceLROnPlateau": Known(("best", "wait", "cooldown_counter"), _MONITORS),
    "RemoteMonitor": Known(),
    "SwapEMAWeights": Known(("_ema_weights_in_model",)),
    "TensorBoard": Known(
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
    "TerminateOnNaN": Known(),
}

KNOWN: Mapping[type, Known] = {
    getattr(keras.callbacks, name): known
    for name, known in BY_NAME.items()
    if hasattr(keras.callbacks, name)
}
"""Keras's callbacks."""


def unknown_memory(callback: Any) -> str | None:
    """Why what one of Keras's callbacks remembers cannot be kept, in words; None if it can.

    The state that is known of its class must be there. Where it is not, a training with that
    callback is not continued in a later segment.
    """
    kind = next((base for base in type(callback).__mro__ if base in KNOWN), None)
    if kind is None:
        return None
    for name in KNOWN[kind].state or ():
        if name not in _attributes(kind):
            return f"Keras {keras.__version__} does not keep {name!r} in {kind.__name__}"
    return AVERAGES.missing() if kind is keras.callbacks.SwapEMAWeights else None


@functools.cache
def _attributes(kind: type) -> frozenset[str]:
    """The names of attributes in the methods of a class: some are set by `fit` only."""
    methods = (each for base in kind.__mro__ for each in vars(base).values())
    return frozenset(
        name
        for method in methods
        if isinstance(method, types.FunctionType)
        for name in method.__code__.co_names
    )


# ------------------------------------------------------------------ monitored metrics


def monitors(callback: Any) -> bool:
    """Whether it is one of Keras's that compare values of a metric.

    Without the part none is: they choose the comparison themselves, also when a training goes on,
    and models are trained with model.fit, where they can.
    """
    knows = hasattr(callback, "_set_monitor_op") and "monitor_op" in vars(callback)
    return knows and MONITORS.is_there


def comparison_of(callback: Any) -> Any:
    """The operation of `keras.ops` by which such a callback compares; None: not chosen yet."""
    return callback.monitor_op


def choose_comparison(callback: Any, mode: str) -> None:
    """Have such a callback compare as with this `mode`, "min" or "max".

    Once more, it may be, for one that has chosen already.
    """
    callback.min_delta = abs(callback.min_delta)
    kept, callback.mode = callback.mode, mode
    callback._set_monitor_op()
    callback.mode = kept


def _monitors_work() -> bool:
    found = []
    for mode in ("min", "max", "min"):
        callback = keras.callbacks.EarlyStopping("some", min_delta=0.5)
        undecided = comparison_of(callback) is None
        choose_comparison(callback, "max")
        choose_comparison(callback, mode)
        found.append((undecided, comparison_of(callback), callback.min_delta, callback.mode))
    less, greater = (True, keras.ops.less, -0.5, "auto"), (True, keras.ops.greater, 0.5, "auto")
    return found == [less, greater, less]


MONITORS = Part(
    "Callbacks that go on choose anew whether less is better",
    {"how callbacks compare what they monitor": _monitors_work},
)

# ------------------------------------------------------------------ TensorBoard's profiles


def profiles_batches(tensorboard: Any) -> bool:
    """Whether Keras's TensorBoard callback profiles batches; without the part it may."""
    return not PROFILES.is_there or bool(tensorboard._stop_batch)


def _profiles_work() -> bool:
    # One that does profile starts a profiler, and be it for a moment.
    return bool(keras.callbacks.TensorBoard(profile_batch=0)._stop_batch == 0)


PROFILES = Part(
    "Models with a TensorBoard callback are trained with model.fit",
    {"which batches are profiled": _profiles_work},
)

# ------------------------------------------------------------------ moving averages


def make_averages_of_weights(callback: Any) -> None:
    """Have SwapEMAWeights take the model's weights for their averages, as when a training ends.

    Without the part, a training with that callback is not continued (`unknown_memory`).
    """
    callback._finalize_ema_values()


def _averages_work() -> bool:
    layer = keras.layers.Dense(1, use_bias=False, kernel_initializer="ones")
    model = keras.Sequential([keras.Input((1,)), layer])
    model.compile(keras.optimizers.SGD(0.5, use_ema=True), "mse")
    model.optimizer.build(model.trainable_variables)
    layer.kernel.assign([[3.0]])
    callback = keras.callbacks.SwapEMAWeights()
    callback.set_model(model)
    make_averages_of_weights(callback)
    model.optimizer.finalize_variable_values(model.trainable_variables)
    return float(keras.ops.sum(layer.kernel)) == 3.0


AVERAGES = Part(
    "Trainings with SwapEMAWeights are not continued",
    {"how averages of weights are put in": _averages_work},
)
