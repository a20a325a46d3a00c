"""A training that begins with a state goes on as if it had never been broken off."""

import dataclasses

import numpy as np
import pytest

from kerastune_lite._src.keras.resuming import StateRestorer, capture, restore_model
from kerastune_lite._src.keras.state_files import read_state
from kerastune_lite._src.util.errors import FatalRuntimeError, StoreError
from tests.keras.models import FEATURES, Subclassed, keras
from tests.keras.resumed import (
    BOUNDARIES,
    EPOCHS,
    X,
    Y,
    assert_resumes,
    assert_same,
    begin,
    build,
    fit,
    go_on,
    momentum,
    nothing,
)

# Between Keras and TensorFlow, about their own conversions to NumPy.
pytestmark = pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")


def decaying():
    return keras.optimizers.schedules.ExponentialDecay(0.05, decay_steps=3, decay_rate=0.8)


OPTIMIZERS = {
    "sgd with momentum": lambda: keras.optimizers.SGD(0.05, momentum=0.9, nesterov=True),
    "adam with a schedule": lambda: keras.optimizers.Adam(decaying(), amsgrad=True),
    "nadam": lambda: keras.optimizers.Nadam(0.05),
    "adamw with averages": lambda: keras.optimizers.AdamW(
        0.05, weight_decay=0.01, use_ema=True, ema_momentum=0.7
    ),
    # Three batches an epoch: every other boundary lies between the two gradients of a step.
    "adam with accumulated gradients": lambda: keras.optimizers.Adam(
        0.05, gradient_accumulation_steps=2
    ),
    "loss scaling": lambda: keras.optimizers.LossScaleOptimizer(
        keras.optimizers.RMSprop(0.02, momentum=0.5, centered=True), dynamic_growth_steps=4
    ),
}


@pytest.mark.parametrize("optimizer", OPTIMIZERS.values(), ids=OPTIMIZERS.keys())
def test_optimizers_go_on(tmp_path, optimizer):
    assert_resumes(lambda seed: build(optimizer, seed), nothing, tmp_path, validation_data=None)


def test_two_segments_are_one_training(tmp_path):
    def make_model(seed):
        return build(momentum, seed)

    model = make_model(0)
    unbroken = model, fit(model, [])
    for boundary in BOUNDARIES:
        begin(make_model, nothing, tmp_path / "state", boundary)
        resumed, _, history = go_on(make_model, nothing, tmp_path / "state", EPOCHS)
        assert_same(unbroken, (resumed, history))


def by_variable():
    from keras.src.optimizers.multi_optimizer import OptimizerMap

    optimizers = OptimizerMap(keras.optimizers.SGD(0.05, momentum=0.9))
    optimizers[".*kernel"] = keras.optimizers.Adam(0.02)
    return keras.optimizers.MultiOptimizer(optimizers)


@pytest.mark.slow
@pytest.mark.parametrize(
    "optimizer",
    [
        lambda: keras.optimizers.AdamW(0.05, use_ema=True, ema_overwrite_frequency=4),
        lambda: keras.optimizers.Adafactor(0.05),
        lambda: keras.optimizers.ScheduleFreeAdamW(0.05, warmup_steps=7),
        by_variable,
    ],
    ids=["overwriting averages", "adafactor", "schedule-free", "several in one"],
)
def test_rarer_optimizers_go_on(tmp_path, optimizer):
    try:
        optimizer()
    except (AttributeError, ImportError):
        pytest.skip("not in this version of Keras")
    assert_resumes(lambda seed: build(optimizer, seed), nothing, tmp_path, validation_data=None)


@pytest.mark.slow
def test_a_compiled_training_goes_on(tmp_path):
    def make_model(seed):
        return build(momentum, seed, run_eagerly=False)

    model = make_model(0)
    unbroken = model, fit(model, [])
    begin(make_model, nothing, tmp_path / "state", 2)
    resumed, _, history = go_on(make_model, nothing, tmp_path / "state", EPOCHS)
    assert_same(unbroken, (resumed, history))


def test_only_the_first_fit_of_a_later_segment_is_touched(tmp_path):
    begin(lambda seed: build(momentum, seed), nothing, tmp_path / "state", 2)
    restorer = StateRestorer(read_state(tmp_path / "state"), [])
    model = build(momentum, 1)
    assert len(fit(model, [restorer], 3, 2)["loss"]) == 3
    before = model.get_weights()
    assert len(fit(model, [restorer], 1, 0)["loss"]) == 1
    assert not np.array_equal(before[0], model.get_weights()[0])


def test_a_fit_that_begins_elsewhere_is_an_error(tmp_path):
    begin(lambda seed: build(momentum, seed), nothing, tmp_path / "state", 2)
    restorer = StateRestorer(read_state(tmp_path / "state"), [])
    with pytest.raises(FatalRuntimeError, match=r"initial_epoch=2\)\. Received: epoch 0"):
        fit(build(momentum), [restorer])


def lazy_sequential():
    keras.utils.clear_session()
    return keras.Sequential(
        [
            keras.layers.Dense(3),
            keras.layers.BatchNormalization(),
            keras.layers.Dropout(0.3),
            keras.layers.Dense(1),
        ]
    )


class TwoInputs(keras.Model):
    def __init__(self):
        super().__init__()
        self.left, self.right = keras.layers.Dense(2), keras.layers.Dense(2)
        self.drop = keras.layers.Dropout(0.3)
        self.last = keras.layers.Dense(1)

    def call(self, inputs, training=False):
        product = self.left(inputs["a"]) * self.right(inputs["b"])
        return self.last(self.drop(product, training=training))


@pytest.mark.parametrize(
    ("make", "inputs"),
    [(lazy_sequential, X), (Subclassed, X), (TwoInputs, {"a": X, "b": X[:, :2]})],
    ids=["sequential", "subclass", "dict inputs"],
)
def test_models_that_are_built_by_their_first_batch_go_on(tmp_path, make, inputs):
    def make_model(seed):
        keras.utils.set_random_seed(seed)
        model = make()
        model.compile(keras.optimizers.Adam(0.05), "mse", run_eagerly=True)
        assert not model.built
        return model

    assert_resumes(make_model, nothing, tmp_path, x=inputs, validation_data=None)


class Adversaries(keras.Model):
    """Two optimizers, each for its own layer, and its own training step."""

    def __init__(self):
        super().__init__()
        self.one, self.other = keras.layers.Dense(1), keras.layers.Dense(1)
        self.one.build((None, FEATURES))
        self.other.build((None, FEATURES))
        self.built = True

    def compile(self, first, second):
        super().compile(run_eagerly=True)
        self.first, self.second = first, second

    def train_step(self, batch):
        import tensorflow as tf

        x, y = batch
        with tf.GradientTape(persistent=True) as tape:
            loss = tf.reduce_mean((self.one(x) - y) ** 2)
            other = tf.reduce_mean((self.other(x) - self.one(x)) ** 2)
        for optimizer, layer, value in (
            (self.second, self.other, other),
            (self.first, self.one, loss),
        ):
            weights = layer.trainable_weights
            optimizer.apply(tape.gradient(value, weights), weights)
        return {"loss": loss, "other": other}


def test_a_model_with_two_optimizers_goes_on(tmp_path):
    def make_model(seed):
        keras.utils.set_random_seed(seed)
        model = Adversaries()
        model.compile(keras.optimizers.Adam(0.05), keras.optimizers.SGD(0.05, momentum=0.9))
        return model

    assert_resumes(make_model, nothing, tmp_path, validation_data=None)


def test_a_frozen_layer_stays_where_it_is(tmp_path):
    def make_model(seed):
        model = build(momentum, seed)
        model.layers[0].trainable = False
        model.compile(keras.optimizers.Adam(0.05), "mse", run_eagerly=True)
        return model

    assert_resumes(make_model, nothing, tmp_path, validation_data=None)


def small(units=3, optimizer=None, dtype=None, layers=1):
    dense = [keras.layers.Dense(units, dtype=dtype) for _ in range(layers)]
    model = keras.Sequential([keras.Input((FEATURES,)), *dense])
    model.compile(optimizer or keras.optimizers.Adam(), "mse", run_eagerly=True)
    return model


@pytest.mark.parametrize(
    ("other", "why"),
    [
        (lambda: small(units=4), r"variable 0 of model .*shape \(4, 3\).* has \(4, 4\)"),
        (lambda: small(layers=2), "model should have 2 variables and has 4"),
        (lambda: small(optimizer=momentum()), "'optimizer' should have 6 variables and has 4"),
        (lambda: small(dtype="float64"), "dtype float32, and has .* float64"),
        (lambda: keras.Sequential([keras.Input((4,)), keras.layers.Dense(3)]), "no optimizer"),
        (Subclassed, "should have 2 variables"),
    ],
)
def test_a_builder_that_has_changed_is_named_as_the_cause(other, why):
    model = small()
    model.fit(X, Y, verbose=0)
    state = capture(model, [], 3)
    changed = other()
    before = changed.get_weights()
    with pytest.raises(StoreError, match=why) as caught:
        restore_model(state, changed)
    assert "at epoch 3" in str(caught.value)
    assert "Has the builder changed" in str(caught.value)
    assert all(np.array_equal(a, b) for a, b in zip(before, changed.get_weights()))


def test_a_model_that_cannot_be_built_says_so():
    model = Subclassed()
    model.compile("adam", "mse", run_eagerly=True)
    model.fit(X, Y, verbose=0)
    state = capture(model, [], 1)
    for config in (None, {"input_shape": [3, [4]]}):
        other = Subclassed()
        other.compile("adam", "mse")
        unusable = dataclasses.replace(state, data={**state.data, "build_config": config})
        with pytest.raises(StoreError, match="by calling it on an example"):
            restore_model(unusable, other)


def test_a_model_that_has_not_trained_yet():
    model = small()
    state = capture(model, [], 0)
    other = small()
    restore_model(state, other)
    assert not other.optimizer.built
    assert np.array_equal(model.get_weights()[0], other.get_weights()[0])


def test_a_history_that_is_no_plain_data_is_let_go(tmp_path):
    class Odd(keras.callbacks.Callback):
        def on_epoch_end(self, epoch, logs=None):
            logs["odd"] = object()

    begin(lambda seed: build(momentum, seed), lambda: [Odd()], tmp_path / "state", 2)
    _, _, history = go_on(
        lambda seed: build(momentum, seed), lambda: [Odd()], tmp_path / "state", EPOCHS
    )
    assert len(history["loss"]) == EPOCHS - 2
