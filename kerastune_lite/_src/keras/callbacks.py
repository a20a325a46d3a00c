"""Callbacks: copies of the user's, and our own that report epochs and keep the best weights."""

from __future__ import annotations

import copy
import math
import os
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from kerastune_lite._src.core.objective import Objective
from kerastune_lite._src.core.trial import Trial
from kerastune_lite._src.keras.build_configs import is_complete
from kerastune_lite._src.keras.building import check_size
from kerastune_lite._src.keras.loading import load_keras
from kerastune_lite._src.keras.scored import EpochWeights
from kerastune_lite._src.search.execution.returned import missing_metrics, scalars
from kerastune_lite._src.search.hooks import Hooks
from kerastune_lite._src.util.errors import FatalTypeError, FatalValueError

load_keras()  # silently; the type checker understands only the import below
import keras  # noqa: E402

UserCallbacks = Any
"""None, a callback, a list of them, or a function of the trial that returns a list."""


def fresh_callbacks(given: UserCallbacks, trial: Trial) -> list[Any]:
    """The user's callbacks for one execution: copies, or the result of the user's function.

    Raises:
        FatalTypeError: an item is not a Keras callback.
        FatalValueError: a callback cannot be copied.
    """
    if given is None:
        return []
    if _is_function(given):
        made = given(trial)
        callbacks = [] if made is None else _as_list(made)
    else:
        callbacks = [_copied(callback) for callback in _as_list(given)]
    for callback in callbacks:
        if isinstance(callback, type):
            raise FatalTypeError(
                "`callbacks` must hold Keras callbacks, not classes. Received: the class "
                f"{callback.__name__}. Write {callback.__name__}(...)."
            )
        if not isinstance(callback, keras.callbacks.Callback):
            raise FatalTypeError(
                "`callbacks` must hold Keras callbacks, or be a function of the trial that returns "
                f"a list of them. Received: {callback!r} of type {type(callback).__name__}."
            )
    return callbacks


def _is_function(given: Any) -> bool:
    return callable(given) and not isinstance(given, keras.callbacks.Callback)


def _as_list(given: Any) -> list[Any]:
    return list(given) if isinstance(given, (list, tuple)) else [given]


def _copied(callback: Any) -> Any:
    # A callback that was used before still holds its model, which must not be copied.
    model = getattr(callback, "model", None)
    try:
        return copy.deepcopy(callback, {id(model): None})
    except Exception as error:
        raise FatalValueError(
            "Each execution gets a fresh copy of every callback, and "
            f"{type(callback).__name__} cannot be copied ({error}). Pass a function that makes "
            "them instead: callbacks=lambda trial: [...]."
        ) from error


def check_callbacks(given: UserCallbacks) -> None:
    """Raise if the first execution could not get its callbacks.

    Raises:
        FatalTypeError, FatalValueError: as `fresh_callbacks` would in the first trial.
    """
    if not _is_function(given):
        fresh_callbacks(given, Trial(0, {}))


def tensorboard_directories(given: UserCallbacks) -> list[Path]:
    """The log directories of the TensorBoard callbacks in a plain list of callbacks."""
    if given is None or _is_function(given):
        return []
    return [Path(c.log_dir) for c in _as_list(given) if isinstance(c, keras.callbacks.TensorBoard)]


def redirect_tensorboard(callbacks: Sequence[Any], run: str) -> None:
    """Give each TensorBoard callback its own directory for this run, to separate trials."""
    for callback in callbacks:
        if isinstance(callback, keras.callbacks.TensorBoard):
            callback.log_dir = os.path.join(callback.log_dir, run)


class OneOfOurs(keras.callbacks.Callback):
    """A callback of the search, one for each execution.

    It is not copied: a HyperModel.fit often passes copies of its callbacks to several trainings,
    and all of these must report to the same one.
    """

    def __copy__(self) -> OneOfOurs:
        return self

    def __deepcopy__(self, memo: Any) -> OneOfOurs:
        return self


class EpochReporter(OneOfOurs):
    """Reports each epoch, keeps the weights of the best one in memory, and stops on request.

    Also works if the user's own training loop calls its `set_model` and `on_epoch_end(epoch,
    logs)`, and if one execution trains several times.

    Args:
        objective: what "best" means.
        report: called with the epoch and its metrics; returns whether to continue.
        keep_below: only weights of an epoch with a loss below this one are kept. None: no limit.
        strict: whether to raise a FatalValueError if the objective is missing in an epoch.
        keep_each: whether to keep the weights of all epochs, up to a limit, because the user's code
            decides which of them the result is from.
    """

    epoch_level = True
    """The fast paths can use it: it needs no batches, and reads only weights."""

    def __init__(
        self,
        objective: Objective,
        report: Callable[[int, Mapping[str, float]], bool],
        keep_below: float | None,
        strict: bool,
        keep_each: bool = False,
    ) -> None:
        super().__init__()
        self.weights = EpochWeights() if keep_each else None
        self.history: dict[str, list[float]] = {}
        """One list per metric, NaN where it was not measured; vectors are left out."""
        self.epochs = 0
        self.best_epoch: int | None = None
        """Counted from 0 over all epochs seen."""
        self.best_weights: list[Any] | None = None
        self._best_loss = math.inf
        self._keep_below = math.inf if keep_below is None else keep_below
        self._objective = objective
        self._report = report
        self._strict = strict
        self._latest = -1
        self._first = 0

    def set_model(self, model: Any) -> None:
        if model is not self.model:
            # Weights of one model mean nothing to another.
            self._best_loss, self.best_epoch, self.best_weights = math.inf, None, None
            self._first = self.epochs
            if self.weights is not None:
                self.weights.clear()
        super().set_model(model)

    def on_epoch_end(self, epoch: int, logs: Mapping[str, Any] | None = None) -> None:
        metrics = scalars(logs or {})
        missing = self._objective.missing(metrics)
        if missing and self._strict:
            found = logs or {}
            raise FatalValueError(missing_metrics(self._objective, missing, found, "model.fit()"))
        for name, value in metrics.items():
            series = self.history.setdefault(name, [])
            # A metric that is not measured in every epoch (validation_freq) stays aligned.
            series.extend([math.nan] * (self.epochs - len(series)))
            series.append(value)
        weights = None
        if self.weights is not None and self.model is not None:
            weights = self.model.get_weights()
            self.weights.add(self.epochs, weights)
        if not missing:
            self._keep_if_best(self._objective.loss(metrics), weights)
        self.epochs += 1
        # A second fit() of the same execution counts from 0 again; its epochs are numbered on.
        self._latest = max(int(epoch), self._latest + 1)
        if not self._report(self._latest, metrics) and self.model is not None:
            self.model.stop_training = True

    def _keep_if_best(self, loss: float, weights: list[Any] | None) -> None:
        # NaN is never less, and minus infinity is no result.
        if not -math.inf < loss < self._best_loss:
            return
        self._best_loss, self.best_epoch = loss, self.epochs
        if loss < self._keep_below and self.model is not None:
            self.best_weights = self.model.get_weights() if weights is None else weights

    def metrics_at_best(self) -> dict[str, float]:
        """All metrics of the best epoch; empty if there is none."""
        return {} if self.best_epoch is None else self.metrics_at(self.best_epoch)

    def metrics_at(self, epoch: int) -> dict[str, float]:
        """All metrics that were measured in an epoch."""
        return {
            name: values[epoch]
            for name, values in self.history.items()
            if epoch < len(values) and not math.isnan(values[epoch])
        }

    @property
    def of_this_model(self) -> range:
        """The epochs of the latest model that was trained, among all that were seen."""
        return range(self._first, self.epochs)


class SizeLimit(OneOfOurs):
    """Rejects the trial if the model is too large, as soon as the first batch has built it.

    Args:
        max_model_size: the largest number of parameters.
    """

    epoch_level = True
    """Without batches, the model is built when the epoch begins."""

    def __init__(self, max_model_size: int | None) -> None:
        super().__init__()
        self._max_model_size = max_model_size
        self._measured = False

    def on_epoch_begin(self, epoch: int, logs: Any = None) -> None:
        self._measure()

    # Not at the end of a batch: that would switch off Keras's asynchronous dispatch.
    def on_train_batch_begin(self, batch: int, logs: Any = None) -> None:
        if batch < 2:
            self._measure()

    def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
        self._measure()

    def _measure(self) -> None:
        if not self._measured:
            check_size(self.model, self._max_model_size)
            # A part that is called later gets its variables later.
            self._measured = is_complete(self.model)


def hook_callers(hooks: Hooks | None, trial: Trial) -> list[HookCaller]:
    """The callbacks that call the hooks for epochs and batches that a tuner overrides.

    Args:
        trial: passed to the hooks.
    """
    if hooks is None:
        return []
    if hooks.overrides("on_batch_begin", "on_batch_end"):
        return [BatchHookCaller(hooks, trial)]
    if hooks.overrides("on_epoch_begin", "on_epoch_end"):
        return [HookCaller(hooks, trial)]
    return []


class HookCaller(OneOfOurs):
    """Calls on_epoch_begin and on_epoch_end.

    Args:
        hooks, trial: see `hook_callers`.
    """

    def __init__(self, hooks: Hooks, trial: Trial) -> None:
        super().__init__()
        self._hooks = hooks
        self._trial = trial

    def on_epoch_begin(self, epoch: int, logs: Any = None) -> None:
        self._hooks.on_epoch_begin(self._trial, self.model, epoch, logs=logs)

    def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
        self._hooks.on_epoch_end(self._trial, self.model, epoch, logs=logs)


class BatchHookCaller(HookCaller):
    """Calls on_batch_begin and on_batch_end, too; separate because batch hooks cost time."""

    def on_train_batch_begin(self, batch: int, logs: Any = None) -> None:
        self._hooks.on_batch_begin(self._trial, self.model, batch, logs)

    def on_train_batch_end(self, batch: int, logs: Any = None) -> None:
        self._hooks.on_batch_end(self._trial, self.model, batch, logs)
