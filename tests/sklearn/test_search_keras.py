"""TunerSearchCV over Keras estimators: the space of build(hp), folds, rungs, projects."""

import warnings

import joblib
import keras
import numpy as np
import pytest
from scipy.stats import randint
from sklearn import config_context
from sklearn.model_selection import GroupKFold, StratifiedKFold, cross_val_score
from sklearn.pipeline import Pipeline
from sklearn.preprocessing import StandardScaler

import kerastune_lite as kt
from kerastune_lite.schedulers import ASHA, MedianStopping
from kerastune_lite.sklearn import KerasClassifier, KerasRegressor, TunerSearchCV
from tests.sklearn.data import blobs
from tests.sklearn.models import build, build_regression, build_sigmoid

X, Y = blobs()
WORDS = np.where(Y == 1, "yes", "no")


def classifier(model=build_sigmoid, **params):
    return KerasClassifier(model, **{"epochs": 2, "batch_size": 16, **params})


def searched(estimator, y=WORDS, fit=None, **params):
    params = {"cv": 2, "tuner": "random", "max_trials": 3, "random_state": 0, **params}
    return TunerSearchCV(estimator, **params).fit(X, y, **(fit or {}))


def test_the_space_is_that_of_build():
    search = searched(classifier(), scoring="roc_auc")
    assert set(search.best_params_) == {"hp__units", "hp__learning_rate"}
    best = search.best_estimator_
    assert best.model_.layers[0].units == search.best_params_["hp__units"]
    assert list(search.cv_results_["epochs"]) == [2, 2, 2]
    assert set(search.predict(X)) <= {"yes", "no"}
    assert search.predict_proba(X[:1]).shape == (1, 2)


def test_a_builder_that_is_told_of_the_data_in_a_pipeline():
    pipeline = Pipeline([("scale", StandardScaler()), ("net", classifier(build))])
    search = searched(pipeline, max_trials=2)
    assert set(search.best_params_) == {
        "net__hp__units",
        "net__hp__learning_rate",
        "net__hp__activation",
    }
    assert search.score(X, WORDS) >= 0


def test_values_that_are_given_stay():
    search = searched(classifier(hp__units=5))
    assert {params["hp__units"] for params in search.cv_results_["params"]} == {5}
    assert len({params["hp__learning_rate"] for params in search.cv_results_["params"]}) == 3


def fixed(hp, kind=None):
    if kind is None or hp.Choice("kind", ["a", "b"]) == kind:
        BUILT.append(hp.Fixed("units", 32))
    return build_sigmoid(hp)


def fixed_in_b(hp):
    return fixed(hp, "b")


BUILT = []


@pytest.mark.parametrize("given", [{"hyperparameters": {"units": 16}}, {"hp__units": 16}])
def test_given_values_that_build_does_not_allow_are_refused_before_anything_is_trained(given):
    BUILT.clear()
    message = "hp__units: 16 is not in Fixed 32"
    with pytest.raises(ValueError, match=message):
        searched(classifier(fixed, **given))
    assert len(BUILT) == 1
    with pytest.raises(ValueError, match="hp__units: 100 is not in"):
        searched(classifier(hp__units=100))
    searched(classifier(fixed, hp__units=32))


def test_given_values_hold_where_build_comes_to_them_later(tmp_path):
    BUILT.clear()
    for max_trials in (1, None):  # the second search goes on with the first one's trials
        params = {"tuner": "grid", "max_trials": max_trials, "directory": tmp_path, "refit": False}
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", "The grid has more points")
            searched(classifier(fixed_in_b, hp__units=5, hp__learning_rate=0.01), **params)
    assert BUILT
    assert set(BUILT) == {5}


def test_param_distributions_of_a_keras_estimator():
    space = {"hp__units": randint(2, 9), "batch_size": [8, 16]}
    search = searched(classifier(), param_distributions=space)
    assert set(search.best_params_) == {"hp__units", "batch_size"}


def test_names_that_build_does_not_know_fail_all_fits():
    with pytest.raises(ValueError, match=r"(?s)All the 6 fits failed.*hp__unitz="):
        searched(classifier(), param_distributions={"hp__unitz": [3, 4, 5]})


def layered(hp):
    model = keras.Sequential([keras.Input((4,))])
    for i in range(hp.Int("layers", 1, 3)):
        model.add(keras.layers.Dense(hp.Choice(f"units_{i}", [4, 8]), activation="relu"))
    model.add(keras.layers.Dense(1, activation="sigmoid"))
    model.compile("adam", loss="binary_crossentropy")
    hp.Choice("batch_size", [8, 16])
    return model


def test_spaces_that_grow():
    search = searched(classifier(layered, batch_size=None), max_trials=6)
    for params in search.cv_results_["params"]:
        units = [name for name in params if name.startswith("hp__units_")]
        assert len(units) == params["hp__layers"]
        assert params["hp__batch_size"] in (8, 16)
    assert "param_hp__units_2" in search.cv_results_


def test_scores_are_those_of_cross_val_score():
    splits = list(StratifiedKFold(3).split(X, Y))
    estimator = classifier(shuffle=False, random_state=1, epochs=3)
    search = searched(estimator, cv=splits, max_trials=2)
    row = [search.cv_results_[f"split{i}_test_score"][1] for i in range(3)]
    again = estimator.set_params(**search.cv_results_["params"][1])
    np.testing.assert_allclose(row, cross_val_score(again, X, WORDS, cv=splits))


@pytest.mark.parametrize("tuner", ["hyperband", ASHA(9, stop=True)])
def test_rungs(tuner):
    search = searched(classifier(epochs=9), tuner=tuner, max_trials=6)
    epochs = search.cv_results_["epochs"]
    assert set(epochs) <= {1, 3, 9}
    assert epochs[search.best_index_] == 9
    assert min(epochs) < 9
    assert len(search.best_estimator_.history_["loss"]) == 9


def test_the_best_is_sought_among_those_that_trained_in_full():
    def longer_is_worse(estimator, x, y):
        return -float(len(estimator.history_["loss"]))

    search = searched(classifier(epochs=3), tuner="hyperband", scoring=longer_is_worse)
    assert search.best_score_ == -3.0 < search.cv_results_["mean_test_score"].max()


def test_folds_go_on_where_they_stopped():
    trained = []

    class Counting(keras.callbacks.Callback):
        epoch_level = True

        def on_epoch_end(self, epoch, logs=None):
            trained.append(epoch)

    estimator = classifier(epochs=4, callbacks=[Counting()], shuffle=False)
    scheduler = ASHA(4, factor=2)
    search = searched(estimator, tuner=scheduler, max_trials=3, refit=False)
    assert len(trained) == 2 * search.cv_results_["epochs"].sum(), "no epoch was trained twice"
    assert search.cv_results_["epochs"].max() == 4


def test_resumed_folds_score_as_if_never_stopped():
    kwargs = {"shuffle": False, "epochs": 4}
    space = {"param_distributions": {"hp__units": [6]}, "max_trials": 1, "refit": False}
    rungs = searched(classifier(**kwargs), tuner=ASHA(4, factor=2), **space)
    whole = searched(classifier(**kwargs), tuner="random", scoring=None, **space)
    assert list(rungs.cv_results_["epochs"]) == [4]
    for fold in range(2):
        name = f"split{fold}_test_score"
        np.testing.assert_allclose(rungs.cv_results_[name], whole.cv_results_[name])


def test_the_median_rule_judges_the_mean_of_the_folds_where_trials_pause():
    """Scores that the test makes up: by the units, and better from rung to rung."""

    def score(estimator, x, y):
        return -1.0 / estimator.model_.layers[0].units - 1.0 / len(estimator.history_["loss"])

    search = searched(
        classifier(epochs=6),
        tuner=(kt.oracles.RandomOracle(), MedianStopping(warmup_epochs=2, min_trials=2)),
        scoring=score,
        max_trials=7,
        refit=False,
    )
    rows = search.cv_results_
    epochs, units = list(rows["epochs"]), list(rows["param_hp__units"])
    assert set(epochs) >= {2, 6}
    assert set(epochs) <= {2, 4, 6}
    assert epochs[:2] == [6, 6], "the first have nobody to be worse than"
    # Scored at 2 and 4 epochs, a row is judged by what the others had there, on average.
    for row in range(2, 7):
        others = [
            1.0 / units[n] + (0.5 if reached == 2 else (0.5 + 0.25) / 2)
            for n in range(row)
            for reached in [min(epochs[row], epochs[n], 4)]
            if epochs[n] >= min(epochs[row], 4)
        ]
        own = 1.0 / units[row] + (0.5 if epochs[row] == 2 else 0.25)
        assert (own > np.median(others)) is np.bool_(epochs[row] < 6)
    assert epochs[search.best_index_] == 6
    assert search.best_score_ == max(s for s, n in zip(rows["mean_test_score"], epochs) if n == 6)


def test_early_stopping_ends_a_fold_for_good():
    stopping = keras.callbacks.EarlyStopping("loss", min_delta=1e9, patience=1)
    search = searched(classifier(epochs=9, callbacks=[stopping]), tuner="hyperband", max_trials=4)
    assert search.cv_results_["epochs"].max() == 2


def test_a_search_within_cross_validation():
    search = TunerSearchCV(classifier(), tuner="random", max_trials=2, cv=2, random_state=0)
    assert cross_val_score(search, X, WORDS, cv=2).shape == (2,)


def test_metadata_is_routed():
    weights = np.where(Y == 1, 1.0, 2.0)
    with config_context(enable_metadata_routing=True):
        estimator = classifier().set_fit_request(sample_weight=True)
        estimator.set_score_request(sample_weight=True)
        groups = {"groups": np.arange(60) // 10, "sample_weight": weights}
        search = searched(estimator, cv=GroupKFold(2), max_trials=1, fit=groups)
    assert search.n_splits_ == 2


def test_a_regressor():
    search = searched(KerasRegressor(build_regression, epochs=2), y=X[:, 0], scoring="r2")
    assert search.predict(X).shape == (60,)


def test_a_seed_makes_all_of_it_reproducible():
    np.random.seed(5)
    before = np.random.get_state()[1].copy()
    one = searched(classifier())
    np.testing.assert_array_equal(np.random.get_state()[1], before)
    other = searched(classifier())
    np.testing.assert_array_equal(
        one.cv_results_["mean_test_score"], other.cv_results_["mean_test_score"]
    )
    np.testing.assert_array_equal(one.predict_proba(X), other.predict_proba(X))


def test_a_project_with_its_learning_curves(tmp_path):
    searched(classifier(epochs=3), tuner="hyperband", directory=tmp_path, project_name="it")
    project = kt.open_project(tmp_path / "it")
    assert project.objective.name == "test_score"
    best = project.get_best_trials()[0]
    assert len(best.executions) == 2
    curves = project.history(best)
    assert [len(curve["loss"]) for curve in curves] == [3, 3]
    assert np.isfinite([curve["test_score"][-1] for curve in curves]).all()
    assert not list((tmp_path / "it" / "checkpoints").glob("*")), "no states are left"


@pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")  # Keras's own
def test_joblib_keeps_a_search(tmp_path):
    search = searched(Pipeline([("scale", StandardScaler()), ("net", classifier())]), max_trials=1)
    joblib.dump(search, tmp_path / "it")
    loaded = joblib.load(tmp_path / "it")
    np.testing.assert_array_equal(loaded.predict_proba(X), search.predict_proba(X))
    assert loaded.best_params_ == search.best_params_


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore:A worker stopped while some jobs:UserWarning")
@pytest.mark.usefixtures("processes")
def test_two_processes_resume_as_one_does():
    kwargs = {"tuner": "hyperband", "max_trials": 4, "random_state": 0}
    one, two = (
        searched(classifier(build, epochs=3, shuffle=False), n_jobs=n_jobs, **kwargs)
        for n_jobs in (1, 2)
    )
    assert one.cv_results_["params"] == two.cv_results_["params"]
    np.testing.assert_allclose(
        one.cv_results_["mean_test_score"], two.cv_results_["mean_test_score"]
    )


@pytest.mark.parametrize(
    ("estimator", "params", "message"),
    [
        (lambda hp: None, {}, r"Did you forget `return model`"),
        (lambda hp: build_sigmoid(kt.HyperParameters()), {}, r"asks `hp` for nothing"),
        (layered, {"tuner": "hyperband"}, r"epochs=1"),
    ],
)
def test_mistakes_are_told(estimator, params, message):
    with pytest.raises((TypeError, ValueError), match=message):
        searched(classifier(estimator, epochs=1), **params)


def test_epochs_cannot_be_tuned_and_scheduled():
    with pytest.raises(ValueError, match="'epochs' cannot be tuned in this search"):
        searched(classifier(epochs=9), tuner="hyperband", param_distributions={"epochs": [1, 2, 3]})
