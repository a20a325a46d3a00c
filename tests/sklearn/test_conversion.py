"""From a tuner's trials to estimators."""

import keras
import numpy as np
import pytest

import kerastune_lite as kt
from kerastune_lite.sklearn import KerasClassifier, KerasRegressor
from tests.sklearn.data import blobs
from tests.sklearn.models import build_sigmoid

X, Y = blobs()


@pytest.fixture(scope="module")
def tuner(tmp_path_factory):
    tuner = kt.RandomSearch(
        build_sigmoid, "val_loss", max_trials=2, seed=0, directory=tmp_path_factory.mktemp("runs")
    )
    tuner.search(X, Y, validation_split=0.3, epochs=3, verbose=0)
    return tuner


def test_the_best_model_as_a_fitted_estimator(tuner):
    fitted = tuner.to_sklearn(classes=["no", "yes"])
    assert isinstance(fitted, KerasClassifier)
    expected = tuner.get_best_models()[0].predict(X, verbose=0)[:, 0]
    np.testing.assert_allclose(fitted.predict_proba(X)[:, 1], expected, atol=1e-6)
    assert list(fitted.classes_) == ["no", "yes"]
    np.testing.assert_array_equal(fitted.predict(X) == "yes", expected > 0.5)
    assert fitted.hyperparameters_ == dict(tuner.get_best_trials()[0].values)


def test_it_can_be_fitted_again_and_saved(tuner, tmp_path):
    fitted = tuner.to_sklearn()
    fitted.save(tmp_path / "it.zip")
    loaded = KerasClassifier.load(tmp_path / "it.zip")
    np.testing.assert_array_equal(loaded.predict(X), fitted.predict(X))
    assert len(fitted.fit(X, Y).history_["loss"]) == tuner.get_best_trials()[0].best_step + 1


def test_another_trial_and_another_kind(tuner):
    trial = tuner.get_best_trials(2)[1]
    assert isinstance(tuner.to_sklearn(trial, kind="regressor"), KerasRegressor)
    with pytest.raises(ValueError, match=r"label for each of the model's 2 classes.*'c'"):
        tuner.to_sklearn(classes=["a", "b", "c"])
    with pytest.raises(ValueError, match="sorted order"):
        tuner.to_sklearn(classes=["b", "a"])
    with pytest.raises(ValueError, match=r"`kind` must be .*kind='cluster'"):
        tuner.to_sklearn(kind="cluster")


def test_an_unfitted_one_from_a_trial(tuner):
    trial = tuner.get_best_trials()[0]
    estimator = KerasClassifier.from_trial(build_sigmoid, trial, batch_size=16)
    assert estimator.get_params()["hp__units"] == trial.values["units"]
    assert estimator.epochs == trial.best_step + 1
    assert not hasattr(estimator, "model_")
    assert estimator.fit(X, Y).model_.layers[0].units == trial.values["units"]
    with pytest.raises(TypeError, match=r"takes what builds the model, and a trial"):
        KerasClassifier.from_trial(trial, build_sigmoid)


def test_a_search_that_found_nothing_has_nothing_to_convert(tmp_path):
    tuner = kt.RandomSearch(build_sigmoid, "val_loss", directory=tmp_path)
    with pytest.raises(ValueError, match=r"search\(\) has not been called yet"):
        tuner.to_sklearn()


def test_a_model_with_several_inputs_is_refused(tmp_path):
    def build(hp):
        inputs = [keras.Input((2,)), keras.Input((2,))]
        model = keras.Model(inputs, keras.layers.Dense(1)(keras.layers.Concatenate()(inputs)))
        model.compile("sgd", loss="mse")
        hp.Int("unused", 0, 1)
        return model

    tuner = kt.RandomSearch(build, "val_loss", max_trials=1, directory=tmp_path)
    tuner.search([X[:, :2], X[:, 2:]], Y, validation_split=0.5, verbose=0)
    with pytest.raises(ValueError, match="a model with 2 inputs"):
        tuner.to_sklearn()
