"""Cross-validation of estimators that `build(hp)` returns: what a trial of `SklearnTuner` is."""

from __future__ import annotations

import copy
import inspect
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
from sklearn.dummy import DummyClassifier
from sklearn.metrics import check_scoring
from sklearn.model_selection import KFold
from sklearn.pipeline import Pipeline

from kerastune_lite._src.util.errors import FatalTypeError

_WEIGHTS = "sample_weight"

Metrics = Mapping[str, Callable[..., float]]
"""Functions of `(y_true, y_pred)` by name."""


def cross_validated(
    build: Callable[[], Any],
    cv: Any,
    scoring: Any,
    metrics: Metrics,
    X: Any,
    y: Any = None,
    sample_weight: Any = None,
    groups: Any = None,
) -> tuple[dict[str, float], Any]:
    """The mean scores over all folds, as `score` and by the names of `metrics`.

    Args:
        build: returns a new estimator.
        cv: a splitter.
        scoring: a scorer; None: the estimator's `score`.
        X: `(n, features)`.
        y: `(n,)` or `(n, outputs)`.
        sample_weight, groups: `(n,)`.

    Returns:
        The means, and the estimator of the last fold.
    """
    found: dict[str, list[float]] = {}
    for train, test in cv.split(X, y, **_groups(groups)):
        estimator = build()
        fit(estimator, *(_rows(each, train) for each in (X, y, sample_weight)))
        tested = (_rows(each, test) for each in (X, y, sample_weight))
        for name, value in scores(estimator, scoring, metrics, *tested).items():
            found.setdefault(name, []).append(value)
    return {name: float(np.mean(values)) for name, values in found.items()}, estimator


def fit(estimator: Any, X: Any, y: Any = None, sample_weight: Any = None) -> Any:
    """Fit an estimator, with the weights if it takes them; of a Pipeline, its last step."""
    prefix, last = "", estimator
    while isinstance(last, Pipeline):
        name, last = last.steps[-1]
        prefix += f"{name}__"
    return estimator.fit(X, y, **_weights(getattr(last, "fit", None), sample_weight, prefix))


def scores(
    estimator: Any, scoring: Any, metrics: Metrics, X: Any, y: Any = None, sample_weight: Any = None
) -> dict[str, float]:
    """The score and the `metrics` of a fitted estimator; arguments as for `cross_validated`.

    Weights are left out for a function that does not take them.
    """
    if scoring is None:
        score = estimator.score(X, y, **_weights(estimator.score, sample_weight))
    else:
        score = scoring(estimator, X, y, **_weights(scoring, sample_weight))
    found = {"score": float(score)}
    if metrics:
        predicted = estimator.predict(X)
        for name, metric in metrics.items():
            found[name] = float(metric(y, predicted, **_weights(metric, sample_weight)))
    return found


def _weights(function: Any, sample_weight: Any, prefix: str = "") -> dict[str, Any]:
    """The weights as an argument of `function`, if there are any and it takes them."""
    if sample_weight is None or function is None:
        return {}
    takes = _WEIGHTS in inspect.signature(function).parameters
    return {f"{prefix}{_WEIGHTS}": sample_weight} if takes else {}


def _groups(groups: Any) -> dict[str, Any]:
    """The groups as an argument of `split`, which of some splitters takes none."""
    return {} if groups is None else {"groups": groups}


def _rows(data: Any, rows: np.ndarray) -> Any:
    if data is None:
        return None
    if hasattr(data, "iloc"):
        return data.iloc[rows]
    return data[rows] if hasattr(data, "shape") else [data[row] for row in rows]


# ---------------------------------------------------------------------- what users pass


def checked_estimator(built: Any) -> Any:
    """What a builder returned.

    Raises:
        FatalTypeError: it is no estimator.
    """
    if inspect.isclass(built) or not callable(getattr(built, "fit", None)):
        hint = " Did you forget the return?" if built is None else ""
        raise FatalTypeError(
            f"build(hp) must return an estimator of scikit-learn's.{hint} Received: {built!r} of "
            f"type {type(built).__name__}."
        )
    return built


def splitter_of(cv: Any) -> Any:
    """The splitter that a user passed; of None, five folds that are always the same.

    Raises:
        TypeError: it is none.
    """
    if cv is None:
        return KFold(5, shuffle=True, random_state=1)
    if isinstance(cv, (str, type)) or not callable(getattr(cv, "split", None)):
        raise TypeError(
            "`cv` must be a splitter of sklearn.model_selection, such as "
            f"KFold(3, shuffle=True, random_state=0). Received: {cv!r} of type {type(cv).__name__}."
        )
    return cv


def scorer_of(scoring: Any) -> Any:
    """The scorer that a user passed or named; None: the estimator's `score`.

    Raises:
        TypeError: there are several.
        ValueError: there is none of that name, or it is a metric.
    """
    if scoring is None:
        return None
    if not (isinstance(scoring, str) or callable(scoring)):
        raise TypeError(
            "`scoring` must be one scorer: the name of one, the result of make_scorer(), or a "
            "function of (estimator, X, y). Functions to be recorded beside it go into `metrics`. "
            f"Received: {scoring!r} of type {type(scoring).__name__}."
        )
    return check_scoring(DummyClassifier(), scoring=scoring)


def metrics_of(metrics: Any) -> Metrics:
    """The functions that a user passed, by name.

    Raises:
        TypeError: one is no function with a name.
        ValueError: two have the same name, or the name of the score.
    """
    given = () if metrics is None else metrics
    found: dict[str, Callable[..., float]] = {}
    for metric in given if isinstance(given, (list, tuple)) else [given]:
        name = getattr(metric, "__name__", None)
        if not callable(metric) or not isinstance(name, str):
            raise TypeError(
                "`metrics` must be functions of (y_true, y_pred) with a name, such as "
                "sklearn.metrics.recall_score. Received: "
                f"{metric!r} of type {type(metric).__name__}."
            )
        if name in ("score", *found):
            raise ValueError(
                "Each of `metrics` must have another name, and none may be called 'score'. "
                f"Received: {name!r}{' twice' if name in found else ''}."
            )
        found[name] = metric
    return found


def check_rows(cv: Any, X: Any, y: Any, sample_weight: Any, groups: Any) -> None:
    """Refuse data that does not fit together, or that `cv` cannot split.

    Raises:
        ValueError: the lengths differ, or it cannot be split.
    """
    named = {"X": X, "y": y, _WEIGHTS: sample_weight, "groups": groups}
    lengths = {name: _length(each) for name, each in named.items() if each is not None}
    if len(set(lengths.values())) > 1:
        told = ", ".join(f"{name} has {length}" for name, length in lengths.items())
        raise ValueError(f"The data must have one row per sample everywhere. Received: {told}.")
    # A splitter with a random generator of its own splits the first trial as if nobody had looked.
    if next(iter(copy.deepcopy(cv).split(X, y, **_groups(groups))), None) is None:
        raise ValueError(f"`cv` must yield at least one fold. Received: {cv!r}.")


def _length(data: Any) -> int:
    return int(data.shape[0]) if hasattr(data, "shape") else len(data)
