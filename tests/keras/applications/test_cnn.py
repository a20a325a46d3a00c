"""HyperCNN: its layers, and images without an axis of channels."""

import numpy as np
import pytest

import kerastune_lite as kt
from kerastune_lite.applications import HyperCNN, HyperImageAugment
from tests.keras.applications.ready_made import SAMPLES, TARGETS, made

RNG = np.random.default_rng(0)
IMAGES = RNG.uniform(0, 255, (40, 8, 8)).astype("float32")
IMAGES[::2, :4] *= 0.3
DARK = np.arange(40) % 2


@pytest.mark.parametrize(
    ("shape", "blocks"), [((1, 1), 1), ((3, 9), 1), ((8, 8), 2), ((28, 28), 3), ((32, 40), 4)]
)
def test_the_number_of_blocks_follows_from_the_size_of_images(shape, blocks):
    hp = kt.HyperParameters()
    hypermodel = HyperCNN(RNG.uniform(size=(4, *shape)), [0, 1, 1, 0])
    model = hypermodel.build(hp)
    assert hp.get("blocks") == blocks
    names = [type(layer).__name__ for layer in model.layers]
    assert names.count("MaxPooling2D") == names.count("Conv2D") == blocks


def test_filters_double_from_block_to_block():
    hp = kt.HyperParameters(values={"filters": 8, "convolutions": 2, "blocks": 2, "units": 32})
    model = made(HyperCNN).build(hp)
    kernels = [each.shape for each in model.trainable_weights if len(each.shape) == 4]
    assert kernels == [(3, 3, 2, 8), (3, 3, 8, 8), (3, 3, 8, 16), (3, 3, 16, 16)]


def test_channels_are_scaled():
    model = made(HyperCNN).build(kt.HyperParameters())
    scaled = np.asarray(model.layers[1](SAMPLES[HyperCNN].astype("float32")))
    np.testing.assert_allclose(scaled.mean((0, 1, 2)), 0, atol=1e-4)
    np.testing.assert_allclose(scaled.var((0, 1, 2)), 1, rtol=1e-4)


def test_images_without_an_axis_of_channels(tmp_path):
    tuner = kt.Tuner(HyperCNN(IMAGES, DARK, epochs=8), "val_accuracy", 1, directory=tmp_path)
    tuner.search(IMAGES, DARK, validation_data=(IMAGES, DARK), verbose=0)
    assert tuner.trials[0].score > 0.9
    assert tuner.trials[0].path == "shared trace"
    predictions = tuner.get_best_models()[0].predict(IMAGES, verbose=0)
    assert np.mean((predictions[:, 0] > 0.5) == DARK) == pytest.approx(tuner.trials[0].score)


def test_images_may_be_changed_at_random():
    augment = HyperImageAugment((8, 8, 1), rotate=0.1)
    hp = kt.HyperParameters()
    model = HyperCNN(IMAGES, DARK, augmentation_model=augment).build(hp)
    assert model.layers[1].name == "image_rand_augment"
    assert "factor_rotate" in hp
    with pytest.raises(ValueError, match="`augmentation_model` must be a HyperModel"):
        HyperCNN(IMAGES, TARGETS["binary"], augmentation_model=True)
