"""Runs the builder before the first trial, to find out its space and metrics."""

from __future__ import annotations

import dataclasses
import functools
from collections.abc import Collection
from typing import TYPE_CHECKING, Any

from kerastune_lite._src.core.objective import Objective
from kerastune_lite._src.keras.automatic_names import named_as_in_trials
from kerastune_lite._src.keras.building import ModelFactory, check_compiled
from kerastune_lite._src.keras.hypermodel import overrides_fit
from kerastune_lite._src.keras.metric_directions import resolved
from kerastune_lite._src.keras.tuned_data import TunedData
from kerastune_lite._src.search.execution.guard import check_frozen
from kerastune_lite._src.space.hyperparameters import HyperParameters
from kerastune_lite._src.space.parameters import Space
from kerastune_lite._src.space.reading import read_space
from kerastune_lite._src.util.errors import FailedTrialError
from kerastune_lite._src.util.threads import in_turn
from kerastune_lite._src.util.warn_once import Shown, once

if TYPE_CHECKING:
    from kerastune_lite._src.keras.data_checks import Needs


@dataclasses.dataclass(frozen=True)
class Probed:
    """What is known of a builder before the first trial.

    Attributes:
        given: parameters that were declared beforehand.
        space: these and those of the builder.
        declared: the names of those that have an effect even if `build` does not declare them.
        objective: with its direction.
        needs: what the first model requires of the data; None if unknown.
        missing: raised by the builder because it needs a hyperparameter that nobody declared;
            `make_data(hp)` of `search()` may do so.
    """

    given: Space
    space: Space
    declared: Collection[str]
    objective: Objective
    needs: Needs | None
    missing: KeyError | None = None


@dataclasses.dataclass(frozen=True)
class Probe:
    """Builds models to find out what the builder declares, not to train them.

    Attributes:
        models: the factory of models.
        in_run_trial: whether the user's own `run_trial` trains what is built, which may not be a
            Keras model.
        frozen_space: whether the builder must not declare new parameters.
        shown: Python's warnings that were already shown.
        data: makes the data, whose hyperparameters models may depend on.
    """

    models: ModelFactory
    in_run_trial: bool
    frozen_space: bool
    shown: Shown = dataclasses.field(default_factory=set)
    data: TunedData | None = None

    def build(self, hp: HyperParameters) -> Any:
        """A model for `hp`; None if the builder rejected this trial.

        What it declared before that is known; the trials will add the rest.

        Raises:
            FatalError: the model cannot be trained.
            Exception: whatever the builder raises.
        """
        try:
            with once(self.shown):
                return self._built(hp)
        except FailedTrialError:
            return None

    @in_turn
    def _built(self, hp: HyperParameters) -> Any:
        if self.data is not None:
            self.data.made(hp)
        if self.in_run_trial:
            return named_as_in_trials(functools.partial(self.models.build_unchecked, hp))
        model = named_as_in_trials(functools.partial(self.models.build, hp))
        if not overrides_fit(self.models.hypermodel):
            check_compiled(model)
        return model

    def read(self, given: Space, objective: Objective, stored: Space | None = None) -> Probed:
        """Run the builder until all its parameters are known.

        Args:
            given: declared beforehand; they take precedence over the builder's.
            objective: as the user gave it.
            stored: the space of the project, if the builder depends on more than it declares.

        Raises:
            FatalRuntimeError: the builder declares a new parameter although it must not.
            FatalValueError: a metric that is a goal cannot be measured of its model.
            ValueError: the direction of the objective is not known.
            Exception: see `build` and `read_space`.
        """
        hypermodel = self.models.hypermodel
        if hypermodel is None:
            space = given if self.data is None else read_space(self.data.made, given)
            return Probed(given, space, (), resolved(objective, None), None)
        hp = HyperParameters(given)
        if hasattr(hypermodel, "declare_hyperparameters"):
            hypermodel.declare_hyperparameters(hp)
        built: list[Any] = []
        unknown: list[str] = []

        def build(hp: HyperParameters) -> None:
            try:
                model = self.build(hp)
            except KeyError:
                unknown.extend(() if hp.unknown is None else (hp.unknown,))
                raise
            if model is not None and not built:
                built.append(model)

        try:
            space = read_space(build, hp.space.merged(stored or ()))
        except KeyError as error:
            if not unknown or self.data is not None:
                raise
            return Probed(given, given, hp.space.names, objective, None, missing=error)
        if self.frozen_space:
            check_frozen(space, given)
        model = built[0] if built else None
        needs = None
        if model is not None and not self.in_run_trial:
            from kerastune_lite._src.keras.data_checks import needs_of
            from kerastune_lite._src.keras.goal_metrics import check_measurable

            needs = needs_of(model)
            if not overrides_fit(hypermodel):
                check_measurable(model, objective)
        return Probed(given, space, hp.space.names, resolved(objective, model), needs)
