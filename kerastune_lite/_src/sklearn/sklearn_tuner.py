"""`SklearnTuner`, as in KerasTuner: scikit-learn estimators that `build(hp)` returns."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from sklearn.base import BaseEstimator, clone
from sklearn.metrics import make_scorer
from sklearn.model_selection import KFold
from sklearn.utils import get_tags

from kerastune_lite._src.keras.hypermodel import HyperModel, get_hypermodel
from kerastune_lite._src.sklearn.assignment import Assignment
from kerastune_lite._src.sklearn.tuner_search_cv import TunerSearchCV
from kerastune_lite._src.sklearn.tuners import TunerLike
from kerastune_lite._src.space.hyperparameters import HyperParameters
from kerastune_lite._src.util.public import public


class BuiltEstimator(BaseEstimator):
    """An estimator that is built by `build(hp)` when it is fitted.

    Args:
        build: returns a scikit-learn estimator.
        hyperparameters: values for `hp` by name; missing ones have their defaults.
    """

    _assignment: Assignment | None = None
    """What a search asks of this fit."""

    def __init__(
        self,
        build: Callable[[HyperParameters], Any],
        hyperparameters: Mapping[str, Any] | None = None,
    ) -> None:
        self.build = build
        self.hyperparameters = hyperparameters

    def __sklearn_tags__(self) -> Any:
        return get_tags(self._built(HyperParameters(values=self.hyperparameters)))

    @property
    def _builds_from(self) -> Any:
        return self.build

    def _built(self, hp: HyperParameters) -> Any:
        estimator = self.build(hp)
        if inspect.isclass(estimator) or not callable(getattr(estimator, "fit", None)):
            raise TypeError(
                "build(hp) must return an estimator of scikit-learn's. Received: "
                f"{estimator!r} of type {type(estimator).__name__}."
            )
        return estimator

    def fit(self, X: Any, y: Any = None, **params: Any) -> BuiltEstimator:
        """Build the estimator and fit it."""
        asked = None if self._assignment is None else self._assignment.hp
        hp = HyperParameters(values=self.hyperparameters) if asked is None else asked
        self.estimator_ = self._built(hp).fit(X, y, **params)
        return self

    def predict(self, X: Any) -> Any:
        """The predictions of the fitted estimator."""
        return self.estimator_.predict(X)

    def score(self, X: Any, y: Any = None, **params: Any) -> float:
        """The score of the fitted estimator."""
        return float(self.estimator_.score(X, y, **params))

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__") or "estimator_" not in vars(self):
            raise AttributeError(f"{type(self).__name__!r} has no attribute {name!r}.")
        return getattr(self.estimator_, name)


@public("kerastune_lite.sklearn")
class SklearnTuner:
    """Tune scikit-learn estimators that `build(hp)` returns, with cross-validation.

    The name and the methods are KerasTuner's; `TunerSearchCV` does the work and can do more.

    Args:
        oracle: as `tuner` of `TunerSearchCV`.
        hypermodel: `build(hp)`, or a HyperModel; returns an estimator.
        scoring: as for GridSearchCV; None: the estimator's `score`. Larger is better.
        metrics: a function of `(y_true, y_pred)` or a list of them, recorded as well.
        cv: a splitter. Default: `KFold(5, shuffle=True, random_state=1)`.
        max_trials: None: until the oracle has no more points.
        seed: makes the search reproducible.
        **kwargs: `directory`, `project_name`, `max_time`, `n_jobs` of `TunerSearchCV`.

    Raises:
        ValueError: there is no `hypermodel`.

    Example:
        >>> from sklearn.linear_model import Ridge
        >>> from kerastune_lite.sklearn import SklearnTuner
        >>> tuner = SklearnTuner("grid", lambda hp: Ridge(hp.Choice("alpha", [0.1, 10.0])), cv=3)
        >>> tuner.search([[0.0], [1.0], [2.0], [3.0], [4.0], [5.0]], [0, 2, 4, 6, 8, 10], verbose=0)
        >>> tuner.get_best_models()[0]
        Ridge(alpha=0.1)
    """

    def __init__(
        self,
        oracle: TunerLike,
        hypermodel: Callable[[HyperParameters], Any] | HyperModel,
        scoring: str | Callable[..., float] | None = None,
        metrics: Callable[..., float] | Sequence[Callable[..., float]] | None = None,
        cv: Any = None,
        *,
        max_trials: int | None = 10,
        seed: int | None = None,
        **kwargs: Any,
    ) -> None:
        self.hypermodel = get_hypermodel(hypermodel)
        if self.hypermodel is None:
            raise ValueError("SklearnTuner needs a `hypermodel`: a function build(hp).")
        scorers: Any = scoring
        if metrics:
            more = [metrics] if callable(metrics) else metrics
            scorers = {"score": _own_score if scoring is None else scoring}  # the first one counts
            scorers.update((metric.__name__, make_scorer(metric)) for metric in more)
        self._search = TunerSearchCV(
            BuiltEstimator(self.hypermodel.build),
            tuner=oracle,
            max_trials=max_trials,
            scoring=scorers,
            cv=KFold(5, shuffle=True, random_state=1) if cv is None else cv,
            refit=False,
            random_state=seed,
            **kwargs,
        )
        self._data: tuple[Any, Any, dict[str, Any]] | None = None

    def search(
        self, X: Any, y: Any, sample_weight: Any = None, groups: Any = None, verbose: int = 1
    ) -> None:
        """Search for the best hyperparameters.

        Args:
            X: `(n, features)`.
            y: `(n,)` or `(n, outputs)`.
            sample_weight: `(n,)`.
            groups: `(n,)`, for the splitter.
            verbose: 0 silent, 1 a live line, 2 a line per trial.

        Raises:
            TypeError, ValueError: an argument is invalid, or all fits failed.
        """
        weights = {} if sample_weight is None else {"sample_weight": sample_weight}
        params = weights if groups is None else {**weights, "groups": groups}
        self._search.set_params(verbose=verbose).fit(X, y, **params)
        self._data = X, y, weights

    def get_best_hyperparameters(self, num_trials: int = 1) -> list[HyperParameters]:
        """The hyperparameters of the best `num_trials` trials, the best first."""
        return [HyperParameters(values=values) for values in self._best(num_trials)]

    def get_best_models(self, num_models: int = 1) -> list[Any]:
        """The best `num_models` estimators, the best first, fitted on all samples of the search."""
        found = []
        for values in self._best(num_models):
            X, y, weights = self._data or (None, None, {})
            estimator = clone(self._search.estimator).set_params(hyperparameters=values)
            found.append(estimator.fit(X, y, **weights).estimator_)
        return found

    @property
    def results(self) -> dict[str, Any]:
        """The columns of GridSearchCV's `cv_results_`."""
        self._check_searched()
        results: dict[str, Any] = self._search.cv_results_
        return results

    def _best(self, count: int) -> Sequence[dict[str, Any]]:
        self._check_searched()
        results = self._search.cv_results_
        order = results["rank_test_score"].argsort(kind="stable")[:count]
        prefixed = [results["params"][row] for row in order]
        return [{k.removeprefix("hp__"): v for k, v in p.items()} for p in prefixed]

    def _check_searched(self) -> None:
        if self._data is None:
            raise ValueError(
                "There are no results: no search has come to its end with a score. Call search() "
                "first; if it raised, its error says what failed."
            )


def _own_score(estimator: Any, X: Any, y: Any) -> float:
    return float(estimator.score(X, y))
