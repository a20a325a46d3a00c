"""KerasTuner's guides to failed trials and distributed tuning, with only the import changed."""

import numpy as np
import pytest
import tensorflow as tf

import kerastune_lite as keras_tuner
from tests.keras.models import keras

RNG = np.random.default_rng(0)
DATA = {
    "x": RNG.random((20, 20)),
    "y": RNG.random((20, 1)),
    "validation_data": (RNG.random((20, 20)), RNG.random((20, 1))),
    "epochs": 1,
}


# The guide describes the input as Keras 2 did.
@pytest.mark.filterwarnings("ignore:Do not pass an `input_shape`")
@pytest.mark.parametrize(
    "error", [ValueError, keras_tuner.errors.FailedTrialError, keras_tuner.errors.FatalError]
)
def test_models_that_are_too_large(tmp_path, error, capsys):
    built = []

    def build_model(hp):
        units_1 = hp.Int("units_1", 10, 40, step=10)
        units_2 = hp.Int("units_2", 10, 30, step=10)
        built.append((units_1, units_2))
        model = keras.Sequential(
            [
                keras.layers.Dense(units=units_1, input_shape=(20,)),
                keras.layers.Dense(units=units_2),
                keras.layers.Dense(units=1),
            ]
        )
        model.compile(loss="mse")
        n_params = model.count_params()
        if n_params > 1200:
            raise error(f"Model too large! It contains {n_params} params.")
        return model

    tuner = keras_tuner.GridSearch(
        hypermodel=build_model,
        objective="val_loss",
        overwrite=True,
        max_retries_per_trial=1,
        max_consecutive_failed_trials=8,
        directory=tmp_path,
    )
    if error is keras_tuner.errors.FatalError:
        with pytest.raises(keras_tuner.errors.FatalError, match="Model too large"):
            tuner.search(**DATA)
        return
    tuner.search(**DATA)
    tuner.results_summary()
    failed = [trial for trial in tuner.trials if trial.status == "FAILED"]
    sizes = {(a, b): 21 * a + (a + 1) * b + b + 1 for a in range(10, 50, 10) for b in (10, 20, 30)}
    assert {tuple(trial.values.values()) for trial in failed} == {
        units for units, size in sizes.items() if size > 1200
    }
    assert len(tuner.trials) == len(sizes)
    attempts = {built.count(tuple(trial.values.values())) for trial in failed}
    assert attempts == ({2} if error is ValueError else {1})
    assert "Model too large!" in capsys.readouterr().out


@pytest.mark.filterwarnings("ignore:Your input ran out of data")
def test_the_search_of_distributed_tuning(tmp_path):
    def build_model(hp):
        inputs = tf.keras.Input(shape=(8, 8, 1))
        x = inputs
        for i in range(hp.Int("conv_layers", 1, 2, default=2)):
            filters = hp.Int("filters_" + str(i), 2, 4, step=2, default=4)
            x = tf.keras.layers.Conv2D(filters, hp.Int("kernel_size_" + str(i), 2, 3))(x)
            x = tf.keras.layers.BatchNormalization()(x)
            x = tf.keras.layers.ReLU()(x)
        if hp.Choice("global_pooling", ["max", "avg"]) == "max":
            x = tf.keras.layers.GlobalMaxPooling2D()(x)
        else:
            x = tf.keras.layers.GlobalAveragePooling2D()(x)
        model = tf.keras.Model(inputs, tf.keras.layers.Dense(2, activation="softmax")(x))
        optimizer = hp.Choice("optimizer", ["adam", "sgd"])
        model.compile(optimizer, loss="sparse_categorical_crossentropy", metrics=["accuracy"])
        return model

    tuner = keras_tuner.Hyperband(
        hypermodel=build_model,
        objective="val_accuracy",
        max_epochs=2,
        factor=3,
        hyperband_iterations=1,
        distribution_strategy=tf.distribute.MirroredStrategy(["/cpu:0"]),
        directory=tmp_path,
        project_name="mnist",
        overwrite=True,
    )
    x, y = RNG.random((64, 8, 8, 1)), RNG.integers(0, 2, 64)
    tuner.search(
        x,
        y,
        steps_per_epoch=2,
        validation_data=(x[:32], y[:32]),
        validation_steps=1,
        callbacks=[tf.keras.callbacks.EarlyStopping("val_accuracy")],
    )
    assert tuner.trials
    assert {trial.epochs for trial in tuner.trials} == {2}
    assert all(0 <= trial.score <= 1 for trial in tuner.oracle.trials.values())
