"""HyperImageAugment: its space, and what its layers do to images."""

import numpy as np
import pytest

import kerastune_lite as kt
from kerastune_lite._src.keras.applications.augmentation_layers import RandomTransform, transform
from kerastune_lite.applications import HyperImageAugment
from tests.keras.models import keras

SHAPE = (8, 8, 3)
IMAGES = np.random.default_rng(0).uniform(0, 255, (6, *SHAPE)).astype("float32")
ROWS = np.arange(8, dtype="float32")[None, :, None, None] * np.ones((4, *SHAPE), "float32")
"""Images whose pixels are the numbers of their rows."""


def built(values=None, **arguments):
    hp = kt.HyperParameters(values=values)
    return HyperImageAugment(SHAPE, **arguments).build(hp), hp


def test_limits():
    default = HyperImageAugment(SHAPE)
    assert default.transforms == [
        ("rotate", (0, 0.5)),
        ("translate_x", (0, 0.4)),
        ("translate_y", (0, 0.4)),
        ("contrast", (0, 0.3)),
    ]
    assert default.augment_layers == (1, 3)
    given = HyperImageAugment(
        SHAPE,
        rotate=np.float32(1),
        translate_x=[0.1, 0.5],
        translate_y=(0, 1),
        contrast=False,
        augment_layers=[0, 2],
    )
    assert given.transforms == [
        ("rotate", (0, 1)),
        ("translate_x", (0.1, 0.5)),
        ("translate_y", (0, 1)),
    ]
    assert given.augment_layers == (0, 2)
    for none in (None, 0, False):
        assert HyperImageAugment(SHAPE, augment_layers=none).augment_layers is None


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ({"rotate": 1.5}, "`rotate` must be a number in"),
        ({"rotate": True}, "Received: True"),
        ({"contrast": "0.2"}, "`contrast`.*Received: '0.2'"),
        ({"contrast": [0.5, "a"]}, "pair of them"),
        ({"contrast": [0.5, 1, 2]}, "pair of them"),
        ({"translate_x": (0.3, 0.1)}, "the smaller one first"),
        ({"translate_y": (-0.3, 0.1)}, r"translate_y=\(0.1, 0.2\)"),
        ({"augment_layers": 1.5}, "`augment_layers` must be a whole number"),
        ({"augment_layers": -1}, "Received: -1"),
        ({"augment_layers": (1, 2, 3)}, "pair of them"),
        ({"augment_layers": True}, "Received: True"),
        ({"input_shape": None}, "`input_shape` or `input_tensor`"),
    ],
)
def test_wrong_arguments_are_named(arguments, said):
    with pytest.raises(ValueError, match=said):
        HyperImageAugment(**{"input_shape": SHAPE, **arguments})


def test_the_space_with_layers():
    model, hp = built(rotate=(0.1, 0.2), contrast=None, augment_layers=(2, 3))
    assert model.name == "image_rand_augment"
    assert hp.values == {
        "augment_layers": 2,
        "factor_rotate": 0.1,
        "factor_translate_x": 0.0,
        "factor_translate_y": 0.0,
    }
    assert [type(each) for each in model.layers[1:]] == [RandomTransform] * 2


def test_the_space_without_layers():
    model, hp = built(translate_x=(0.2, 0.4), contrast=(0.1, 0.1), augment_layers=0)
    assert model.name == "image_augment"
    assert hp.values == {
        "factor_rotate": 0.0,
        "factor_translate_x": 0.2,
        "factor_translate_y": 0.0,
        "factor_contrast": 0.1,
    }
    kinds = [type(each).__name__ for each in model.layers[1:]]
    assert kinds == ["RandomTranslation", "RandomContrast"]


@pytest.mark.parametrize("augment_layers", [0, 2, (0, 2)])
def test_nothing_to_search(augment_layers):
    none = dict.fromkeys(("rotate", "translate_x", "translate_y", "contrast"))
    model, hp = built(**none, augment_layers=augment_layers)
    assert not hp.values
    assert len(model.layers) == 1


def test_factors_without_layers_are_no_hyperparameters():
    model, hp = built(augment_layers=(0, 2))
    assert hp.values == {"augment_layers": 0}
    assert len(model.layers) == 1


@pytest.mark.parametrize("augment_layers", [0, 2])
def test_images_change_in_training_alone(augment_layers):
    model, _ = built(
        {"augment_layers": 2}, rotate=(0.2, 0.5), contrast=0, augment_layers=augment_layers
    )
    np.testing.assert_array_equal(model.predict(IMAGES, verbose=0), IMAGES)
    assert not np.allclose(model(IMAGES, training=True), IMAGES)


def test_images_of_any_size():
    model = HyperImageAugment(input_shape=(None, None, 1), rotate=(0.1, 0.2)).build(
        kt.HyperParameters()
    )
    assert model.output_shape == (None, None, None, 1)
    assert model(np.ones((2, 5, 4, 1)), training=True).shape == (2, 5, 4, 1)


def test_directions():
    """Shifts along the rows leave pixels that are equal along them as they are."""
    horizontal = np.asarray(transform("translate_x", 0.4)(ROWS, training=True))
    vertical = np.asarray(transform("translate_y", 0.4)(ROWS, training=True))
    np.testing.assert_allclose(horizontal, ROWS, atol=1e-5)
    assert not np.allclose(vertical, ROWS, atol=0.1)
    np.testing.assert_allclose(vertical, vertical[:, :, :1] * np.ones_like(ROWS), atol=1e-5)


def test_contrast_is_raised_and_lowered():
    keras.utils.set_random_seed(0)
    images = np.tile(IMAGES[:1] / 2 + 60, (64, 1, 1, 1))
    changed = np.asarray(transform("contrast", 0.3)(images, training=True))
    ratios = changed.std(axis=(1, 2, 3)) / images[0].std()
    assert 0.7 < ratios.min() < 0.8
    assert 1.2 < ratios.max() < 1.3


def test_each_image_is_changed_in_one_way():
    keras.utils.set_random_seed(0)
    layer = RandomTransform({"translate_x": 0.4, "translate_y": 0.4, "rotate": 0})
    count = 300
    images = np.tile(ROWS[:1] + ROWS[:1].swapaxes(1, 2) * 10, (count, 1, 1, 1))
    moved = np.asarray(layer(images, training=True)) - images
    along_x = np.abs(np.diff(moved, axis=1)).max(axis=(1, 2, 3)) < 1e-3
    along_y = np.abs(np.diff(moved, axis=2)).max(axis=(1, 2, 3)) < 1e-3
    still = along_x & along_y
    assert (along_x | along_y).all()
    for part in (along_x & ~still, along_y & ~still, still):
        assert part.mean() == pytest.approx(1 / 3, abs=0.1)


def test_the_same_seed_changes_images_in_the_same_way():
    def changed():
        keras.utils.set_random_seed(7)
        model, _ = built({"augment_layers": 2, "factor_rotate": 0.3, "factor_contrast": 0.2})
        return [np.asarray(model(IMAGES, training=True)) for _ in range(2)]

    first, again = changed(), changed()
    np.testing.assert_array_equal(first, again)
    assert not np.array_equal(first[0], first[1])


def test_a_saved_model_is_loaded(tmp_path):
    model, _ = built({"factor_rotate": 0.3, "factor_contrast": 0.2})
    model.save(tmp_path / "model.keras")
    loaded = keras.models.load_model(tmp_path / "model.keras")
    assert loaded.layers[1].factors == model.layers[1].factors
    assert not np.allclose(loaded(IMAGES, training=True), IMAGES)
