"""HyperResNet: the networks of the papers."""

import numpy as np
import pytest

import kerastune_lite as kt
from kerastune_lite._src.keras.applications import resnet
from kerastune_lite.applications import HyperResNet
from tests.keras.models import keras

SHAPE = (32, 32, 3)


def built(values, **arguments):
    """A network, shallower than those of the space unless `values` say otherwise."""
    values = {"conv3_depth": 1, "conv4_depth": 1, **values}
    arguments = {"input_shape": SHAPE, "classes": 10, **arguments}
    return HyperResNet(**arguments).build(kt.HyperParameters(values=values))


def by_name(model):
    return {weight.path: weight for weight in model.weights}


@pytest.mark.parametrize(("version", "network"), [("v1", "ResNet50"), ("v2", "ResNet50V2")])
def test_the_shallowest_are_keras_s_own(version, network):
    values = {"version": version, "conv3_depth": 4, "conv4_depth": 6}
    ours = built(values, include_top=False)
    keras.utils.set_random_seed(0)
    theirs = getattr(keras.applications, network)(
        include_top=False, weights=None, input_shape=SHAPE, pooling="avg"
    )
    given = by_name(theirs)
    assert by_name(ours).keys() == given.keys()
    for name, weight in by_name(ours).items():
        weight.assign(given[name])
    images = np.random.default_rng(0).normal(size=(1, *SHAPE)).astype("float32")
    np.testing.assert_allclose(ours(images), theirs(images), rtol=1e-4, atol=1e-5)


@pytest.mark.slow
def test_resnext_has_the_size_of_the_paper():
    """25.0 million for ResNeXt-50 in its table 1; with the moving averages, this number."""
    model = built({"version": "next", "conv3_depth": 4, "conv4_depth": 6}, classes=1000)
    assert model.count_params() == 25_097_128


@pytest.mark.parametrize("version", ["v1", "v2", "next"])
@pytest.mark.parametrize("pooling", ["avg", "max"])
def test_each_version_is_built(version, pooling):
    model = built({"version": version, "pooling": pooling})
    assert (model.name, model.output_shape) == ("ResNet", (None, 10))
    images = np.ones((2, *SHAPE), "float32")
    np.testing.assert_allclose(np.sum(model(images, training=True), axis=1), [1, 1], rtol=1e-5)


@pytest.mark.parametrize("version", ["v1", "v2", "next"])
def test_a_network_reduces_images_by_a_factor_of_32(version):
    model = built({"version": version}, input_shape=(128, 96, 1), include_top=False)
    assert model.get_layer("avg_pool").input.shape == (None, 4, 3, 2048)
    assert model.output_shape == (None, 2048)
    sizes = [model.get_layer(f"conv{stage}_block1_1_conv").input.shape[1] for stage in (3, 4, 5)]
    assert sizes == ([16, 8, 4] if version == "v2" else [32, 16, 8])


def test_the_channels_may_come_first():
    keras.config.set_image_data_format("channels_first")
    try:
        models = [
            built({"version": version}, input_shape=(3, 64, 32), include_top=False)
            for version in ("v2", "next")
        ]
    finally:
        keras.config.set_image_data_format("channels_last")
    for model in models:
        assert model.get_layer("avg_pool").input.shape == (None, 2048, 2, 1)


def test_convolutions_of_groups(monkeypatch):
    """As if each group of channels had a convolution of its own."""
    monkeypatch.setattr(resnet, "GROUPS", 2)
    inputs = keras.Input((7, 6, 6))
    model = keras.Model(inputs, resnet._grouped(inputs, 6, 2, "grouped"))
    (kernel,) = model.get_weights()
    x = np.random.default_rng(0).normal(size=(2, 7, 6, 6)).astype("float32")
    parts = [
        keras.ops.conv(x[..., each], kernel[:, :, each], strides=2)
        for each in (slice(0, 3), slice(3, 6))
    ]
    np.testing.assert_allclose(model(x), np.concatenate(parts, axis=-1), rtol=1e-4, atol=1e-5)


def test_the_optimizer_is_tuned():
    model = built({"version": "v1", "optimizer": "rmsprop", "learning_rate": 0.1})
    assert isinstance(model.optimizer, keras.optimizers.RMSprop)
    assert float(model.optimizer.learning_rate) == pytest.approx(0.1)
