"""`SklearnTuner`: a tuner of estimators, whose trials are cross-validations."""

from __future__ import annotations

import dataclasses
import functools
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from kerastune_lite._src.algorithms.oracles.oracle import Oracle
from kerastune_lite._src.analysis.heldout import Evaluation, Evaluations
from kerastune_lite._src.core.goals import ObjectiveLike, create_objective
from kerastune_lite._src.core.objective import DefaultObjective, Objective
from kerastune_lite._src.core.trial import Trial
from kerastune_lite._src.search.session import Definition
from kerastune_lite._src.sklearn import cross_validated as cross
from kerastune_lite._src.space.hyperparameters import HyperParameters
from kerastune_lite._src.tuner.tuner import Tuner
from kerastune_lite._src.util.describing import described, label
from kerastune_lite._src.util.public import public

_OF_KERAS = ("scheduler", "optimizer", "loss", "max_model_size")


@public("kerastune_lite.sklearn")
class SklearnTuner(Tuner):
    """Tunes estimators that `build(hp)` returns, by the mean score of a cross-validation.

    The objective is the metric "score", to be maximised, unless the oracle names one of `metrics`.
    Models are not stored: `get_best_models` fits new ones on all samples of the search.

    Args:
        oracle: proposes values.
        hypermodel: a function `build(hp)` that returns an estimator, or a HyperModel.
        scoring: a scorer or its name, as for GridSearchCV; larger is better. None: the estimator's
            own `score`.
        metrics: a function of `(y_true, y_pred)` or a list of them, recorded under their names.
        cv: a splitter. Default: `KFold(5, shuffle=True, random_state=1)`.
        **kwargs: as for `Tuner`: objective, max_trials, seed, directory, project_name, ...

    Raises:
        TypeError, ValueError: an argument is invalid.
        SettingsMismatchError: the project exists and its trials do not fit these settings.

    Example:
        >>> from sklearn.linear_model import Ridge
        >>> from sklearn.model_selection import KFold
        >>> from kerastune_lite.sklearn import SklearnTuner
        >>> tuner = SklearnTuner(
        ...     kt.oracles.GridOracle(),
        ...     lambda hp: Ridge(hp.Choice("alpha", [0.1, 10.0])),
        ...     cv=KFold(3),
        ...     directory="runs",
        ... )
        >>> tuner.search([[0.0], [1.0], [2.0], [3.0], [4.0], [5.0]], [0, 2, 4, 6, 8, 10], verbose=0)
        >>> tuner.get_best_models()[0]
        Ridge(alpha=0.1)
    """

    def __init__(
        self,
        oracle: Oracle,
        hypermodel: Any,
        scoring: str | Callable[..., float] | None = None,
        metrics: Callable[..., float] | Sequence[Callable[..., float]] | None = None,
        cv: Any = None,
        **kwargs: Any,
    ) -> None:
        self._scored_by = {"scoring": None if scoring is None else label(scoring)}
        self.scoring = cross.scorer_of(scoring)
        self.cv = cross.splitter_of(cv)
        self._metrics = cross.metrics_of(metrics)
        self._samples: tuple[Any, Any, Any] | None = None
        self._validates = type(self).run_trial is SklearnTuner.run_trial
        if hypermodel is None and self._validates:
            raise ValueError(
                "SklearnTuner needs a `hypermodel`: a function build(hp) that returns an "
                "estimator. Received: None."
            )
        brought = {"scheduler": getattr(oracle, "_scheduler", None), **kwargs}
        refused = [name for name in _OF_KERAS if brought.get(name) is not None]
        if refused:
            raise ValueError(
                f"`{refused[0]}` is for Keras models, which train for epochs; SklearnTuner fits "
                f"estimators of scikit-learn. Received: {refused[0]}={brought[refused[0]]!r}. "
                "Take another oracle or leave it out; TunerSearchCV trains KerasClassifier with "
                "schedulers."
            )
        super().__init__(hypermodel, oracle=oracle, **kwargs)

    @property
    def metrics(self) -> list[Callable[..., float]]:
        """The functions that are recorded beside the score."""
        return list(self._metrics.values())

    def search(  # type: ignore[override]
        self, X: Any, y: Any, sample_weight: Any = None, groups: Any = None, **kwargs: Any
    ) -> None:
        """Search until `max_trials` are done, `max_time` has passed, or the space is exhausted.

        An interrupted search is resumed, also if its process was killed.

        Args:
            X: `(n, features)`.
            y: `(n,)` or `(n, outputs)`; None for estimators that need none.
            sample_weight: `(n,)`, for fits and scores that take weights.
            groups: `(n,)`, for the splitter.
            **kwargs: as for `Tuner.search`: verbose, workers, trial_timeout, ...

        Raises:
            ValueError: an argument is invalid; raised before any fit.
            ProjectInUseError: another process is searching this project.
            RuntimeError: too many trials failed in a row, or all trials failed.
        """
        cross.check_rows(self.cv, X, y, sample_weight, groups)
        self._samples = X, y, sample_weight
        super().search(X, y, sample_weight=sample_weight, groups=groups, **kwargs)

    def run_trial(
        self, trial: Trial, X: Any, y: Any, sample_weight: Any = None, groups: Any = None
    ) -> Any:
        """Cross-validate the estimator of a trial. A subclass may override it.

        Args:
            trial: `trial.hyperparameters` is its `hp`.
            X, y, sample_weight, groups: the arguments of `search()`, or other samples.

        Returns:
            The means over the folds: "score" and the metrics by name.
        """
        build = functools.partial(self._build_hypermodel, trial.hyperparameters)
        means, estimator = cross.cross_validated(
            build, self.cv, self.scoring, self._metrics, X, y, sample_weight, groups
        )
        self.save_model(trial.trial_id, estimator)
        return means

    # ------------------------------------------------------------------ models

    def save_model(self, trial_id: str | int, model: Any, step: int = 0) -> None:
        """Does nothing; a subclass may store `model`, the estimator of the last fold.

        Args:
            trial_id: of the trial.
            step: always 0.
        """

    def load_model(self, trial: Trial) -> Any:
        """The estimator of `trial`, fitted on all samples of the latest `search()`.

        Raises:
            ValueError: there was no search in this process.
        """
        if self._samples is None:
            raise ValueError(
                "SklearnTuner stores no models: it fits them on the samples of search(), which "
                "was not called in this process. Call search(X, y), which continues the project "
                "(and fits nothing if that has all of its trials), or tuner.retrain(trial, X, y)."
            )
        return self.retrain(trial, *self._samples)

    def retrain(  # type: ignore[override]
        self, trial: Trial | None, X: Any, y: Any = None, sample_weight: Any = None
    ) -> Any:
        """A new estimator for a trial, fitted on these samples.

        Args:
            trial: None: the best one.
            X, y, sample_weight: as for `search`.
        """
        trial = self._best_unless(trial, "fit again")
        estimator = self._build_hypermodel(trial.hyperparameters.copy())
        cross.fit(estimator, X, y, sample_weight)
        return estimator

    def evaluate_best(  # type: ignore[override]
        self, x: Any, y: Any = None, top: int = 5, sample_weight: Any = None
    ) -> Evaluations:
        """The best trials' scores on data that the search has not seen, beside their own.

        Args:
            x, y, sample_weight: as for `search`.
            top: how many trials.

        Returns:
            One row for each trial, the best by its own score first. It prints as a table.

        Raises:
            ValueError: there is no completed trial, or no search in this process.
        """
        self._best_unless(None, "evaluate")
        rows, guide = [], self.objective.guide
        for trial in self.get_best_trials(top):
            found = cross.scores(
                self.load_model(trial), self.scoring, self._metrics, x, y, sample_weight
            )
            rows.append(Evaluation(trial.number, guide.score(trial.metrics), guide.score(found)))
        return Evaluations(guide, tuple(rows))

    def to_sklearn(self, trial: Trial | None = None, **kwargs: Any) -> Any:
        """The same as `load_model`: the models of this tuner are estimators.

        Args:
            trial: default: the best one.
        """
        return self.load_model(self._best_unless(trial, "fit"))

    # ------------------------------------------------------------------ inside

    def _build_hypermodel(self, hp: HyperParameters) -> Any:
        return cross.checked_estimator(super()._build_hypermodel(hp))

    def _objective_of(self, given: ObjectiveLike, constraints: Any) -> Objective:
        objective = create_objective(given, constraints)
        objective = objective.with_parts(
            Objective("score", "max")
            if isinstance(part, DefaultObjective) or part == Objective("score")
            else part
            for part in objective.parts
        )
        known = ["score", *self._metrics]
        missing = objective.guide.missing(dict.fromkeys(known))
        if missing and self._validates:
            raise ValueError(
                "The objective must be 'score' or the name of one of the tuner's `metrics`: "
                f"{', '.join(map(repr, known))}. Received: {missing[0]!r}."
            )
        return objective

    def _definition(self) -> Definition:
        # Scores of other folds or by another scorer could not be compared.
        scored_by: Mapping[str, Any] = {**self._scored_by, "cv": described(self.cv)}
        return dataclasses.replace(super()._definition(), compiled=scored_by)

    def __getstate__(self) -> dict[str, Any]:
        return {**super().__getstate__(), "_samples": None}
