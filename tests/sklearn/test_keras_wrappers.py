"""Keras's own estimators in TunerSearchCV: `fit_kwargs` are kept, and searched by key."""

import keras
import numpy as np
import pytest
from keras.wrappers import SKLearnClassifier, SKLearnRegressor, SKLearnTransformer
from sklearn.base import clone
from sklearn.compose import ColumnTransformer
from sklearn.ensemble import VotingClassifier
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.metrics import accuracy_score
from sklearn.model_selection import GridSearchCV, StratifiedKFold, cross_validate
from sklearn.pipeline import FeatureUnion, Pipeline, make_pipeline
from sklearn.preprocessing import StandardScaler

from kerastune_lite._src.sklearn.keras_wrappers import check_wrappers, configured
from kerastune_lite.hyperparameters import Int
from kerastune_lite.sklearn import TunerSearchCV
from tests.sklearn.data import blobs

X, Y = blobs()
WORDS = np.where(Y == 1, "yes", "no")


def network(X, outputs, units, loss, last=None):
    """The weights are the same each time."""
    model = keras.Sequential([keras.Input((X.shape[1],))])
    for size, activation in ((units, "tanh"), (outputs, last)):
        start = keras.initializers.GlorotUniform(seed=size)
        model.add(keras.layers.Dense(size, activation, kernel_initializer=start))
    # So few steps take less time than to trace their programs.
    model.compile(keras.optimizers.Adam(0.05), loss=loss, run_eagerly=True)
    return model


def build(X, y, units=4):
    return network(X, y.shape[1], units, "categorical_crossentropy", "softmax")


def build_regression(X, y, units=4):
    return network(X, 1, units, "mse")


FIT = {"epochs": 3, "shuffle": False, "verbose": 0}


def classifier(model=build, **params):
    return SKLearnClassifier(model, **{"fit_kwargs": FIT, **params})


def searched(estimator, space, y=WORDS, x=X, **params):
    params = {"tuner": "grid", "max_trials": None, "cv": 2, "random_state": 0, **params}
    return TunerSearchCV(estimator, space, **params).fit(x, y)


def epochs_of(wrapper):
    return len(wrapper.history_.epoch)


def by_hand(units, **fit):
    """The scores of a plain loop."""
    scores = []
    for train, test in StratifiedKFold(2).split(X, WORDS):
        labels = np.eye(2)[Y[train]]
        model = build(X[train], labels, units)
        model.fit(X[train], labels, **{**FIT, **fit})
        found = np.array(["no", "yes"])[model(X[test]).numpy().argmax(axis=1)]
        scores.append(accuracy_score(WORDS[test], found))
    return scores


class TestFits:
    def test_scores_are_those_of_a_plain_loop(self):
        """Of a search by whole dicts, and by key."""
        estimator = classifier(model_kwargs={"units": 9})
        dicts = searched(estimator, {"model_kwargs": [{"units": 2}, {"units": 5}]})
        keys = searched(estimator, {"model_kwargs__units": [5], "fit_kwargs__epochs": [7]})
        for search, hand in ((dicts, [by_hand(2), by_hand(5)]), (keys, [by_hand(5, epochs=7)])):
            results = search.cv_results_
            found = np.transpose([results[f"split{fold}_test_score"] for fold in range(2)])
            assert found.tolist() == hand
        assert epochs_of(dicts.best_estimator_) == 3
        assert dicts.best_params_["model_kwargs"] in [{"units": 2}, {"units": 5}]
        assert epochs_of(keys.best_estimator_) == 7
        assert keys.best_estimator_.model_kwargs == {"units": 5}
        assert keys.best_estimator_.fit_kwargs == {**FIT, "epochs": 7}

    def test_grid_search_forgets_them_unless_they_are_in_the_grid(self):
        """What docs/sklearn.md says of GridSearchCV; if this fails, Keras was mended."""
        assert clone(classifier()).fit_kwargs is None
        grid = GridSearchCV(classifier(), {"fit_kwargs": [FIT]}, cv=2).fit(X, WORDS)
        ours = searched(classifier(), {"fit_kwargs": [FIT]})
        assert epochs_of(grid.best_estimator_) == epochs_of(ours.best_estimator_) == 3
        for fold in range(2):
            name = f"split{fold}_test_score"
            assert grid.cv_results_[name].tolist() == ours.cv_results_[name].tolist()

    def test_what_fit_gets_reaches_each_fold_and_no_dict_of_the_users(self):
        given = dict(FIT)
        estimator = classifier(fit_kwargs=given)
        search = TunerSearchCV(estimator, {"model_kwargs__units": [3]}, cv=2, tuner="grid")
        search.fit(X, WORDS, epochs=2)
        assert epochs_of(search.best_estimator_) == 2
        assert given == FIT == estimator.fit_kwargs

    def test_a_compiled_model_in_a_regressor(self):
        model = build_regression(X, None, 3)
        estimator = SKLearnRegressor(model, fit_kwargs=FIT)
        search = searched(estimator, {"fit_kwargs__epochs": [1, 4]}, y=X[:, 0] * 2)
        assert search.best_params_ == {"fit_kwargs__epochs": 4}
        assert epochs_of(search.best_estimator_) == 4
        assert model.optimizer.iterations.numpy() == 0

    def test_a_transformer_before_another_estimator(self):
        embed = SKLearnTransformer(build_regression, fit_kwargs=FIT)
        pipeline = make_pipeline(StandardScaler(), FeatureUnion([("net", embed)]), Ridge())
        name = "featureunion__net__fit_kwargs__epochs"
        search = searched(pipeline, {name: [2], "ridge__alpha": [1.0]}, y=X[:, 0])
        assert epochs_of(search.best_estimator_[1]["net"]) == 2

    def test_the_same_seed_gives_the_same_search(self):
        def drawn(X, y, units=4):
            model = keras.Sequential([keras.Input((4,)), keras.layers.Dense(2, "softmax")])
            model.compile("sgd", loss="categorical_crossentropy")
            return model

        def score(estimator, X, y):
            return float(np.sum(estimator.model_.get_weights()[0]))

        state = np.random.get_state()[1].tolist()
        space = {"model_kwargs__units": Int(2, 9)}
        first, second = (
            searched(classifier(drawn), space, tuner="random", max_trials=1, scoring=score)
            for _ in range(2)
        )
        assert first.cv_results_["params"] == second.cv_results_["params"]
        assert first.best_score_ == second.best_score_
        assert score(first.best_estimator_, X, Y) == score(second.best_estimator_, X, Y)
        assert np.random.get_state()[1].tolist() == state


def test_nested_in_a_cross_validation_and_in_a_search():
    """Copies of TunerSearchCV keep them, too."""
    search = TunerSearchCV(classifier(), {"model_kwargs__units": [3]}, cv=2, tuner="grid")
    found = cross_validate(make_pipeline(search), X, WORDS, cv=2, return_estimator=True)
    for fitted in found["estimator"]:
        assert epochs_of(fitted[-1].best_estimator_) == 3
    assert clone(search).estimator.fit_kwargs == FIT
    check_wrappers(make_pipeline(search), [])


def test_parameters_of_a_wrapper_and_others_together():
    pipeline = Pipeline([("scale", StandardScaler()), ("net", classifier())])
    params = {"net__fit_kwargs__epochs": 5, "scale__with_std": False, "net__model_kwargs": {"a": 1}}
    made = configured(pipeline, {**params, "net__model_kwargs__units": 6})
    assert made["net"].fit_kwargs == {**FIT, "epochs": 5}
    assert made["net"].model_kwargs == {"a": 1, "units": 6}
    assert not made["scale"].with_std
    assert pipeline["net"].fit_kwargs == FIT
    assert pipeline["net"].model_kwargs is None


# ------------------------------------------------------------------ mistakes


def uncompiled():
    return keras.Sequential([keras.Input((4,)), keras.layers.Dense(1)])


def build_hp(hp):
    raise NotImplementedError


@pytest.mark.parametrize(
    ("estimator", "name", "error", "message"),
    [
        (classifier(), "model__units", ValueError, "Did you mean model_kwargs__units?"),
        (classifier(), "epochs", ValueError, "has the parameters model, warm_start"),
        (classifier(), "model_kwargs__unitz", ValueError, "Did you mean 'units'?"),
        (classifier(), "fit_kwargs__epoch", ValueError, "Did you mean 'epochs'?"),
        (classifier(model_kwargs={"layers": 2}), "model_kwargs", ValueError, "'layers'"),
        (classifier(build_hp), "fit_kwargs", TypeError, r"if it is build\(hp\), use"),
        (classifier(7), "fit_kwargs", TypeError, "Received: model=7"),
        (classifier(uncompiled()), "fit_kwargs", ValueError, r"Call its compile\(\)"),
        (classifier(build(X, np.eye(2))), "model_kwargs__units", ValueError, "which is built"),
        (make_pipeline(classifier()), "sklearnclassifier__model__a", ValueError, "Received: skl"),
    ],
)
def test_mistakes_are_told_before_the_first_trial(estimator, name, error, message):
    with pytest.raises(error, match=message):
        searched(estimator, {name: [{}]})


@pytest.mark.parametrize(
    ("estimator", "name"),
    [
        (VotingClassifier([("net", classifier())]), "voting"),
        (VotingClassifier([("net", SKLearnClassifier(build))]), "net__fit_kwargs__epochs"),
        (GridSearchCV(classifier(), {}), "cv"),
        (ColumnTransformer([("net", SKLearnTransformer(build, fit_kwargs=FIT), [0])]), "n_jobs"),
    ],
)
def test_what_fits_copies_is_refused(estimator, name):
    with pytest.raises(ValueError, match=r"copies of Keras forget them. Received: \w+__fit_kwargs"):
        check_wrappers(estimator, [name])


def test_a_cache_makes_copies_of_all_steps_but_the_last(tmp_path):
    embed = SKLearnTransformer(build_regression, fit_kwargs=FIT)
    steps = make_pipeline(embed, LogisticRegression(), memory=str(tmp_path))
    with pytest.raises(ValueError, match="Received: sklearntransformer__fit_kwargs="):
        check_wrappers(steps, [])
    check_wrappers(make_pipeline(StandardScaler(), classifier(), memory=str(tmp_path)), [])
    without = make_pipeline(SKLearnTransformer(build_regression), Ridge(), memory=str(tmp_path))
    check_wrappers(without, ["sklearntransformer__model_kwargs__units"])
