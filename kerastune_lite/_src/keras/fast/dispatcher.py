"""Takes the place of `fit`: each call takes the fastest path that gives its result."""

from __future__ import annotations

import contextlib
import dataclasses
import logging
from collections.abc import Callable, Generator, Iterator, Mapping, Sequence
from typing import Any, TypeVar

from kerastune_lite._src.core.trial import TRAINING_PATHS
from kerastune_lite._src.keras.compat import internals, probes
from kerastune_lite._src.keras.compat.thread_state import quick_start
from kerastune_lite._src.keras.fast.callbacks import check_callbacks, check_changes_no_data
from kerastune_lite._src.keras.fast.driver import FirstEpochFailed, train_together
from kerastune_lite._src.keras.fast.fit_call import Unsuitable, bound, check_supported
from kerastune_lite._src.keras.fast.member import Member, NotStacked
from kerastune_lite._src.keras.fast.numpy.nodes import NotInArrays
from kerastune_lite._src.keras.fast.numpy.trusted_programs import program_in_arrays
from kerastune_lite._src.keras.fast.program import Program
from kerastune_lite._src.keras.fast.samples import DeviceData
from kerastune_lite._src.keras.fast.stacking import (
    max_stack,
    stack_of,
    stacked_program,
    worth_stacking,
)
from kerastune_lite._src.keras.fast.structure import NotShared
from kerastune_lite._src.keras.fast.tf.own_program import OwnProgram, OwnPrograms
from kerastune_lite._src.keras.fast.tf.shared_program import shared_program
from kerastune_lite._src.keras.loading import load_keras
from kerastune_lite._src.util.threads import in_turn

keras = load_keras()
logger = logging.getLogger("kerastune_lite.training")

_T = TypeVar("_T")

PLAIN, OWN, SHARED, ARRAYS, STACKED = TRAINING_PATHS


@dataclasses.dataclass(frozen=True)
class Taken:
    """Which path a training took, and why none faster."""

    path: str
    reason: str | None = None


@dataclasses.dataclass(frozen=True)
class Fit:
    """The call `model.fit(*args, **kwargs)`.

    Attributes:
        seed: of the shuffling.
        whole: whether the state of the optimizer is wanted afterwards, too.
        programs: traced for the model by earlier fits; receives what is traced now.
    """

    model: Any
    args: Sequence[Any]
    kwargs: Mapping[str, Any]
    seed: Sequence[int]
    whole: bool = False
    programs: OwnPrograms = dataclasses.field(default_factory=dict)


class Dispatcher:
    """Trains models for one search.

    Args:
        fast: False sends every model to `model.fit`.
        fastest: a bound on the path, for tests.
    """

    def __init__(self, fast: bool = True, fastest: str = STACKED) -> None:
        self._fast = fast
        self._fastest = fastest
        self._data = DeviceData()

    @contextlib.contextmanager
    def in_place_of_fit(
        self, model: Any, seed: int, whole: bool, programs: OwnPrograms | None = None
    ) -> Iterator[list[Taken]]:
        """Within it, all calls of `model.fit` go through this dispatcher.

        Args:
            seed: of the shuffling.
            whole, programs: see `Fit`.

        Yields:
            The paths that were taken, one for each call.
        """
        taken: list[Taken] = []

        def fit(*args: Any, **kwargs: Any) -> Any:
            own = vars(model).pop("fit")
            try:
                seeds = [seed, len(taken)]
                history, path = self.fit(model, args, kwargs, seeds, whole, programs)
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

    # ------------------------------------------------------------------ one model

    @in_turn
    def fit(
        self,
        model: Any,
        args: Sequence[Any],
        kwargs: Mapping[str, Any],
        seed: Sequence[int],
        whole: bool = False,
        programs: OwnPrograms | None = None,
    ) -> tuple[Any, Taken]:
        """What `model.fit(*args, **kwargs)` does.

        Args:
            seed, whole, programs: see `Fit`.

        Returns:
            The History, and the path that was taken.
        """
        try:
            history, taken = self._fit_fast(
                Fit(model, args, kwargs, seed, whole, {} if programs is None else programs)
            )
        except Unsuitable as reason:
            taken = Taken(PLAIN, str(reason))
            history = keras.Model.fit(model, *args, **kwargs)
        logger.info("%s%s", taken.path, f": {taken.reason}" if taken.reason else "")
        return history, taken

    def _fit_fast(self, fit: Fit) -> tuple[Any, Taken]:
        self._check_fast()
        with quick_start():
            member = self.prepared(fit)
            program, taken = _or_unsuitable(lambda: self._program(member, fit.programs))
            try:
                ((_, result),) = train_together([member], program)
            except FirstEpochFailed as error:
                # `fit` will say it in its own words, or do better.
                logger.debug("The first epoch failed.", exc_info=error)
                raise Unsuitable(f"the first epoch raised {error}") from error
        if isinstance(result, Exception):
            raise result
        return result, taken

    def _check_fast(self) -> None:
        if not self._fast:
            raise Unsuitable("fast=False")
        # Before anything that loads TensorFlow: another backend has no need of it.
        missing = probes.missing()
        if missing:
            raise Unsuitable(missing)

    def prepared(self, fit: Fit) -> Member:
        """A training that can begin; nothing of the model's has changed yet.

        Raises:
            Unsuitable: it has to be `fit`.
        """

        def prepare() -> Member:
            check_model(fit.model)
            call = bound(fit.args, fit.kwargs)
            check_supported(call)
            callbacks = [c for c in keras.tree.flatten(call.callbacks) if c is not None]
            check_callbacks(callbacks)
            if self._data.may_change(call):
                check_changes_no_data(callbacks)
            return Member(fit.model, call, *self._data.of(call), fit.seed, fit.whole)

        return _or_unsuitable(prepare)

    def _program(self, member: Member, own: OwnPrograms) -> tuple[Program[Any], Taken]:
        try:
            if self._fastest == OWN:
                raise NotShared("it was asked for")
            try:
                if self._fastest == SHARED:
                    raise NotInArrays("it was asked for")
                return program_in_arrays(member), Taken(ARRAYS)
            except NotInArrays as reason:
                return shared_program(member), Taken(SHARED, str(reason))
        except NotShared as reason:
            if member.types not in own:
                own[member.types] = OwnProgram(member)
            return own[member.types], Taken(OWN, str(reason))

    # ------------------------------------------------------------------ several models

    @in_turn
    def member(self, fit: Fit) -> Member:
        """A training that may go on side by side with others; nothing has changed yet.

        Raises:
            NotStacked: it has to be trained alone.
        """
        if self._fastest != STACKED:
            raise NotStacked("it was asked for")
        try:
            self._check_fast()
            # Reading such data may draw from its generators, so it is read for its training alone.
            if self._data.may_change(bound(fit.args, fit.kwargs)):
                raise NotStacked("data that may differ from epoch to epoch")
            member = self.prepared(fit)
        except Unsuitable as reason:
            raise NotStacked(str(reason)) from None
        member.check_beside()
        return member

    def groups(self, members: Sequence[Member]) -> list[list[Member]]:
        """The members in groups to be trained together; each of one member is better alone."""
        groups = []
        for group in stack_of(members, max_stack):
            pays = worth_stacking(group)
            groups += [group] if pays else [[member] for member in group]
        return groups

    def fit_together(self, members: Sequence[Member]) -> Generator[tuple[Member, Any], None, None]:
        """Train the members of a group.

        Yields:
            Each member when it has come to its end, with its History, or with the exception that
            one of its callbacks raised.

        Raises:
            NotStacked: they have to be trained one by one, and are as they were.
        """
        try:
            with quick_start():
                for member, result in train_together(members, stacked_program(members[0])):
                    logger.info("%s", STACKED)
                    yield member, result
        except FirstEpochFailed as error:
            logger.debug("The first epoch failed.", exc_info=error)
            raise NotStacked(f"the first epoch raised {error}") from error


def _or_unsuitable(make: Callable[[], _T]) -> _T:
    """What `make` returns; whatever it raises is left to `fit` to raise, or to do without."""
    try:
        return make()
    except Unsuitable:
        raise
    except Exception as error:
        logger.debug("Preparing a training failed.", exc_info=error)
        raise Unsuitable(f"preparing raised {type(error).__name__}") from error


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
