"""Which hyperparameters can change while a model is trained."""

import pytest

from kerastune_lite._src.keras.changeable import changeable
from kerastune_lite._src.keras.loading import load_keras
from kerastune_lite._src.space.reading import read_space
from kerastune_lite.hyperparameters import HyperParameters

keras = load_keras()


def asked(build, names=None):
    return changeable(build, read_space(build, HyperParameters().space), names)


def dense(hp):
    model = keras.Sequential([keras.Input((4,))])
    for i in range(hp.Int("layers", 1, 2)):
        penalty = keras.regularizers.L2(hp.Float("l2", 1e-6, 1e-2, sampling="log"))
        units = hp.Int(f"units_{i}", 4, 8)
        model.add(keras.layers.Dense(units, hp.Choice("activation", ["relu", "tanh"]), True))
        model.layers[-1].kernel_regularizer = penalty
        model.add(keras.layers.GaussianNoise(hp.Float("noise", 0.0, 0.1)))
    if hp.Boolean("drop"):
        model.add(keras.layers.Dropout(hp.Float("dropout", 0.0, 0.5)))
    model.add(keras.layers.Dense(int(8 * hp.Float("width", 0.5, 1.0)), "softmax"))
    hp.Int("batch_size", 8, 64)
    hp.Fixed("fixed", 3)
    rate = hp.Float("rate", 1e-4, 1e-1, sampling="log")
    if hp.Choice("optimizer", ["sgd", "adam"]) == "sgd":
        optimizer = keras.optimizers.SGD(rate, hp.Float("momentum", 0.0, 0.9))
    else:
        optimizer = keras.optimizers.Adam(
            rate, hp.Float("beta", 0.8, 0.99), weight_decay=hp.Float("decay", 1e-5, 1e-2)
        )
    smoothing = hp.Float("smoothing", 0.0, 0.2)
    model.compile(optimizer, keras.losses.CategoricalCrossentropy(label_smoothing=smoothing))
    return model


def test_numbers_that_are_no_shapes_can_change():
    can = {"l2", "noise", "dropout", "batch_size", "rate", "momentum", "beta", "decay", "smoothing"}
    cannot = {"layers", "units_0", "units_1", "activation", "drop", "width", "optimizer"}
    found = asked(dense)
    assert {name for name, value in found.items() if value} == can
    assert {name for name, value in found.items() if value is False} == cannot


def test_some_can_be_asked_for_by_name():
    assert asked(dense, ["units_0", "rate"]) == {"units_0": False, "rate": True}


def test_conditional_ones_are_looked_at_where_they_are_active():
    def build(hp):
        model = keras.Sequential([keras.Input((4,))])
        kind = hp.Choice("kind", ["plain", "dropped", "noisy"])
        with hp.conditional_scope("kind", ["dropped"]):
            if kind == "dropped":
                model.add(keras.layers.Dropout(hp.Float("strength", 0.1, 0.5)))
        with hp.conditional_scope("kind", ["noisy"]):
            if kind == "noisy":
                model.add(keras.layers.Dense(hp.Int("size", 2, 5)))
        model.add(keras.layers.Dense(1))
        model.compile("sgd", "mse")
        return model

    assert asked(build) == {"kind": False, "strength": True, "size": False}


@pytest.mark.parametrize("own", [False, True])
def test_models_without_variables_are_compared_by_their_configs(own):
    class Own(keras.Model):
        def __init__(self, units, rate):
            super().__init__()
            self.layer = keras.layers.Dense(units)
            self.dropout = keras.layers.Dropout(rate)

        def call(self, x, training=False):
            return self.layer(self.dropout(x, training=training))

    def build(hp):
        units, rate = hp.Int("units", 4, 8), hp.Float("dropout", 0.1, 0.5)
        if own:
            model = Own(units, rate)
        else:
            model = keras.Sequential([keras.layers.Dropout(rate), keras.layers.Dense(units)])
        model.compile(keras.optimizers.Adam(hp.Float("rate", 1e-4, 1e-1, sampling="log")), "mse")
        return model

    assert asked(build) == {"units": False, "dropout": True, "rate": True}


def test_rates_of_schedules_can_change():
    def build(hp):
        model = keras.Sequential([keras.Input((4,)), keras.layers.Dense(1)])
        steps = 1000 // hp.Int("batch_size", 8, 64)
        rate = keras.optimizers.schedules.CosineDecay(hp.Float("rate", 1e-3, 1e-1), steps)
        model.compile(keras.optimizers.Adam(rate), "mse")
        return model

    assert asked(build) == {"batch_size": True, "rate": True}


def test_those_that_are_met_late_are_looked_at_too():
    found = asked(dense)
    space = read_space(dense, HyperParameters().space)
    assert {"dropout", "beta", "units_1"} <= found.keys() - set(space.names)


def test_what_the_builder_rejects_or_does_not_use_is_not_known():
    def build(hp):
        model = keras.Sequential([keras.Input((4,)), keras.layers.Dense(1)])
        model.compile(keras.optimizers.SGD(hp.Float("rate", 1e-3, 1e-1)), "mse")
        return None if hp.get("rate") > 0.07 else model

    hp = HyperParameters()
    hp.Int("batch_size", 8, 64)
    space = read_space(build, hp.space)
    assert changeable(build, space) == {"batch_size": None, "rate": True}
