"""What is trained in NumPy is trained as by `model.fit`; everything else is left to TensorFlow."""

import numpy as np
import pytest

from kerastune_lite._src.keras.fast.dispatcher import SHARED
from kerastune_lite._src.keras.fast.numpy.activations import _WRITTEN as ACTIVATIONS
from kerastune_lite._src.keras.fast.numpy.losses import LOSSES
from kerastune_lite._src.keras.fast.numpy.optimizers import RULES
from kerastune_lite._src.keras.fast.numpy.schedules import SCHEDULES
from tests.keras.equality.cases import (
    DROPPED,
    FACTORS,
    RATES,
    adam,
    arguments,
    by_fit,
    check_arrays,
    check_shared,
    classes,
    dispatched,
    keras,
    mlp,
    no_programs,
    no_warnings,
    numbers,
    one_output,
)

layers, regularizers = keras.layers, keras.regularizers


def check(build, fit=None, variant=0, null=(), **others):
    """A model is trained in NumPy, and as by `fit`."""
    fit = fit or arguments()
    check_arrays(build, fit, by_fit(build, fit, variant), variant, null, must=True, **others)


class TestWrittenOut:
    @pytest.mark.parametrize("name", ACTIVATIONS)
    def test_activations(self, name):
        check(mlp(lambda variant: [layers.Dense(7, name), layers.Activation(name)]))

    @pytest.mark.parametrize("name", LOSSES)
    def test_losses(self, name):
        if "categorical" in name:
            x, y = classes()
            y = y if "sparse" in name else keras.utils.to_categorical(y).astype("float32")
            check(mlp(loss=name), arguments((x, y)))
            return
        x, y = numbers()
        binary = name.startswith("binary")
        fit = arguments((x, (y > 0.5).astype("float32") if binary else y))
        check(one_output(loss=name, activation="sigmoid" if binary else None), fit)

    @pytest.mark.parametrize(
        ("loss", "last"),
        [
            (lambda: keras.losses.SparseCategoricalCrossentropy(from_logits=True), 3),
            (lambda: keras.losses.BinaryCrossentropy(from_logits=True, label_smoothing=0.2), 1),
            (lambda: keras.losses.Huber(delta=0.05), 1),
        ],
        ids=["logits of classes", "logits of one class", "huber"],
    )
    def test_losses_with_arguments(self, loss, last):
        data = classes() if last == 3 else numbers()
        check(mlp(last=lambda: layers.Dense(last), loss=loss, metrics=[]), arguments(data))

    def test_smoothed_labels(self):
        x, y = classes()
        loss = keras.losses.CategoricalCrossentropy(label_smoothing=0.1)
        data = x, keras.utils.to_categorical(y).astype("float32")
        check(mlp(loss=lambda: loss), arguments(data))

    @pytest.mark.parametrize("name", RULES)
    def test_optimizers(self, name):
        kind = getattr(keras.optimizers, name)
        # Signs and first steps of Adam's kin depend on the rounding of gradients near zero.
        check(mlp(optimizer=lambda variant: kind(0.01)), whole=True)

    @pytest.mark.parametrize(
        "make",
        [
            lambda: keras.optimizers.SGD(0.05),
            lambda: keras.optimizers.SGD(0.05, momentum=0.8, nesterov=True, weight_decay=0.01),
            lambda: keras.optimizers.Adam(0.01, amsgrad=True, clipvalue=0.01, epsilon=1e-4),
            lambda: keras.optimizers.AdamW(0.01, weight_decay=0.1, beta_1=0.7, beta_2=0.95),
            lambda: keras.optimizers.RMSprop(0.01, momentum=0.5, centered=True, rho=0.8),
            lambda: keras.optimizers.RMSprop(0.01, momentum=0.5),
            lambda: keras.optimizers.Adagrad(0.05, initial_accumulator_value=0.3),
        ],
        ids=["plain", "nesterov", "amsgrad", "adamw", "centered", "momentum", "accumulator"],
    )
    def test_optimizers_with_arguments(self, make):
        check(mlp(optimizer=lambda variant: make()), whole=True)

    @pytest.mark.parametrize("name", ["clipnorm", "clipvalue", "global_clipnorm"])
    @pytest.mark.parametrize("limit", [0.01, 0.1, 100.0])
    def test_clipping(self, name, limit):
        """Of all weights, of some, of none."""

        def optimizer(variant):
            return keras.optimizers.SGD(0.5, momentum=0.5, weight_decay=0.01, **{name: limit})

        check(mlp(optimizer=optimizer), whole=True)

    @pytest.mark.parametrize("name", SCHEDULES)
    def test_schedules(self, name):
        schedules = keras.optimizers.schedules
        made = {
            "CosineDecay": lambda: schedules.CosineDecay(0.0, 7, 0.1, "", 0.02, 3),
            "ExponentialDecay": lambda: schedules.ExponentialDecay(0.02, 3, 0.7),
            "InverseTimeDecay": lambda: schedules.InverseTimeDecay(0.02, 3, 0.7),
            "PiecewiseConstantDecay": lambda: schedules.PiecewiseConstantDecay(
                [3, 6], [2e-2, 1e-2, 0.0]
            ),
            "PolynomialDecay": lambda: schedules.PolynomialDecay(0.02, 7, power=2.0),
        }
        check(mlp(optimizer=lambda variant: keras.optimizers.AdamW(made[name]())), whole=True)

    @pytest.mark.parametrize("variant", [0, 1, 2])
    def test_masks_of_dropout(self, variant):
        """With short last batches, and one batch only."""

        def hidden(variant):
            rate = DROPPED[variant]
            return [layers.Dropout(rate, seed=3), layers.Dense(9, "relu"), layers.Dropout(rate)]

        check(mlp(hidden), variant=variant)
        check(mlp(hidden), arguments(batch_size=100, epochs=2), variant=variant)

    @pytest.mark.parametrize("scale", [True, False])
    @pytest.mark.parametrize("center", [True, False])
    def test_batch_normalization(self, scale, center):
        def hidden(variant):
            return [
                layers.BatchNormalization(scale=scale, center=center, momentum=0.7, epsilon=0.01),
                layers.Dense(6, use_bias=False),
                layers.BatchNormalization(),
                layers.Activation("relu"),
            ]

        check(mlp(hidden))

    def test_layers_that_are_not_trained(self):
        def hidden(variant):
            frozen = [layers.Dense(6, "tanh"), layers.BatchNormalization()]
            for layer in frozen:
                layer.trainable = False
            return [layers.BatchNormalization(), *frozen, layers.Dense(5)]

        check(mlp(hidden))

    def test_weights_of_layers_that_count(self):
        def hidden(variant):
            return [
                layers.Dense(
                    7,
                    kernel_regularizer=regularizers.L2(FACTORS[variant]),
                    bias_regularizer=regularizers.L1(FACTORS[variant]),
                ),
                layers.Dense(6, "tanh"),
                layers.BatchNormalization(gamma_regularizer=regularizers.L1L2(0.02, 0.03)),
            ]

        for variant in (0, 2):
            check(mlp(hidden), variant=variant)

    def test_a_graph_with_branches_and_models_within(self):
        def build(variant):
            inner = keras.Sequential([keras.Input((7,)), layers.Dense(7, "relu")])
            x = keras.Input((2, 3))
            y = layers.Dense(7)(layers.Flatten()(x))
            z = inner(layers.Rescaling(2.0, -0.5)(y))
            y = layers.Add()([y, z, layers.Subtract()([y, z])])
            y = layers.Concatenate()([layers.Multiply()([y, z]), layers.Average()([y, z])])
            y = layers.Reshape((2, 7))(y)
            y = layers.LeakyReLU(0.3)(layers.Dropout(0.3, seed=1)(y))
            y = layers.ReLU()(layers.Flatten()(y))
            model = keras.Model(x, layers.Softmax()(layers.Dense(3)(y)))
            model.compile(adam(variant), "sparse_categorical_crossentropy", metrics=["accuracy"])
            return model

        check(build, arguments(classes(shape=(2, 3))))

    @pytest.mark.parametrize("kind", [list, tuple, np.array])
    @pytest.mark.parametrize("loss", ["mse", "mae", "huber"])
    def test_a_scale_for_each_feature_and_each_output(self, kind, loss):
        x, y = numbers()
        y = np.concatenate([5 * y - 3, y], axis=1)

        def build(variant):
            model = keras.Sequential([keras.Input((6,))])
            model.add(layers.Rescaling(kind([0.5, 1.0, 2.0, 0.1, 3.0, 1.5]), kind([0.1] * 6)))
            model.add(layers.Dense(7, "tanh"))
            model.add(layers.Dense(2))
            model.add(layers.Rescaling(kind([5.0, 0.7]), kind([-2.0, 0.5])))
            model.compile(adam(variant), loss)
            return model

        check(build, arguments((x, y)))

    @pytest.mark.parametrize("kind", ["uint8", "int64", "bool"])
    def test_inputs_of_whole_numbers(self, kind):
        x, y = classes()
        check(mlp(), arguments(((3 * np.abs(x)).astype(kind), y)))

    def test_metrics(self):
        metrics = [
            keras.metrics.AUC(num_thresholds=30),
            keras.metrics.Precision(class_id=1),
            keras.metrics.F1Score(),
            keras.metrics.R2Score(),
            keras.metrics.RootMeanSquaredError(),
            "mae",
        ]
        x, y = classes()
        fit = arguments((x, keras.utils.to_categorical(y).astype("float32")))
        check(mlp(loss="categorical_crossentropy", metrics=lambda: metrics), fit)

    @pytest.mark.parametrize(
        "given",
        [
            {"class_weight": {0: 1.0, 1: 3.0, 2: 0.5}},
            {"sample_weight": np.linspace(0.1, 2, 65, dtype="float32")},
            {"validation_data": (*classes(30), np.linspace(0, 1, 30, dtype="float32"))},
            {"validation_data": None, "initial_epoch": 1},
        ],
        ids=["classes", "samples", "validation", "no validation"],
    )
    def test_weights_of_samples(self, given):
        build = mlp(weighted_metrics=lambda: ["accuracy"], loss_weights=[0.7])
        check(build, arguments(**given))

    def test_more_samples_than_are_gathered_at_once(self, monkeypatch):
        from kerastune_lite._src.keras.fast.numpy import epoch, masks

        monkeypatch.setattr(epoch, "_PIECE", 250)
        monkeypatch.setattr(masks, "_BLOCK", 250)
        check(mlp(lambda variant: [layers.Dropout(0.3, seed=1)]), variant=1)


class TestStopping:
    @pytest.mark.parametrize("rate", [1e20, 0.05])
    def test_at_a_loss_that_is_not_finite(self, rate):
        """In the batch in which it shows."""

        def build(variant):
            return one_output(optimizer=lambda variant: keras.optimizers.SGD(rate))(variant)

        def fit(variant):
            callbacks = [keras.callbacks.TerminateOnNaN()]
            return {**arguments(numbers())(variant), "callbacks": callbacks}

        check(build, fit)

    def test_a_class_that_the_model_does_not_know(self):
        x, y = classes()
        with pytest.raises(Exception, match="label value of"), no_programs():
            dispatched(mlp(), arguments((x, np.where(y == 2, 3, y))), fastest="NumPy")


def small(loss="sparse_categorical_crossentropy", hidden=lambda: (), last="softmax", **others):
    return mlp(lambda v: hidden(), last=lambda: layers.Dense(3, last), loss=loss, **others)


REFUSED = {
    "SeparableConv1D layers": small(
        hidden=lambda: [layers.Reshape((4, 2)), layers.SeparableConv1D(2, 2), layers.Flatten()]
    ),
    "LayerNormalization layers": small(hidden=lambda: [layers.LayerNormalization()]),
    "a special ReLU layer": small(hidden=lambda: [layers.ReLU(max_value=2.0)]),
    "the optimizer Ftrl": small(optimizer=lambda variant: keras.optimizers.Ftrl(RATES[variant])),
    "an optimizer with negative numbers": small(
        optimizer=lambda variant: keras.optimizers.SGD(0.1, weight_decay=-0.1)
    ),
    "averages of weights (use_ema)": small(
        optimizer=lambda variant: keras.optimizers.SGD(0.1, use_ema=True)
    ),
    "a schedule in whole numbers": small(
        optimizer=lambda v: keras.optimizers.SGD(keras.optimizers.schedules.CosineDecay(1, 10))
    ),
    "the schedule CosineDecayRestarts": small(
        optimizer=lambda variant: keras.optimizers.SGD(
            keras.optimizers.schedules.CosineDecayRestarts(0.1, 10)
        )
    ),
    "the loss sparse_categorical_crossentropy on a model that does not end with softmax": small(
        last="sigmoid"
    ),
    "a loss of logits on a model that ends with probabilities": small(
        loss=lambda: keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    ),
    "activity regularizers": small(hidden=lambda: [layers.Dense(3, activity_regularizer="l2")]),
    "constraints": small(hidden=lambda: [layers.Dense(3, kernel_constraint="max_norm")]),
    "special regularizers": small(
        hidden=lambda: [layers.Dense(3, kernel_regularizer=regularizers.OrthogonalRegularizer())]
    ),
}


@pytest.mark.parametrize("reason", REFUSED)
@pytest.mark.filterwarnings("ignore:.*received `from_logits=True`:UserWarning")
def test_what_is_left_to_tensorflow(reason):
    build = REFUSED[reason]
    with no_programs(), no_warnings():
        outcome = dispatched(build, arguments(epochs=1), fastest="NumPy")
    assert (outcome.path, outcome.reason) == (SHARED, reason)


def test_large_networks_are_left_to_tensorflow():
    build = mlp(lambda variant: [layers.Dense(100_000)])
    with no_programs():
        outcome = dispatched(build, arguments(epochs=1, batch_size=65), fastest="NumPy")
    assert (outcome.path, outcome.reason) == (SHARED, "a large network")


class TestBesideAGpu:
    @pytest.fixture(autouse=True)
    def gpu(self, monkeypatch):
        import tensorflow as tf

        listed = tf.config.list_physical_devices
        monkeypatch.setattr(
            tf.config,
            "list_physical_devices",
            lambda kind=None: ["a GPU"] if kind == "GPU" else listed(kind),
        )

    def test_small_networks_are_trained_in_numpy(self):
        check(mlp(lambda variant: [layers.Dropout(0.3, seed=1)]))

    def test_large_ones_are_not(self):
        build = mlp(lambda variant: [layers.Dense(20_000)])
        with no_programs():
            outcome = dispatched(build, arguments(epochs=1, batch_size=65), fastest="NumPy")
        assert (outcome.path, outcome.reason) == (SHARED, "a large network")

    def test_the_data_is_fetched_once(self, monkeypatch):
        from kerastune_lite._src.keras.fast.dispatcher import Dispatcher

        fetched = []
        asarray = np.asarray

        def counting(given, *rest, **options):
            if type(given).__name__ == "EagerTensor" and len(given.shape) == 2:
                fetched.append(tuple(given.shape))
            return asarray(given, *rest, **options)

        monkeypatch.setattr(np, "asarray", counting)
        fit = arguments(epochs=5, validation_data=None)
        (x,) = {fit(0)["x"].shape}
        with no_programs():
            dispatcher = Dispatcher()
            for variant in (0, 1):
                dispatched(mlp(), fit, variant, fastest="NumPy", dispatcher=dispatcher)
        assert fetched.count(x) == 1


def test_features_and_outputs_that_are_scaled_one_by_one():
    """As a ready-made space scales them: before the first layer, and after the last."""
    mean, deviation = [5.0, -2.0], [3.0, 40.0]
    x, y = numbers()
    y = np.concatenate([y, -y], 1) * deviation + mean

    def build(variant):
        model = keras.Sequential([keras.Input((6,))])
        model.add(layers.Rescaling([0.5, 2.0, 1.0, -1.0, 0.0, 3.0], [0.1, 0.0, -2.0, 1.0, 1.0, 0]))
        model.add(layers.Dense(8, "tanh"))
        model.add(layers.Dense(2))
        model.add(layers.Rescaling(deviation, mean))
        model.compile(adam(variant), "mse", metrics=["mae"])
        return model

    fit = arguments((x, y.astype("float32")))
    check_arrays(build, fit, by_fit(build, fit), must=True)
    check_shared(build, fit)
