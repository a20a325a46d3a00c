"""The state of a training is stored while it goes on, so that little is lost if it is killed."""

from __future__ import annotations

import dataclasses
import functools
import inspect
import logging
import time
import types
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from kerastune_lite._src.core.trial import Segment
from kerastune_lite._src.keras.callback_state import cannot_resume, unpack
from kerastune_lite._src.keras.callbacks import OneOfOurs
from kerastune_lite._src.keras.compat import internals
from kerastune_lite._src.keras.resuming import TrainingState, capture
from kerastune_lite._src.keras.state_files import write_state
from kerastune_lite._src.keras.training_spec import TrainingSpec
from kerastune_lite._src.search.execution.guard import report_late
from kerastune_lite._src.search.execution.job import Emit
from kerastune_lite._src.search.execution.returned import Result
from kerastune_lite._src.store.checkpoints import Checkpoints, midway_name
from kerastune_lite._src.util.errors import StoreError

logger = logging.getLogger(__name__)

_SHARE = 20
"""Storing a state takes at most one part in so many of the time of a training."""


class MidwayKeeper(OneOfOurs):
    """Stores the state of a training at the ends of epochs, when enough time has passed.

    Not after the last epoch, nor if a callback has stopped the training. If the user's code trains
    several times, only the first training is stored.

    Args:
        callbacks: those whose state is stored.
        interval: seconds of training between two states. 0: one after every epoch, whatever it
            costs.
        store: writes a state.
        began: `time.perf_counter()` when the training began; the seconds since then are part of the
            state.
    """

    epoch_level = True
    """The fast paths can use it: they ask it when it needs all of the model."""

    def __init__(
        self,
        callbacks: Sequence[Any],
        interval: float,
        store: Callable[[TrainingState], None],
        began: float,
    ) -> None:
        super().__init__()
        self._callbacks = callbacks
        self._interval = interval
        self._store = store
        self._began = began
        self._pause = interval
        self._since: float | None = None
        self._ended = False
        self._decided: bool | None = None

    def captures_after(self, epoch: int) -> bool:
        """Whether it captures the state at the end of this epoch; the answer is kept until then."""
        if self._decided is None:
            last = epoch + 1 >= (self.params or {}).get("epochs", 0)
            self._decided = not last and self._is_due()
        return self._decided

    def _is_due(self) -> bool:
        if self._ended or self._since is None:
            return False
        return time.monotonic() - self._since >= self._pause

    def on_train_begin(self, logs: Any = None) -> None:
        self._since = time.monotonic()

    def on_epoch_end(self, epoch: int, logs: Mapping[str, Any] | None = None) -> None:
        captures, self._decided = self.captures_after(epoch), None
        if not captures or self.model.stop_training:
            return
        started = time.monotonic()
        extra = {"seconds": time.perf_counter() - self._began}
        try:
            self._store(capture(self.model, self._callbacks, epoch + 1, extra, logs or {}))
        except StoreError as error:
            # The training itself can go on.
            self._ended = True
            logger.warning("This training starts anew if its process dies: %s", error)
        self._since = time.monotonic()
        if self._interval:
            self._pause = max(self._interval, _SHARE * (self._since - started))

    def on_train_end(self, logs: Any = None) -> None:
        self._ended = True


def why_not_midway(
    callbacks: Sequence[Any],
    model: Any,
    args: Sequence[Any],
    kwargs: Mapping[str, Any],
    own_fit: Callable[..., Any] | None,
) -> str | None:
    """Why a training cannot be resumed in the middle of a segment; None if it can.

    Args:
        callbacks: those whose state would be stored.
        args, kwargs: of `fit`.
        own_fit: the user's own HyperModel.fit, if there is one.
    """
    if own_fit is not None and "initial_epoch" not in inspect.signature(own_fit).parameters:
        # With **kwargs it may train twice, and each would begin there.
        return "HyperModel.fit() has no parameter `initial_epoch`, to be passed to model.fit()"
    if not internals.fits_as_keras_does(model):
        return "The model has a fit() of its own"
    if kwargs.get("steps_per_epoch") is not None or any(
        isinstance(value, types.GeneratorType) for value in (*args, *kwargs.values())
    ):
        return "The position in a generator, or in data with `steps_per_epoch`, cannot be restored"
    return cannot_resume(callbacks)


@functools.lru_cache(maxsize=64)
def tell_once(reason: str) -> None:
    """Log why states are not stored."""
    logger.info("Trainings start anew if their process dies. %s.", reason)


@dataclasses.dataclass(frozen=True)
class Midway:
    """The states in the middle of a segment of one execution.

    Attributes:
        spec: of the search.
        segment: what is trained.
        execution: the index of the repeat.
    """

    spec: TrainingSpec
    segment: Segment
    execution: int

    def check(
        self,
        state: TrainingState,
        callbacks: Sequence[Any],
        model: Any,
        args: Sequence[Any],
        kwargs: Mapping[str, Any],
    ) -> None:
        """Check that a training can be resumed from such a state.

        Args:
            callbacks: those whose state is stored.
            args, kwargs: of `fit`.

        Raises:
            StoreError: it cannot.
        """
        why_not, epochs = self._why_not(callbacks, model, args, kwargs), kwargs.get("epochs")
        if why_not is None and epochs is not None and state.epoch >= epochs:
            why_not = f"It was trained for {state.epoch} epochs, and epochs={epochs} now"
        if why_not is not None:
            raise StoreError(f"{why_not}.")

    def report_before(self, state: TrainingState, emit: Emit) -> None:
        """Report the epochs before the state to a search that does not know where this starts.

        It knows the segment of the whole trial, of which this is a part.
        """
        if self.segment.otherwise is None:
            return
        first = self.segment.otherwise.start_epoch
        # The reporter is the last of the callbacks.
        packed = state.data["callbacks"][-1]["kept"]["history"]
        history = unpack(packed, state.arrays)
        seen = {name: values[first:] for name, values in history.items()}
        known = Result(float("nan"), {}, history=seen)
        report_late(known, self.segment.otherwise, self.execution, emit)

    def keep(
        self,
        callbacks: Sequence[Any],
        model: Any,
        args: Sequence[Any],
        kwargs: Mapping[str, Any],
        began: float,
    ) -> None:
        """Have the state stored during the training, if it can be resumed there.

        Args:
            callbacks: those whose state is stored.
            args, kwargs: of `fit`; the callbacks among them are extended.
            began: see `MidwayKeeper`.
        """
        interval = self.spec.checkpoint_interval
        if not self.segment.midway or interval is None:
            return
        why_not = self._why_not(callbacks, model, args, kwargs)
        if why_not is not None:
            tell_once(why_not)
            return
        kwargs["callbacks"].append(MidwayKeeper(callbacks, interval, self._store, began))

    def _why_not(
        self, callbacks: Sequence[Any], model: Any, args: Sequence[Any], kwargs: Mapping[str, Any]
    ) -> str | None:
        own_fit = self.spec.models.hypermodel.fit if self.spec.fit.overridden else None
        return why_not_midway(callbacks, model, args, kwargs, own_fit)

    def _store(self, state: TrainingState) -> None:
        folder, number = self.spec.folder, self.segment.trial.number
        name = midway_name(number, self.execution, self.segment.attempt, state.epoch)
        write_state(state, folder / name)
        Checkpoints(folder, 0).forget_midway(number, self.execution, but=name)
