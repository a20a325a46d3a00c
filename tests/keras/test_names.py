"""Automatic names: the same in each trial, whatever was made before, and without collisions."""

import keras
import numpy as np
import pytest

import kerastune_lite as kt
from kerastune_lite._src.keras import automatic_names as names
from kerastune_lite._src.keras.compat.names import count_from_one

X = np.random.default_rng(0).normal(size=(40, 5)).astype("float32")
Y = (X[:, 0] > 0) * 1.0


def two_outputs(hp):
    given = keras.Input((5,))
    hidden = keras.layers.Dense(hp.Int("units", 2, 5))(given)
    outputs = [keras.layers.Dense(1, activation="sigmoid")(hidden), keras.layers.Dense(1)(hidden)]
    model = keras.Model(given, outputs)
    model.compile("adam", ["binary_crossentropy", "mse"], metrics=[["AUC"], ["mae"]])
    return model


def searched(build, objective, path, data, **kwargs):
    tuner = kt.RandomSearch(build, objective, max_trials=2, seed=1, directory=path, **kwargs)
    tuner.search(X, data, epochs=1, validation_split=0.25, verbose=0)
    assert all(trial.score is not None for trial in tuner.trials)
    return tuner


@pytest.mark.parametrize("objective", ["val_dense_1_AUC", "val_dense_2_mae", "val_dense_1_loss"])
def test_a_search_is_run_twice_and_reopened(tmp_path, objective):
    for made_before in range(3):
        for _ in range(made_before):
            keras.layers.Dense(1)
        folder = tmp_path / str(made_before % 2)
        tuner = searched(two_outputs, objective, folder, [Y, X[:, 1]], overwrite=made_before < 2)
        assert len(tuner.evaluate_best(X, [Y, X[:, 1]])) == 2


def test_numbered_metrics_are_evaluated_by_their_names(tmp_path):
    def build(hp):
        model = keras.Sequential([keras.layers.Dense(hp.Int("u", 2, 4)), keras.layers.Dense(1)])
        metrics = [keras.metrics.AUC(curve="PR"), keras.metrics.AUC()]
        model.compile("adam", "mse", metrics=metrics)
        return model

    keras.metrics.AUC()
    tuner = searched(build, "val_auc_1", tmp_path, Y)
    assert len(tuner.evaluate_best(X, Y)) == 2
    tuner.retrain(None, X, Y, verbose=0)


def functional(outer):
    def build(hp):
        given = keras.Input((5,))
        inner = keras.layers.Dense(hp.Int("units", 2, 5))(given)
        outputs = keras.layers.Dense(5)(inner)
        for layer in outer:
            outputs = layer(outputs)
        model = keras.Model(given, keras.layers.Dense(1)(outputs))
        model.compile("adam", "mse")
        return model

    return build


def sequential(outer):
    def build(hp):
        inner = [keras.layers.Dense(hp.Int("units", 2, 5)), keras.layers.Dense(5)]
        model = keras.Sequential([*inner, *outer, keras.layers.Dense(1)])
        model.compile("adam", "mse")
        return model

    return build


def on_a_base(outer):
    given = keras.Input((5,))
    base = keras.Model(given, outer[0](given))

    def build(hp):
        hidden = keras.layers.Dense(hp.Int("units", 2, 5))(base.output)
        model = keras.Model(base.input, keras.layers.Dense(1)(hidden))
        model.compile("adam", "mse")
        return model

    return build


@pytest.mark.parametrize("before", [0, 1, 3])
@pytest.mark.parametrize("make", [functional, sequential, on_a_base])
def test_layers_that_were_made_outside_do_not_collide(tmp_path, make, before):
    with names.set_aside():
        count_from_one()
        for _ in range(before):
            keras.layers.Dense(1)
        outer = [keras.layers.Dense(5), keras.layers.Dense(5)]
    tuner = searched(make(outer), "val_loss", tmp_path, Y)
    tuner.get_best_models(2)
    assert len(tuner.evaluate_best(X, Y)) == 2


def test_names_are_counted_from_behind_a_layer_that_was_made_outside():
    with names.set_aside():
        count_from_one()
        outer = [keras.layers.Dense(5), keras.layers.Dense(5)]
        model = names.built_from_one(lambda: functional(outer)(kt.HyperParameters()))
    made = [layer.name for layer in model.layers if layer not in outer]
    assert made == ["input_layer", "dense_2", "dense_3", "dense_4"]


def test_two_layers_of_one_given_name_are_the_builders_own_mistake():
    def build():
        return keras.Sequential([keras.layers.Dense(1, name="a_1") for _ in "ab"])

    with pytest.raises(ValueError, match="already the name of a layer"):
        names.built_from_one(build)


def test_a_search_gives_no_name_a_second_time(tmp_path):
    before = [keras.layers.Dense(1).name for _ in range(9)]
    tuner = kt.RandomSearch(two_outputs, "val_dense_1_AUC", max_trials=1, directory=tmp_path)
    assert keras.layers.Dense(1).name not in before
    tuner.search(X, [Y, X[:, 1]], epochs=1, validation_split=0.25, verbose=0)
    assert keras.layers.Dense(1).name not in before


def test_loaded_models_can_be_parts_of_one(tmp_path):
    tuner = searched(functional([]), "val_loss", tmp_path, Y)
    given = keras.Input((5,))
    models = tuner.get_best_models(2)
    mean = keras.layers.Average()([model(given) for model in models])
    assert keras.Model(given, mean).predict(X, verbose=0).shape == (40, 1)
