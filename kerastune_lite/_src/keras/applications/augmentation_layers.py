"""Layers that change images at random in training, and pass them on otherwise."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from kerastune_lite._src.keras.loading import load_keras

load_keras()  # silently; the type checker understands only the import below
import keras  # noqa: E402
from keras import layers, ops  # noqa: E402


def transform(kind: str, factor: float) -> Any:
    """The layer that changes images in one way, up to `factor`."""
    if kind == "rotate":
        return layers.RandomRotation(factor)
    if kind == "translate_x":
        return layers.RandomTranslation(height_factor=0, width_factor=factor)
    if kind == "translate_y":
        return layers.RandomTranslation(height_factor=factor, width_factor=0)
    # Keras understands a single number as the most that contrast is raised, never lowered.
    return layers.RandomContrast((factor, factor))


@keras.saving.register_keras_serializable("kerastune_lite")
class RandomTransform(layers.Layer):
    """Changes each image of a batch in one way, drawn from several with equal probability.

    Args:
        factors: by kind, as of `transform`; with 0 that way leaves the image as it is.
    """

    def __init__(self, factors: Mapping[str, float], **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.factors = dict(factors)
        self.transforms = [
            transform(kind, factor) if factor else layers.Identity()
            for kind, factor in factors.items()
        ]
        self.seed_generator = keras.random.SeedGenerator()

    def build(self, input_shape: Any) -> None:
        for layer in self.transforms:
            layer.build(input_shape)

    def call(self, inputs: Any, training: bool = True) -> Any:  # the default of Keras's own
        if not training:
            return inputs
        shape = (ops.shape(inputs)[0], 1, 1, 1)
        drawn = keras.random.randint(shape, 0, len(self.transforms), seed=self.seed_generator)
        outputs = inputs
        for index, layer in enumerate(self.transforms):
            outputs = ops.where(drawn == index, layer(inputs, training=True), outputs)
        return outputs

    def compute_output_shape(self, input_shape: Any) -> Any:
        return input_shape

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "factors": dict(self.factors)}
