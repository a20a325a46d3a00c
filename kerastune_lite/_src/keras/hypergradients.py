"""Gradients by hyperparameters: how the objective of a training changes with each of them.

The gradient of the validation loss through all steps of the training up to the best epoch
(Maclaurin et al., 2015), by forward mode (Franceschi et al., 2017), which suits few
hyperparameters: `fast/tf/tangent_program.py`. `actions.py` finds out what hyperparameters change.
"""

from __future__ import annotations

import collections
import dataclasses
import logging
import math
import time
from typing import Any

import numpy as np

from kerastune_lite._src.core.gradients import gradient_metric
from kerastune_lite._src.core.objective import Objective, Sum
from kerastune_lite._src.core.trial import Execution, Segment, Trial
from kerastune_lite._src.keras import automatic_names
from kerastune_lite._src.keras.actions import COMBINE, UNKNOWN, Acting, Actions, continuous
from kerastune_lite._src.keras.callbacks import fresh_callbacks
from kerastune_lite._src.keras.compat import probes
from kerastune_lite._src.keras.compat.differentiation import DERIVATIVES
from kerastune_lite._src.keras.compat.symbolic_build import build_all
from kerastune_lite._src.keras.fast.dispatcher import Dispatcher, Fit
from kerastune_lite._src.keras.fast.fit_call import Unsuitable
from kerastune_lite._src.keras.fast.member import Member
from kerastune_lite._src.keras.fast.structure import NotShared
from kerastune_lite._src.keras.fast.tf.tangent_program import TangentProgram
from kerastune_lite._src.keras.loading import load_keras
from kerastune_lite._src.keras.training_spec import TrainingSpec
from kerastune_lite._src.space.hyperparameters import HyperParameters
from kerastune_lite._src.util.errors import FatalValueError
from kerastune_lite._src.util.threads import in_turn

keras = load_keras()
logger = logging.getLogger(__name__)

_PROGRAMS = 8
"""How many programs are kept: one for each structure."""

_SAME = 1e-2
"""The relative difference of two losses from which on they are not of the same training."""


class Hypergradients:
    """Computes gradients for the executions of one search.

    Args:
        spec: that of all executions.
        dispatcher: reads the data.
    """

    def __init__(self, spec: TrainingSpec, dispatcher: Dispatcher) -> None:
        self._spec = spec
        self._dispatcher = dispatcher
        self._actions = Actions(spec.models)
        self._warned = False

    @in_turn
    def check(self, hp: HyperParameters, scheduled: bool = False) -> None:
        """Raise if there are no gradients at the point of `hp`.

        Args:
            scheduled: whether a scheduler decides how long trials train.

        Raises:
            FatalValueError: there are none; the message says why.
        """
        _check_spec(self._spec, scheduled)
        of_data = HyperParameters(hp.space, hp.copy().values)
        self._spec.fit.made(of_data)
        for name in continuous(of_data):
            raise FatalValueError(_OF_DATA.format(name))
        missing = probes.missing() or DERIVATIVES.missing()
        if missing:
            raise FatalValueError(f"There are no gradients by hyperparameters: {missing}.")
        with automatic_names.set_aside():
            acting = self._actions.at(hp, seed=0)
            if not acting.names:
                return
            member = self._member(acting, hp, 0, None)
            program = self._program(acting, member)
        if not program.connected:
            raise FatalValueError(_NOT_DIFFERENTIABLE.format(list(self._spec.objective.names)))

    def recorded(self, execution: Execution, segment: Segment, hp: HyperParameters) -> Execution:
        """An execution with its gradient, and with the time that this took.

        Args:
            segment: what was trained.
            hp: those of the trial.

        Raises:
            FatalValueError: there are no gradients at this point.
        """
        if execution.best_epoch is None or execution.loss is None:
            return execution
        started = time.perf_counter()
        seed = segment.seed + execution.index
        try:
            found = self.metrics(hp, seed, execution.best_epoch, execution.loss, segment.end_epoch)
        except FatalValueError:
            raise
        except Exception as error:
            # The trial itself has been trained.
            logger.warning("There is no gradient of a trial: %s", error, exc_info=error)
            return execution
        return dataclasses.replace(
            execution,
            metrics={**execution.metrics, **found},
            seconds=execution.seconds + time.perf_counter() - started,
        )

    @in_turn
    def metrics(
        self,
        hp: HyperParameters,
        seed: int,
        best_epoch: int,
        loss: float,
        end_epoch: int | None = None,
    ) -> dict[str, float]:
        """The gradient at the point of an execution, as metrics; empty if it is not finite.

        Args:
            hp: those of the execution.
            seed: of the execution.
            best_epoch: counted from 0; the gradient is that of its loss.
            loss: the loss of that epoch.
            end_epoch: that of the segment.
        """
        acting = self._actions.at(hp, seed)
        if not acting.names:
            return {}
        member = self._member(acting, hp, seed, end_epoch)
        found, slopes = self._gradient(acting, member, best_epoch + 1)
        if not acting.moved:
            self._compare(found, loss)
        if not np.all(np.isfinite(slopes)):
            return {}
        return {gradient_metric(n): float(s) for n, s in zip(acting.names, slopes)}

    def _gradient(self, acting: Acting, member: Member, epochs: int) -> tuple[float, np.ndarray]:
        """The loss after so many epochs, and its derivatives."""
        program = self._program(acting, member)
        validation = member.validation
        if validation is None or member.validation_batch_size is None:
            raise FatalValueError(_WITHOUT_VALIDATION)
        given = acting.numbers.values, acting.slopes
        derived = program.begin(acting.model, acting.slopes)
        for epoch in range(epochs):
            order = member.order(epoch)
            derived = program.epoch(derived, member.training, member.batch_size, order, *given)
        return program.measure(derived, validation, member.validation_batch_size, *given)

    def _compare(self, found: float, loss: float) -> None:
        """Say once if the gradient is not that of the training itself."""
        if self._warned or not math.isfinite(found):
            return
        if abs(found - loss) > _SAME * max(abs(found), abs(loss)):
            self._warned = True
            logger.warning(
                "A gradient was computed by training again, and this training came to the loss "
                "%.4g in place of %.4g: the gradient is that of a similar training. A callback "
                "that changes the training, or data in another order (of tf.data), are possible "
                "causes.",
                found,
                loss,
            )

    # ------------------------------------------------------------------ parts

    def _member(
        self, acting: Acting, hp: HyperParameters, seed: int, end_epoch: int | None
    ) -> Member:
        args, kwargs = self._spec.fit.made(hp).for_execution(hp, end_epoch)
        try:
            member = self._dispatcher.prepared(Fit(acting.model, args, kwargs, [seed, 0]))
        except Unsuitable as reason:
            raise FatalValueError(UNKNOWN.format(reason)) from None
        if member.validation is None:
            raise FatalValueError(_WITHOUT_VALIDATION)
        return member

    def _program(self, acting: Acting, member: Member) -> TangentProgram:
        objective, numbers = self._spec.objective, acting.numbers
        key = (numbers.key, *member.types, objective, len(acting.names))
        program = _KEPT.pop(key, None)
        if program is None:
            if member.validation is None:
                raise FatalValueError(_WITHOUT_VALIDATION)
            build_all(acting.model, member.training.first_row)
            try:
                program = TangentProgram(
                    acting.model,
                    numbers,
                    member.training,
                    member.validation,
                    objective,
                    len(acting.names),
                )
            except NotShared as reason:
                raise FatalValueError(UNKNOWN.format(reason)) from None
        _KEPT[key] = program
        while len(_KEPT) > _PROGRAMS:
            _KEPT.popitem(last=False)
        return program


_KEPT: collections.OrderedDict[Any, TangentProgram] = collections.OrderedDict()
"""Programs by what they depend on, the latest last; for the whole process, as all traces are."""


def check_gradients(spec: TrainingSpec, hp: HyperParameters, scheduled: bool) -> None:
    """Raise if trainings of `spec` have no gradients; see `Hypergradients.check`.

    Raises:
        FatalValueError: they have none.
    """
    Hypergradients(spec, Dispatcher()).check(hp, scheduled)


def _check_spec(spec: TrainingSpec, scheduled: bool) -> None:
    if scheduled:
        raise FatalValueError(
            "A gradient by hyperparameters is that of a whole training. Received: a scheduler "
            "that trains in pieces. Omit the scheduler, or use another oracle."
        )
    if spec.fit.overridden:
        raise FatalValueError(
            "A gradient by hyperparameters follows the steps of model.fit(). Received: a "
            "HyperModel.fit() of your own, whose steps are not known. Use another oracle."
        )
    if type(spec.objective) not in (Objective, Sum):
        raise FatalValueError(
            "A gradient by hyperparameters is that of one objective. Received several objectives, "
            "or constraints. Omit constraints; name one objective, or the sum of several: "
            "kerastune_lite.objectives.Sum([...])."
        )
    others = [name for name in spec.objective.names if not name.startswith("val_")]
    if others:
        raise FatalValueError(
            "A gradient by hyperparameters is that of a metric of the validation data. Received: "
            f'objective={others[0]!r}. Write "val_loss", for example.'
        )
    for callback in fresh_callbacks(spec.callbacks, Trial(0, {})):
        if isinstance(callback, _CHANGES_RATE):
            raise FatalValueError(
                "A gradient by hyperparameters takes the learning rate to be that of the "
                "optimizer, or to follow its schedule. Received the callback "
                f"{type(callback).__name__}, which changes it. Give the optimizer a "
                "keras.optimizers.schedules.LearningRateSchedule instead."
            )


_CHANGES_RATE = (keras.callbacks.LearningRateScheduler, keras.callbacks.ReduceLROnPlateau)

_WITHOUT_VALIDATION = (
    "A gradient by hyperparameters is that of the validation loss. Received neither "
    "`validation_data` nor `validation_split`."
)
_NOT_DIFFERENTIABLE = (
    "The objective must have a derivative. Received: {}, which changes in jumps, as an accuracy "
    'does. Write objective="val_loss"; or, to leave penalties and label smoothing out, compile '
    'with metrics=["categorical_crossentropy"] and write "val_categorical_crossentropy".'
)
_OF_DATA = (
    f"A gradient can be taken by hyperparameters of the model. {{!r}} is one of the data. {COMBINE}"
)
