"""HyperEfficientNet: the networks of Keras, with random weights unless others are asked for."""

import pytest

import kerastune_lite as kt
from kerastune_lite.applications import HyperEfficientNet
from tests.keras.models import keras

SHAPE = (32, 32, 3)


@pytest.fixture
def asked(monkeypatch):
    """What Keras's networks are asked for; one layer stands in for each of them."""
    calls = {}

    def network(version):
        def build(input_tensor, **arguments):
            calls[version] = (input_tensor.shape[1:], arguments)
            return keras.Model(
                keras.utils.get_source_inputs(input_tensor),
                keras.layers.Conv2D(2, 3)(input_tensor),
            )

        return build

    for version in range(8):
        name = f"EfficientNetB{version}"
        monkeypatch.setattr(keras.applications, name, network(f"B{version}"))
    return calls


@pytest.mark.slow
def test_the_default():
    hp = kt.HyperParameters()
    model = HyperEfficientNet(input_shape=SHAPE, classes=10).build(hp)
    assert (model.name, model.output_shape) == ("EfficientNet", (None, 10))
    assert model.get_layer("avg_pool").input.shape == (None, 7, 7, 1280)
    assert hp.values == {
        "version": "B0",
        "pooling": "avg",
        "top_dropout_rate": 0.2,
        "learning_rate": 0.01,
    }


@pytest.mark.parametrize(("version", "size"), [("B0", 224), ("B1", 240), ("B7", 600)])
def test_images_are_resized_to_what_a_version_is_made_for(asked, version, size):
    hp = kt.HyperParameters(values={"version": version, "pooling": "max"})
    model = HyperEfficientNet(input_shape=SHAPE, classes=10).build(hp)
    assert asked == {version: ((size, size, 3), {"include_top": False, "weights": None})}
    assert model.output_shape == (None, 10)
    assert model.get_layer("max_pool").output.shape == (None, 2)


@pytest.mark.parametrize("weights", ["imagenet", "a_file.weights.h5"])
def test_weights_that_are_asked_for(asked, weights):
    hypermodel = HyperEfficientNet(input_shape=SHAPE, classes=10, weights=weights)
    hypermodel.build(kt.HyperParameters())
    assert asked["B0"][1]["weights"] == weights
