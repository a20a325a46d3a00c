"""Convolutions and poolings in NumPy: trained as by `model.fit`."""

import pytest

from kerastune_lite._src.keras.fast.dispatcher import SHARED
from tests.keras.equality.cases import (
    DROPPED,
    UNITS,
    adam,
    arguments,
    by_fit,
    check_arrays,
    classes,
    dispatched,
    keras,
    no_programs,
    rare_is_slow,
)
from tests.keras.stacked import check_stacked, fit_of

layers = keras.layers


def of_images(made, shape):
    """variant -> the layers of `made(variant)` and a softmax."""

    def build(variant):
        last = layers.Dense(3, activation="softmax")
        model = keras.Sequential([keras.Input(shape), *made(variant), layers.Flatten(), last])
        model.compile(adam(variant), "sparse_categorical_crossentropy", metrics=["accuracy"])
        return model

    return build


def check(made, shape, variant=0, **others):
    """A model is trained in NumPy, and as by `fit`."""
    build, fit = of_images(made, shape), arguments(classes(60, shape))
    check_arrays(build, fit, by_fit(build, fit, variant), variant, must=True, **others)


def twice(kind, **options):
    """variant -> two convolutions, so that the gradient by the input of one is needed."""
    return lambda variant: [
        kind(UNITS[variant], 1, activation="tanh"),
        kind(4, **{"activation": "relu", **options}),
    ]


CONVOLUTIONS = {
    "images": ((6, 5, 2), twice(layers.Conv2D, kernel_size=3)),
    "many channels": ((6, 5, 5), twice(layers.Conv2D, kernel_size=(2, 3), use_bias=False)),
    "same": ((6, 5, 2), twice(layers.Conv2D, kernel_size=(3, 2), padding="same")),
    "strides": ((9, 8, 2), twice(layers.Conv2D, kernel_size=3, strides=(2, 3))),
    "same with strides": (
        (9, 8, 2),
        twice(layers.Conv2D, kernel_size=4, strides=2, padding="same", activation="gelu"),
    ),
    "strides over gaps": ((7, 7, 1), twice(layers.Conv2D, kernel_size=1, strides=2)),
    "dilated": ((9, 8, 2), twice(layers.Conv2D, kernel_size=3, dilation_rate=(2, 3))),
    "same and dilated": (
        (6, 5, 2),
        twice(layers.Conv2D, kernel_size=3, dilation_rate=2, padding="same"),
    ),
    "sequences": ((9, 2), twice(layers.Conv1D, kernel_size=3)),
    "sequences, same": ((9, 2), twice(layers.Conv1D, kernel_size=4, strides=2, padding="same")),
    "causal": ((9, 2), twice(layers.Conv1D, kernel_size=3, padding="causal", dilation_rate=2)),
    "causal with strides": (
        (9, 2),
        twice(layers.Conv1D, kernel_size=3, padding="causal", strides=2),
    ),
}

_RARE = ("many channels", "strides over gaps", "same and dilated", "causal with strides")


@pytest.mark.parametrize(
    "name", rare_is_slow(list(CONVOLUTIONS), [n for n in CONVOLUTIONS if n not in _RARE])
)
def test_convolutions(name):
    shape, made = CONVOLUTIONS[name]
    check(made, shape, variant=len(name) % 2)


POOLINGS = {
    "images": ((6, 4, 2), {"pool_size": 2}),
    "rest that no window covers": ((7, 5, 2), {"pool_size": (3, 2)}),
    "same": ((7, 5, 2), {"pool_size": 2, "padding": "same"}),
    "overlapping": ((7, 5, 2), {"pool_size": 3, "strides": 2, "padding": "same"}),
    "sequences": ((9, 3), {"pool_size": 2}),
    "sequences, overlapping": ((9, 3), {"pool_size": 3, "strides": 1, "padding": "same"}),
}


@pytest.mark.parametrize(
    "name", rare_is_slow(list(POOLINGS), ["overlapping", "sequences", "rest that no window covers"])
)
@pytest.mark.parametrize("kind", ["Average", "Max"])
def test_poolings(name, kind):
    """Of equal numbers, the first one is the largest; ReLU makes some."""
    shape, options = POOLINGS[name]
    axes = len(shape) - 1
    convolution = getattr(layers, f"Conv{axes}D")
    pooling = getattr(layers, f"{kind}Pooling{axes}D")

    def made(variant):
        return [
            convolution(3, 1, activation="relu"),
            layers.Dropout(DROPPED[variant], seed=1),
            pooling(**options),
            layers.Activation("tanh"),
        ]

    check(made, shape)


def usual(variant):
    return [
        layers.Conv2D(UNITS[variant], 3, padding="same", use_bias=False),
        layers.BatchNormalization(momentum=0.7),
        layers.ReLU(),
        layers.MaxPooling2D(),
        layers.Conv2D(5, 2, activation="relu"),
        layers.GlobalAveragePooling2D(),
        layers.Dense(6, "relu"),
    ]


@pytest.mark.parametrize("variant", rare_is_slow([0, 1], [0]))
def test_a_usual_network(variant):
    check(usual, (6, 6, 2), variant)


def test_batch_normalization_of_sequences():
    def made(variant):
        return [
            layers.Conv1D(UNITS[variant], 3, padding="same", use_bias=False),
            layers.BatchNormalization(momentum=0.7, scale=False),
            layers.ReLU(),
            layers.Conv1D(3, 3, padding="same", kernel_regularizer="l2"),
            layers.GlobalMaxPooling1D(),
        ]

    check(made, (9, 2))


@pytest.mark.parametrize("trainable", [False, True])
def test_a_base_that_is_called_as_in_inference(trainable):
    """Keras tells it what it tells the model around it: its layers drop out in training.

    Statistics stay as they are where they are not trained.
    """

    def build(variant):
        base = keras.Sequential(
            [
                keras.Input((6, 6, 2)),
                layers.Conv2D(4, 3, activation="relu"),
                layers.BatchNormalization(),
                layers.Dropout(0.5, seed=2),
                layers.GlobalAveragePooling2D(),
            ]
        )
        base.trainable = trainable
        base.layers[1].moving_variance.assign([0.5, 2.0, 1.0, 3.0])
        x = keras.Input((6, 6, 2))
        y = layers.Dropout(0.2, seed=1)(layers.Dense(6, "tanh")(base(x, training=False)))
        model = keras.Model(x, layers.Dense(3, "softmax")(y))
        model.compile(adam(variant), "sparse_categorical_crossentropy", metrics=["accuracy"])
        return model

    fit = arguments(classes(60, (6, 6, 2)))
    check_arrays(build, fit, by_fit(build, fit), must=True)


def test_side_by_side():
    build = of_images(lambda variant: usual(0), (6, 6, 2))
    check_stacked(build, fit_of(classes(60, (6, 6, 2))), compared=(0, 2))


def test_many_samples_are_measured_piece_by_piece():
    build, fit = of_images(usual, (6, 6, 2)), arguments(classes(260, (6, 6, 2)), epochs=1)
    x, y = classes(200, (6, 6, 2), seed=2)

    def validated(variant):
        return {**fit(variant), "validation_data": (x, y)}

    check_arrays(build, validated, by_fit(build, validated), must=True)


def test_large_convolutions_are_left_to_tensorflow():
    build = of_images(lambda v: [layers.Conv2D(64, 3), layers.GlobalMaxPooling2D()], (30, 30, 9))
    data = classes(60, (30, 30, 9))
    with no_programs():
        outcome = dispatched(build, arguments(data, epochs=1, batch_size=8), fastest="NumPy")
    assert (outcome.path, outcome.reason) == (SHARED, "a large network")


@pytest.mark.parametrize(
    "made",
    [
        lambda v: [layers.Conv2D(4, 2, groups=2)],
        lambda v: [layers.Conv2D(4, 2, activation=keras.ops.sin)],
    ],
    ids=["groups", "an activation of one's own"],
)
def test_what_is_left_to_tensorflow(made):
    build = of_images(made, (6, 6, 2))
    with no_programs():
        outcome = dispatched(build, arguments(classes(60, (6, 6, 2)), epochs=1), fastest="NumPy")
    assert outcome.path != "NumPy"
