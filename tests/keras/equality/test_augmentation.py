"""Layers that change images at random, and those that cut them to size."""

import numpy as np
import pytest

from tests.keras.equality.cases import (
    OWN,
    UNITS,
    arguments,
    by_fit,
    check_same,
    check_shared,
    dispatched,
    grid,
    keras,
    no_programs,
)
from tests.keras.equality.test_layers import sequential

L = keras.layers

LAYERS = {
    "cut to size": lambda v: [L.CenterCrop(6, 6), L.Resizing(5, 5)],
    "brightness": lambda v: [L.RandomBrightness(0.3, value_range=(0, 1), seed=v)],
    "contrast": lambda v: [L.RandomContrast(0.4, value_range=(0, 1))],
    "crop": lambda v: [L.RandomCrop(6, 5)],
    "erasing": lambda v: [L.RandomErasing(value_range=(0, 1))],
    "flip": lambda v: [L.RandomFlip("horizontal", seed=3 + v), L.RandomFlip()],
    "gaussian blur": lambda v: [L.RandomGaussianBlur(value_range=(0, 1))],
    "grayscale": lambda v: [L.RandomGrayscale(0.5)],
    "hue": lambda v: [L.RandomHue(0.3, value_range=(0, 1))],
    "rotation": lambda v: [L.RandomRotation(0.2, fill_mode="constant", fill_value=0.5)],
    "saturation": lambda v: [L.RandomSaturation(0.6, value_range=(0, 1))],
    "sharpness": lambda v: [L.RandomSharpness(0.6, value_range=(0, 1))],
    "shear": lambda v: [L.RandomShear(0.3, 0.2)],
    "translation": lambda v: [L.RandomTranslation(0.2, (-0.1, 0.3), fill_mode="wrap")],
    "zoom": lambda v: [L.RandomZoom((-0.3, 0.1))],
}


def images(rows=60):
    """x (rows, 8, 8, 3) in [0, 1], y (rows,) of three classes: which color is the strongest."""
    x = np.random.default_rng(4).uniform(0, 1, (rows, 8, 8, 3)).astype("float32")
    y = np.argmax(x.sum((1, 2)), 1)
    x[np.arange(rows), :, :, y] *= 0.5
    return x, y


def then_convolved(layers):
    def build(variant):
        after = [L.Conv2D(UNITS[variant], 3, activation="relu"), L.GlobalAveragePooling2D()]
        return [*layers(variant), *after]

    return sequential(build, (8, 8, 3))


@grid(LAYERS, ["flip", "rotation", "translation", "zoom", "contrast"])
def test_images_are_changed_as_in_fit(name, extent):
    """By one program for all sizes and seeds."""
    check_shared(then_convolved(LAYERS[name]), arguments(images()), **extent)


def test_what_is_convolved_is_changed():
    """Where they meet tensors of an unknown size, each size has a program."""

    def layers(variant):
        return [L.Conv2D(UNITS[variant], 3), L.RandomTranslation(0.2, 0.2)]

    build, fit = then_convolved(layers), arguments(images())
    for variant in (0, 1):
        with no_programs():
            outcome = dispatched(build, fit, variant)
        assert outcome.path != OWN, outcome.reason
        check_same(outcome, by_fit(build, fit, variant))


@pytest.mark.parametrize("kind", ["factor", "mode"])
def test_arguments_are_part_of_the_structure(kind):
    def layers(variant):
        if kind == "factor":
            return [L.RandomRotation((0.1, 0.3)[variant])]
        return [L.RandomFlip(("vertical", "horizontal")[variant])]

    check_shared(then_convolved(layers), arguments(images()), programs=2)
