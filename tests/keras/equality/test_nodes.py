"""What lets the layers of NumPy networks be proven apart, and in any number.

A comparison with Keras counts for other networks of the same layers, since a layer's code holds
nothing of a training and leaves alone what it was handed and what others keep.
"""

import numpy as np
import pytest

from kerastune_lite._src.keras.fast.numpy import (
    convolution,
    embedding,
    masking,
    normalization,
    pooling,
    recurrent,
)
from kerastune_lite._src.keras.fast.numpy import layers as nodes
from kerastune_lite._src.keras.fast.numpy.activations import _WRITTEN as ACTIVATIONS
from tests.keras.equality.cases import (
    adam,
    arguments,
    by_fit,
    check_arrays,
    classes,
    keras,
    mlp,
)

layers = keras.layers

NODES = [
    nodes.Activate,
    normalization.BatchNormalization,
    nodes.Concatenate,
    nodes.Dense,
    nodes.Dropout,
    normalization.Normalization,
    nodes.Product,
    masking.Differs,
    masking.Masking,
    recurrent.Recurrent,
    nodes.Rescaling,
    nodes.Reshape,
    nodes.Sum,
    embedding.Embedding,
    convolution.Convolution,
    pooling.LargestOfAll,
    pooling.LargestOfWindows,
    pooling.MeanOfAll,
    pooling.MeanOfWindows,
]


def arrays_in(kept):
    """The arrays among what a node keeps."""
    if isinstance(kept, np.ndarray):
        yield kept
    elif isinstance(kept, (list, tuple)):
        for each in kept:
            yield from arrays_in(each)


@pytest.fixture
def protected(monkeypatch):
    """Nodes get inputs that cannot be written, and so does what they keep; the kinds that ran."""
    ran = set()

    def protect(kind):
        forward = kind.forward

        def forward_of_protected(self, values, xs):
            held = dict(vars(self))
            for x in xs:
                x.flags.writeable = False
            y, kept = forward(self, values, xs)
            for array in arrays_in(kept):
                array.flags.writeable = False
            y.flags.writeable = False
            assert vars(self) == held
            ran.add(kind)
            return y, kept

        monkeypatch.setattr(kind, "forward", forward_of_protected)

    for kind in NODES:
        protect(kind)
    return ran


def test_all_kinds_are_listed():
    def kinds(base):
        return {base, *(kind for each in base.__subclasses__() for kind in kinds(each))}

    assert set(NODES) == kinds(nodes.Node) - {
        nodes.Node,
        nodes.Activated,
        pooling.OfAll,
        pooling.OfWindows,
    }


@pytest.mark.parametrize("name", ACTIVATIONS)
def test_activations_write_into_nothing_of_others(name, protected):
    build = mlp(lambda variant: [layers.Dense(7, name), layers.Activation(name), layers.Dense(4)])
    fit = arguments(epochs=1)
    check_arrays(build, fit, by_fit(build, fit), must=True)
    assert {nodes.Dense, nodes.Activate} <= protected


def test_layers_write_into_nothing_of_others(protected):
    def build(variant):
        x = keras.Input((2, 3))
        y = layers.Normalization(mean=0.1, variance=2.0)(layers.Rescaling(2.0, -0.5)(x))
        y = layers.Bidirectional(layers.LSTM(3, return_sequences=True))(layers.Masking(0.5)(y))
        y = layers.GRU(4, dropout=0.2, recurrent_dropout=0.2, seed=1)(y)
        z = layers.GRU(4, return_sequences=True, reset_after=False)(x)
        z = layers.SimpleRNN(4)(layers.Dense(3)(z))
        y = layers.Dense(6, "relu")(layers.Add()([y, z]))
        z = layers.Dropout(0.3, seed=1)(layers.BatchNormalization()(y))
        z = layers.Reshape((6,))(layers.Reshape((2, 3))(z))
        rows = layers.Embedding(4, 6)(layers.ReLU()(x))
        largest = layers.GlobalMaxPooling1D()(layers.Reshape((6, 6))(rows))
        means = layers.AveragePooling2D(2, padding="same")(layers.Conv2D(6, 2)(rows))
        means = layers.GlobalAveragePooling2D()(layers.MaxPooling2D(1)(means))
        z = layers.Add()([z, largest, means])
        y = layers.Add()([y, z, layers.Subtract()([y, z])])
        y = layers.Concatenate()([layers.Multiply()([y, z]), layers.Average()([y, z])])
        y = layers.ReLU()(layers.LeakyReLU(0.3)(y))
        model = keras.Model(x, layers.Softmax()(layers.Dense(3)(y)))
        model.compile(adam(variant), "sparse_categorical_crossentropy", metrics=["accuracy"])
        return model

    fit = arguments(classes(shape=(2, 3)), epochs=2)
    check_arrays(build, fit, by_fit(build, fit), must=True)
    assert protected == set(NODES)


def test_many_layers():
    """As many as nobody compares when shorter ones were."""

    def hidden(variant):
        blocks = [(layers.Dense(6, "tanh"), layers.Dense(6, "relu")) for _ in range(6)]
        return [layer for block in blocks for layer in (*block, layers.Dropout(0.1, seed=1))]

    build, fit = mlp(hidden), arguments(epochs=2)
    check_arrays(build, fit, by_fit(build, fit), must=True)
