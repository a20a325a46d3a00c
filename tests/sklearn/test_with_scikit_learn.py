"""The estimators in scikit-learn's tools."""

import joblib
import numpy as np
import pandas as pd
import pytest
from scipy.stats import loguniform, randint
from sklearn.compose import ColumnTransformer, TransformedTargetRegressor
from sklearn.ensemble import VotingClassifier
from sklearn.experimental import enable_halving_search_cv  # noqa: F401
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import (
    GridSearchCV,
    HalvingGridSearchCV,
    RandomizedSearchCV,
    StratifiedKFold,
    check_cv,
    cross_val_predict,
    cross_val_score,
)
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler

from kerastune_lite.sklearn import KerasClassifier, KerasRegressor
from tests.sklearn.data import blobs
from tests.sklearn.models import build, build_regression, build_sigmoid

pytestmark = pytest.mark.filterwarnings(
    "ignore:__array__ implementation:DeprecationWarning"  # Keras and TensorFlow, when they pickle
)

X, Y = blobs()
WORDS = np.where(Y == 1, "yes", "no")


def classifier(**params):
    return KerasClassifier(build_sigmoid, **{"epochs": 3, "random_state": 0, **params})


def test_folds_are_stratified_and_roc_auc_scores():
    assert isinstance(check_cv(3, Y, classifier=True), StratifiedKFold)
    scores = cross_val_score(classifier(), X, WORDS, cv=3, scoring="roc_auc")
    assert scores.shape == (3,)
    assert np.isfinite(scores).all()
    probabilities = cross_val_predict(classifier(), X, WORDS, cv=3, method="predict_proba")
    assert probabilities.shape == (60, 2)


def test_grid_search_in_a_pipeline():
    pipeline = Pipeline([("scale", StandardScaler()), ("net", classifier())])
    search = GridSearchCV(pipeline, {"net__hp__units": [3, 5], "net__epochs": [1, 2]}, cv=2)
    search.fit(X, WORDS)
    net = search.best_estimator_["net"]
    assert net.model_.layers[0].units == search.best_params_["net__hp__units"]
    assert set(search.predict(X)) <= {"yes", "no"}
    assert search.predict_proba(X[:1]).shape == (1, 2)


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore:A worker stopped while some jobs:UserWarning")
@pytest.mark.usefixtures("processes")
def test_randomized_search_and_two_processes():
    search = RandomizedSearchCV(
        KerasClassifier(build, epochs=2),
        {"hp__units": randint(4, 65), "hp__learning_rate": loguniform(1e-4, 1e-1)},
        n_iter=2,
        cv=2,
        n_jobs=2,
        random_state=0,
    )
    search.fit(*blobs(3))
    assert np.isfinite(search.cv_results_["mean_test_score"]).all()


def test_halving_with_epochs_as_its_resource():
    search = HalvingGridSearchCV(
        classifier(), {"hp__units": [3, 5, 7]}, resource="epochs", max_resources=9, cv=2
    )
    search.fit(X, Y)
    assert search.best_estimator_.epochs == 9


@pytest.mark.parametrize("voting", ["hard", "soft"])
def test_voting(voting):
    voters = [("net", classifier()), ("linear", LogisticRegression())]
    fitted = VotingClassifier(voters, voting=voting).fit(X, WORDS)
    assert fitted.score(X, WORDS) > 0.5


def test_columns_of_a_frame():
    frame = pd.DataFrame(X, columns=list("abcd")).assign(kind=np.where(X[:, 0] > 0, "p", "q"))
    columns = ColumnTransformer(
        [("numbers", StandardScaler(), list("abcd")), ("words", OneHotEncoder(), ["kind"])]
    )
    pipeline = make_pipeline(columns, KerasClassifier(build, epochs=2)).fit(frame, WORDS)
    assert pipeline.predict(frame).shape == (60,)
    direct = KerasClassifier(build, epochs=1).fit(frame[list("abcd")], WORDS)
    assert list(direct.feature_names_in_) == list("abcd")


def test_weights_of_samples_through_a_pipeline():
    weights = np.where(Y == 1, 100.0, 0.01)
    pipeline = make_pipeline(StandardScaler(), classifier(epochs=20))
    pipeline.fit(X, WORDS, kerasclassifier__sample_weight=weights)
    assert (pipeline.predict(X) == "yes").mean() > 0.6


def test_a_transformed_target():
    regressor = TransformedTargetRegressor(
        KerasRegressor(build_regression, epochs=2), func=np.log1p, inverse_func=np.expm1
    )
    assert regressor.fit(X, np.exp(X[:, 0])).predict(X).shape == (60,)


def test_joblib_keeps_a_pipeline_and_a_search(tmp_path):
    pipeline = make_pipeline(StandardScaler(), classifier()).fit(X, WORDS)
    search = GridSearchCV(classifier(), {"hp__units": [3, 5]}, cv=2).fit(X, WORDS)
    for fitted in (pipeline, search):
        joblib.dump(fitted, tmp_path / "it")
        loaded = joblib.load(tmp_path / "it")
        np.testing.assert_array_equal(loaded.predict_proba(X), fitted.predict_proba(X))
