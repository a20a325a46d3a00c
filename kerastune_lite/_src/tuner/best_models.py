"""The models of a search's trials: load, evaluate, train and convert them."""

from __future__ import annotations

import contextlib
from typing import Any

from kerastune_lite._src.analysis.heldout import Evaluations
from kerastune_lite._src.core.lineage import schedule
from kerastune_lite._src.core.trial import Trial
from kerastune_lite._src.keras.tuned_data import TunedData
from kerastune_lite._src.search.results import Results
from kerastune_lite._src.store.project_folder import ProjectFolder
from kerastune_lite._src.tuner.ensembling import Ensemble, ensemble_of, with_targets
from kerastune_lite._src.tuner.evaluating import evaluated
from kerastune_lite._src.tuner.searched import Searched, validation_data
from kerastune_lite._src.tuner.training import Training
from kerastune_lite._src.tuner.user_trials import UserTrials


class BestModels(Results):
    """The results of a search, with its models."""

    _folder: ProjectFolder
    _training: Training
    _user_trials: UserTrials | None
    _searched: Searched | None = None
    hypermodel: Any

    def get_best_models(self, num_models: int = 1) -> list[Any]:
        """The models of the best `num_models` trials, best first, as of their best epochs.

        Only the `keep_checkpoints` best trials have weights.

        Raises:
            ValueError: no trial was completed; the message says why.
            StoreError: a trial has no weights.
        """
        return [self.load_model(trial) for trial in self._best_or_why(num_models)]

    def load_model(self, trial: Trial) -> Any:
        """The model of `trial` with the weights of its best epoch.

        In `run_trial`, the running trial has those that `super().run_trial(...)` has trained.

        Raises:
            StoreError: the trial has no weights (any more), or they do not fit.
        """
        if self._user_trials is not None:
            trial = self._user_trials.as_trained(trial)
        ranked = trial in self._trials().best(self._training.checkpoints.keep)
        return self._training.load(trial, ranked)

    def evaluate_best(
        self, x: Any = None, y: Any = None, top: int = 5, data: Any = None, **kwargs: Any
    ) -> Evaluations:
        """The best trials' scores on data that the search has not seen, beside their own.

        The best of many trials is partly the luckiest one on the validation data. Its quality shows
        on data that influenced neither a trial's values nor the choice of its best epoch.

        Args:
            x, y, **kwargs: as for `model.evaluate`.
            top: how many trials; those beyond `keep_checkpoints` have no weights.
            data: a function of `hp` that returns (x, y), if they depend on hyperparameters, as
                the `data` of `search()` may.

        Returns:
            One row for each trial, the best on validation data first. It prints as a table that
            also says whether the order changes.

        Raises:
            ValueError: there is no completed trial, or `evaluate` does not report the objective.
            StoreError: a trial has no weights.
        """
        self._best_unless(None, "evaluate")
        if top < 1:
            raise ValueError(f"`top` must be at least 1. Received: top={top}.")
        if data is not None and (x is not None or y is not None):
            raise ValueError("evaluate_best() takes either x and y, or `data`. Received both.")
        tuned = TunedData(data, self._folder.root)

        def arguments(trial: Trial) -> tuple[tuple[Any, ...], dict[str, Any]]:
            args, made = tuned.made(trial.hyperparameters.copy())
            return args if data is not None else (x, y), {**kwargs, **made}

        with contextlib.closing(tuned):
            trials = self.get_best_trials(top)
            return evaluated(trials, self.objective.guide, self.load_model, arguments)

    def ensemble(
        self, x: Any = None, y: Any = None, size: int = 10, *, held_out: Any = None
    ) -> Ensemble:
        """One model that averages the best ones, chosen by what they predict for validation data.

        Models are drawn one after the other, each time the one with which the mean predicts best,
        the same ones several times (Caruana et al., "Ensemble selection from libraries of models",
        2004); by their loss, on random halves of the samples, since the best mean of a few samples
        is partly the luckiest.

        Args:
            x, y: samples that no model was trained on, and their targets. A dataset brings its
                targets. Default: those on which the latest search validated, if it ran in this
                process; functions that make data are called again.
            size: how many models are drawn.
            held_out: `(x, y)`, `(x, y, sample_weight)` or a dataset that the search has not seen:
                the average is scored on it beside the best trial. Its score on the samples by which
                it was chosen is too good.

        Returns:
            The average as a Keras model (`model`), its weights, and its scores beside those of the
            best trial. It prints as a table.

        Raises:
            ValueError: no trial was completed, `evaluate` does not report the objective, or the
                data of the search are not there; the message says why.
            StoreError: the best trial has no weights.

        Example:
            >>> tuner = kt.RandomSearch(build, "val_loss", 4, project_name="averaged")
            >>> tuner.search(x[:48], y[:48], validation_data=(x[48:], y[48:]), verbose=0)
            >>> model = tuner.ensemble().model
        """
        if size < 1:
            raise ValueError(f"`size` must be at least 1. Received: size={size}.")
        if x is None and y is not None:
            raise ValueError("ensemble() takes x and y, or neither. Received y without x.")
        checkpoints = self._training.checkpoints
        best, *others = self._best_or_why(max(checkpoints.keep, 1))
        trials = [best, *filter(checkpoints.has_weights, others)]
        other = None if held_out is None else with_targets("`held_out`", held_out)
        with contextlib.ExitStack() as opened:
            if x is None:
                given = opened.enter_context(
                    validation_data(self._searched, self._training, trials)
                )
                data = with_targets("validation data", given)
            else:
                data = with_targets("`x`", (x, y))
            return ensemble_of(trials, self.objective.guide, self.load_model, data, other, size)

    def retrain(self, trial: Trial | None = None, *fit_args: Any, **fit_kwargs: Any) -> Any:
        """Train a new model for a trial, on other (usually all) data, on the fastest path.

        If values changed during the training of the trial (`schedule(trial)`), they change after
        the same epochs again: each piece is trained on from the state of the one before.

        Args:
            trial: default: the best one.
            *fit_args, **fit_kwargs: for `fit`, or `data`, as for `search()`. `epochs` defaults to
                the number up to the trial's best epoch, a tuned `batch_size` to the trial's. With
                other `epochs` the last piece is longer, or the last pieces are left out.

        Returns:
            The trained model; `model.history` is its History.

        Raises:
            FatalValueError: values change, and a callback cannot be resumed.
        """
        trial = self._best_unless(trial, "train again")
        pieces = schedule(self._trials(), trial) if isinstance(trial, Trial) else []
        return self._training.retrain(trial, fit_args, fit_kwargs, pieces)

    def to_sklearn(self, trial: Trial | None = None, **kwargs: Any) -> Any:
        """A fitted scikit-learn estimator with the model of a trial.

        Args:
            trial: default: the best one.
            **kwargs: `kind` ("classifier" or "regressor") and `classes` (labels in the order of the
                outputs), if the model does not define them; parameters of the estimator.
        """
        from kerastune_lite._src.sklearn.conversion import fitted_estimator

        best = self._best_unless(trial, "convert")
        return fitted_estimator(best, self.load_model(best), self.hypermodel, **kwargs)
