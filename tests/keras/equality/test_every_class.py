"""Whatever layers and optimizers the installed Keras has: compared with `fit`, or refused by name.

A class that came since is not on the lists: it needs no change here, unless it trains otherwise on
a trace of its own.
"""

import ast
import functools
import inspect
from pathlib import Path

import pytest

from kerastune_lite._src.keras.fast.structure import NotShared, _Reader
from kerastune_lite._src.keras.fast.supported import FIXED, MODELS, OPTIMIZERS, SIZED
from tests.keras.equality.cases import (
    OWN,
    PLAIN,
    RATES,
    arguments,
    by_fit,
    check_own,
    check_same,
    classes,
    dispatched,
    keras,
    mlp,
    no_programs,
    no_warnings,
)
from tests.keras.equality.test_layers import sequential, tokens

L = keras.layers


def installed(module, base):
    """The subclasses in a public module by name; of a class with several names by the first."""
    found = {}
    for name, value in vars(module).items():
        if inspect.isclass(value) and issubclass(value, base) and value not in found.values():
            found[name] = value
    return found


LAYERS = {n: kind for n, kind in installed(L, L.Layer).items() if n not in (*SIZED, *FIXED)}
OTHERS = {
    name: kind
    for name, kind in installed(keras.optimizers, keras.optimizers.Optimizer).items()
    if name not in (*OPTIMIZERS, "Optimizer")
}


@functools.cache
def used():
    """The names of attributes in the tests of this folder, and the texts."""
    found = set()
    for path in Path(__file__).parent.glob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Attribute):
                found.add(node.attr)
            elif isinstance(node, ast.Constant) and isinstance(node.value, str):
                found.add(node.value)
    return found


@pytest.mark.parametrize("name", sorted({*SIZED, *FIXED} - {"InputLayer"}))
def test_a_layer_on_the_lists_is_there_and_is_compared(name):
    assert name in vars(L)
    assert name in used()


@pytest.mark.parametrize("name", sorted(OPTIMIZERS))
def test_an_optimizer_on_the_list_is_there_and_is_compared(name):
    assert name in vars(keras.optimizers)
    assert name in used()


def read(module, name):
    node = {"module": module, "class_name": name, "config": {}, "registered_name": None}
    return _Reader(sized=True, scalars_open=True).read(node, "layers")


@pytest.mark.parametrize("name", LAYERS)
def test_other_layers_share_no_program_and_the_reason_names_them(name):
    with pytest.raises(NotShared, match=f"^{name} layers are not known to share one$"):
        read("keras.layers", name)


def test_models_within_a_model_are_no_layers():
    assert not MODELS & {*LAYERS}


# ------------------------------------------------------------------ trained

MADE = {
    # -> the optimizers that need others
    "LossScaleOptimizer": lambda kind: kind(keras.optimizers.Adam(RATES[0]), initial_scale=64.0),
    "MultiOptimizer": lambda kind: kind(
        keras.optimizers.OptimizerMap(
            keras.optimizers.Adam(RATES[0]), {".*bias": keras.optimizers.SGD(RATES[1])}
        )
    ),
}


@pytest.mark.parametrize("name", OTHERS)
def test_other_optimizers_train_as_in_fit_and_the_reason_names_them(name):

    def optimizer(variant):
        kind = OTHERS[name]
        return MADE[name](kind) if name in MADE else kind(RATES[0])

    build, fit = mlp(lambda v: [L.Dense(5, activation="relu")], optimizer), arguments()
    with no_programs(), no_warnings():
        outcome = dispatched(build, fit)
    assert outcome.path in (OWN, PLAIN)
    assert name in outcome.reason
    check_same(outcome, by_fit(build, fit))


def attended(layer):
    """variant -> a model in which a sequence attends to itself."""

    def build(variant):
        inputs = keras.Input((5, 4))
        x = L.Flatten()(layer(inputs))
        model = keras.Model(inputs, L.Dense(3, activation="softmax")(x))
        model.compile("sgd", loss="sparse_categorical_crossentropy", metrics=["accuracy"])
        return model

    return build


TRAINED = {
    # -> the shape of an input, layers
    "ActivityRegularization": ((6,), lambda v: [L.Dense(5), L.ActivityRegularization(l2=0.05)]),
    "AdaptiveAveragePooling1D": ((6, 2), lambda v: [L.AdaptiveAveragePooling1D(3), L.Flatten()]),
    "Conv3DTranspose": ((3, 3, 3, 1), lambda v: [L.Conv3DTranspose(2, 2), L.Flatten()]),
    "ConvLSTM1D": ((3, 5, 2), lambda v: [L.ConvLSTM1D(2, 3), L.Flatten()]),
    "Cropping3D": ((4, 4, 4, 1), lambda v: [L.Cropping3D(1), L.Flatten()]),
    "Identity": ((6,), lambda v: [L.Dense(5), L.Identity()]),
    "RNN": ((5, 3), lambda v: [L.RNN(L.GRUCell(4))]),
    "StackedRNNCells": ((5, 3), lambda v: [L.RNN(L.StackedRNNCells([L.LSTMCell(3)]))]),
    "UpSampling3D": ((2, 2, 2, 1), lambda v: [L.UpSampling3D(2), L.Flatten()]),
    "ZeroPadding3D": ((2, 2, 2, 1), lambda v: [L.ZeroPadding3D(1), L.Flatten()]),
}


@pytest.mark.slow
@pytest.mark.parametrize("name", TRAINED)
def test_other_layers_train_as_in_fit(name):
    if name not in LAYERS:
        pytest.skip("not in this version of Keras")
    shape, layers = TRAINED[name]
    reason = "RNN" if name == "StackedRNNCells" else name
    check_own(sequential(layers, shape), arguments(classes(60, shape)), reason)


@pytest.mark.slow
@pytest.mark.parametrize("name", ["Attention", "AdditiveAttention", "GroupQueryAttention"])
def test_other_kinds_of_attention_train_as_in_fit(name):
    def layer(inputs):
        if name == "GroupQueryAttention":
            return LAYERS[name](3, 2, 1)(inputs, inputs)
        return LAYERS[name]()([inputs, inputs])

    check_own(attended(layer), arguments(classes(60, (5, 4))), name, null=("key/bias",))


@pytest.mark.slow
def test_words_as_ones_and_zeros():
    layers = [L.CategoryEncoding(11, output_mode="multi_hot")]
    check_own(sequential(lambda v: layers, (7,)), arguments(tokens()), "CategoryEncoding")
