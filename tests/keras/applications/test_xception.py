"""HyperXception: its shapes, and what depends on the activation."""

import numpy as np
import pytest

import kerastune_lite as kt
from kerastune_lite.applications import HyperXception
from tests.keras.models import keras

SHAPE = (16, 16, 3)


def built(values, **arguments):
    """A network, smaller than those of the space unless `values` say otherwise."""
    hp = kt.HyperParameters(values={"num_residual_blocks": 1, "sep_num_filters": 8, **values})
    arguments = {"input_shape": SHAPE, "classes": 10, **arguments}
    return HyperXception(**arguments).build(hp), hp


def kinds(model):
    return [type(layer).__name__ for layer in model.layers]


@pytest.mark.parametrize("activation", ["relu", "selu"])
@pytest.mark.parametrize("pooling", ["avg", "flatten", "max"])
def test_each_way_of_pooling(activation, pooling):
    model, _ = built({"activation": activation, "pooling": pooling})
    assert (model.name, model.output_shape) == ("Xception", (None, 10))
    images = np.ones((2, *SHAPE), "float32")
    np.testing.assert_allclose(np.sum(model(images, training=True), axis=1), [1, 1], rtol=1e-5)


@pytest.mark.parametrize(("pooling", "size"), [("avg", 16), ("flatten", 4 * 4 * 16), ("max", 16)])
def test_features(pooling, size):
    model, hp = built({"pooling": pooling}, include_top=False)
    assert model.output_shape == (None, size)
    assert not model.compiled
    assert list(hp.used_values())[-1] == "pooling"


def test_selu_needs_no_normalisation():
    relu, with_relu = built({"dense_use_bn": False, "num_dense_layers": 2})
    selu, with_selu = built({"activation": "selu"})
    assert "BatchNormalization" not in kinds(selu)
    assert "dense_use_bn" not in with_selu
    assert "dense_use_bn" in with_relu
    tail = kinds(relu)[-5:]
    assert tail == ["Dense", "Dropout", "Dense", "Dropout", "Dense"]
    convolutions = [layer for layer in selu.layers if "Conv2D" in type(layer).__name__]
    for layer in convolutions[:2]:
        assert layer.activation is keras.activations.selu


def test_without_dropout():
    model, _ = built({"dropout_rate": 0.0, "num_dense_layers": 1})
    assert kinds(model)[-3:] == ["Dense", "BatchNormalization", "Dense"]


def test_the_channels_may_come_first():
    keras.config.set_image_data_format("channels_first")
    try:
        model, _ = built({}, input_shape=(3, 32, 16), include_top=False)
    finally:
        keras.config.set_image_data_format("channels_last")
    assert model.get_layer("avg_pool").input.shape == (None, 16, 8, 4)
    first = next(each for each in model.layers if isinstance(each, keras.layers.BatchNormalization))
    assert first.gamma.shape == (64,)
