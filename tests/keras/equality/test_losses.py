"""Losses, one by one and several at a time."""

import numpy as np
import pytest

from tests.keras.equality.cases import (
    DROPPED,
    RATES,
    UNITS,
    adam,
    arguments,
    by_fit,
    check_own,
    check_same,
    check_shared,
    classes,
    dispatched,
    grid,
    keras,
    mlp,
    no_programs,
    numbers,
    one_output,
    rare_is_slow,
    sgd,
)

L, losses = keras.layers, keras.losses


def one_hot(rows=90):
    x, y = classes(rows)
    return x, np.eye(3, dtype="float32")[y]


def signs(rows=90):
    """y (rows, 1) in -1 and 1."""
    x, y = classes(rows, count=2)
    return x, (2.0 * y[:, None] - 1).astype("float32")


def zeros_and_ones(rows=90):
    return classes(rows, count=2)


LOGITS = {
    "sparse": (lambda: losses.SparseCategoricalCrossentropy(from_logits=True), classes),
    "categorical": (lambda: losses.CategoricalCrossentropy(from_logits=True), one_hot),
    "smoothed": (
        lambda: losses.CategoricalCrossentropy(from_logits=True, label_smoothing=0.1),
        one_hot,
    ),
    "focal": (lambda: losses.CategoricalFocalCrossentropy(from_logits=True), one_hot),
}


@grid(LOGITS, ("sparse", "categorical"))
def test_losses_of_logits(name, extent):
    loss, data = LOGITS[name]
    check_shared(mlp(loss=loss, last=lambda: L.Dense(3)), arguments(data()), **extent)


PROBABILITIES = {
    "sparse_categorical_crossentropy": classes,
    "categorical_crossentropy": one_hot,
    "kl_divergence": one_hot,
    "categorical_hinge": one_hot,
}


@grid(PROBABILITIES, ("sparse_categorical_crossentropy", "categorical_crossentropy"))
def test_losses_of_probabilities(name, extent):
    check_shared(mlp(loss=name), arguments(PROBABILITIES[name]()), **extent)


BINARY = {
    "binary_crossentropy": lambda: "binary_crossentropy",
    "smoothed": lambda: losses.BinaryCrossentropy(label_smoothing=0.2),
    "focal": lambda: losses.BinaryFocalCrossentropy(gamma=1.5),
}


@grid(BINARY, ("binary_crossentropy",))
def test_losses_of_one_probability(name, extent):
    build = one_output(loss=BINARY[name], metrics=["accuracy"], activation="sigmoid")
    # y has one dimension less than the output.
    check_shared(build, arguments(zeros_and_ones()), **extent)


def gentle(variant):
    """So slow that no rounding is amplified."""
    return keras.optimizers.SGD(RATES[variant] / 100)


NUMBERS = {
    "mse": lambda: "mse",
    "mae": lambda: "mean_absolute_error",
    "mape": lambda: "mape",
    "msle": lambda: "msle",
    "huber": lambda: losses.Huber(0.3),
    "log cosh": lambda: "log_cosh",
    "sum": lambda: losses.MeanSquaredError(reduction="sum"),
    "cosine": lambda: losses.CosineSimilarity(),
}


@grid(NUMBERS, ("mse", "mae", "huber", "sum"))
def test_losses_of_numbers(name, extent):
    x, y = numbers()
    # Not near zero, by which some losses divide.
    build = one_output(loss=NUMBERS[name], optimizer=gentle)
    check_shared(build, arguments((x, y + 1)), **extent)


@pytest.mark.slow
def test_poisson():
    build = one_output(loss="poisson", activation="softplus")
    check_shared(build, arguments(numbers()))


@pytest.mark.parametrize("name", rare_is_slow(["hinge", "squared_hinge"], ["hinge"]))
def test_hinge(name):
    build = one_output(loss=name, activation="tanh")
    check_shared(build, arguments(signs()))


def test_one_delta_is_not_taken_for_another():
    def build(variant):
        return one_output(loss=lambda: losses.Huber((0.1, 0.4)[variant]))(variant)

    check_shared(build, arguments(numbers()), programs=2)


def cubic(y_true, y_pred):
    return keras.ops.mean(keras.ops.abs(y_true - y_pred) ** 3, axis=-1)


class Cubic(losses.Loss):
    def call(self, y_true, y_pred):
        return cubic(y_true, y_pred)


OWN = {
    "a function": lambda: cubic,
    "a lambda": lambda: lambda y_true, y_pred: cubic(y_true, y_pred),
    "a class": lambda: Cubic(),
    "a function of keras's": lambda: losses.mean_squared_error,
}


@pytest.mark.parametrize("name", rare_is_slow(OWN, ["a function", "a class"]))
def test_losses_of_the_users_own(name):
    build = one_output(loss=OWN[name])
    check_own(build, arguments(numbers()))


def test_a_function_of_the_users_own_is_not_taken_for_the_loss_of_its_name():
    def mean_squared_error(y_true, y_pred):
        return cubic(y_true, y_pred)

    def build(variant):
        loss = "mean_squared_error" if variant == 0 else mean_squared_error
        return one_output(loss=lambda: loss)(variant)

    with no_programs():
        for variant in (0, 1):
            outcome = dispatched(build, arguments(numbers()), variant)
    check_same(outcome, by_fit(build, arguments(numbers()), variant))


# ------------------------------------------------------------------ several outputs

x, y = classes(90)
TARGETS = (y, (y > 0).astype("float32")[:, None])


def two_outputs(compiled, as_dict=False, optimizer=sgd):
    def build(variant):
        inputs = keras.Input((6,))
        hidden = L.Dropout(DROPPED[variant])(L.Dense(UNITS[variant], activation="relu")(inputs))
        first = L.Dense(3, activation="softmax", name="kind")(hidden)
        second = L.Dense(1, activation="sigmoid", name="positive")(hidden)
        outputs = {"kind": first, "positive": second} if as_dict else [first, second]
        model = keras.Model(inputs, outputs)
        model.compile(optimizer(variant), **compiled(variant))
        return model

    return build


NAMED = {"kind": "sparse_categorical_crossentropy", "positive": "binary_crossentropy"}
LISTED = list(NAMED.values())
SEVERAL = {
    # -> what compile is given, whether outputs and targets are dicts
    "lists": (lambda v: {"loss": LISTED, "metrics": [["accuracy"], ["mae"]]}, False),
    "weights": (lambda v: {"loss": LISTED, "loss_weights": [0.3, 2.0]}, False),
    "dict of losses": (
        lambda v: {"loss": NAMED, "metrics": {"kind": "accuracy", "positive": ["AUC", "mae"]}},
        False,
    ),
    "dict outputs": (
        lambda v: {
            "loss": NAMED,
            "loss_weights": {"kind": 0.5, "positive": 1.5},
            "metrics": {"kind": ["accuracy"]},
            "weighted_metrics": {"positive": ["mae"]},
        },
        True,
    ),
    "one loss": (lambda v: {"loss": [LISTED[0], None]}, False),
}


@pytest.mark.parametrize("name", rare_is_slow(SEVERAL, ["lists", "dict outputs"]))
@pytest.mark.filterwarnings("ignore:Gradients do not exist")  # of an output without a loss
def test_several_outputs(name):
    compiled, as_dict = SEVERAL[name]
    targets = dict(zip(NAMED, TARGETS)) if as_dict else TARGETS
    check_shared(two_outputs(compiled, as_dict), arguments((x, targets)))


def test_loss_weights_are_part_of_the_key():
    def compiled(variant):
        return {"loss": LISTED, "loss_weights": [(0.3, 0.6)[variant], 2.0]}

    check_shared(two_outputs(compiled, optimizer=adam), arguments((x, TARGETS)), programs=2)


def test_sample_weights_per_output():
    weights = tuple(np.linspace(0.1, i, 65).astype("float32") for i in (1, 2))
    fit = arguments((x, TARGETS), sample_weight=weights)
    build = two_outputs(lambda v: {"loss": LISTED, "weighted_metrics": [["accuracy"], ["mae"]]})
    check_shared(build, fit)
