"""The callbacks of a training: which of them suit the fast paths, and what they look at."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any

from kerastune_lite._src.keras.compat.callbacks import (
    choose_comparison,
    comparison_of,
    monitors,
    profiles_batches,
)
from kerastune_lite._src.keras.fast.fit_call import FitCall, Unsuitable
from kerastune_lite._src.keras.loading import load_keras
from kerastune_lite._src.keras.metric_directions import direction_of, metric_names

keras = load_keras()

_BATCH_HOOKS = (
    "on_batch_begin",
    "on_batch_end",
    "on_train_batch_begin",
    "on_train_batch_end",
    "on_test_batch_begin",
    "on_test_batch_end",
)

_EARLY_HOOKS = ("set_model", "set_params", "on_train_begin", "on_epoch_begin", "on_test_begin")
"""What may come between the reading of an epoch's data and the epoch."""

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


def check_changes_no_data(callbacks: list[Any]) -> None:
    """Refuse callbacks of the user's own that may change what the first epoch is to read.

    Raises:
        Unsuitable: with the name of one.
    """
    for callback in callbacks:
        kind = type(callback)
        own = not kind.__module__.startswith("keras.") or kind.__name__ == "LambdaCallback"
        if own and not getattr(callback, "epoch_level", False) and _has(callback, _EARLY_HOOKS):
            raise Unsuitable(
                f"{kind.__name__}, which acts before epochs, with data that may differ from epoch "
                "to epoch"
            )


def _has_batch_hooks(callback: Any) -> bool:
    return _has(callback, _BATCH_HOOKS)


def _has(callback: Any, hooks: Sequence[str]) -> bool:
    base = keras.callbacks.Callback
    own = vars(callback)
    return any(
        name in own or getattr(type(callback), name) is not getattr(base, name) for name in hooks
    )


def _looks_closely(callback: Any) -> bool:
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
        self.look_closely = any(map(_looks_closely, self.list.callbacks))
        self._keepers = [c for c in self.list.callbacks if hasattr(c, "captures_after")]
        stopper = keras.callbacks.TerminateOnNaN
        self._nan_stoppers = [c for c in self.list.callbacks if isinstance(c, stopper)]

    @property
    def halt_on_nan(self) -> bool:
        """Whether a loss that is not finite ends its epoch at once."""
        return bool(self._nan_stoppers)

    def capture_after(self, epoch: int) -> bool:
        """Whether a callback captures all of the training's state when this epoch has ended."""
        return any([keeper.captures_after(epoch) for keeper in self._keepers])

    def tell_of_nan(self, logs: dict[str, Any], steps: int) -> None:
        """Tell those who wait for it of a loss that is not finite."""
        if self._nan_stoppers and not math.isfinite(float(logs.get("loss", 0.0))):
            for callback in self._nan_stoppers:
                callback.on_train_batch_end(steps - 1, {"loss": float(logs["loss"])})
