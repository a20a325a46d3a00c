"""Cross-validations with weights and groups; tests/tuner/test_sklearn_tuner.py has the others."""

import numpy as np
import pytest
from sklearn.decomposition import PCA
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import accuracy_score, make_scorer, max_error
from sklearn.model_selection import KFold, LeaveOneGroupOut, cross_validate
from sklearn.neighbors import KNeighborsClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from kerastune_lite._src.sklearn.cross_validated import cross_validated, fit
from tests.sklearn.data import blobs

X, Y = blobs()
WEIGHTS = np.random.default_rng(0).uniform(0.1, 1.0, size=len(X))
FOLDS = KFold(4, shuffle=True, random_state=1)


def weighted(build, prefix=""):
    """The mean score, fold by fold."""
    found = []
    for train, test in FOLDS.split(X):
        fitted = build().fit(X[train], Y[train], **{f"{prefix}sample_weight": WEIGHTS[train]})
        found.append(fitted.score(X[test], Y[test], sample_weight=WEIGHTS[test]))
    return np.mean(found)


@pytest.mark.parametrize(
    ("build", "prefix"),
    [
        (LogisticRegression, ""),
        (lambda: make_pipeline(StandardScaler(), LogisticRegression()), "logisticregression__"),
        (
            lambda: make_pipeline(PCA(2), make_pipeline(StandardScaler(), LogisticRegression())),
            "pipeline__logisticregression__",
        ),
    ],
    ids=["estimator", "pipeline", "pipeline in a pipeline"],
)
def test_weights_count_in_fits_scores_and_metrics(build, prefix):
    metrics = {"accuracy": accuracy_score}
    means, _ = cross_validated(build, FOLDS, None, metrics, X, Y, WEIGHTS)
    assert means["score"] == means["accuracy"] == weighted(build, prefix)
    expected = build().fit(X, Y, **{f"{prefix}sample_weight": WEIGHTS}).predict_proba(X)
    np.testing.assert_array_equal(fit(build(), X, Y, WEIGHTS).predict_proba(X), expected)


def test_weights_are_left_out_where_they_are_not_taken():
    def plain(estimator, x, y):
        return estimator.score(x, y)

    # Nor does the fit of neighbours take weights.
    metrics = {"max_error": max_error}
    means, _ = cross_validated(KNeighborsClassifier, FOLDS, plain, metrics, X, Y, WEIGHTS)
    scoring = {"score": "accuracy", "max_error": make_scorer(max_error)}
    expected = cross_validate(KNeighborsClassifier(), X, Y, scoring=scoring, cv=FOLDS)
    assert means == {name: expected[f"test_{name}"].mean() for name in scoring}


def test_groups_reach_the_splitter():
    cv, groups = LeaveOneGroupOut(), np.arange(len(X)) % 5
    means, _ = cross_validated(LogisticRegression, cv, None, {}, X, Y, groups=groups)
    expected = cross_validate(LogisticRegression(), X, Y, cv=cv, groups=groups)["test_score"]
    assert means == {"score": expected.mean()}


def test_the_estimator_of_the_last_fold_is_returned():
    _, last = cross_validated(LogisticRegression, FOLDS, None, {}, X, Y)
    train, _ = list(FOLDS.split(X))[-1]
    np.testing.assert_array_equal(last.coef_, LogisticRegression().fit(X[train], Y[train]).coef_)
