"""The state of a training between two epochs, from which a later segment continues.

Epochs [0, k) and then, in another process, [k, n) give the history and the weights of [0, n) in one
go. Kept are the model's variables (weights, moving averages, the states of its random generators),
its optimizers' and what the callbacks remember; not the global generators of Python, NumPy and
Keras, and not the position in an input that is read across epochs (`steps_per_epoch`).
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
    pack,
    put_all_back,
    take_all,
    unpack,
)
from kerastune_lite._src.keras.callbacks import OneOfOurs
from kerastune_lite._src.keras.compat.callbacks import make_averages_of_weights
from kerastune_lite._src.keras.compat.models import forget_restored_epoch, trained_by
from kerastune_lite._src.keras.loading import load_keras
from kerastune_lite._src.util.errors import FatalRuntimeError, FatalValueError, StoreError
from kerastune_lite._src.util.threads import in_turn

load_keras()  # quietly; the type checker can follow the import below only
import keras  # noqa: E402


@dataclasses.dataclass(frozen=True)
class TrainingState:
    """A training between two epochs.

    Attributes:
        epoch: the next one to train, counted from 0.
        stopped: whether a callback asked to stop; there is no next epoch then.
        arrays: the values of the variables, and the arrays that callbacks hold.
        data: everything else, as JSON. `data["callbacks"][i]["left_out"]` names the
            attributes of a callback that may be state and could not be kept.
    """

    epoch: int
    stopped: bool
    arrays: Mapping[str, np.ndarray]
    data: Mapping[str, Any]

    @property
    def extra(self) -> dict[str, Any]:
        """The `extra` data passed to `capture`."""
        return unpack(self.data["extra"], self.arrays)


def capture(
    model: Any,
    callbacks: Sequence[Any],
    epoch: int,
    extra: Mapping[str, Any] | None = None,
    logs: Mapping[str, Any] | None = None,
) -> TrainingState:
    """The state of a training, at the end of an epoch.

    Args:
        callbacks: those whose memory is kept, in the order in which they will be given back.
        epoch: the next one, counted from 0.
        extra: plain data of the caller's.
        logs: the metrics of the epoch that has just ended, where Keras's own History comes after
            the caller and has yet to see it.

    Raises:
        NotPlainError: `extra` holds something else.
    """
    arrays = _values("model", model.variables)
    optimizers = []
    places = {id(variable): place for place, variable in enumerate(model.variables)}
    for name, optimizer in _optimizers(model).items():
        arrays |= _values(f"optimizers/{name}", optimizer.variables)
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


def _optimizers(model: Any) -> dict[str, Any]:
    """All optimizers by attribute: a model with its own train_step may have several."""
    found = {
        name: value
        for name, value in vars(model).items()
        if isinstance(value, keras.optimizers.Optimizer)
    }
    return {name: found[name] for name in sorted(found)}


@in_turn
def _values(of: str, variables: Sequence[Any]) -> dict[str, np.ndarray]:
    # By place: names may be equal, and count on when a model is built a second time.
    with warnings.catch_warnings():
        # Between Keras and TensorFlow, about their own conversions to NumPy.
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

    The model may be without variables yet; so may the optimizers.

    Raises:
        StoreError: the state is that of another model. The values of this one are as before.
    """
    _build(state, model)
    pairs = _matched(state, "model", model.variables, "model")
    optimizers = _optimizers(model)
    for of in state.data["optimizers"]:
        name = of["name"]
        if name not in optimizers:
            raise _other_model(state, f"it has no optimizer {name!r}")
        optimizer = optimizers[name]
        if of["built"] and not optimizer.built:
            optimizer.build(_trained(model, of["trained"]))
        pairs += _matched(state, f"optimizers/{name}", optimizer.variables, f"{name!r}")
    for variable, value in pairs:
        variable.assign(value)


@in_turn
def _build(state: TrainingState, model: Any) -> None:
    """Create the variables of the model that the state describes.

    Raises:
        StoreError: the state is that of another model.
    """
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
        f"The training that was to be resumed at epoch {state.epoch} does not fit the model that "
        f"build(hp) makes: {difference}. Has the builder changed since the search? A subclassed "
        "model is safest when build(hp) creates its variables, by calling it on an example."
    )


def restore_callbacks(state: TrainingState, callbacks: Sequence[Any]) -> None:
    """Give callbacks the state of those of the earlier segment.

    Args:
        callbacks: of the same classes, in the same order, as `capture` was given.

    Raises:
        StoreError: they are others.
    """
    put_all_back(state.data["callbacks"], state.arrays, callbacks)


def check_resumable(callbacks: Sequence[Any]) -> None:
    """Refuse callbacks that cannot be resumed.

    Raises:
        FatalValueError: with the name of one.
    """
    reason = cannot_resume(callbacks)
    if reason is not None:
        raise FatalValueError(
            "A training that is continued later needs callbacks whose memory can be kept: numbers, "
            f"texts, arrays, and lists and dicts of these. Received: {reason}."
        )


def make_resumable(
    arguments: dict[str, Any],
    model: Any,
    callbacks: Sequence[Any],
    state: TrainingState | None,
    keep: bool,
) -> StateKeeper | None:
    """Make a call of `fit` start from a state, and keep its last state.

    Args:
        arguments: of `fit`, to be added to; with `callbacks` and, unless that is 1, `epochs`.
        model: to be trained.
        callbacks: those whose memory is kept.
        state: where an earlier training ended; None: begin at the beginning.
        keep: whether the state at the end is wanted.

    Returns:
        What has that state afterwards.

    Raises:
        StoreError: `state` is of another model.
        FatalValueError: a callback cannot be resumed.
    """
    if state is not None:
        restore_model(state, model)
        arguments["initial_epoch"] = state.epoch
        arguments["callbacks"].append(StateRestorer(state, callbacks))
    if not keep:
        return None
    check_resumable(callbacks)
    keeper = StateKeeper(callbacks, arguments.get("epochs", 1))
    arguments["callbacks"].append(keeper)
    return keeper


class StateKeeper(OneOfOurs):
    """Captures the state at the end of a segment; put it last in the list.

    At the end of the segment's last epoch, that is, or of the one in which a callback stops the
    training: what callbacks and `fit` do at the end of a training, such as taking back the best
    weights, would not happen at that epoch in a training without a pause.

    Args:
        callbacks: those whose memory is kept.
        end_epoch: the segment is [start, end_epoch).
        extra: makes the caller's plain data, at that moment.
    """

    epoch_level = True
    """The fast paths may use it if the model has the optimizer's state at the end of an epoch."""

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
        # In the last epoch of a training this one throws the weights away for their averages. Let
        # it believe that there is another epoch until the weights are kept.
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
    """Restores a state when `fit(initial_epoch=state.epoch)` begins; put it last in the list.

    Keras's callbacks forget what they know when a training begins, some open their files then, and
    one may load weights of its own: so the callbacks get their memory back before that, and once
    more after it, together with the model.

    Args:
        state: let go of when the first epoch begins; a later `fit` is not touched. If that is
            another epoch than the state's, FatalRuntimeError is raised.
        callbacks: as `restore_callbacks` takes them.
    """

    epoch_level = True
    """The fast paths may use it: the model is in that state before they begin."""

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
        # The backup of a BackupAndRestore is not where this segment begins.
        forget_restored_epoch(self.model)

    def on_epoch_begin(self, epoch: int, logs: Any = None) -> None:
        state, self._state = self._state, None
        if state is None:
            return
        if epoch != state.epoch:
            raise FatalRuntimeError(
                "A training that is resumed must be given its first epoch: "
                f"fit(initial_epoch={state.epoch}). Received: epoch {epoch}. A HyperModel.fit of "
                "your own has to hand `initial_epoch` on to model.fit()."
            )
        # Only now: the History that fit() adds comes behind us in on_train_begin.
        history = getattr(self.model, "history", None)
        if state.data["history"] is not None and isinstance(history, keras.callbacks.History):
            vars(history).update(unpack(state.data["history"], state.arrays))
