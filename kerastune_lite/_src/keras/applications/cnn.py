"""Convolutional networks for small images."""

from __future__ import annotations

from typing import Any

from kerastune_lite._src.keras.applications.arrays import numbers, standard_scaling
from kerastune_lite._src.keras.applications.augmentation_model import (
    augmentation,
    check_augmentation,
)
from kerastune_lite._src.keras.applications.ready_made import ReadyMade
from kerastune_lite._src.keras.applications.targets import rescaling
from kerastune_lite._src.keras.loading import load_keras
from kerastune_lite._src.space.hyperparameters import HyperParameters
from kerastune_lite._src.util.public import public

load_keras()  # silently; the type checker understands only the import below
import keras  # noqa: E402
from keras import layers  # noqa: E402


@public("kerastune_lite.applications")
class HyperCNN(ReadyMade):
    """A convolutional network for small images.

    Each channel is scaled to the mean 0 and the variance 1. A block of layers halves the image.

    Hyperparameters:
        blocks: from 1 until the image is a point; by default one less.
        convolutions: of 3 x 3 in a block, each with batch normalization and relu: 1 (the default)
            or 2.
        filters: 8, 16, ... 64 in the first block, and twice as many in each of the next three; by
            default 32, and 16 for images whose shorter side is more than 16.
        pooling: of what is left: "flatten" (the default), "average" or "max".
        units: of a dense layer at the end: 0 (none, the default), 32, 64 or 128.
        dropout: 0 to 0.7, before it; 0.3 by default.
        learning_rate: 0.0003 to 0.03; 0.003 by default. It rises shortly, then falls to 0.
        weight_decay: 0.002 to 0.2, of AdamW; 0.02 by default.
        batch_size: four powers of two; by default 32 batches make an epoch, of 16 to 256 samples.
        epochs: fixed, for `fit`.

    Simonyan and Zisserman (2014), Very deep convolutional networks for large-scale image
    recognition, arXiv:1409.1556.
    Ioffe and Szegedy (2015), Batch normalization: accelerating deep network training by reducing
    internal covariate shift, arXiv:1502.03167.

    Args:
        x: the training images, of shape (n, height, width, channels), or (n, height, width) if
            there is one channel.
        y: their targets; `Target.of` says which there are. Or a `Target`.
        epochs: for how many epochs each trial trains; until then the learning rate falls.
        augmentation_model: changes the images first, in training: `HyperImageAugment` or another
            HyperModel, or a Keras model. Each trial is then traced anew.
        name, tunable: as of `HyperModel`.

    Raises:
        TypeError: `x` or `y` holds texts or other objects.
        ValueError: `x` has another shape, or NaN; or `y` is not as `Target.of` needs it.

    Example:
        >>> import numpy as np
        >>> from kerastune_lite.applications import HyperCNN
        >>> images = np.random.default_rng(0).integers(0, 256, (40, 8, 8))
        >>> bright = (images.mean((1, 2)) > 127).astype(int)
        >>> hypermodel = HyperCNN(images, bright, epochs=2)
        >>> tuner = kt.RandomSearch(hypermodel, "val_loss", max_trials=1, directory="runs")
        >>> tuner.search(images, bright, validation_split=0.2, verbose=0)
    """

    def __init__(
        self,
        x: Any,
        y: Any,
        *,
        epochs: int = 30,
        augmentation_model: Any = None,
        name: str | None = None,
        tunable: bool = True,
    ) -> None:
        images = numbers(x, ("samples", "height", "width", "channels"), optional=True)
        check_augmentation(augmentation_model)
        super().__init__(len(images), y, epochs, name, tunable)
        self.shape = images.shape[1:]
        self.scale, self.offset = standard_scaling(images)
        self.augmentation_model = augmentation_model

    def _inputs(self) -> Any:
        return keras.Input(self.shape)

    def _features(self, x: Any, hp: HyperParameters) -> Any:
        if self.augmentation_model is not None:
            x = augmentation(self.augmentation_model, hp)(x)
        x = rescaling(self.scale, self.offset)(x)
        side = min(self.shape[:2])
        halvings = side.bit_length() - 1
        blocks = hp.Int("blocks", 1, max(1, halvings), default=max(1, halvings - 1))
        convolutions = hp.Int("convolutions", 1, 2, default=1)
        filters = hp.Int("filters", 8, 64, 2, "log", 16 if side > 16 else 32)
        for block in range(blocks):
            for _ in range(convolutions):
                x = layers.Conv2D(filters * 2 ** min(block, 3), 3, padding="same")(x)
                x = layers.BatchNormalization()(x)
                x = layers.Activation("relu")(x)
            x = layers.MaxPooling2D(2, padding="same")(x)
        pooling = hp.Choice("pooling", ["flatten", "average", "max"])
        x = POOLING[pooling]()(x)
        x = layers.Dropout(hp.Float("dropout", 0.0, 0.7, default=0.3))(x)
        units = hp.Choice("units", [0, 32, 64, 128], default=0)
        if units:
            x = layers.Dense(units, activation="relu")(x)
        return x

    def _optimizer(self, hp: HyperParameters) -> Any:
        return self._adamw(hp, learning_rate=3e-3, weight_decay=0.02)


POOLING = {
    "flatten": layers.Flatten,
    "average": layers.GlobalAveragePooling2D,
    "max": layers.GlobalMaxPooling2D,
}
