"""Keras's callbacks that monitor a metric find out by themselves whether more of it is better."""

import numpy as np
import pytest

from kerastune_lite._src.keras.fast.dispatcher import ARRAYS, OWN, SHARED, Dispatcher
from tests.keras.models import keras

# Keras reads the learning rate in a way that NumPy 2 dislikes.
pytestmark = pytest.mark.filterwarnings("ignore:__array__ implementation")

RNG = np.random.default_rng(0)
X = RNG.normal(size=(40, 3)).astype("float32")
Y = (X[:, 0] > 0).astype("float32")

CALLBACKS = {
    "early stopping": keras.callbacks.EarlyStopping,
    "plateau": keras.callbacks.ReduceLROnPlateau,
}


def gap(y, y_pred):
    return keras.ops.mean(keras.ops.abs(y - y_pred))


def model():
    made = keras.Sequential([keras.Input((3,)), keras.layers.Dense(1, activation="sigmoid")])
    metrics = ["accuracy", keras.metrics.MeanAbsoluteError(name="distance"), gap]
    made.compile(keras.optimizers.Adam(0.1), "binary_crossentropy", metrics=metrics)
    return made


def monitor(callback, fastest):
    _, taken = Dispatcher(fastest=fastest).fit(
        model(),
        (X, Y),
        {"epochs": 3, "validation_split": 0.5, "verbose": 0, "callbacks": [callback]},
        [0],
    )
    return taken.path


@pytest.mark.parametrize("fastest", [ARRAYS, SHARED, OWN])
@pytest.mark.parametrize("kind", CALLBACKS)
@pytest.mark.parametrize(
    ("name", "better"),
    [
        ("val_accuracy", "greater"),
        ("accuracy", "greater"),
        ("val_loss", "less"),
        ("val_distance", "less"),
    ],
)
def test_in_the_first_model_of_a_program_and_in_those_that_follow(kind, name, better, fastest):
    for _ in range(3):
        callback = CALLBACKS[kind](monitor=name, min_delta=0.01)
        monitor(callback, fastest)
        assert callback.monitor_op is getattr(keras.ops, better)
        assert callback.min_delta == (0.01 if better == "greater" else -0.01)
        assert callback.mode == "auto"


@pytest.mark.parametrize("fastest", [ARRAYS, SHARED, OWN])
@pytest.mark.parametrize("name", ["val_gap", "val_mse", "auc"])
def test_what_keras_does_not_know_it_says(name, fastest):
    """A metric without a direction, and some that the model does not have."""
    for _ in range(2):
        with pytest.raises(ValueError, match=f"monitor={name}, but Keras isn't able"):
            monitor(keras.callbacks.EarlyStopping(name), fastest)


def test_a_mode_that_is_given_holds():
    for _ in range(2):
        callback = keras.callbacks.EarlyStopping("val_accuracy", mode="min")
        monitor(callback, ARRAYS)
        assert callback.monitor_op is keras.ops.less
