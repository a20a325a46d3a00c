import pickle

import keras
import numpy as np
import pandas as pd
import pytest
from sklearn.base import clone, is_classifier, is_regressor
from sklearn.exceptions import DataConversionWarning, NotFittedError
from sklearn.model_selection import cross_val_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

import kerastune_lite as kt
from tests.automl.data import frame

pytestmark = pytest.mark.usefixtures("small_networks")

RNG = np.random.default_rng(0)
QUICK = {"time_limit": None, "max_trials": 2, "epochs": 3, "random_state": 0}
TABLE, LABELS = frame(100)
X = RNG.normal(size=(90, 3))


def classifier(**params):
    return kt.AutoClassifier(**{**QUICK, **params})


def regressor(**params):
    return kt.AutoRegressor(**{**QUICK, **params})


@pytest.fixture(scope="module")
def fitted(small_networks):
    return classifier(epochs=15).fit(TABLE, LABELS)


def test_they_are_what_they_are():
    assert is_classifier(kt.AutoClassifier())
    assert is_regressor(kt.AutoRegressor())


class TestFrames:
    def test_labels_are_learned(self, fitted):
        assert fitted.classes_.tolist() == ["no", "yes"]
        assert fitted.feature_names_in_.tolist() == list(TABLE.columns)
        assert fitted.score(TABLE, LABELS) > 0.8
        proba = fitted.predict_proba(TABLE)
        assert proba.sum(axis=1) == pytest.approx(np.ones(100))
        assert (fitted.classes_[proba.argmax(axis=1)] == fitted.predict(TABLE)).all()

    @pytest.mark.parametrize("dtype", ["Int64", "boolean", "object"])
    def test_labels_come_back_as_they_were(self, dtype):
        labels = pd.Series(np.arange(90) % 2).astype(dtype)
        kind = "b" if dtype == "boolean" else "i"
        net = classifier(max_trials=1, epochs=1).fit(X, labels)
        assert net.classes_.dtype.kind == kind
        assert net.predict(X).dtype.kind == kind

    def test_new_categories_and_missing_values_are_no_obstacle(self, fitted):
        later = TABLE.head(3).assign(town=["Chur", None, "Bern"], age=np.nan, since=pd.NaT)
        assert np.isfinite(fitted.predict_proba(later)).all()

    def test_columns_in_another_order_are_refused_as_scikit_learn_does(self, fitted):
        with pytest.raises(ValueError, match="in the same order"):
            fitted.predict(TABLE[TABLE.columns[::-1]])

    def test_the_trials_are_there_and_the_model_is_one(self, fitted):
        assert len(fitted.trials_) == 2
        assert fitted.trials_[0].score <= fitted.trials_[1].score
        assert isinstance(fitted.model_, keras.Model)

    def test_the_report_tells_what_was_done(self, fitted):
        text = fitted.report()
        for part in (
            "a table, 100 rows (x is a data frame with 6 columns)",
            "name (it has another text in each row)",
            "Validates on 20 of 100 rows",
            "logistic regression",
            "Tried 2 networks.",
            "trained on all 100 rows",
        ):
            assert part in text


class TestFiles:
    def test_predictions_and_attributes_are_the_same(self, fitted, tmp_path):
        fitted.save(tmp_path / "net.zip")
        loaded = kt.AutoClassifier.load(tmp_path / "net.zip")
        later = TABLE.head(5).assign(town="Chur")
        for rows in (TABLE, later):
            assert np.array_equal(loaded.predict(rows), fitted.predict(rows))
            assert loaded.predict_proba(rows) == pytest.approx(fitted.predict_proba(rows))
        assert loaded.get_params() == fitted.get_params()
        assert loaded.report() == fitted.report()
        assert loaded.classes_.tolist() == ["no", "yes"]
        assert loaded.feature_names_in_.tolist() == list(TABLE.columns)

    def test_another_class_is_refused(self, fitted, tmp_path):
        fitted.save(tmp_path / "net.zip")
        with pytest.raises(ValueError, match=r"holds a AutoClassifier.*Write AutoClassifier.load"):
            kt.AutoRegressor.load(tmp_path / "net.zip")

    def test_columns_with_names_of_several_levels(self, tmp_path):
        columns = pd.MultiIndex.from_tuples([("a", "b"), ("a", "c"), ("d", "b")])
        table = pd.DataFrame(X, columns=columns)
        net = regressor(max_trials=1).fit(table, X[:, 0])
        net.save(tmp_path / "net.zip")
        loaded = kt.AutoRegressor.load(tmp_path / "net.zip")
        assert np.array_equal(loaded.predict(table), net.predict(table))

    @pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")  # Keras's own
    def test_pickle_and_clone(self, fitted):
        again = pickle.loads(pickle.dumps(fitted))  # noqa: S301
        assert np.array_equal(again.predict(TABLE), fitted.predict(TABLE))
        assert clone(fitted).get_params() == fitted.get_params()

    def test_only_what_is_fitted_is_saved(self, tmp_path):
        with pytest.raises(NotFittedError):
            classifier().save(tmp_path / "net.zip")


def test_the_same_seed_gives_the_same_predictions():
    y = (X[:, 0] > 0).astype(int)
    first, second = (classifier().fit(X, y).predict_proba(X) for _ in range(2))
    assert np.array_equal(first, second)


def test_several_labels():
    y = np.stack([X[:, 0] > 0, X[:, 1] > 0], axis=1).astype(int)
    net = classifier(epochs=20).fit(X, y)
    assert net.predict(X).shape == net.predict_proba(X).shape == (90, 2)
    assert (net.predict(X) == y).mean() > 0.8


def test_numbers_and_several_of_them():
    one = regressor(epochs=20).fit(X, X[:, 0] * 1e4 + 5e5)
    assert one.predict(X).shape == (90,)
    assert one.score(X, X[:, 0] * 1e4 + 5e5) > 0.7
    assert regressor().fit(X, X[:, :2]).predict(X).shape == (90, 2)


def test_a_column_of_targets_is_warned_of():
    with pytest.warns(DataConversionWarning):
        net = regressor().fit(X, X[:, :1])
    assert net.predict(X).shape == (90,)


def test_weights_of_classes_and_samples_change_what_is_learned():
    y = np.where(RNG.random(90) < 0.1, "rare", "often")
    plain = classifier(epochs=8).fit(X, y).predict_proba(X)[:, 1].mean()
    balanced = classifier(epochs=8, class_weight="balanced").fit(X, y).predict_proba(X)[:, 1]
    weights = np.where(y == "rare", 9.0, 1.0)
    weighted = classifier(epochs=8).fit(X, y, weights).predict_proba(X)[:, 1]
    assert min(balanced.mean(), weighted.mean()) > plain + 0.1


def test_a_single_network():
    net = classifier(ensemble=False).fit(X, (X[:, 0] > 0).astype(int))
    assert "average" not in net.report()
    assert "trained on all" not in net.report()
    assert net.model_.name != "ensemble"


def test_in_a_pipeline_with_folds():
    pipeline = make_pipeline(StandardScaler(), classifier(epochs=15))
    scores = cross_val_score(pipeline, X, X[:, 0] > 0, cv=2)
    assert scores.mean() > 0.7


@pytest.mark.parametrize(
    ("estimator", "y", "message"),
    [
        (classifier(), X[:, 0], "Unknown label type"),
        (classifier(), np.zeros(90, int), "at least two classes"),
        (classifier(), np.zeros(89, int), "inconsistent numbers of samples"),
        (regressor(), np.full(90, np.nan), "NaN"),
        (regressor(max_trials=None), X[:, 0], "must know when to end"),
        (regressor(time_limit=-1), X[:, 0], "time_limit=-1"),
        (regressor(kind="tabular"), X[:, 0], "must be None or one of"),
    ],
)
def test_errors_come_before_the_first_trial(estimator, y, message):
    with pytest.raises(ValueError, match=message):
        estimator.fit(X, y)


@pytest.mark.parametrize(("limit", "expected"), [(None, False), (10.0, True)])
def test_only_without_a_time_limit_results_are_reproducible(limit, expected):
    tags = kt.AutoClassifier(time_limit=limit, max_trials=1).__sklearn_tags__()
    assert tags.non_deterministic is expected


def test_a_regressor_names_the_classifier():
    with pytest.raises(ValueError, match=r"Received: y with texts. For labels use AutoClassifier"):
        kt.AutoRegressor().fit(np.zeros((4, 2)), np.array(["a", "b", "a", "b"]))
