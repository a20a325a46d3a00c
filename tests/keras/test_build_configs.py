"""Models that are built by their parts: their weights are kept, and a batch's size is not."""

import keras
import numpy as np
import pytest
import tensorflow as tf

import kerastune_lite as kt
from kerastune_lite._src.keras.build_configs import build_config_of, build_from, is_complete
from kerastune_lite._src.util.errors import StoreError

X = np.random.default_rng(0).normal(size=(48, 6)).astype("float32")


class Block(keras.layers.Layer):
    """A layer of layers without a build() of its own."""

    def __init__(self, units):
        super().__init__()
        self.inner = keras.layers.Dense(units)

    def call(self, x):
        return self.inner(x)


class Autoencoder(keras.Model):
    """Its step calls its parts, and never the model."""

    def __init__(self, units, shaped):
        super().__init__()
        first = [keras.Input((6,))] if shaped else []
        self.encoder = keras.Sequential([*first, keras.layers.Dense(units)])
        self.decoder = [Block(units), keras.layers.Dense(6)]
        if shaped:
            self.decoder = [keras.Sequential([keras.Input((units,)), keras.layers.Dense(6)])]

    def through(self, x):
        x = self.encoder(x)
        for layer in self.decoder:
            x = layer(x)
        return x

    def train_step(self, data):
        x = data[0] if isinstance(data, tuple) else data
        with tf.GradientTape() as tape:
            loss = tf.reduce_mean((self.through(x) - x) ** 2)
        gradients = tape.gradient(loss, self.trainable_variables)
        self.optimizer.apply_gradients(zip(gradients, self.trainable_variables))
        return {"loss": loss}


class Gan(Autoencoder):
    """Has two optimizers, and a call() for another input than its data."""

    def compile(self, first, second):
        super().compile()
        self.first, self.second = first, second

    def call(self, noise):
        return self.encoder(noise)

    def train_step(self, data):
        x = data[0] if isinstance(data, tuple) else data
        noise = tf.ones((8, 2))
        with tf.GradientTape(persistent=True) as tape:
            loss = tf.reduce_mean(self.decoder[-1](self.encoder(noise)) ** 2)
        for optimizer, part in ((self.first, self.encoder), (self.second, self.decoder[-1])):
            weights = part.trainable_variables
            optimizer.apply_gradients(zip(tape.gradient(loss, weights), weights))
        return {"loss": loss + 0 * tf.reduce_sum(x)}


def autoencoder(shaped):
    def build(hp):
        model = Autoencoder(hp.Int("units", 2, 4), shaped)
        model.compile(optimizer="adam")
        return model

    return build


def gan(hp):
    model = Gan(hp.Int("units", 2, 4), shaped=False)
    model.compile(keras.optimizers.Adam(), keras.optimizers.SGD())
    return model


BUILDERS = {"shaped": autoencoder(True), "unshaped": autoencoder(False), "two optimizers": gan}


@pytest.mark.parametrize("fast", [True, False])
@pytest.mark.parametrize("name", BUILDERS)
def test_a_model_that_is_never_called_keeps_its_weights(tmp_path, name, fast):
    tuner = kt.RandomSearch(BUILDERS[name], "loss", max_trials=2, seed=3, directory=tmp_path)
    tuner.search(X, epochs=2, verbose=0, fast=fast)
    for trial in tuner.trials:
        assert trial.executions[0].weights is not None
        model = tuner.load_model(trial)
        assert len(model.get_weights()) >= 4
        # Biases begin at zero and have been trained.
        assert any(np.any(w) for w in model.get_weights() if w.ndim == 1)


def test_rungs_go_on_with_a_model_that_is_never_called(tmp_path):
    tuner = kt.Hyperband(gan, "loss", max_epochs=3, factor=3, seed=3, directory=tmp_path)
    tuner.search(X, verbose=0)
    best = tuner.get_best_trials()[0]
    assert best.score is not None
    assert len(tuner.get_best_models()[0].get_weights()) == 4


@pytest.mark.parametrize("name", BUILDERS)
def test_the_size_of_a_model_that_is_never_called_is_limited(tmp_path, name):
    tuner = kt.RandomSearch(
        BUILDERS[name], "loss", max_trials=1, max_model_size=9, directory=tmp_path
    )
    with pytest.raises(RuntimeError, match="were rejected"):
        tuner.search(X, epochs=2, verbose=0)
    assert tuner.trials[0].score is None
    assert "more than the 9 that max_model_size" in tuner.trials[0].executions[0].message


def lazy(*layers):
    return keras.Sequential([*layers, keras.layers.Dense(1)])


class Called(keras.Model):
    def __init__(self):
        super().__init__()
        self.inner = lazy(Block(2))

    def call(self, x):
        return self.inner(x)


@pytest.mark.parametrize("batch", [1, 7, 32])
@pytest.mark.parametrize("make", [lambda: lazy(keras.layers.Dense(3)), lambda: lazy(), Called])
def test_the_batch_that_built_a_model_is_not_part_of_it(make, batch):
    model = make()
    model(np.ones((batch, 5), "float32"))
    other = make()
    assert not is_complete(other)
    assert build_from(other, build_config_of(model)) is None
    assert is_complete(other)
    assert [w.shape for w in other.weights] == [w.shape for w in model.weights]
    sequential = getattr(other, "inner", other)
    assert sequential.input_shape == (None, 5)


def test_a_state_for_each_sample_keeps_the_size_of_the_batch():
    def make():
        return keras.Sequential([keras.layers.GRU(2, stateful=True)])

    model = make()
    model(np.ones((4, 3, 2), "float32"))
    other = make()
    build_from(other, build_config_of(model))
    assert other.input_shape == (4, 3, 2)


@pytest.mark.parametrize("fast", [True, False])
def test_returned_models_take_batches_of_any_size(tmp_path, fast):
    def build(hp):
        model = lazy(keras.layers.Flatten(), keras.layers.Dense(hp.Int("units", 2, 4)))
        model.compile("sgd", "mse")
        return model

    tuner = kt.RandomSearch(build, "val_loss", max_trials=1, directory=tmp_path)
    data = X.reshape(48, 3, 2), X[:, 0]
    tuner.search(*data, epochs=1, validation_data=data, verbose=0, fast=fast)
    for model in (tuner.get_best_models()[0], tuner.retrain(None, *data, verbose=0)):
        assert model.input_shape == (None, 3, 2)
        model.build((None, 3, 2))


def test_a_model_without_variables_is_no_matter_of_how_many_are_kept(tmp_path):
    class Empty(keras.Model):
        def train_step(self, data):
            return {"loss": tf.constant(1.0)}

    def build(hp):
        hp.Int("units", 1, 3)
        model = Empty()
        model.compile(optimizer="adam")
        return model

    tuner = kt.RandomSearch(build, "loss", max_trials=2, directory=tmp_path)
    tuner.search(X, epochs=1, verbose=0)
    with pytest.raises(StoreError, match="its model had no variables"):
        tuner.get_best_models()
