"""EfficientNets B0 to B7 for images."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from kerastune_lite._src.keras.applications.image_classifier import ImageClassifier, pooled
from kerastune_lite._src.keras.loading import load_keras
from kerastune_lite._src.space.hyperparameters import HyperParameters
from kerastune_lite._src.util.public import public

load_keras()  # silently; the type checker understands only the import below
import keras  # noqa: E402
from keras import layers  # noqa: E402

SIZES = {
    "B0": 224,
    "B1": 240,
    "B2": 260,
    "B3": 300,
    "B4": 380,
    "B5": 456,
    "B6": 528,
    "B7": 600,
}
"""The height and width in pixels of the images that each version is made for."""


@public("kerastune_lite.applications")
class HyperEfficientNet(ImageClassifier):
    """An EfficientNet, with images resized to the size it is made for.

    Hyperparameters: `version` ("B0" to "B7", from 224 to 600 pixels in height and width),
    `pooling`, `top_dropout_rate` and `learning_rate`.

    Tan and Le (2019), EfficientNet: rethinking model scaling for convolutional neural networks,
    arXiv:1905.11946.

    Args:
        input_shape: of one image: (height, width, channels), with values from 0 to 255.
        input_tensor: a Keras tensor of images instead, of shape (batch, height, width, channels).
        classes: the number of classes. The labels are one-hot: (batch, classes).
        augmentation_model: changes the images first, in training: `HyperImageAugment` or another
            HyperModel, or a Keras model.
        weights: those below the top, as of `keras.applications.EfficientNetB0`: None for random
            ones, the path of a file, or "imagenet", which Keras downloads for each version.
        **kwargs: `name` and `tunable`, as of `HyperModel`.

    Raises:
        ValueError: neither `input_shape` nor `input_tensor` is given, or no `classes`; or an
            argument is of another kind.

    Example:
        >>> from kerastune_lite.applications import HyperEfficientNet
        >>> hypermodel = HyperEfficientNet(input_shape=(32, 32, 3), classes=10)
        >>> model = hypermodel.build(hp)
        >>> model.name, model.output_shape
        ('EfficientNet', (None, 10))
        >>> hp.values["version"], model.get_layer("resizing").output.shape
        ('B0', (None, 224, 224, 3))
    """

    architecture = "EfficientNet"

    def __init__(
        self,
        input_shape: Sequence[int | None] | None = None,
        input_tensor: Any = None,
        classes: int | None = None,
        augmentation_model: Any = None,
        *,
        weights: Any = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(
            True,
            input_shape,
            input_tensor,
            classes,
            augmentation_model=augmentation_model,
            **kwargs,
        )
        self.weights = weights

    def _features(self, x: Any, hp: HyperParameters) -> Any:
        version = hp.Choice("version", list(SIZES), default="B0")
        x = layers.Resizing(SIZES[version], SIZES[version], name="resizing")(x)
        network = getattr(keras.applications, f"EfficientNet{version}")
        x = network(include_top=False, weights=self.weights, input_tensor=x).output
        return pooled(x, hp.Choice("pooling", ["avg", "max"], default="avg"))

    def _top(self, x: Any, hp: HyperParameters) -> Any:
        rate = hp.Float("top_dropout_rate", 0.2, 0.8, step=0.2, default=0.2)
        return super()._top(layers.Dropout(rate, name="top_dropout")(x), hp)

    def _optimizer(self, hp: HyperParameters) -> Any:
        rate = hp.Choice("learning_rate", [0.1, 0.01, 0.001], default=0.01)
        return keras.optimizers.SGD(rate, momentum=0.1)
