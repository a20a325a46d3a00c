"""The best models, averaged."""

import numpy as np
import pytest
import tensorflow as tf

import kerastune_lite as kt
from kerastune_lite._src.util.errors import StoreError
from tests.keras.models import data, keras, linear


def noisy(n=64, seed=0):
    """Targets on which no single linear network is perfect."""
    x, y = data(n, seed=seed)
    return x, y + np.random.default_rng(seed).normal(0.0, 0.3, y.shape).astype("float32")


def build(hp):
    return linear(hp.Float("rate", 1e-3, 3e-1, sampling="log"), metrics=["mae"])


def searched(tmp_path, build=build, **more):
    more = {"objective": "val_mae", "max_trials": 5, "seed": 1, **more}
    tuner = kt.RandomSearch(build, directory=tmp_path, project_name="linear", **more)
    x, y = noisy()
    tuner.search(x, y, epochs=3, validation_data=noisy(seed=1), verbose=0)
    return tuner


@pytest.fixture(scope="module")
def tuner(tmp_path_factory):
    """It has searched; only read."""
    return searched(tmp_path_factory.mktemp("searched"))


def test_the_average_predicts_the_weighted_mean_of_its_members(tuner):
    x, y = noisy(seed=1)
    found = tuner.ensemble(x, y)
    assert sum(found.weights.values()) == pytest.approx(1.0)
    assert list(found.weights.values()) == sorted(found.weights.values(), reverse=True)
    expected = sum(
        weight * np.asarray(tuner.load_model(tuner.trials[number])(x))
        for number, weight in found.weights.items()
    )
    assert np.asarray(found.model(x)) == pytest.approx(expected, abs=1e-6)


def test_scores_stand_beside_those_of_the_best_trial(tuner):
    (x, y), held_out = noisy(seed=1), noisy(seed=5)
    found = tuner.ensemble(x, y, held_out=held_out)
    best = tuner.get_best_trials()[0]
    assert found.best == best.number
    assert found.validation[0] == pytest.approx(best.score, rel=1e-5)
    single = tuner.load_model(best).evaluate(*held_out, verbose=0, return_dict=True)["mae"]
    average = found.model.evaluate(*held_out, verbose=0, return_dict=True)["mae"]
    assert found.held_out == pytest.approx((single, average), rel=1e-5)
    text = str(found)
    assert f"trial {best.number}" in text
    assert "held-out" in text
    assert f"{average:.4f}" in text
    assert "its score there is optimistic" in text
    assert "judge it" not in text


def test_one_model_is_that_of_the_best_trial(tmp_path):
    tuner = searched(tmp_path, max_trials=1)
    x, y = noisy(seed=1)
    found = tuner.ensemble(x, y, size=1)
    assert found.weights == {0: 1.0}
    assert found.validation[1] == pytest.approx(found.validation[0])
    assert "held-out" not in str(found)
    assert "not used before judge it: held_out=(x_test, y_test)" in str(found)


def test_a_dataset_brings_its_targets_and_may_be_shuffled(tuner):
    x, y = noisy(seed=1)
    batches = tf.data.Dataset.from_tensor_slices((x, y))
    found = tuner.ensemble(batches.shuffle(64).batch(7), held_out=batches.batch(64))
    assert found.held_out == pytest.approx(found.validation, rel=1e-4)
    assert found.held_out[1] <= found.held_out[0] + 0.02


def test_several_outputs_are_averaged_one_by_one(tmp_path):
    def two(hp):
        given = keras.Input((4,))
        outputs = {name: keras.layers.Dense(1, name=name)(given) for name in ("one", "other")}
        model = keras.Model(given, outputs)
        model.compile(keras.optimizers.SGD(hp.Float("rate", 1e-3, 1e-1, sampling="log")), "mse")
        return model

    x, _ = noisy(32)
    y = {"one": x[:, :1], "other": x[:, 1:2]}
    tuner = kt.RandomSearch(two, "val_loss", 3, directory=tmp_path, seed=0)
    tuner.search(x, y, epochs=2, validation_data=(x, y), verbose=0)
    found = tuner.ensemble(x, y)
    assert sorted(found.model.predict(x, verbose=0)) == ["one", "other"]
    assert found.validation[1] <= found.validation[0] * 1.05


def test_other_shapes_are_left_out_and_named(tmp_path):
    def of_any_width(hp):
        width = hp.Choice("width", [2, 1])
        layers = [keras.Input((4,)), keras.layers.Dense(width)]
        model = keras.Sequential(layers)
        model.compile("sgd", "mse", metrics=["mae"])
        return model

    tuner = kt.GridSearch(of_any_width, "val_mae", directory=tmp_path, seed=0)
    x, y = noisy()
    tuner.search(x, y[:, :1], epochs=2, validation_data=(x, y[:, :1]), verbose=0)
    found = tuner.ensemble(x, y[:, :1])
    (other,) = {0, 1} - {found.best}
    assert found.left_out == (other,)
    assert f"other shapes: {other}." in str(found)


def test_samples_without_targets_are_refused(tuner):
    x, y = noisy(seed=1)
    with pytest.raises(ValueError, match=r"`held_out` without them: ndarray"):
        tuner.ensemble(x, y, held_out=x)
    with pytest.raises(ValueError, match=r"`x` without them: ndarray\. Write tuner\.ensemble"):
        tuner.ensemble(x)


def test_errors_say_what_is_missing(tmp_path):
    tuner = searched(tmp_path, keep_checkpoints=0)
    x, y = noisy(seed=1)
    with pytest.raises(ValueError, match=r"`size` must be at least 1\. Received: size=0"):
        tuner.ensemble(x, y, size=0)
    with pytest.raises(StoreError, match="keep_checkpoints"):
        tuner.ensemble(x, y)
    with pytest.raises(ValueError, match="No trial"):
        kt.RandomSearch(build, "val_mae", directory=tmp_path, project_name="new").ensemble(x, y)
