"""All of scikit-learn that is not public and that we lean on, and what scikeras's estimators keep.

There is no way around these parts. Where a version of scikit-learn differs, searches say so and
which one to install (`check_scikit_learn`); for scikeras that is done in `from_scikeras`. To import
this module is not to load Keras.
"""

from __future__ import annotations

import functools
import importlib
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import joblib
import numpy as np
import sklearn
from sklearn.dummy import DummyRegressor
from sklearn.model_selection import GridSearchCV
from sklearn.utils import validation

BaseSearch: Any = GridSearchCV.__base__
"""What searches have in common."""


def _module(name: str) -> Any:
    return importlib.import_module(f"sklearn.{name}")


# ------------------------------------------------------------------ a search


def check_parameters(search: Any) -> None:
    """Refuse arguments of the constructor that are of a wrong type.

    Raises:
        InvalidParameterError: with the first one; a ValueError and a TypeError.
    """
    search._validate_params()


def scorers_of(search: Any) -> tuple[Any, Any]:
    """What scores (`fit_and_score` takes it), and the name of the score that `refit` goes by."""
    scorers, refit_metric = search._get_scorers()
    return scorers, refit_metric


def named_scorers(scorers: Any) -> Mapping[str, Any] | None:
    """The scorers by name, of several; None for one."""
    several = isinstance(scorers, _module("metrics._scorer")._MultimetricScorer)
    return scorers._scorers if several else None


def params_of_fit(X: Any, params: Mapping[str, Any]) -> dict[str, Any]:
    """Arguments of `fit`, such that those with an entry for each sample can be cut as `X` is."""
    checked: dict[str, Any] = validation._check_method_params(X, params=params)
    return checked


def routed(search: Any, params: Mapping[str, Any]) -> Any:
    """Where the arguments of `fit` go: `.estimator.fit`, `.splitter.split`, `.scorer.score`."""
    return search._get_routed_params_for_fit(params)


def fit_and_score(
    estimator: Any,
    X: Any,
    y: Any,
    *,
    scorer: Any,
    train: np.ndarray,
    test: np.ndarray,
    fit_params: Mapping[str, Any],
    score_params: Mapping[str, Any],
    train_scores: bool,
    error_score: Any,
) -> dict[str, Any]:
    """What scikit-learn finds on one fold.

    Args:
        train, test: rows.
        train_scores: whether the rows that were trained on are scored, too.
        error_score: the score of a fit that raises, NaN, or "raise".

    Returns:
        "test_scores", "train_scores", "fit_time" and "score_time" in seconds, "fit_error".
    """
    found: dict[str, Any] = _module("model_selection._validation")._fit_and_score(
        estimator,
        X,
        y,
        scorer=scorer,
        train=train,
        test=test,
        verbose=0,
        parameters=None,
        fit_params=fit_params,
        score_params=score_params,
        return_train_score=train_scores,
        return_times=True,
        error_score=error_score,
    )
    return found


def check_fits(found: Sequence[Mapping[str, Any]], error_score: Any) -> None:
    """Warn of fits that raised.

    Raises:
        ValueError: all did.
    """
    _module("model_selection._validation")._warn_or_raise_about_fit_failures(found, error_score)


def table_of(
    search: Any,
    candidates: Sequence[Mapping[str, Any]],
    n_splits: int,
    found: Sequence[Mapping[str, Any]],
    more: Mapping[str, Any],
) -> dict[str, Any]:
    """`cv_results_`.

    Args:
        candidates: parameters, by row.
        found: by row, and in it by fold; of the keys that `fit_and_score` gives.
        more: columns to add.
    """
    table: dict[str, Any] = search._format_results(candidates, n_splits, found, more)
    return table


def check_refit(search: Any, names: Mapping[str, Any]) -> None:
    """Refuse a `refit` that does not say which of several scores counts.

    Raises:
        ValueError: it names none of them.
    """
    search._check_refit_for_multimetric(names)


def chosen_row(search: Any, refit_metric: Any, results: Mapping[str, Any]) -> int:
    """The row that the function `refit` chooses.

    Raises:
        TypeError, IndexError: it is no row.
    """
    row: int = search._select_best_index(search.refit, refit_metric, results)
    return row


@functools.cache
def check_scikit_learn() -> None:
    """Try all of that on a small example, once in a process.

    Raises:
        ImportError: this scikit-learn differs; with the version to install.
    """
    try:
        works = _search_works()
    except Exception as error:
        raise _other_version() from error
    if not works:
        raise _other_version()


def _search_works() -> bool:
    scores = ["neg_mean_absolute_error", "neg_max_error"]
    search = GridSearchCV(DummyRegressor(), {}, scoring=scores, refit=lambda results: 0)
    X, y = np.zeros((4, 1)), np.array([0.0, 2.0, 1.0, 3.0])
    check_parameters(search)
    scorers, metric = scorers_of(search)
    params = params_of_fit(X, {"sample_weight": [1.0, 1.0, 1.0, 3.0]})
    to = routed(search, {})
    found = fit_and_score(
        search.estimator,
        X,
        y,
        scorer=scorers,
        train=np.array([0, 3]),
        test=np.array([1, 2]),
        fit_params={**to.estimator.fit, **params},
        score_params=to.scorer.score,
        train_scores=True,
        error_score=np.nan,
    )
    check_fits([found], np.nan)
    table = table_of(search, [{}], 1, [found], {"trial": [7]})
    check_refit(GridSearchCV(search.estimator, {}, refit=scores[0]), dict.fromkeys(scores))
    return (
        list(named_scorers(scorers) or ()) == scores
        and named_scorers(scorers_of(GridSearchCV(search.estimator, {}))[0]) is None
        and isinstance(to.splitter.split, Mapping)
        # The weights make the mean 2.25.
        and list(table[f"mean_test_{scores[0]}"]) == [-0.75]
        and {"fit_time", "score_time", "train_scores", "fit_error"} <= found.keys()
        and table["trial"] == [7]
        and chosen_row(search, metric, table) == 0
    )


def _other_version() -> ImportError:
    version = sklearn.__version__
    return ImportError(
        "TunerSearchCV needs parts of scikit-learn that are not public, and they differ in the "
        f"version that is installed: {version}. Install an earlier one: "
        f"pip install 'scikit-learn<{'.'.join(version.split('.')[:2])}'"
    )


# ------------------------------------------------------------------ callbacks


@functools.cache
def has_callbacks() -> bool:
    """Whether this scikit-learn has callbacks that work as those of 1.9, where they are new."""
    try:
        return _callbacks_work()
    except Exception:
        return False


def callbacks_set(estimator: Any) -> list[Any]:
    """The callbacks that were given to `set_callbacks` of an estimator."""
    return list(getattr(estimator, "_skl_callbacks", ()))


def check_callbacks(search: Any) -> None:
    """Refuse callbacks that could not be called.

    Raises:
        ImportError: this scikit-learn's callbacks differ from those of 1.9.
    """
    if callbacks_set(search) and not has_callbacks():
        raise ImportError(
            "TunerSearchCV calls callbacks as scikit-learn 1.9 does, and they differ in the "
            f"version that is installed: {sklearn.__version__}. Search without them: "
            "search.set_callbacks(); or pip install 'scikit-learn==1.9.*'"
        )


def with_callbacks(method: Callable[..., Any]) -> Callable[..., Any]:
    """A method of an estimator that tears its callbacks down at the end, however it ends."""
    if not has_callbacks():
        return method
    managed: Callable[..., Any] = _module("callback").with_callbacks(method)
    return managed


def context_of_fit(estimator: Any, subtasks: int) -> Any:
    """The context of an estimator's `fit`, whose callbacks are set up; None: there are none.

    Args:
        subtasks: how many parts `fit` has at most.
    """
    return estimator._init_callback_context(max_subtasks=subtasks) if has_callbacks() else None


def is_propagated(callback: Any) -> bool:
    """Whether a callback is told of the estimators in an estimator, too."""
    propagated = isinstance(callback, _module("callback").AutoPropagatedCallback)
    return propagated and callback.max_propagation_depth != 0


class _Noting:
    """A callback that notes how it is called."""

    max_propagation_depth = None

    def __init__(self) -> None:
        self.calls: list[Any] = []

    def setup(self, estimator: Any, context: Any) -> None:
        self.calls.append("setup")

    def on_fit_task_begin(self, estimator: Any, context: Any, *, X: Any, metadata: Any) -> None:
        self.calls.append((context.task_name, context.task_id, X, metadata))

    def on_fit_task_end(self, estimator: Any, context: Any) -> None:
        self.calls.append(context.max_subtasks)

    def teardown(self, estimator: Any, context: Any) -> None:
        self.calls.append("teardown")


def _callbacks_work() -> bool:
    _module("callback")  # It is new in 1.9.
    noting, inner = _Noting(), GridSearchCV(DummyRegressor(), {})
    outer = GridSearchCV(inner, {}).set_callbacks(noting)

    def fit(search: Any) -> bool:
        root = search._init_callback_context(max_subtasks=1)
        part = root.subcontext(task_name="part", max_subtasks=None, sequential_subtasks=False)
        part.call_on_fit_task_begin(estimator=search, X=2, metadata={"a": 1})
        leaf = part.subcontext(task_name="leaf", task_id=7)
        with leaf.propagate_callback_context(inner):
            told = callbacks_set(inner)
        part.call_on_fit_task_end(estimator=search)
        return told == [noting] and not callbacks_set(inner)

    propagates: bool = _module("callback").with_callbacks(fit)(outer)
    told = ["setup", ("part", 0, 2, {"a": 1}), None, "teardown"]
    return propagates and is_propagated(noting) and noting.calls == told


# ------------------------------------------------------------------ estimators


def checked_weights(weights: Any, X: Any) -> np.ndarray:
    """Weights of samples as an array `(n,)`; a number is that of each.

    Raises:
        ValueError: they are others in number, or not finite.
    """
    # scikeras needs it as well.
    checked: np.ndarray = validation._check_sample_weight(weights, X)
    return checked


def arguments_by_name(estimator: Any) -> set[str]:
    """The parameters that a scikeras estimator was given and does not itself declare."""
    return set(getattr(estimator, "_user_params", ()))


def routing_prefixes(estimator: Any) -> set[str]:
    """The prefixes (before "__") of parameters that scikeras passes on."""
    return set(estimator._routing_prefixes)


def arguments_of_predict(estimator: Any) -> set[str]:
    """The parameters of a scikeras estimator that are arguments of `Model.predict`."""
    return set(estimator._predict_kwargs)


def make_callbacks(estimator: Any) -> None:
    """Have a scikeras estimator make its callbacks, for `callbacks_of`."""
    estimator._initialize_callbacks()


def callbacks_of(estimator: Any, method: str) -> Any:
    """The nest of callbacks for `method` of the model: "fit" or "predict"."""
    return getattr(estimator, f"_{method}_callbacks")


def kind_of_labels(encoder: Any) -> str | None:
    """What kind scikeras found targets to be when the encoder was fitted; None: no labels."""
    kind: str | None = getattr(encoder, "_target_type", None)
    return kind


def shape_of_targets(encoder: Any) -> tuple[int, ...]:
    """The shape of the targets that scikeras's encoder was fitted on."""
    shape: tuple[int, ...] = encoder._y_shape
    return shape


def joblib_uses_processes() -> bool:
    """Whether joblib would start processes on this machine, as it does by default."""
    backend, _ = joblib.parallel.get_active_backend()
    return isinstance(backend, joblib.parallel.LokyBackend)
