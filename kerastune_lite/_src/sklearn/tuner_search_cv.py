"""`TunerSearchCV`: GridSearchCV with oracles and schedulers."""

from __future__ import annotations

import contextlib
import os
import time
import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

import numpy as np
from sklearn.base import BaseEstimator, is_classifier
from sklearn.model_selection import check_cv
from sklearn.utils import indexable

from kerastune_lite._src.algorithms.oracles.grid import GridOracle
from kerastune_lite._src.algorithms.oracles.oracle import Oracle
from kerastune_lite._src.algorithms.schedulers.full import FullTraining
from kerastune_lite._src.algorithms.schedulers.scheduler import Scheduler
from kerastune_lite._src.core.events import StopReason
from kerastune_lite._src.core.history import TrialHistory
from kerastune_lite._src.core.objective import Objective
from kerastune_lite._src.core.trial import Trial
from kerastune_lite._src.search import settings as st
from kerastune_lite._src.sklearn import compat, rows
from kerastune_lite._src.sklearn.assignment import Assignment
from kerastune_lite._src.sklearn.callback_tasks import FitTask
from kerastune_lite._src.sklearn.candidates import Candidates, candidates_of, keras_step
from kerastune_lite._src.sklearn.class_weights import check_weights_of_search
from kerastune_lite._src.sklearn.cv_project import CVProject, Wish, seed_of
from kerastune_lite._src.sklearn.distributions import Distributions
from kerastune_lite._src.sklearn.fold import TEST, Folds
from kerastune_lite._src.sklearn.folds import FoldJob
from kerastune_lite._src.sklearn.keras_wrappers import (
    configured,
    copied,
    keep_arguments,
    wrappers_in,
)
from kerastune_lite._src.sklearn.seeding import RandomState
from kerastune_lite._src.sklearn.tuners import TunerLike, parts_of
from kerastune_lite._src.util.checksums import checksum_of, checksums
from kerastune_lite._src.util.describing import described
from kerastune_lite._src.util.formatting import counted
from kerastune_lite._src.util.generators import kept_generators
from kerastune_lite._src.util.public import public
from kerastune_lite._src.views.announcing import announce


@public("kerastune_lite.sklearn")
class TunerSearchCV(compat.BaseSearch):
    """Cross-validated search over the hyperparameters of an estimator.

    It is used like GridSearchCV, but an oracle proposes the points. A trial is a row of
    `cv_results_`, and a fold is one of its executions. If the estimator is, or ends in, a
    `KerasClassifier` or `KerasRegressor`, its folds are continued from rung to rung with
    "hyperband", "asha" and schedulers; schedulers that stop trials pause them here to judge them.
    `best_index_` is the best of the trials that were trained in full.

    Args:
        estimator: any scikit-learn estimator or pipeline.
        param_distributions: name -> list of values, distribution of scipy.stats, or domain of
            `kerastune_lite.hyperparameters`; or a list of such dicts. None: what `build(hp)` of
            the Keras estimator asks for, except values that the estimator has (`hp__units=64`).
        tuner: "random", "grid", "sobol", "bayesian", "evolution", "hyperband", "asha"; an oracle, a
            scheduler, or a tuple of both. "hyperband" and "asha" use the estimator's `epochs`.
        max_trials: how many points are tried; None: until the tuner has no more.
        scoring, refit: as for GridSearchCV. Of several scores the search follows the one that
            `refit` names, or else the first.
        cv: as for GridSearchCV. All trials have the same folds.
        n_jobs: processes for the folds; if there are more processes than folds, also for trials.
        random_state: the seed of the proposals, and of Keras estimators that have none.
        error_score: the score of a fit that raises. NaN: the trial has failed, and its other folds
            are not trained.
        return_train_score: whether the training rows are scored as well.
        verbose: 0 silent, 1 a live line, 2 a line per trial; and at the end a line with the number
            of trainings and their seconds.
        directory, project_name: where the search is stored. The same script, run again, resumes
            it, and TensorBoard shows it. None: it is not stored. `{data}` in the name stands for a
            checksum of the data, so that each fold of a nested cross-validation has a project.
        max_time: seconds in which trials may begin; those that have begun are finished.
        warm_start_from: former searches that this one remembers: a list of the folders of their
            projects, or "auto" for all under `directory` with the same objective
            (docs/warm_start.md). Read once: a project that is stored keeps a copy.

    Attributes:
        cv_results_: GridSearchCV's columns, and `trial_id`, `epochs`, `start_time`.
        best_estimator_, best_params_, best_score_, best_index_, scorer_, n_splits_, refit_time_,
            multimetric_, classes_, n_features_in_, feature_names_in_: as for GridSearchCV.

    Example:
        >>> from sklearn.neighbors import KNeighborsClassifier
        >>> from kerastune_lite.sklearn import TunerSearchCV
        >>> x, y = [[0], [1], [2], [3], [4], [5]], [0, 0, 0, 1, 1, 1]
        >>> space = {"n_neighbors": [1, 4]}
        >>> search = TunerSearchCV(KNeighborsClassifier(), space, tuner="grid", cv=3).fit(x, y)
        >>> search.best_params_, search.predict([[6]]).tolist()
        ({'n_neighbors': 1}, [1])
    """

    def __init__(
        self,
        estimator: BaseEstimator,
        param_distributions: Mapping[str, Any] | Sequence[Mapping[str, Any]] | None = None,
        *,
        tuner: TunerLike = "bayesian",
        max_trials: int | None = 20,
        scoring: Any = None,
        cv: Any = None,
        refit: bool | str | Callable[..., int] = True,
        n_jobs: int | None = None,
        random_state: RandomState = None,
        error_score: float | str = np.nan,
        return_train_score: bool = False,
        verbose: int = 0,
        directory: str | os.PathLike[str] | None = None,
        project_name: str | None = None,
        max_time: float | None = None,
        warm_start_from: Any = None,
    ) -> None:
        super().__init__(
            estimator,
            scoring=scoring,
            n_jobs=n_jobs,
            refit=refit,
            cv=cv,
            verbose=verbose,
            error_score=error_score,
            return_train_score=return_train_score,
        )
        self.param_distributions = param_distributions
        self.tuner = tuner
        self.max_trials = max_trials
        self.random_state = random_state
        self.directory = directory
        self.project_name = project_name
        self.max_time = max_time
        self.warm_start_from = warm_start_from

    # Those of Keras's own estimators, which their copies forget.
    _keeps_fit_kwargs = True

    def __sklearn_clone__(self) -> TunerSearchCV:
        copy: TunerSearchCV = super().__sklearn_clone__()
        keep_arguments(copy.estimator, self.estimator)
        return copy

    def fit(self, X: Any, y: Any = None, **params: Any) -> TunerSearchCV:
        """Search, and fit the best estimator on all samples.

        Args:
            X: `(n, features)`.
            y: `(n,)` or `(n, outputs)`.
            **params: for `fit` of the estimator; `groups` for the splitter. Arrays with one entry
                per sample are split like the samples.

        Raises:
            TypeError, ValueError: an argument is invalid (before anything is trained), or all fits
                failed.
            StoreError: the project in `directory` cannot be read, or is of another search; or
                there is no project in a folder of `warm_start_from`.
            ImportError: this version of scikit-learn is too new.
        """
        compat.check_scikit_learn()
        compat.check_parameters(self)
        st.check_counts(max_trials=self.max_trials, max_time=self.max_time)
        return compat.with_callbacks(TunerSearchCV._fit)(self, X, y, params)

    def _fit(self, X: Any, y: Any, params: Mapping[str, Any]) -> TunerSearchCV:
        started = time.perf_counter()
        scorers, refit_metric = compat.scorers_of(self)
        X, y = indexable(X, y)
        params = compat.params_of_fit(X, params)
        routed = compat.routed(self, params)
        splitter = check_cv(self.cv, y, classifier=is_classifier(self.estimator))
        splits = list(splitter.split(X, y, **routed.splitter.split))
        self.n_splits_ = len(splits)
        candidates = candidates_of(self.estimator, self.param_distributions, X, y)
        step = keras_step(self.estimator)
        if step is not None:
            fit_params = routed.estimator.fit
            check_weights_of_search(step[1], step[0], self.param_distributions, fit_params, y)
        objective = self._objective(scorers)
        data = {"X": X, "y": y, **routed.estimator.fit}
        seed = seed_of(self.random_state)
        with CVProject(self.directory, self.project_name, data, seed) as project:
            parts = self._parts(project.seed, candidates)
            task = FitTask(self, X, y, params)
            with task.searching(*self._extent(project, candidates, *parts)) as tasks:
                folds = Folds(
                    copied(self.estimator),
                    X,
                    y,
                    splits,
                    scorers,
                    routed.estimator.fit,
                    routed.scorer.score,
                    self.error_score,
                    self.return_train_score,
                    candidates,
                    objective,
                    project.root,
                    tasks,
                )
                history, reason = self._run_search(project, folds, *parts)
        results, trials = self._results(history, reason, candidates)
        self._choose(results, trials, refit_metric)
        if self.refit:
            self._refit(X, y, routed.estimator.fit, project.seed, task)
        self.scorer_ = compat.named_scorers(scorers) or scorers
        self.cv_results_ = results
        task.end()
        seconds = time.perf_counter() - started
        announce(self._cost(project.trained(history), len(history), seconds), self.verbose)
        return self

    def _objective(self, scorers: Any) -> Objective:
        """The score that the search follows."""
        named = compat.named_scorers(scorers)
        if named is not None:
            name = self.refit if isinstance(self.refit, str) else next(iter(named))
        else:
            # The user's function may return several, and `refit` names the one that counts.
            name = self.refit if callable(self.scoring) and isinstance(self.refit, str) else "score"
        return Objective(f"{TEST}{name}", "max")

    def _parts(self, seed: int, candidates: Candidates) -> tuple[Oracle, Scheduler]:
        """The oracle and the scheduler."""
        step = keras_step(self.estimator)
        oracle, scheduler = parts_of(self.tuner, seed, _epochs(step))
        if scheduler.decides_epochs:
            _check_epochs(candidates, "" if step is None else step[0])
        return oracle, scheduler

    def _extent(
        self, project: CVProject, candidates: Candidates, oracle: Oracle, scheduler: Scheduler
    ) -> tuple[int, int | None, int | None]:
        """The arguments of `FitTask.searching`."""
        if not isinstance(scheduler, FullTraining):
            return self.n_splits_, _epochs(keras_step(self.estimator)), None
        trials = self.max_trials
        if isinstance(oracle, GridOracle) and isinstance(candidates, Distributions):
            size = candidates.grid_size
            trials = size if trials is None else min(trials, size)
        return self.n_splits_, None, project.folds_left(trials, self.n_splits_)

    def _run_search(
        self, project: CVProject, folds: Folds, oracle: Oracle, scheduler: Scheduler
    ) -> tuple[TrialHistory, StopReason]:
        wish = Wish(
            folds.objective,
            len(folds.splits),
            self.max_trials,
            self.max_time,
            _known_by(folds),
            _data(folds),
            min(int(self.verbose), 2),
            self.warm_start_from,
        )
        job = FoldJob(folds, self.n_jobs)
        history, reason = project.search(wish, job, folds.candidates, oracle, scheduler)
        if isinstance(oracle, GridOracle) and reason is StopReason.BUDGET:
            rng = np.random.default_rng(0)
            if oracle.propose(folds.candidates.space, history, 1, rng):
                warnings.warn(
                    f"The grid has more points than max_trials={self.max_trials}; the others were "
                    "not tried. max_trials=None tries them all.",
                    UserWarning,
                    stacklevel=3,
                )
        return history, reason

    # ------------------------------------------------------------------ results

    def _results(
        self, history: TrialHistory, reason: StopReason, candidates: Candidates
    ) -> tuple[dict[str, Any], list[Trial]]:
        trials = rows.finished(history)
        if not trials:
            if reason is StopReason.INTERRUPTED:
                raise KeyboardInterrupt
            raise ValueError(
                "A search needs at least one trial. None was finished: "
                f"{reason.value}. Received: max_time={self.max_time}."
            )
        self.multimetric_ = rows.has_several_scores(trials)
        found = rows.outcomes(
            trials, self.n_splits_, self.error_score, self.return_train_score, self.multimetric_
        )
        compat.check_fits(found, self.error_score)
        given = [candidates.params(trial.values) for trial in trials]
        more = rows.more_columns(trials)
        return compat.table_of(self, given, self.n_splits_, found, more), trials

    def _choose(
        self, results: dict[str, Any], trials: list[Trial], refit_metric: bool | str
    ) -> None:
        """Find the best row, by scikit-learn's rules."""
        if callable(self.scoring) and self.multimetric_:
            means = [name for name in results if name.startswith(f"mean_{TEST}")]
            names = {name.removeprefix(f"mean_{TEST}"): None for name in means}
            compat.check_refit(self, names)
            refit_metric = self.refit
        if not self.refit and self.multimetric_:
            return
        if callable(self.refit):
            self.best_index_ = compat.chosen_row(self, refit_metric, results)
        else:
            self.best_index_ = rows.best_of(trials, results[f"rank_{TEST}{refit_metric}"])
            self.best_score_ = results[f"mean_{TEST}{refit_metric}"][self.best_index_]
        self.best_params_ = results["params"][self.best_index_]

    def _refit(
        self, X: Any, y: Any, fit_params: Mapping[str, Any], seed: int, task: FitTask
    ) -> None:
        best = configured(self.estimator, self.best_params_)
        with task.refitting(best):
            started = time.time()
            with _reproducible(best, seed, y):
                best.fit(X, **fit_params) if y is None else best.fit(X, y, **fit_params)
            self.refit_time_ = time.time() - started
        self.best_estimator_ = best
        if hasattr(best, "feature_names_in_"):
            self.feature_names_in_ = best.feature_names_in_

    def _cost(self, trained: int, trials: int, seconds: float) -> str:
        """What this call of `fit` has trained.

        Args:
            trained: the folds.
            trials: all, with those that were on record.
        """
        planned = trials * self.n_splits_
        parts = f"{counted(trials, 'trial')} x {counted(self.n_splits_, 'fold')}"
        if trained < planned:  # The others were on record, or a fold before them had failed.
            parts = f"{trained} of the {planned} folds of {parts}"
        refitted = bool(self.refit)
        also = ", and the best trial on all samples" if refitted else ""
        trainings = counted(trained + refitted, "training")
        return f"{trainings} in {seconds:.1f} s: {parts}{also}"


def _epochs(step: tuple[str, Any] | None) -> int | None:
    """The epochs of a Keras estimator; None for other estimators."""
    return None if step is None else getattr(step[1], "fit__epochs", step[1].epochs)


@contextlib.contextmanager
def _reproducible(estimator: BaseEstimator, seed: int, y: Any) -> Iterator[None]:
    """Fit a Keras estimator that has no seed with this one."""
    step = keras_step(estimator)
    if step is None and not wrappers_in(estimator):
        yield
        return
    from kerastune_lite._src.keras import session

    if step is None:
        with kept_generators():
            session.seed_all(seed)
            yield
        return
    step[1]._assignment = Assignment(None, seed, y=y)
    try:
        with kept_generators():
            if step[1].random_state is None:
                session.seed_all(seed)
            yield
    finally:
        step[1]._assignment = None


def _check_epochs(candidates: Candidates, prefix: str) -> None:
    """Check that epochs are not tuned, since the scheduler decides them.

    Raises:
        ValueError: they are.
    """
    names = ("epochs", f"{prefix}epochs", f"{prefix}fit__epochs")
    tuned = [name for name in candidates.space.names if name in names]
    if tuned:
        raise ValueError(
            f"{tuned[0]!r} cannot be tuned in this search: its scheduler decides for how many "
            'epochs each trial is trained. Remove it, or use tuner="bayesian".'
        )


def _known_by(folds: Folds) -> dict[str, Any]:
    """A description of the estimator, as JSON, to recognise it."""
    estimator = described(folds.estimator)
    if isinstance(estimator, str):
        estimator = {"class": estimator}
    return {"estimator": estimator, "parameters of fit": sorted(folds.fit_params)}


def _data(folds: Folds) -> dict[str, str]:
    """Checksums of the data and the folds, to recognise them."""
    splits = [tuple(map(np.asarray, split)) for split in folds.splits]
    known = checksums({"X": folds.X, "y": folds.y, **folds.fit_params})
    return {**known, "folds": checksum_of(splits) or ""}
