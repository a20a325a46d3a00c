"""How a tuner trains: the settings of its constructor, combined with the arguments of `fit`.

The modules that need Keras are imported where they are used: a tuner whose `run_trial` has nothing
to do with Keras never loads it.
"""

from __future__ import annotations

import contextlib
import dataclasses
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from kerastune_lite._src.core.lineage import Piece
from kerastune_lite._src.core.objective import Objective
from kerastune_lite._src.core.trial import Trial
from kerastune_lite._src.keras.building import ModelFactory
from kerastune_lite._src.keras.fit_arguments import FitArguments
from kerastune_lite._src.keras.hypermodel import check_takes_callbacks, has_parameter, overrides_fit
from kerastune_lite._src.keras.metric_directions import resolved
from kerastune_lite._src.keras.training_spec import TrainingSpec
from kerastune_lite._src.keras.tuned_data import TunedData
from kerastune_lite._src.search.execution.job import Job
from kerastune_lite._src.search.hooks import Hooks
from kerastune_lite._src.space.hyperparameters import HyperParameters
from kerastune_lite._src.store.checkpoints import Checkpoints, best_execution, weights_name
from kerastune_lite._src.tuner.call import SearchCall, model_fit
from kerastune_lite._src.tuner.probing import Probe, Probed
from kerastune_lite._src.util.errors import FatalValueError, StoreError


@dataclasses.dataclass(frozen=True)
class Training:
    """The settings of a tuner's constructor that training needs.

    Attributes:
        probe: runs the builder to find out what it declares.
        probed: its results.
        checkpoints: where weights and states are kept.
    """

    probe: Probe
    probed: Probed
    checkpoints: Checkpoints

    @property
    def models(self) -> ModelFactory:
        """The factory of the models."""
        return self.probe.models

    @property
    def frozen_space(self) -> bool:
        """Whether the builder must not declare new parameters."""
        return self.probe.frozen_space

    @property
    def in_run_trial(self) -> bool:
        """Whether the user's own `run_trial` trains the trials."""
        return self.probe.in_run_trial

    @property
    def objective(self) -> Objective:
        """The objective, with its direction."""
        return self.probed.objective

    def with_data(self, data: TunedData, own: bool) -> Training:
        """The same for models that may depend on hyperparameters of the data.

        Args:
            own: whether the user's own code makes data of a function `data`.

        Raises:
            FatalValueError: the builder needs a hyperparameter that nobody declares.
            Exception: whatever the functions of the user raise.
        """
        missing = self.probed.missing
        if data.function is None:
            if missing is not None and own:
                probed = dataclasses.replace(self.probed, objective=resolved(self.objective))
                return dataclasses.replace(self, probed=probed)
            if missing is not None:
                raise FatalValueError(
                    f"build(hp) uses a hyperparameter that was not declared: {missing.args[0]} If "
                    "it belongs to the data, pass the function that declares it: "
                    "search(data=make_data, ...). Otherwise declare it before it is used."
                ) from missing
            return dataclasses.replace(self, probe=dataclasses.replace(self.probe, data=None))
        probe = dataclasses.replace(self.probe, data=data)
        return Training(
            probe, probe.read(self.probed.given, self.probed.objective), self.checkpoints
        )

    def receiver(self, run_trial: Callable[..., Any]) -> tuple[Callable[..., Any], int]:
        """What receives the arguments of `search()`, and how many others come before them.

        Args:
            run_trial: the tuner's.
        """
        if self.in_run_trial:
            return run_trial, 1
        hypermodel = self.models.hypermodel
        return (hypermodel.fit, 2) if overrides_fit(hypermodel) else (model_fit, 0)

    def spec(
        self,
        args: Sequence[Any],
        kwargs: Mapping[str, Any],
        callbacks: Any,
        verbose: int,
        fast: bool,
        checkpoint_interval: float | None = 60.0,
        data: TunedData | None = None,
    ) -> TrainingSpec:
        """Everything that training with these arguments needs.

        Args:
            args, kwargs: the arguments of `fit`.
            callbacks, verbose, fast, checkpoint_interval: see `TrainingSpec`.
            data: makes the data, if that is tuned.

        Raises:
            FatalValueError: there is no hypermodel.
            FatalTypeError: `model.fit` does not accept the arguments, or HyperModel.fit no
                callbacks.
        """
        hypermodel = self.models.hypermodel
        if hypermodel is None:
            raise FatalValueError(_without_hypermodel("super().run_trial() builds"))
        check_takes_callbacks(hypermodel)
        overridden = overrides_fit(hypermodel)
        declared = self.probed.declared
        fit = FitArguments(args, kwargs, overridden, declared, self.in_run_trial, data)
        return TrainingSpec(
            models=self.models,
            objective=self.objective.guide,
            fit=fit,
            callbacks=callbacks,
            folder=self.checkpoints.folder,
            verbose=verbose,
            fast=fast,
            frozen_space=self.frozen_space,
            checkpoint_interval=checkpoint_interval,
        )

    def job(
        self, call: SearchCall, scheduled: bool, hooks: Hooks | None, gradients: bool = False
    ) -> Job:
        """The job of a search, with checked arguments.

        Args:
            scheduled: whether a scheduler decides how long trials train.
            hooks: the tuner's, if it watches trainings.
            gradients: whether trials record their gradients.

        Raises:
            ValueError, TypeError: an argument is invalid.
        """
        from kerastune_lite._src.keras.callbacks import check_callbacks
        from kerastune_lite._src.keras.training_job import TrainingJob

        spec = self.spec(
            call.args,
            call.kwargs,
            call.callbacks,
            call.verbose_of_fit,
            call.fast,
            call.checkpoint_interval,
            call.data,
        )
        fit = spec.fit.made(HyperParameters(self.probed.space))
        fit.check(self.probed.space, spec.objective, scheduled)
        if self.probed.needs is not None:
            fit.check_data(self.probed.needs)
        check_callbacks(spec.callbacks)
        if gradients:
            from kerastune_lite._src.keras.hypergradients import check_gradients

            check_gradients(spec, HyperParameters(self.probed.space), scheduled)
            spec = dataclasses.replace(spec, gradients=True)
        return TrainingJob(spec, hooks, self.probe.shown, fit.validation_share)

    # ------------------------------------------------------------------ single models

    def load(self, trial: Trial, ranked: bool) -> Any:
        """The model of `trial` with the weights of its best epoch.

        Its automatic names are new ones, so that several models can be combined in one.

        Args:
            ranked: whether it is one of the trials that keep their weights.

        Raises:
            StoreError: there are no weights, or they do not fit.
        """
        from kerastune_lite._src.keras.weights import build_optimizer, load_weights

        execution = best_execution(trial)
        if execution is None:
            raise StoreError(
                f"Only completed trials have weights. Trial {trial.trial_id} is {trial.status}."
            )
        path = self.checkpoints.folder / execution.weights if execution.weights else None
        if path is None or not path.exists():
            raise StoreError(self._why_no_weights(trial, path, ranked))
        if self.models.hypermodel is None:
            raise StoreError(_without_hypermodel("loading a model builds it first"))
        model = self.models.build(trial.hyperparameters.copy())
        with self.models.scope():
            load_weights(model, path, execution.build_config)
            build_optimizer(model)
        return model

    def _why_no_weights(self, trial: Trial, path: Path | None, ranked: bool) -> str:
        if path is None and self.in_run_trial:
            return (
                f"Trial {trial.trial_id} has no weights. Trials keep theirs if their run_trial() "
                "calls save_model(trial.trial_id, model) or super().run_trial(...)."
            )
        if path is None and ranked:
            return (
                f"Trial {trial.trial_id} has no weights: its model had no variables when its "
                "training ended. Keras finds only layers in attributes of a model, and variables "
                "that add_weight() created."
            )
        if path is not None and ranked:
            return (
                f"The weights of trial {trial.trial_id} were deleted, by `kerastune prune` or when "
                f"keep_checkpoints was lower: {path} is not there. Train it again with "
                "tuner.retrain(trial, x, y)."
            )
        return (
            f"The weights of trial {trial.trial_id} are not kept: only the best "
            f"{self.checkpoints.keep} trials keep theirs. Raise keep_checkpoints, or train it "
            "again with tuner.retrain(trial, x, y)."
        )

    def save(self, model: Any, trial: int) -> str:
        """Store the weights of a model that the user's `run_trial` trained; returns their file."""
        from kerastune_lite._src.keras.weights import save_weights

        name = weights_name(trial, 0)
        save_weights(model, self.checkpoints.folder / name)
        return name

    def retrain(
        self,
        trial: Trial,
        args: Sequence[Any],
        kwargs: Mapping[str, Any],
        pieces: Sequence[Piece] = (),
    ) -> Any:
        """A new model for `trial`, trained with these arguments of `fit`.

        Args:
            pieces: those of its schedule.
        """
        from kerastune_lite._src.tuner.retraining import Retraining

        hypermodel = self.models.hypermodel
        if hypermodel is None:
            raise ValueError(_without_hypermodel("retrain() builds and fits"))
        if not isinstance(trial, Trial):
            raise TypeError(
                "retrain() takes a trial first, then the arguments of fit. Received: "
                f"{type(trial).__name__}. Write tuner.retrain(None, x, y) for the best trial."
            )
        kwargs, data = dict(kwargs), None
        if "data" in kwargs and not has_parameter(hypermodel.fit, "data"):
            data = TunedData(kwargs.pop("data"), self.checkpoints.folder)
        with contextlib.closing(data) if data is not None else contextlib.nullcontext():
            return Retraining(self.models, trial, args, kwargs, data).trained(pieces)


def _without_hypermodel(what: str) -> str:
    return (
        f"This tuner has no hypermodel, and {what} one. Pass your function build(hp) to the tuner, "
        "or build the model from trial.hyperparameters yourself."
    )
