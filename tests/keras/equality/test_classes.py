"""Models that are written as classes, but compute what a functional model of their layers does."""

import random

import numpy as np
import pytest

from tests.keras.equality.cases import (
    ARRAYS,
    OWN,
    PLAIN,
    UNITS,
    arguments,
    by_fit,
    check_own,
    check_same,
    check_shared,
    classes,
    dispatched,
    grid,
    keras,
    no_programs,
    numbers,
    sgd,
)
from tests.keras.equality.test_models import Net

L = keras.layers
SPARSE = "sparse_categorical_crossentropy"


class AnotherOrder(keras.Model):
    """Has its layers in another order than it calls them in, and some in a list."""

    def __init__(self, units):
        super().__init__()
        self.last = L.Dense(3, activation="softmax")
        self.blocks = [L.Dense(units, activation="tanh"), L.BatchNormalization(), L.Dropout(0.2)]
        self.first = L.Dense(4, activation="relu", kernel_regularizer="l2")

    def call(self, x, training=False):
        x = self.first(x)
        for block in self.blocks:
            x = block(x)
        return self.last(x)


class Residual(keras.Model):
    """Adds by an operator, and by a layer that is made at each call."""

    def __init__(self, units):
        super().__init__()
        self.units = units
        self.hidden, self.around = L.Dense(units), L.Dense(units)
        self.net = keras.Sequential([L.Dense(units, activation="relu"), L.Dropout(0.3)])
        self.last = L.Dense(3, activation="softmax")

    def call(self, x, training=None):
        x = keras.ops.tanh(self.hidden(x)) + 0.5 * self.around(x)
        x = L.Concatenate()([x, self.net(x, training=training)])
        return self.last(x)


class WithBuild(keras.Model):
    """Makes its layers when it is built."""

    def __init__(self, units):
        super().__init__()
        self.units = units

    def build(self, input_shape):
        self.hidden = L.Dense(self.units, activation="relu")
        self.hidden.build(input_shape)
        self.last = L.Dense(3, activation="softmax")
        self.last.build((None, self.units))

    def call(self, x):
        return self.last(self.hidden(x))


class Frozen(Net):
    def __init__(self, units):
        super().__init__(units)
        self.hidden.trainable = False
        self.normalized.trainable = False


class Texts(keras.Model):
    """Hands a mask from layer to layer."""

    def __init__(self, units):
        super().__init__()
        self.embedded = L.Embedding(11, 4, mask_zero=True)
        self.recurrent = L.LSTM(units)
        self.last = L.Dense(3, activation="softmax")

    def call(self, x, training=False):
        return self.last(self.recurrent(self.embedded(x), training=training))


class Attending(keras.Model):
    """Its layers make layers of their own, with seeds, when they are built."""

    def __init__(self, units):
        super().__init__()
        self.embedded, self.attended = L.Embedding(11, 4), L.MultiHeadAttention(2, units)
        self.pooled, self.dropped = L.GlobalAveragePooling1D(), L.Dropout(0.2)
        self.last = L.Dense(3, activation="softmax")

    def call(self, x, training=False):
        x = self.embedded(x)
        x = self.pooled(L.Add()([x, self.attended(x, x)]))
        return self.last(self.dropped(x, training=training))


class TwoInputs(keras.Model):
    def __init__(self, units):
        super().__init__()
        self.left, self.right = L.Dense(units), L.Dense(units, activation="relu")
        self.last = L.Dense(3, activation="softmax")

    def call(self, inputs):
        return self.last(L.Multiply()([self.left(inputs["a"]), self.right(inputs["b"])]))


def words():
    x, y = classes(60, (7,))
    return np.abs(np.round(3 * x)).astype("int32") % 11, y


def two():
    x, y = classes()
    return {"a": x, "b": x[:, :4] + 1}, y


CLASSES = {
    # -> a class, its data, whether NumPy trains it, whether programs serve all sizes
    "plain": (Net, classes, True, True),
    "another order": (AnotherOrder, classes, True, True),
    "operators": (Residual, classes, False, False),
    "with build()": (WithBuild, classes, True, True),
    "frozen layers": (Frozen, classes, True, True),
    "masks": (Texts, words, None, False),
    "attention": (Attending, words, False, False),
    "two inputs": (TwoInputs, two, None, True),
}


def compiled(kind):
    def build(variant):
        model = kind(UNITS[variant])
        model.compile(sgd(variant), loss=SPARSE, metrics=["accuracy"])
        return model

    return build


@grid(CLASSES, ["another order", "operators", "with build()", "attention"])
def test_a_class_is_trained_as_its_graph(name, extent):
    kind, data, in_arrays, sized = CLASSES[name]
    build, fit = compiled(kind), arguments(data())
    variants = extent.get("variants", (0, 1))
    check_shared(build, fit, programs=1 if sized else len(variants), **extent)
    with no_programs():
        outcome, right = dispatched(build, fit, 2, ARRAYS), by_fit(build, fit, 2)
    assert in_arrays is None or (outcome.path == ARRAYS) == in_arrays, outcome.reason
    check_same(outcome, right)
    for mine, theirs in zip(outcome.model.variables, right.model.variables, strict=True):
        assert mine.path == theirs.path
    assert outcome.model.get_build_config() == right.model.get_build_config()
    assert outcome.model.count_params() == right.model.count_params()


def test_the_users_code_draws_the_same_numbers_after_it():
    build, fit = compiled(Attending), arguments(words(), epochs=1)
    drawn = []
    with no_programs():
        for train in (lambda: dispatched(build, fit, 0, ARRAYS), lambda: by_fit(build, fit)):
            train()
            drawn.append((random.random(), np.random.random(), float(keras.random.uniform(()))))
    assert drawn[0] == drawn[1]


# Between Keras and TensorFlow, about their own conversions to NumPy.
@pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")
def test_files_of_weights_are_as_those_of_fit(tmp_path):
    build, fit = compiled(AnotherOrder), arguments()
    with no_programs():
        outcome, right = dispatched(build, fit, 0, ARRAYS), by_fit(build, fit)
    outcome.model.save_weights(tmp_path / "own.weights.h5")
    fresh = AnotherOrder(UNITS[0])
    fresh(np.zeros((1, 6), "float32"))
    fresh.load_weights(tmp_path / "own.weights.h5")
    x, _ = classes()
    np.testing.assert_allclose(
        fresh.predict(x, verbose=0), right.model.predict(x, verbose=0), 1e-4, 1e-5
    )


def test_a_model_can_be_trained_again():
    build, fit = compiled(AnotherOrder), arguments(epochs=1)
    with no_programs():
        mine, right = dispatched(build, fit, 0, ARRAYS), by_fit(build, fit)
        inbound = [len(layer._inbound_nodes) for layer in mine.model.layers]
        for outcome in (mine, right):
            outcome.model.compile(sgd(1), loss=SPARSE)
        mine = dispatched(lambda variant: mine.model, fit, 0, ARRAYS)
        assert mine.path == ARRAYS
        right.history = keras.Model.fit(right.model, **fit(0))
    check_same(mine, right)
    assert [len(layer._inbound_nodes) for layer in mine.model.layers] == inbound == [1] * 5


def test_a_sequential_model_without_inputs():
    def build(variant):
        layers = [L.Dense(UNITS[variant], activation="relu"), L.Dropout(0.3), L.Dense(3, "softmax")]
        model = keras.Sequential(layers)
        model.compile(sgd(variant), loss=SPARSE, metrics=["accuracy"])
        return model

    check_shared(build, arguments())
    with no_programs():
        outcome, right = dispatched(build, arguments(), 0, ARRAYS), by_fit(build, arguments())
    assert outcome.path == ARRAYS, outcome.reason
    check_same(outcome, right)
    paths = [[v.path for v in each.model.variables] for each in (outcome, right)]
    assert paths[0] == paths[1]


def test_two_classes_of_one_name_are_compared_each(caplog):
    """The second one finds out that it is called without data."""

    def kind(odd):
        class Twofold(Net):
            def call(self, x, training=False):
                x = super().call(x, training=training)
                return x if isinstance(x, keras.KerasTensor) or not odd else x**1.5

        class Plain(Net):
            def call(self, x, training=False):
                return super().call(x, training=training)

        Plain.__name__ = "Twofold"
        return Twofold if odd else Plain

    with no_programs():
        outcome = dispatched(compiled(kind(False)), arguments(), 0, ARRAYS)
        assert outcome.path == ARRAYS
        odd = compiled(kind(True))
        outcome = dispatched(odd, arguments(), 0, ARRAYS)
    assert outcome.path == OWN
    assert "self-check" in outcome.reason
    assert any("no longer used" in record.getMessage() for record in caplog.records)
    check_same(outcome, by_fit(odd, arguments()))


# ------------------------------------------------------------------ what is no graph


class Counting(Net):
    calls = 0

    def call(self, x, training=False):
        self.calls += 1
        return super().call(x, training=training)


class WithLoss(Net):
    def call(self, x, training=False):
        self.add_loss(0.01 * keras.ops.mean(x**2))
        return super().call(x, training=training)


class Drawing(Net):
    def call(self, x, training=False):
        return super().call(x * (1 if random.random() < 2 else 2), training=training)


class Noisy(Net):
    """Draws from Keras's own generator."""

    def call(self, x, training=False):
        return super().call(x + keras.random.normal((6,)), training=training)


class MonteCarlo(Net):
    def call(self, x, training=False):
        return self.last(self.dropped(self.hidden(self.normalized(x)), training=True))


class InInference(Net):
    def call(self, x, training=False):
        return self.last(self.normalized(self.hidden(self.dropped(x)), training=False))


class Untold(keras.Model):
    """Its layers are not told of training, for it is not told itself."""

    def __init__(self, units):
        super().__init__()
        self.normalized, self.last = L.BatchNormalization(), L.Dense(3, activation="softmax")

    def call(self, x):
        return self.last(self.normalized(x))


class OnlyInTraining(Net):
    def call(self, x, training=False):
        if training:
            x = 2 * x
        return super().call(x, training=training)


class Scaled(Net):
    """Has a weight that is not a layer's."""

    def __init__(self, units):
        super().__init__(units)
        self.scale = self.add_weight(shape=(6,), initializer="ones")

    def call(self, x, training=False):
        return super().call(x * self.scale, training=training)


class Tracking(Net):
    def __init__(self, units):
        super().__init__(units)
        self.tracker = keras.metrics.Mean(name="tracked")


class InTensorFlow(Net):
    def call(self, x, training=False):
        import tensorflow as tf

        return super().call(tf.nn.relu(x), training=training)


class Doubled(L.Layer):
    def call(self, x):
        return 2 * x


class WithOwnLayer(Net):
    def __init__(self, units):
        super().__init__(units)
        self.double = Doubled()

    def call(self, x, training=False):
        return super().call(self.double(x), training=training)


class Half(keras.Model):
    def __init__(self, units):
        super().__init__()
        self.dense, self.normalized = L.Dense(units, activation="relu"), L.BatchNormalization()

    def call(self, x, training=False):
        return self.normalized(self.dense(x), training=training)


class OfHalves(keras.Model):
    """Of models that are classes, too."""

    def __init__(self, units):
        super().__init__()
        self.first, self.second = Half(units), Half(units)
        self.last = L.Dense(3, activation="softmax")

    def call(self, x, training=False):
        x = self.second(self.first(x, training=training), training=training)
        return self.last(x)


class Masking(Net):
    def compute_mask(self, inputs, previous_mask):
        return None


class Unused(Net):
    def __init__(self, units):
        super().__init__(units)
        self.unused = L.Dense(2)
        self.unused.build((None, 2))


class OwnCall(Net):
    def __call__(self, x, **kwargs):
        return super().__call__(2 * x, **kwargs)


REFUSED = {
    "sets attributes": Counting,
    "raises ValueError": WithLoss,
    "draws random numbers": Drawing,
    "call() draws random numbers": Noisy,
    "`training` of its own": MonteCarlo,
    "a `training` of its own": InInference,
    "no argument `training`": Untold,
    "depends on `training`": OnlyInTraining,
    "other variables": Scaled,
    "metrics of its own": Tracking,
    "without data": InTensorFlow,
    "Doubled": WithOwnLayer,
    "Half": OfHalves,
    "compute_mask": Masking,
    "other variables than": Unused,
    "__call__": OwnCall,
}


@pytest.mark.filterwarnings("ignore:Gradients do not exist")
@pytest.mark.parametrize("reason", REFUSED)
def test_what_is_no_graph_has_a_trace_of_its_own(reason):
    state = random.getstate()
    check_own(compiled(REFUSED[reason]), arguments(epochs=2), reason, fastest=ARRAYS)
    random.setstate(state)


def test_a_callback_that_changes_what_a_model_computes():
    class Switched(Net):
        sharp = False

        def call(self, x, training=False):
            return super().call(3 * x if self.sharp else x, training=training)

    class Switch(keras.callbacks.Callback):
        def on_train_begin(self, logs=None):
            self.model.sharp = True

    fit = arguments(callbacks=lambda variant: [Switch()])
    with no_programs():
        outcome = dispatched(compiled(Switched), fit, 0, ARRAYS)
    assert outcome.path == PLAIN
    assert "RuntimeError" in outcome.reason
    check_same(outcome, by_fit(compiled(Switched), fit))


def test_a_callback_that_changes_nothing_of_it():
    fit = arguments(callbacks=lambda variant: [keras.callbacks.LambdaCallback()])
    with no_programs():
        outcome = dispatched(compiled(AnotherOrder), fit, 0, ARRAYS)
    assert outcome.path == ARRAYS
    check_same(outcome, by_fit(compiled(AnotherOrder), fit))


def test_a_class_with_numbers_as_outputs():
    class Regression(keras.Model):
        def __init__(self):
            super().__init__()
            self.hidden, self.last = L.Dense(5, activation="tanh"), L.Dense(1)

        def call(self, x):
            return self.last(self.hidden(x))

    def build(variant):
        model = Regression()
        model.compile("adam", loss="mse", metrics=["mae"])
        return model

    with no_programs():
        outcome = dispatched(build, arguments(numbers()), 0, ARRAYS)
    assert outcome.path == ARRAYS
    check_same(outcome, by_fit(build, arguments(numbers())))
