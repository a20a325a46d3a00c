"""What `fit` does around its epochs: callbacks, validation, stopping. The epochs are another's."""

from __future__ import annotations

import enum
import math
from collections.abc import Callable, Generator, Mapping
from typing import Any

from kerastune_lite._src.keras.compat.callbacks import (
    choose_comparison,
    comparison_of,
    monitors,
    profiles_batches,
)
from kerastune_lite._src.keras.compat.internals import first_epoch
from kerastune_lite._src.keras.fast.fit_call import FitCall, Unsuitable
from kerastune_lite._src.keras.loading import load_keras
from kerastune_lite._src.keras.metric_directions import direction_of, metric_names

keras = load_keras()


class Want(enum.Enum):
    """What the loop asks of whoever computes the epochs."""

    TRAIN = "train an epoch"
    TRAIN_ONE = "train its first batch only"
    MEASURE = "measure on the validation data"
    SHOW = "put the state of the training into the model, for callbacks to see"
    SHOW_RESULT = "the same, at the end of an epoch"
    TELL_RESULT = "nothing: an epoch has ended, and callbacks hear of its logs only"
    TAKE = "take over what callbacks changed in the model"


RESULTS = (Want.SHOW_RESULT, Want.TELL_RESULT)
"""After these callbacks have seen results, so that an epoch cannot be begun anew."""

Loop = Generator["tuple[Want, int]", Any, Any]
"""Yields what it wants and the epoch; is sent the logs; returns the History."""


class FirstEpochFailed(Exception):
    """Before any callback saw a result of it; the message is the name of what was raised."""


_BATCH_HOOKS = (
    "on_batch_begin",
    "on_batch_end",
    "on_train_batch_begin",
    "on_train_batch_end",
    "on_test_batch_begin",
    "on_test_batch_end",
)

_EPOCH_LEVEL: dict[str, Callable[[Any], bool]] = {
    # Keras's own callbacks that have batch hooks -> whether they do without them.
    "BackupAndRestore": lambda callback: callback.save_freq == "epoch",
    "History": lambda callback: True,
    "ModelCheckpoint": lambda callback: callback.save_freq == "epoch",
    "ProgbarLogger": lambda callback: True,
    "TensorBoard": lambda callback: (
        callback.update_freq == "epoch"
        and not callback.write_steps_per_second
        and not profiles_batches(callback)
    ),
    "TerminateOnNaN": lambda callback: True,
}

_SEE_NO_MORE = frozenset(
    (
        "CSVLogger",
        "EarlyStopping",
        "History",
        "LearningRateScheduler",
        "ProgbarLogger",
        "ReduceLROnPlateau",
        "TerminateOnNaN",
    )
)
"""Keras's callbacks that look at the model only when an epoch has ended, and at no more of it than
its weights and learning rate."""


_SEE_LOGS = frozenset(("CSVLogger", "History", "ProgbarLogger", "TerminateOnNaN"))
"""Those of them that read nothing but logs, and set nothing but `stop_training`."""


def check_callbacks(callbacks: list[Any]) -> None:
    """Refuse callbacks that want to see batches.

    Raises:
        Unsuitable: with the name of one.
    """
    for callback in callbacks:
        if getattr(callback, "epoch_level", False):
            continue
        kind = type(callback)
        if kind.__module__.startswith("keras."):
            suits = _EPOCH_LEVEL.get(kind.__name__, lambda callback: not _has_batch_hooks(callback))
            if suits(callback):
                continue
        elif not _has_batch_hooks(callback):
            continue
        raise Unsuitable(f"batch hooks of {kind.__name__}")


def _has_batch_hooks(callback: Any) -> bool:
    base = keras.callbacks.Callback
    own = vars(callback)
    return any(
        name in own or getattr(type(callback), name) is not getattr(base, name)
        for name in _BATCH_HOOKS
    )


def looks_closely(callback: Any) -> bool:
    """Whether a callback may look at all of the model, at any time."""
    if getattr(callback, "epoch_level", False):
        return False
    kind = type(callback)
    return not (kind.__module__.startswith("keras.") and kind.__name__ in _SEE_NO_MORE)


def _looks(callback: Any) -> bool:
    """Whether a callback may read weights or learning rate when epochs end, or change them."""
    kind = type(callback)
    if not kind.__module__.startswith("keras."):
        return True
    if kind.__name__ == "EarlyStopping":
        return bool(callback.restore_best_weights)
    return kind.__name__ not in _SEE_LOGS


def _decide_direction(callback: Any, model: Any) -> None:
    """Tell a callback that monitors a metric what is better: less of it or more.

    Keras's callbacks with mode="auto" ask the model's metrics when the first epoch has ended. By
    then `fit` has made them; where a program is known already, nothing needs them. A metric that
    the model does not have is left to Keras, which says so.
    """
    undecided = monitors(callback) and comparison_of(callback) is None
    if not undecided or callback.mode in ("min", "max"):
        return
    if callback.monitor.removeprefix("val_") not in metric_names(model):
        return
    direction = direction_of(callback.monitor, model)
    if direction is not None:
        choose_comparison(callback, direction)


class Callbacks:
    """The callbacks of a training, as `fit` keeps them.

    Args:
        model: it gets their History.
        call: whose callbacks they are.
        steps: batches per epoch.

    Raises:
        Unsuitable: one of them wants to see batches.
    """

    def __init__(self, model: Any, call: FitCall, steps: int) -> None:
        self.list = keras.callbacks.CallbackList(
            call.callbacks,
            add_history=True,
            add_progbar=call.verbose != 0,
            verbose=call.verbose,
            epochs=call.epochs,
            steps=steps,
            model=model,
        )
        check_callbacks(self.list.callbacks)
        for callback in self.list.callbacks:
            _decide_direction(callback, model)
        self.look = any(map(_looks, self.list.callbacks))
        self.look_closely = any(map(looks_closely, self.list.callbacks))
        self._nan_stoppers = [
            callback
            for callback in self.list.callbacks
            if isinstance(callback, keras.callbacks.TerminateOnNaN)
        ]

    @property
    def halt_on_nan(self) -> bool:
        """Whether a loss that is not finite ends its epoch at once."""
        return bool(self._nan_stoppers)

    def tell_of_nan(self, logs: dict[str, Any], steps: int) -> None:
        """Tell those who wait for it of a loss that is not finite."""
        if self._nan_stoppers and not math.isfinite(float(logs.get("loss", 0.0))):
            for callback in self._nan_stoppers:
                callback.on_train_batch_end(steps - 1, {"loss": float(logs["loss"])})


def loop(model: Any, call: FitCall, callbacks: Callbacks, validates: bool) -> Loop:
    """The epochs of a training, as `fit` goes through them.

    Args:
        model: its `stop_training` ends the loop.
        call: the arguments of `fit`.
        callbacks: of this training.
        validates: whether there is validation data.
    """
    closely = callbacks.look_closely
    model.stop_training = False
    callbacks.list.on_train_begin()
    logs: dict[str, Any] | None = None
    for epoch in range(first_epoch(model, call.initial_epoch), call.epochs):
        callbacks.list.on_epoch_begin(epoch)
        if callbacks.look:
            # Whatever they may do: schedules of the learning rate are set here.
            yield Want.TAKE, epoch
        # One that has stopped already is stopped by `fit` when it has trained a batch.
        trained, steps = yield (Want.TRAIN_ONE if model.stop_training else Want.TRAIN), epoch
        callbacks.tell_of_nan(trained, int(steps))
        logs = dict(trained)
        if validates and call.validates_after(epoch):
            if closely:
                yield Want.SHOW, epoch
            callbacks.list.on_test_begin()
            if closely:
                yield Want.TAKE, epoch
            measured = numbers((yield Want.MEASURE, epoch))
            callbacks.list.on_test_end(measured)
            if closely:
                yield Want.TAKE, epoch
            logs.update({f"val_{name}": value for name, value in measured.items()})
        yield (Want.SHOW_RESULT if callbacks.look else Want.TELL_RESULT), epoch
        callbacks.list.on_epoch_end(epoch, logs)
        if model.stop_training:
            break
    if logs is not None and not callbacks.look:
        yield Want.SHOW, epoch
    if call.epochs > 0:
        model.optimizer.finalize_variable_values(model.trainable_weights)
    callbacks.list.on_train_end(logs)
    return model.history


def numbers(logs: Mapping[str, Any]) -> dict[str, Any]:
    """Logs as `evaluate` returns them: plain numbers, those of a metric side by side."""
    result: dict[str, Any] = {}
    for name, value in sorted(logs.items()):
        if isinstance(value, Mapping):
            result.update(numbers(value))
            continue
        try:
            result[name] = float(value)
        except (TypeError, ValueError):  # one number per class
            result[name] = value
    return result
