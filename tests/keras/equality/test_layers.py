"""Layer by layer: one program for all sizes, one for each size, or a trace of its own."""

import numpy as np
import pytest

from tests.keras.equality.cases import (
    DROPPED,
    MORE_UNITS,
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
    rare_is_slow,
    sgd,
)

L = keras.layers

ACTIVATIONS = (
    *("relu", "elu", "gelu", "swish", "leaky_relu", "softmax", "selu", "linear", "celu"),
    *("exponential", "hard_sigmoid", "hard_silu", "hard_tanh", "log_softmax", "mish", "relu6"),
    *("sigmoid", "silu", "soft_shrink", "softplus", "softsign", "sparse_plus", "squareplus"),
    *("tanh", "tanh_shrink", "hard_shrink", "log_sigmoid"),
)


def sequential(layers, inputs, optimizer=sgd, units=3):
    """variant -> the layers of `layers(variant)` and a softmax."""

    def build(variant):
        last = L.Dense(units, activation="softmax")
        model = keras.Sequential([keras.Input(inputs), *layers(variant), last])
        loss = "sparse_categorical_crossentropy"
        model.compile(optimizer(variant), loss=loss, metrics=["accuracy"])
        return model

    return build


def tokens(rows=90, length=7, vocabulary=11):
    """x (rows, length) of word numbers, y (rows,) of three classes."""
    rng = np.random.default_rng(3)
    x = rng.integers(1, vocabulary, (rows, length)).astype("int32")
    return x, (x.sum(axis=1) % 3).astype("int64")


# ------------------------------------------------------------------ one program for all sizes

BETWEEN = {
    "dense": lambda v: [L.Dense(MORE_UNITS[v], activation="relu")],
    "no bias": lambda v: [L.Dense(MORE_UNITS[v], use_bias=False)],
    "one unit": lambda v: [L.Dense(1), L.Dense(MORE_UNITS[v])],
    "dropout": lambda v: [L.Dropout(DROPPED[v])],
    "dropout with a seed": lambda v: [L.Dropout(DROPPED[v], seed=v)],
    "noise shape": lambda v: [L.Dropout(DROPPED[v], noise_shape=(None, 1))],
    "two dropouts": lambda v: [L.Dropout(DROPPED[v]), L.Dense(4), L.Dropout(DROPPED[-v])],
    "gaussian noise": lambda v: [L.GaussianNoise(DROPPED[v])],
    "batch normalization": lambda v: [
        L.Dense(MORE_UNITS[v], use_bias=False),
        L.BatchNormalization(),
        L.Activation("relu"),
    ],
    "batch normalization and dropout": lambda v: [
        L.Dense(MORE_UNITS[v], use_bias=False),
        L.BatchNormalization(),
        L.Dropout(DROPPED[v]),
    ],
    "leaky relu": lambda v: [L.LeakyReLU(0.2), L.ReLU(max_value=3.0), L.ELU(0.5), L.Softmax()],
    "rescaling": lambda v: [L.Rescaling(0.5, offset=0.1)],
    "rescaling of each feature": lambda v: [
        L.Dense(3),
        L.Rescaling(np.array([0.5, 2.0, 3.0]), 0.1),
    ],
    "flatten": lambda v: [L.Flatten()],
}


RARE = ("no bias", "one unit", "dropout with a seed", "noise shape", "flatten")


@grid(BETWEEN, [n for n in BETWEEN if n not in RARE])
def test_layers_of_all_sizes(name, extent):
    check_shared(mlp(BETWEEN[name]), arguments(), **extent)


@pytest.mark.slow
def test_three_models_one_after_the_other():
    """Each of them is compared: the first, the one of the self-check, the one after it."""
    build = mlp(BETWEEN["batch normalization and dropout"], adam)
    # Normalisation takes away what a unit that is never cut off adds.
    null = ("dense_1/bias",)
    check_shared(build, arguments(), variants=(0, 1, 2), compared=(0, 1, 2), null=null)


@pytest.mark.parametrize("rate", rare_is_slow([0.0, 1e-3], [0.0]))
def test_a_rate_at_the_edge(rate):
    # Zero is another program, since Python branches on it.
    check_shared(mlp(lambda v: [L.Dropout(rate), L.GaussianNoise(rate)]), arguments())


def test_gaussian_dropout_keeps_its_rate_in_the_key():
    build = mlp(lambda v: [L.GaussianDropout(DROPPED[v])])
    check_shared(build, arguments(), programs=2)


def activated(*names):
    """variant -> layers with these activations."""

    def layers(variant):
        pairs = ((L.Dense(2 * MORE_UNITS[variant], name), L.Activation(name)) for name in names)
        return [layer for pair in pairs for layer in pair]

    return layers


def test_common_activations():
    check_shared(mlp(activated("relu", "elu", "gelu", "swish", "leaky_relu")), arguments())


@pytest.mark.slow
@pytest.mark.parametrize("name", ACTIVATIONS)
def test_activations(name):
    check_shared(mlp(activated(name)), arguments())


IMAGES = {
    # -> shape of an input, layers
    "conv1d": ((12, 2), lambda v: [L.Conv1D(UNITS[v], 3), L.MaxPooling1D(2), L.Flatten()]),
    "conv1d same": (
        (12, 2),
        lambda v: [
            L.Conv1D(UNITS[v], 3, padding="same", strides=2, activation="relu"),
            L.SpatialDropout1D(DROPPED[v]),
            L.GlobalAveragePooling1D(),
        ],
    ),
    "conv1d causal": (
        (12, 2),
        lambda v: [L.Conv1D(UNITS[v], 3, padding="causal", dilation_rate=2), L.AveragePooling1D(2),
                   L.GlobalMaxPooling1D()],
    ),
    "conv2d": (
        (6, 6, 2),
        lambda v: [L.Conv2D(UNITS[v], 3, activation="relu"), L.MaxPooling2D(), L.Flatten()],
    ),
    "filters as many as rows and columns": (
        (6, 6, 6),
        lambda v: [
            L.Conv2D((6, 4, 8)[v], 3, padding="same", use_bias=False),
            L.BatchNormalization(),
            L.ReLU(),
            L.AveragePooling2D(2),
            L.Conv2D((3, 4, 8)[v], 3, padding="same"),
            L.GlobalAveragePooling2D(),
        ],
    ),
    "conv2d padded": (
        (5, 6, 1),
        lambda v: [
            L.ZeroPadding2D(1),
            L.Conv2D(UNITS[v], (2, 3), strides=2),
            L.SpatialDropout2D(DROPPED[v]),
            L.GlobalMaxPooling2D(),
        ],
    ),
    "conv3d": (
        (4, 4, 4, 1),
        lambda v: [L.Conv3D(UNITS[v], 2), L.MaxPooling3D(), L.GlobalAveragePooling3D()],
    ),
    "conv3d with dropout": (
        (4, 4, 4, 1),
        lambda v: [L.AveragePooling3D(2), L.Conv3D(UNITS[v], 1), L.SpatialDropout3D(DROPPED[v]),
                   L.GlobalMaxPooling3D()],
    ),
    "conv1d padded": (
        (8, 2),
        lambda v: [L.ZeroPadding1D(2), L.Conv1D(UNITS[v], 3), L.GlobalMaxPooling1D()],
    ),
    "dense on a sequence": (
        (5, 3),
        lambda v: [L.Dense(UNITS[v], activation="tanh"), L.Dense(MORE_UNITS[v]), L.Flatten()],
    ),
}  # fmt: skip


RARE_IMAGES = ("conv1d causal", "conv1d padded", "conv3d", "conv3d with dropout")


@grid(IMAGES, [n for n in IMAGES if n not in RARE_IMAGES])
def test_images_of_all_sizes(name, extent):
    shape, layers = IMAGES[name]
    check_shared(sequential(layers, shape), arguments(classes(60, shape)), **extent)


def test_the_statistics_of_batch_normalization_move_alike():
    def build(variant):
        return mlp(
            lambda v: [L.Dense(MORE_UNITS[v], use_bias=False), L.BatchNormalization(momentum=0.7)],
            adam,
        )(variant)

    # Their final values are among the weights that are compared.
    check_shared(build, arguments(epochs=6))


def adapted(factor=1.0, **options):
    layer = L.Normalization(**options)
    layer.adapt(factor * classes()[0])
    return layer


NORMALIZED = {
    "adapted": lambda v: [adapted(), L.Dense(UNITS[v], "relu")],
    "one number for all": lambda v: [adapted(axis=None)],
    "inverted": lambda v: [L.Dense(6), adapted(invert=True), L.Dense(MORE_UNITS[v])],
    "given": lambda v: [L.Normalization(mean=[1.0, 0, 2, 0, 0, 1], variance=[4.0, 1, 0, 1, 1, 1])],
}


@grid(NORMALIZED, ("adapted", "inverted"))
def test_normalizations(name, extent):
    check_shared(sequential(NORMALIZED[name], (6,)), arguments(), **extent)


def test_other_statistics_are_another_program():
    build = sequential(lambda v: [adapted((1.0, 3.0, 0.2)[v])], (6,))
    check_shared(build, arguments(), programs=2, compared=(0, 1))


# ------------------------------------------------------------------ one program for each size

SEQUENCES = {
    "gru": ((7, 3), lambda v: [L.GRU(4)]),
    "lstm": ((7, 3), lambda v: [L.LSTM(4, return_sequences=True), L.LSTM(3, dropout=0.2)]),
    "simple rnn": ((7, 3), lambda v: [L.SimpleRNN(4)]),
    "bidirectional": ((7, 3), lambda v: [L.Bidirectional(L.GRU(3))]),
    "time distributed": ((7, 3), lambda v: [L.TimeDistributed(L.Dense(4)), L.Flatten()]),
    "masking": ((7, 3), lambda v: [L.Masking(0.0), L.LSTM(4)]),
    "separable conv1d": ((7, 3), lambda v: [L.SeparableConv1D(4, 3), L.Flatten()]),
    "separable conv2d": ((6, 6, 2), lambda v: [L.SeparableConv2D(4, 3), L.Flatten()]),
    "depthwise conv2d": ((6, 6, 2), lambda v: [L.DepthwiseConv2D(3), L.Flatten()]),
    "depthwise conv1d": ((7, 3), lambda v: [L.DepthwiseConv1D(3), L.Flatten()]),
    "transposed conv1d": ((4, 2), lambda v: [L.Conv1DTranspose(3, 3, strides=2), L.Flatten()]),
    "cropped and larger": ((5, 5, 2), lambda v: [L.Cropping2D(1), L.UpSampling2D(2), L.Flatten()]),
    "transposed conv2d": ((4, 4, 2), lambda v: [L.Conv2DTranspose(3, 3, strides=2), L.Flatten()]),
    "layer normalization": ((6,), lambda v: [L.Dense(8), L.LayerNormalization()]),
    "group normalization": ((6,), lambda v: [L.Dense(8), L.GroupNormalization(2)]),
    "rms normalization": ((6,), lambda v: [L.Dense(8), L.RMSNormalization()]),
    "unit normalization": ((6,), lambda v: [L.Dense(8), L.UnitNormalization()]),
    "prelu": ((6,), lambda v: [L.Dense(8), L.PReLU()]),
    "alpha dropout": ((6,), lambda v: [L.Dense(8, activation="selu"), L.AlphaDropout(0.2)]),
    "reshape": ((12,), lambda v: [L.Reshape((4, 3)), L.Permute((2, 1)), L.Cropping1D(1),
                                  L.UpSampling1D(2), L.Flatten()]),
    "repeat vector": ((4,), lambda v: [L.RepeatVector(3), L.Flatten()]),
    "einsum": ((5, 4), lambda v: [L.EinsumDense("abc,cd->abd", (5, 3), bias_axes="d"),
                                  L.Flatten()]),
}  # fmt: skip


@grid(SEQUENCES, ("lstm", "layer normalization", "separable conv2d"))
def test_layers_of_one_size(name, extent):
    shape, layers = SEQUENCES[name]
    check_shared(sequential(layers, shape), arguments(classes(60, shape)), **extent)


@pytest.mark.parametrize(
    "name", rare_is_slow(["gru", "layer normalization"], ["layer normalization"])
)
def test_other_sizes_are_another_program(name):
    layers = {
        "gru": lambda v: [L.GRU(MORE_UNITS[v])],
        "layer normalization": lambda v: [L.Dense(UNITS[v]), L.LayerNormalization()],
    }[name]
    check_shared(
        sequential(layers, (5, 3) if name == "gru" else (6,)),
        arguments(classes(60, (5, 3) if name == "gru" else (6,))),
        programs=2,
    )


def test_embedding():
    build = sequential(
        lambda v: [L.Embedding(11, 4, mask_zero=True), L.GlobalAveragePooling1D()], (7,)
    )
    check_shared(build, arguments(tokens()))


@pytest.mark.slow
def test_products_of_two_branches():
    def build(variant):
        inputs = keras.Input((6,))
        one, other = (L.Dense(4, activation="tanh")(inputs) for _ in range(2))
        x = L.Concatenate()([L.Dot(1)([one, other]), L.Dot(1, normalize=True)([one, other])])
        model = keras.Model(inputs, L.Dense(3, activation="softmax")(x))
        model.compile(adam(variant), loss="sparse_categorical_crossentropy", metrics=["accuracy"])
        return model

    check_shared(build, arguments())


@pytest.mark.slow
def test_embedding_before_a_recurrent_layer():
    build = sequential(lambda v: [L.Embedding(11, 4), L.GRU(3)], (7,), adam)
    check_shared(build, arguments(tokens()))


def test_attention():
    def build(variant):
        inputs = keras.Input((5, 4))
        attended = L.MultiHeadAttention(2, 3, dropout=0.1)(inputs, inputs)
        x = L.LayerNormalization()(L.Add()([inputs, attended]))
        model = keras.Model(inputs, L.Dense(3, activation="softmax")(L.Flatten()(x)))
        model.compile(adam(variant), loss="sparse_categorical_crossentropy", metrics=["accuracy"])
        return model

    # A bias that is added to all keys changes no weight of attention.
    check_shared(build, arguments(classes(60, (5, 4))), null=("key/bias",))


# ------------------------------------------------------------------ a trace of its own


OWN_LAYERS = {
    "lambda": (lambda v: [L.Lambda(lambda x: 2 * x)], "Lambda"),
    "spectral normalization": (lambda v: [L.SpectralNormalization(L.Dense(4))], "Spectral"),
}


@pytest.mark.parametrize("name", OWN_LAYERS)
def test_layers_that_are_not_shared(name):
    layers, reason = OWN_LAYERS[name]
    check_own(sequential(layers, (6,)), arguments(), reason)


class Scale(L.Layer):
    """A layer of the user's own, with a loss of its own."""

    def build(self, shape):
        self.factor = self.add_weight(shape=(shape[-1],), initializer="ones", name="factor")

    def call(self, x):
        self.add_loss(0.01 * keras.ops.sum(self.factor**2))
        return x * self.factor


def test_a_layer_of_the_users_own():
    check_own(mlp(lambda v: [Scale()]), arguments(), "Scale")


@pytest.mark.parametrize("name", rare_is_slow(["gelu", "swish", "mine"], ["gelu"]))
def test_an_activation_of_the_users_own_is_not_taken_for_the_one_of_its_name(name):
    def layers(variant):
        slope = (1.0, 1.0, 5.0)[variant]

        def activation(x):
            return keras.ops.tanh(slope * x)

        activation.__name__ = name
        return [L.Dense(5, activation=activation)]

    with no_programs():
        for variant in (0, 2):
            outcome = dispatched(mlp(layers), arguments(), variant)
            assert outcome.path == "own trace"
    check_same(outcome, by_fit(mlp(layers), arguments(), variant))
