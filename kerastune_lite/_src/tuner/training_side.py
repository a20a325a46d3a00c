"""The tuner's side of training: which job a search runs, building and loading single models."""

from __future__ import annotations

import dataclasses
import inspect
import logging
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from kerastune_lite._src.core.objective import Objective
from kerastune_lite._src.core.trial import Execution, Trial
from kerastune_lite._src.keras.automatic_names import named_as_in_trials
from kerastune_lite._src.keras.hypermodel import (
    BuiltElsewhere,
    accepts,
    check_takes_callbacks,
    overrides_fit,
)
from kerastune_lite._src.search.execution.job import Job
from kerastune_lite._src.space.hyperparameters import HyperParameters
from kerastune_lite._src.space.parameters import Space
from kerastune_lite._src.store.checkpoints import Checkpoints
from kerastune_lite._src.tuner.user_trials import UserTrials
from kerastune_lite._src.util.describing import described
from kerastune_lite._src.util.errors import FailedTrialError, FatalValueError, StoreError
from kerastune_lite._src.util.threads import in_turn
from kerastune_lite._src.util.warn_once import once

if TYPE_CHECKING:
    from kerastune_lite._src.keras.data_checks import Needs
    from kerastune_lite._src.keras.fast.dispatcher import Dispatcher
    from kerastune_lite._src.keras.fit_arguments import FitArguments
    from kerastune_lite._src.keras.trainer import TrainingOptions

logger = logging.getLogger(__name__)

# The modules of `training` that need Keras are imported where they are used: a tuner whose
# run_trial has nothing to do with Keras never loads it.


class TrainingSide:
    """Builds and trains models on behalf of a tuner.

    Args:
        tuner: has `hypermodel`, `run_trial`, `executions_per_trial`, and the hooks.
        optimizer, loss, metrics, max_model_size: see `Tuner`.
        frozen_space: whether the builder may ask for nothing that was not given.
        trains_itself: whether the tuner overrides `run_trial`.
        checkpoints: names the weight files.
    """

    def __init__(
        self,
        tuner: Any,
        optimizer: Any,
        loss: Any,
        metrics: Any,
        max_model_size: int | None,
        frozen_space: bool,
        trains_itself: bool,
        checkpoints: Checkpoints,
    ) -> None:
        self.declared = Space()
        """Parameters that are in force although `build` may not ask for them."""
        self._tuner = tuner
        self._overrides = {"optimizer": optimizer, "loss": loss, "metrics": metrics}
        self._max_model_size = max_model_size
        self._frozen_space = frozen_space
        self._trains_itself = trains_itself
        self._checkpoints = checkpoints
        self._probed: Any = None
        self._needs: Needs | None = None
        self._objective: Objective | None = None
        self._user_trials = UserTrials(tuner, frozen_space, checkpoints)
        self._callbacks: Any = None
        self._verbose = 0
        self._fast = True
        self._dispatcher: Dispatcher | None = None

    # ------------------------------------------------------------------ before a search

    def probe(self, hp: HyperParameters) -> None:
        """Build a model for what it declares; the first one is asked about metrics later."""
        try:
            with once(self._user_trials.shown):
                model = self._probed_model(hp)
        except FailedTrialError:
            # What it declared before it gave up is known; the trials themselves will tell.
            return
        if self._probed is None:
            self._probed = model

    @in_turn
    def _probed_model(self, hp: HyperParameters) -> Any:
        if self._trains_itself:
            # A run_trial of the user's own may tune anything, so this need be no Keras model.
            return named_as_in_trials(lambda: self._models.build(hp))
        from kerastune_lite._src.keras.building import check_compiled

        model = named_as_in_trials(lambda: self._build(hp))
        if not overrides_fit(self._tuner.hypermodel):
            check_compiled(model)
        return model

    def resolved(self, objective: Objective) -> Objective:
        """The objective with its direction, asked of the model that was probed."""
        from kerastune_lite._src.keras.metric_directions import resolved

        self._objective = resolved(objective, self._probed)
        if self._probed is not None and not self._trains_itself:
            from kerastune_lite._src.keras.data_checks import needs_of

            self._needs = needs_of(self._probed)
        return self._objective

    def forget_probe(self) -> None:
        """Let go of the probed model."""
        self._probed = None

    def described(self) -> Any:
        """The compile overrides as JSON; None without any."""
        given = {k: described(v) for k, v in self._overrides.items() if v is not None}
        return given or None

    # ------------------------------------------------------------------ a search

    def named(self, args: Sequence[Any], kwargs: Mapping[str, Any]) -> dict[str, Any]:
        """The arguments of `search()` by the names that they have where they go."""
        if self._trains_itself:
            function, before = self._tuner.run_trial, 1
        elif overrides_fit(self._tuner.hypermodel):
            function, before = self._tuner.hypermodel.fit, 2
        else:
            function, before = _fit, 0
        parameters = list(inspect.signature(function).parameters.values())[before:]
        names = [p.name for p in parameters if p.kind is p.POSITIONAL_OR_KEYWORD][: len(args)]
        names += [f"argument {place}" for place in range(len(names), len(args))]
        return {**dict(zip(names, args)), **kwargs}

    def job(
        self,
        args: Sequence[Any],
        kwargs: Mapping[str, Any],
        callbacks: Any,
        verbose: Any,
        space: Space,
        fast: bool,
    ) -> Job:
        """The job of a search, its arguments checked.

        Args:
            verbose, fast: as `search()` got them.
            space: what the builder asks for.

        Raises:
            ValueError, TypeError: the arguments cannot work.
        """
        self._callbacks = callbacks
        self._verbose = 2 if verbose == 3 else 0
        self._fast, self._dispatcher = fast, None
        if self._trains_itself:
            passed = dict(kwargs)
            if callbacks is not None:
                passed["callbacks"] = callbacks
            if verbose != "auto" and accepts(self._tuner.run_trial, "verbose"):
                passed["verbose"] = self._verbose
            return self._user_trials.job(args, passed, self._resolved_objective)
        from kerastune_lite._src.keras.callbacks import check_callbacks
        from kerastune_lite._src.keras.training_job import TrainingJob

        check_takes_callbacks(self._tuner.hypermodel)
        fit = self._fit_arguments(args, kwargs)
        fit.check(space, self._resolved_objective, self._tuner.scheduler.decides_epochs)
        if self._needs is not None:
            fit.check_data(self._needs)
        check_callbacks(callbacks)
        shown = self._user_trials.shown
        return TrainingJob(self._options(callbacks), fit, self._close_dispatcher, shown)

    def tensorboard_directories(self) -> list[Path]:
        """Where the user's own TensorBoard callbacks write."""
        if self._callbacks is None:
            return []
        from kerastune_lite._src.keras.callbacks import tensorboard_directories

        return tensorboard_directories(self._callbacks)

    def train_all(
        self,
        trial: Trial,
        args: Sequence[Any],
        kwargs: Mapping[str, Any],
        executions: int | None = None,
    ) -> list[Any]:
        """What `run_trial` does unless it is overridden; for `super().run_trial(...)`.

        Args:
            executions: how many to train; None: all.
        """
        from kerastune_lite._src.keras import automatic_names as names
        from kerastune_lite._src.keras.trainer import Trainer

        under_way = self._user_trials.under_way
        if under_way is None:
            raise RuntimeError("run_trial() is called by search(), for each trial; not by hand.")
        if self._tuner.hypermodel is None:
            raise FatalValueError(_without_hypermodel("super().run_trial() builds"))
        check_takes_callbacks(self._tuner.hypermodel)
        kwargs = dict(kwargs)
        callbacks = kwargs.pop("callbacks", None)
        verbose = kwargs.pop("verbose", self._verbose)
        kwargs.pop("initial_epoch", None)
        # run_trial may declare hyperparameters and pass them on under whatever names.
        fit = self._fit_arguments(args, kwargs, in_run_trial=True)
        fit.check(under_way.hp.space, self._resolved_objective)
        options = dataclasses.replace(self._options(callbacks), verbose=verbose)
        returned = []
        # What is trained by a second call in the same trial is something else (a fold, perhaps).
        wanted, before = self._tuner.executions_per_trial, len(under_way.trained)
        resumable = before < (1 if executions is None else wanted) and self._may_go_on(
            callbacks, trial
        )
        first = 0 if executions is None else before % wanted
        for execution in range(first, first + (executions or wanted)):
            segment = self._user_trials.part_of(under_way.segment, execution, resumable)
            trainer = Trainer(options, segment, under_way.hp, under_way.emit, open_result=True)
            with names.set_aside():
                trained = trainer.train(trial, execution, fit)
            under_way.trained.append(trained.execution)
            under_way.scored.append(trained.scored)
            returned.append(trained.returned)
        return returned

    def _may_go_on(self, callbacks: Any, trial: Trial) -> bool:
        """Whether the memory of all callbacks can be kept from one rung to the next."""
        from kerastune_lite._src.keras.callback_state import cannot_resume
        from kerastune_lite._src.keras.callbacks import fresh_callbacks

        reason = cannot_resume(fresh_callbacks(callbacks, trial))
        if reason is not None and trial.resumable:
            logger.info("Trials are trained from the start in each rung: %s.", reason)
        return reason is None

    # ------------------------------------------------------------------ single models

    def load(self, trial: Trial, execution: Execution | None) -> Any:
        """The model of `trial` with the weights of `execution`.

        Its automatic names are new ones, so that several models can be parts of one.

        Raises:
            StoreError: there are none, or they do not fit.
        """
        from kerastune_lite._src.keras.weights import load_weights

        path = self._weights_of(trial, execution)
        if self._tuner.hypermodel is None:
            raise StoreError(_without_hypermodel("loading a model builds it first"))
        model = self._build(trial.hyperparameters.copy())
        load_weights(model, path, None if execution is None else execution.build_config)
        return model

    def _weights_of(self, trial: Trial, execution: Execution | None) -> Path:
        if execution is None:
            raise StoreError(
                f"Only completed trials have weights. Trial {trial.trial_id} is {trial.status}."
            )
        path = self._checkpoints.folder / execution.weights if execution.weights else None
        if path is not None and path.exists():
            return path
        if self._trains_itself and path is None:
            raise StoreError(
                f"Trial {trial.trial_id} has no weights. Trials keep theirs if their run_trial() "
                "calls save_model(trial.trial_id, model) or super().run_trial(...)."
            )
        if path is None and trial in self._tuner.get_best_trials(self._checkpoints.keep):
            raise StoreError(
                f"Trial {trial.trial_id} has no weights: its model had no variables when its "
                "training ended. A model keeps its layers in attributes, so that Keras knows of "
                "them; one that makes its variables itself does so with add_weight()."
            )
        raise StoreError(
            f"The weights of trial {trial.trial_id} are not kept: only the best "
            f"{self._checkpoints.keep} trials keep theirs. Raise keep_checkpoints, or train it "
            "again with tuner.retrain(trial, x, y)."
        )

    def save(self, number: int, model: Any) -> None:
        """Keep the weights of a model that the user's `run_trial` trained."""
        from kerastune_lite._src.keras.build_configs import build_config_of
        from kerastune_lite._src.keras.weights import save_weights

        name = self._checkpoints.name(number, 0)
        save_weights(model, self._checkpoints.folder / name)
        under_way = self._user_trials.under_way
        if under_way is not None:
            under_way.saved, under_way.build_config = name, build_config_of(model)

    def retrain(self, trial: Trial, args: Sequence[Any], kwargs: Mapping[str, Any]) -> Any:
        """A new model for `trial`, trained with these arguments of `fit`."""
        from kerastune_lite._src.keras.fit_arguments import FitArguments

        hypermodel = self._tuner.hypermodel
        if hypermodel is None:
            raise ValueError(_without_hypermodel("retrain() builds and fits"))
        if not isinstance(trial, Trial):
            raise TypeError(
                "retrain() takes a trial, and after it the arguments for fit. Received: "
                f"{type(trial).__name__}. Write tuner.retrain(None, x, y) for the best trial."
            )
        hp = trial.hyperparameters.copy()
        fit = FitArguments(args, kwargs, overrides_fit(hypermodel), trial.values, in_run_trial=True)
        if trial.best_step is not None:
            fit.default_epochs(trial.best_step + 1)
        # What is given to `fit` may speak of outputs and metrics by name.
        model = named_as_in_trials(lambda: self._build(hp))
        fit_args, fit_kwargs = fit.for_execution(hp)
        hypermodel.fit(hp, model, *fit_args, **fit_kwargs)
        return model

    # ------------------------------------------------------------------ inside

    @property
    def _resolved_objective(self) -> Objective:
        if self._objective is None:
            raise RuntimeError("The objective is resolved when the tuner is made.")
        return self._objective

    def _fit_arguments(
        self, args: Sequence[Any], kwargs: Mapping[str, Any], in_run_trial: bool = False
    ) -> FitArguments:
        from kerastune_lite._src.keras.fit_arguments import FitArguments

        overridden = overrides_fit(self._tuner.hypermodel)
        return FitArguments(args, kwargs, overridden, self.declared.names, in_run_trial)

    @property
    def _models(self) -> Any:
        """What builds and fits models."""
        tuner = self._tuner
        if not tuner.overrides("_build_hypermodel"):
            return tuner.hypermodel
        return BuiltElsewhere(tuner._build_hypermodel, tuner.hypermodel.fit)

    def _build(self, hp: HyperParameters) -> Any:
        from kerastune_lite._src.keras.building import BuildOptions, build_model

        options = BuildOptions(**self._overrides, max_model_size=self._max_model_size)
        return build_model(self._models, hp, options)

    def _options(self, callbacks: Any) -> TrainingOptions:
        from kerastune_lite._src.keras.building import BuildOptions
        from kerastune_lite._src.keras.trainer import TrainingOptions

        batch_hooks = self._tuner.overrides("on_batch_begin", "on_batch_end")
        hooks = batch_hooks or self._tuner.overrides("on_epoch_begin", "on_epoch_end")
        return TrainingOptions(
            hypermodel=self._models,
            objective=self._resolved_objective,
            build=BuildOptions(**self._overrides, max_model_size=self._max_model_size),
            callbacks=callbacks,
            verbose=self._verbose,
            dispatcher=self._open_dispatcher(),
            folder=self._checkpoints.folder,
            weights_name=self._checkpoints.name,
            hooks=self._tuner if hooks else None,
            batch_hooks=batch_hooks,
            frozen_space=self._frozen_space,
        )

    def _close_dispatcher(self) -> None:
        self._dispatcher = None  # and with it the data on the device

    def _open_dispatcher(self) -> Dispatcher:
        from kerastune_lite._src.keras.fast.dispatcher import Dispatcher

        if self._dispatcher is None:
            self._dispatcher = Dispatcher(self._fast)
        return self._dispatcher


def _fit(x: Any, y: Any) -> None:
    """The data of `model.fit`, whose class is not loaded for its names."""


def _without_hypermodel(what: str) -> str:
    return (
        f"This tuner has no hypermodel, and {what} one. Pass your function build(hp) to the tuner, "
        "or build the model from trial.hyperparameters yourself."
    )
