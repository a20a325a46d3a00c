"""The one door to training: each call of `fit` takes the fastest path that gives its result."""

from __future__ import annotations

import collections
import contextlib
import dataclasses
import logging
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

from kerastune_lite.training import internals
from kerastune_lite.training.data import DeviceData
from kerastune_lite.training.engines import (
    Engine,
    Feeding,
    OwnEngine,
    SharedEngine,
    first_row,
    quick_start,
)
from kerastune_lite.training.fit_call import FitCall, Unsuitable, bound, check_supported
from kerastune_lite.training.loop import Callbacks, Loop, Want, check_callbacks, loop
from kerastune_lite.training.program import Program
from kerastune_lite.training.quiet import load_keras
from kerastune_lite.training.self_check import difference
from kerastune_lite.training.structure import NotShared, Structure, structure_of
from kerastune_lite.trial import TRAINING_PATHS

keras = load_keras()
logger = logging.getLogger(__name__)

PLAIN, OWN, SHARED, STACKED = TRAINING_PATHS

_PROGRAMS = 24
"""How many programs are kept; one takes a few megabytes."""


@dataclasses.dataclass(frozen=True)
class Taken:
    """Which path a training took, and why none faster."""

    path: str
    reason: str | None = None


@dataclasses.dataclass
class _Known:
    """A program and what is known of it."""

    program: Program | None
    checked: bool = False
    """Whether a second model was trained with it, and compared."""
    banned: str | None = None
    """Why it may not be used."""


class Programs:
    """The programs of this process by their keys; those not used for long are let go of."""

    def __init__(self, size: int = _PROGRAMS) -> None:
        self._size = size
        self._known: collections.OrderedDict[str, _Known] = collections.OrderedDict()

    def get(self, key: str) -> _Known | None:
        """What is known for `key`."""
        if key in self._known:
            self._known.move_to_end(key)
        return self._known.get(key)

    def put(self, key: str, known: _Known) -> None:
        """Remember it; of many, the longest unused are forgotten."""
        self._known[key] = known
        while len(self._known) > self._size:
            self._known.popitem(last=False)

    def __len__(self) -> int:
        return len(self._known)


PROGRAMS = Programs()


@dataclasses.dataclass(frozen=True)
class _Prepared:
    """A training that can begin."""

    call: FitCall
    callbacks: Callbacks
    validates: bool
    engine: Engine
    taken: Taken


class Door:
    """Trains models for one search.

    Args:
        fast: False sends every model to `model.fit`.
        slowest, fastest: bounds on the path, for tests.
    """

    def __init__(self, fast: bool = True, fastest: str = SHARED) -> None:
        self._fast = fast
        self._fastest = fastest
        self._data = DeviceData()

    @contextlib.contextmanager
    def in_place_of_fit(self, model: Any, seed: int, whole: bool) -> Iterator[list[Taken]]:
        """Within it, `model.fit` goes through this door, whoever calls it.

        Args:
            seed: of the shuffling.
            whole: see `fit`.

        Yields:
            The paths that were taken, one for each call.
        """
        taken: list[Taken] = []

        def fit(*args: Any, **kwargs: Any) -> Any:
            own = vars(model).pop("fit")
            try:
                history, path = self.fit(model, args, kwargs, [seed, len(taken)], whole)
            finally:
                vars(model)["fit"] = own
            taken.append(path)
            return history

        if not internals.fits_as_keras_does(model):
            # Its own fit() may do anything; it is left alone.
            taken.append(Taken(PLAIN, "a fit() of the model's own"))
            yield taken
            return
        vars(model)["fit"] = fit
        try:
            yield taken
        finally:
            vars(model).pop("fit", None)

    def fit(
        self,
        model: Any,
        args: Sequence[Any],
        kwargs: Mapping[str, Any],
        seed: Sequence[int],
        whole: bool = False,
    ) -> tuple[Any, Taken]:
        """What `model.fit(*args, **kwargs)` does.

        Args:
            seed: of the shuffling.
            whole: whether the state of the optimizer is wanted afterwards, too.

        Returns:
            The History, and the path that was taken.
        """
        try:
            history, taken = self._fit_fast(model, args, kwargs, seed, whole)
        except Unsuitable as reason:
            taken = Taken(PLAIN, str(reason))
            history = keras.Model.fit(model, *args, **kwargs)
        logger.info("%s%s", taken.path, f": {taken.reason}" if taken.reason else "")
        return history, taken

    def _fit_fast(
        self,
        model: Any,
        args: Sequence[Any],
        kwargs: Mapping[str, Any],
        seed: Sequence[int],
        whole: bool,
    ) -> tuple[Any, Taken]:
        if not self._fast:
            raise Unsuitable("fast=False")
        # Before anything that loads TensorFlow: another backend has no need of it.
        missing = internals.missing()
        if missing:
            raise Unsuitable(missing)
        with quick_start():
            prepared = _or_unsuitable(
                lambda: self._prepared(model, args, kwargs, seed, whole), "preparing"
            )
            running = loop(model, prepared.call, prepared.callbacks, prepared.validates)
            try:
                history = drive(running, prepared.engine, prepared.callbacks.halt_on_nan)
            except FirstEpochFailed as error:
                # `fit` will say it in its own words, or do better.
                prepared.engine.restore()
                logger.debug("The first epoch failed.", exc_info=error)
                raise Unsuitable(f"the first epoch raised {error}") from error
        return history, prepared.taken

    def _prepared(
        self,
        model: Any,
        args: Sequence[Any],
        kwargs: Mapping[str, Any],
        seed: Sequence[int],
        whole: bool,
    ) -> _Prepared:
        """All that is needed to train; nothing of the model's has changed yet.

        Raises:
            Unsuitable: it has to be `fit`.
        """
        check_model(model)
        call = bound(args, kwargs)
        check_supported(call)
        check_callbacks([c for c in keras.tree.flatten(call.callbacks) if c is not None])
        training, validation = self._data.of(call)
        feeding = Feeding(call, training, validation, seed)
        callbacks = Callbacks(model, call, feeding.steps)
        try:
            engine: Engine = self._shared(model, feeding, whole or callbacks.look_closely)
            taken = Taken(SHARED)
        except NotShared as reason:
            engine, taken = OwnEngine(model, feeding), Taken(OWN, str(reason))
        return _Prepared(call, callbacks, validation is not None, engine, taken)

    def _shared(self, model: Any, feeding: Feeding, closely: bool) -> Engine:
        """An engine on a shared program, traced now if there is none yet.

        Raises:
            NotShared: there is none for this model.
        """
        if self._fastest == OWN:
            raise NotShared("it was asked for")
        if not model.built:
            raise NotShared("the model is not built before fit()")
        for sized in (True, False):
            structure = structure_of(model, sized)
            known = self._known(model, structure, feeding)
            if known.program is not None and known.banned is None:
                return SharedEngine(model, known.program, structure, feeding, closely)
            if not structure.sized:
                raise NotShared(known.banned or "it cannot be traced")
        raise AssertionError  # structures without sizes end the loop

    def _known(self, model: Any, structure: Structure, feeding: Feeding) -> _Known:
        validation = feeding.validation
        key = "\n".join(
            (
                structure.key,
                str(structure.sized),
                feeding.training.types,
                "" if validation is None else validation.types,
            )
        )
        known = PROGRAMS.get(key)
        if known is None:
            known = _traced(model, structure, feeding)
            PROGRAMS.put(key, known)
        elif known.program is not None and known.banned is None and not known.checked:
            known.checked = True
            found = difference(known.program, model, structure, feeding)
            if found is not None:
                known.banned, known.program = f"the self-check found {found}", None
                logger.warning(
                    "A shared trace gave another result than the model's own training (%s) and is "
                    "no longer used. The result is not affected; please report the model.",
                    found,
                )
        return known


def _traced(model: Any, structure: Structure, feeding: Feeding) -> _Known:
    data = feeding.training.tensors
    try:
        internals.build_all(model, first_row(data))
        program = Program(model, structure, data)
        if feeding.validation is not None:
            program.measurement(model, structure, feeding.validation.tensors)
        return _Known(program)
    except Exception as error:
        # Keras and TensorFlow raise what they like when something cannot be traced so.
        logger.debug("A program cannot be traced.", exc_info=error)
        return _Known(None, banned=f"tracing raised {type(error).__name__}")


def _or_unsuitable(make: Callable[[], Any], what: str) -> Any:
    """What `make` returns; whatever it raises is left to `fit` to raise, or to do without."""
    try:
        return make()
    except Unsuitable:
        raise
    except Exception as error:
        logger.debug("%s failed.", what, exc_info=error)
        raise Unsuitable(f"{what} raised {type(error).__name__}") from error


def check_model(model: Any) -> None:
    """Refuse models whose `fit` is not Keras's, or does something besides training.

    Raises:
        Unsuitable: with the reason.
    """
    if not model.compiled:
        raise Unsuitable("a model that is not compiled")
    if not internals.fits_as_keras_does(model):
        raise Unsuitable("a fit() of the model's own")
    if model.run_eagerly:
        raise Unsuitable("run_eagerly")
    if model.jit_compile:
        raise Unsuitable("jit_compile")
    if model.steps_per_execution != 1:
        raise Unsuitable("steps_per_execution")
    if model.optimizer is None:
        raise Unsuitable("a model without an optimizer")
    if keras.distribution.distribution() is not None or internals.is_distributed(model):
        raise Unsuitable("a distribution strategy")


class FirstEpochFailed(Exception):
    """Before any callback saw a result of it; the message is the name of what was raised."""


def drive(running: Loop, engine: Engine, halt: bool) -> Any:
    """Give the loop what it wants until it returns the History.

    Args:
        halt: whether a loss that is not finite ends its epoch.

    Raises:
        FirstEpochFailed: the engine cannot do it.
    """
    reply: Any = None
    shown = False
    while True:
        try:
            want, epoch = running.send(reply)
        except StopIteration as end:
            return end.value
        try:
            reply = answer(engine, want, epoch, halt)
        except Exception as error:
            if shown:
                raise
            raise FirstEpochFailed(type(error).__name__) from error
        shown = shown or want is Want.SHOW_RESULT


def answer(engine: Engine, want: Want, epoch: int, halt: bool) -> Any:
    """What the loop is sent for its wish."""
    if want is Want.TRAIN:
        return engine.train(epoch, halt)
    if want is Want.TRAIN_ONE:
        return engine.train(epoch, halt, batches=1)
    if want is Want.MEASURE:
        return engine.measure()
    return engine.take() if want is Want.TAKE else engine.show()
