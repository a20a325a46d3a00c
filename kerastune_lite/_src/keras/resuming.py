"""The state of a training between two epochs, so that a later segment can resume it.

Epochs [0, k) and then, in another process, [k, n) give the same history and weights as [0, n)
without a pause. The state consists of the variables of the model (weights, moving averages, random
generators) and of its optimizers, and of the state of the callbacks. It does not include the global
generators of Python, NumPy and Keras, nor the position in an input that continues from epoch to
epoch (`steps_per_epoch`).
"""

from __future__ import annotations

import dataclasses
import warnings
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from kerastune_lite._src.keras.build_configs import build_config_of, build_from, is_complete
from kerastune_lite._src.keras.callback_state import (
    NotPlainError,
    cannot_resume,
    check_same,
    pack,
    put_all_back,
    take_all,
    unpack,
)
from kerastune_lite._src.keras.callbacks import OneOfOurs
from kerastune_lite._src.keras.compat.callbacks import make_averages_of_weights
from kerastune_lite._src.keras.compat.models import forget_restored_epoch, trained_by
from kerastune_lite._src.keras.loading import load_keras
from kerastune_lite._src.keras.weights import assign
from kerastune_lite._src.util.errors import FatalRuntimeError, FatalValueError, StoreError
from kerastune_lite._src.util.threads import in_turn

load_keras()  # silently; the type checker understands only the import below
import keras  # noqa: E402


@dataclasses.dataclass(frozen=True)
class TrainingState:
    """A training between two epochs.

    Attributes:
        epoch: the next one to train, counted from 0.
        stopped: whether a callback asked to stop; there is no next epoch then.
        arrays: the values of the variables, and the arrays that callbacks hold.
        data: everything else, as JSON. `data["callbacks"][i]["left_out"]` names the attributes of a
            callback that may be state and could not be stored.
    """

    epoch: int
    stopped: bool
    arrays: Mapping[str, np.ndarray]
    data: Mapping[str, Any]

    @property
    def extra(self) -> dict[str, Any]:
        """The argument `extra` of `capture`."""
        return unpack(self.data["extra"], self.arrays)

    def with_extra(self, **further: float) -> TrainingState:
        """The same with further numbers in `extra`."""
        arrays = dict(self.arrays)
        extra = pack({**self.extra, **further}, "extra", arrays)
        return dataclasses.replace(self, arrays=arrays, data={**self.data, "extra": extra})


def capture(
    model: Any,
    callbacks: Sequence[Any],
    epoch: int,
    extra: Mapping[str, Any] | None = None,
    logs: Mapping[str, Any] | None = None,
) -> TrainingState:
    """The state of a training, at the end of an epoch.

    Args:
        callbacks: those whose state is stored, in the order in which it will be restored.
        epoch: the next one, counted from 0.
        extra: plain data of the caller.
        logs: the metrics of the epoch that has just ended, if Keras's History comes after the
            caller and does not have them yet.

    Raises:
        NotPlainError: `extra` holds something else.
    """
    arrays = values_of("model", model.variables)
    optimizers = []
    places = {id(variable): place for place, variable in enumerate(model.variables)}
    for name, optimizer in optimizers_of(model).items():
        arrays |= values_of(f"optimizers/{name}", optimizer.variables)
        trained = [places.get(id(each)) for each in trained_by(optimizer)]
        optimizers.append({"name": name, "built": optimizer.built, "trained": trained})
    data = {
        "build_config": build_config_of(model),
        "optimizers": optimizers,
        "callbacks": take_all(callbacks, arrays),
        "history": _history(model, epoch, logs, arrays),
        "extra": pack(dict(extra or {}), "extra", arrays),
    }
    return TrainingState(epoch, bool(getattr(model, "stop_training", False)), arrays, data)


def optimizers_of(model: Any) -> dict[str, Any]:
    """The optimizers by attribute: a model with its own train_step may have several."""
    found = {
        name: value
        for name, value in vars(model).items()
        if isinstance(value, keras.optimizers.Optimizer)
    }
    return {name: found[name] for name in sorted(found)}


@in_turn
def values_of(of: str, variables: Sequence[Any]) -> dict[str, np.ndarray]:
    """The values of variables, by `of` and their index."""
    # By index: names may be equal, and get new numbers when a model is built a second time.
    with warnings.catch_warnings():
        # A warning of NumPy about conversions by Keras and TensorFlow.
        warnings.filterwarnings("ignore", "__array__ implementation", DeprecationWarning)
        return {f"{of}/{i}": each.numpy() for i, each in enumerate(variables)}


def _history(
    model: Any, epoch: int, logs: Mapping[str, Any] | None, arrays: dict[str, np.ndarray]
) -> Any:
    history = getattr(model, "history", None)
    if not isinstance(history, keras.callbacks.History):
        return None
    epochs = list(getattr(history, "epoch", ()))
    series = {name: list(values) for name, values in history.history.items()}
    if logs is not None and epoch - 1 not in epochs:
        epochs.append(epoch - 1)
        for name, value in logs.items():
            series.setdefault(name, []).append(value)
    own: dict[str, np.ndarray] = {}
    try:
        packed = pack({"epoch": epochs, "history": series}, "history", own)
    except NotPlainError:
        # Metrics of the user's own train_step may be anything.
        return None
    arrays.update(own)
    return packed


def restore_model(state: TrainingState, model: Any) -> None:
    """Set the variables of a compiled model and of its optimizers to those of the state.

    Model and optimizers need not have variables yet.

    Raises:
        StoreError: the state is that of another model; no values were changed.
    """
    create_variables(state, model)
    pairs = _matched(state, "model", model.variables, "model")
    optimizers = optimizers_of(model)
    for of in state.data["optimizers"]:
        name = of["name"]
        if name not in optimizers:
            raise _other_model(state, f"it has no optimizer {name!r}")
        optimizer = optimizers[name]
        pairs += _matched(state, f"optimizers/{name}", optimizer.variables, f"{name!r}")
    assign([variable for variable, _ in pairs], [value for _, value in pairs])


def create_variables(state: TrainingState, model: Any) -> None:
    """Create the variables of a model and of its optimizers, as far as the state describes them.

    Raises:
        StoreError: the state is that of another model.
    """
    _build(state, model)
    optimizers = optimizers_of(model)
    for of in state.data["optimizers"]:
        optimizer = optimizers.get(of["name"])
        if optimizer is not None and of["built"] and not optimizer.built:
            optimizer.build(_trained(model, of["trained"]))


@in_turn
def _build(state: TrainingState, model: Any) -> None:
    config = state.data["build_config"]
    if not config or is_complete(model):
        return
    failure = build_from(model, config)
    if failure is not None and not model.weights:
        raise _other_model(state, f"it cannot be built for {config}: {failure}") from failure


def _trained(model: Any, places: Sequence[int | None]) -> list[Any]:
    variables = model.variables
    if not places or any(place is None or place >= len(variables) for place in places):
        return model.trainable_variables
    return [variables[place] for place in places if place is not None]


def _matched(
    state: TrainingState, of: str, variables: Sequence[Any], whose: str
) -> list[tuple[Any, np.ndarray]]:
    """Each variable with its value.

    Raises:
        StoreError: the state is that of another model.
    """
    prefix = f"{of}/"
    count = sum(name.startswith(prefix) for name in state.arrays)
    if count != len(variables):
        raise _other_model(state, f"{whose} should have {count} variables and has {len(variables)}")
    values = [state.arrays[f"{prefix}{place}"] for place in range(count)]
    for place, (variable, value) in enumerate(zip(variables, values)):
        shape, dtype = tuple(variable.shape), keras.backend.standardize_dtype(variable.dtype)
        if (shape, dtype) != (value.shape, value.dtype.name):
            raise _other_model(
                state,
                f"variable {place} of {whose} ({variable.path}) should have shape {value.shape} "
                f"and dtype {value.dtype.name}, and has {shape} and {dtype}",
            )
    return list(zip(variables, values))


def _other_model(state: TrainingState, difference: str) -> StoreError:
    return StoreError(
        f"The training to be resumed at epoch {state.epoch} does not fit the model that "
        f"build(hp) makes: {difference}. Has the builder changed since the search? A subclassed "
        "model is safest when build(hp) creates its variables, by calling it on an example."
    )


def restore_callbacks(state: TrainingState, callbacks: Sequence[Any]) -> None:
    """Restore the state of the callbacks of the earlier segment.

    Args:
        callbacks: of the same classes, in the same order, as in `capture`.

    Raises:
        StoreError: the callbacks are others.
    """
    put_all_back(state.data["callbacks"], state.arrays, callbacks)


def check_resumable(callbacks: Sequence[Any]) -> None:
    """Raise if a callback cannot be resumed.

    Raises:
        FatalValueError: the message names it.
    """
    reason = cannot_resume(callbacks)
    if reason is not None:
        raise FatalValueError(
            f"A training that is resumed later needs callbacks whose state can be stored. {reason}."
        )


def make_resumable(
    arguments: dict[str, Any],
    model: Any,
    callbacks: Sequence[Any],
    state: TrainingState | None,
    keep: bool,
    extra: Mapping[str, Any] | None = None,
) -> StateKeeper | None:
    """Make a call of `fit` start from a state, and capture the one that it ends with.

    Args:
        arguments: of `fit`, to be extended; with `callbacks` and, unless it is 1, `epochs`.
        model: to be trained.
        callbacks: those whose state is stored.
        state: that at the end of an earlier training. None: start from scratch.
        keep: whether the state at the end is wanted.
        extra: plain data that is part of it.

    Returns:
        The callback that has this state afterwards; None if it is not wanted.

    Raises:
        StoreError: `state` is of another model, or of other callbacks.
        FatalValueError: a callback cannot be resumed.
    """
    if state is not None:
        check_same(state.data["callbacks"], callbacks)
        restore_model(state, model)
        arguments["initial_epoch"] = state.epoch
        arguments["callbacks"].append(StateRestorer(state, callbacks))
    if not keep:
        return None
    check_resumable(callbacks)
    keeper = StateKeeper(callbacks, arguments.get("epochs", 1), lambda: extra or {})
    arguments["callbacks"].append(keeper)
    return keeper


class StateKeeper(OneOfOurs):
    """Captures the state at the end of a segment; it must be the last callback.

    That is at the end of the segment's last epoch, or of the one in which a callback stops the
    training. What callbacks and `fit` do after that, such as restoring the best weights, is not
    part of the state: a training without a pause would not do it there.

    Args:
        callbacks: those whose state is stored.
        end_epoch: the segment is [start, end_epoch).
        extra: returns plain data of the caller at that moment.
    """

    epoch_level = True
    """The fast paths can use it if they update the model's optimizer at the end of epochs."""

    def __init__(
        self,
        callbacks: Sequence[Any],
        end_epoch: int,
        extra: Callable[[], Mapping[str, Any]] | None = None,
    ) -> None:
        super().__init__()
        self.state: TrainingState | None = None
        """None until that epoch has ended."""
        self._callbacks = callbacks
        self._end_epoch = end_epoch
        self._extra = extra
        self._put_off: list[tuple[Any, Any]] = []

    def on_epoch_begin(self, epoch: int, logs: Any = None) -> None:
        if epoch != self._end_epoch - 1:
            return
        # In the last epoch of a training this callback replaces the weights by their averages.
        # Pretend that there is another epoch until the weights are captured.
        for callback in self._callbacks:
            if isinstance(callback, keras.callbacks.SwapEMAWeights) and callback.params:
                self._put_off.append((callback, callback.params))
                callback.params = {**callback.params, "epochs": epoch + 2}

    def on_epoch_end(self, epoch: int, logs: Mapping[str, Any] | None = None) -> None:
        if epoch != self._end_epoch - 1 and not self.model.stop_training:
            return
        extra = None if self._extra is None else self._extra()
        self.state = capture(self.model, self._callbacks, epoch + 1, extra, logs or {})
        for callback, params in self._put_off:
            callback.params = params
            if callback.swap_on_epoch and epoch == params["epochs"] - 1:
                make_averages_of_weights(callback)
        self._put_off = []


class StateRestorer(OneOfOurs):
    """Restores a state when `fit(initial_epoch=state.epoch)` starts; put it after the others.

    When a training starts, Keras's callbacks reset their state, some open their files, and one may
    load weights. So the callbacks are restored before that, and again after it, together with the
    model.

    Args:
        state: released when the first epoch starts, so that it does not affect a later `fit`. If
            that epoch is not the state's, FatalRuntimeError is raised.
        callbacks: as for `restore_callbacks`.
    """

    epoch_level = True
    """The fast paths can use it: the model is in that state before they start."""

    def __init__(self, state: TrainingState, callbacks: Sequence[Any]) -> None:
        super().__init__()
        self._state: TrainingState | None = state
        self._callbacks = callbacks

    def set_model(self, model: Any) -> None:
        super().set_model(model)
        if self._state is not None:
            restore_callbacks(self._state, self._callbacks)

    def on_train_begin(self, logs: Any = None) -> None:
        if self._state is None:
            return
        restore_model(self._state, self.model)
        restore_callbacks(self._state, self._callbacks)
        # This segment does not start from the backup of a BackupAndRestore.
        forget_restored_epoch(self.model)

    def on_epoch_begin(self, epoch: int, logs: Any = None) -> None:
        state, self._state = self._state, None
        if state is None:
            return
        if epoch != state.epoch:
            raise FatalRuntimeError(
                "A resumed training needs its first epoch: fit(initial_epoch="
                f"{state.epoch}). Received: epoch {epoch}. Your own HyperModel.fit() must pass "
                "`initial_epoch` to model.fit()."
            )
        # Only now: in on_train_begin the History that fit() adds comes after this callback.
        history = getattr(self.model, "history", None)
        if state.data["history"] is not None and isinstance(history, keras.callbacks.History):
            vars(history).update(unpack(state.data["history"], state.arrays))
