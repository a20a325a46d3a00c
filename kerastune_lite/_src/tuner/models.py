"""The tuner's models: those of its trials, loaded, evaluated, trained anew, converted."""

from __future__ import annotations

import functools
from collections.abc import Mapping
from typing import Any

from kerastune_lite._src.analysis.heldout import Evaluation, Evaluations
from kerastune_lite._src.core.trial import Trial
from kerastune_lite._src.keras.automatic_names import named_as_in_trials
from kerastune_lite._src.search.results import Results
from kerastune_lite._src.store.checkpoints import best_execution
from kerastune_lite._src.tuner.training_side import TrainingSide


class Models(Results):
    """Results of which the models can be had; the base of `Tuner`."""

    hypermodel: Any
    _training: TrainingSide

    def get_best_models(self, num_models: int = 1) -> list[Any]:
        """The best trials' models with the weights of their best epoch, from the best on.

        Only the `keep_checkpoints` best trials have weights.

        Raises:
            ValueError: no trial was completed; with the reason.
            StoreError: a trial has no weights.
        """
        return [self.load_model(trial) for trial in self._best_or_why(num_models)]

    def load_model(self, trial: Trial) -> Any:
        """The model of a trial with the weights of its best epoch.

        Raises:
            StoreError: the trial has no weights (any more), or they do not fit.
        """
        return self._training.load(trial, best_execution(trial))

    def save_model(self, trial_id: str | int, model: Any, step: int = 0) -> None:
        """Keep the weights of `model` for a trial; for a `run_trial` that trains by itself.

        Args:
            step: accepted for KerasTuner's sake; the latest call counts.
        """
        self._training.save(int(trial_id), model)

    def evaluate_best(self, x: Any, y: Any = None, top: int = 5, **kwargs: Any) -> Evaluations:
        """The best trials' scores on data that the search has not seen, beside their own.

        The winner of many trials is partly the luckiest one on the validation data. What it has
        learned shows on data that decided nothing: neither a trial's values nor its best epoch.

        Args:
            x, y, **kwargs: as for `model.evaluate`.
            top: how many trials; those beyond `keep_checkpoints` have no weights.

        Returns:
            One row for each trial, from the best on validation data on. It prints as a table that
            also says whether the order changes.

        Raises:
            ValueError: there is no completed trial, or `evaluate` does not report the objective.
            StoreError: a trial has no weights.
        """
        self._best_unless(None, "evaluate")
        if top < 1:
            raise ValueError(f"`top` must be at least 1. Received: top={top}.")
        rows = []
        for trial in self.get_best_trials(top):
            # The objective may be named after an output or a metric that Keras numbered.
            model = named_as_in_trials(functools.partial(self.load_model, trial))
            score = self._held_out_score(model, x, y, kwargs)
            # Of several executions the best one's weights are kept, and loaded here.
            losses = [each.loss for each in trial.completed_executions if each.loss is not None]
            own = self.objective.loss_of(min(losses))
            rows.append(Evaluation(trial.number, own, score))
        return Evaluations(self.objective, tuple(rows))

    def _held_out_score(self, model: Any, x: Any, y: Any, kwargs: Mapping[str, Any]) -> float:
        """The objective, from what `evaluate` reports: "accuracy" for "val_accuracy"."""
        reported = model.evaluate(x, y, **{"verbose": 0, **kwargs, "return_dict": True})
        metrics = {name: reported.get(name.removeprefix("val_")) for name in self.objective.names}
        missing = [name for name, value in metrics.items() if value is None]
        if missing:
            raise ValueError(
                f"evaluate_best() needs {missing} from model.evaluate(), which reports "
                f"{sorted(reported)}. Add the metric in compile(), or compute it yourself with "
                "load_model(trial)."
            )
        return self.objective.score({name: float(value) for name, value in metrics.items()})

    def retrain(self, trial: Trial | None = None, *fit_args: Any, **fit_kwargs: Any) -> Any:
        """Train a trial's model anew, on other (usually: all) data.

        Args:
            trial: default: the best one.
            *fit_args, **fit_kwargs: for `fit`. `epochs` defaults to as many as led to the trial's
                best epoch; `batch_size`, where tuned, to the trial's.

        Returns:
            The trained model; `model.history` is its History.
        """
        trial = self._best_unless(trial, "train again")
        return self._training.retrain(trial, fit_args, fit_kwargs)

    def to_sklearn(self, trial: Trial | None = None, **kwargs: Any) -> Any:
        """A scikit-learn estimator, fitted, with the model of a trial.

        Args:
            trial: default: the best one.
            **kwargs: see `kerastune_lite._src.sklearn.conversion.fitted_estimator`.
        """
        from kerastune_lite._src.sklearn.conversion import fitted_estimator

        best = self._best_unless(trial, "convert")
        return fitted_estimator(best, self.load_model(best), self.hypermodel, **kwargs)
