"""A hypermodel that assigns images to classes."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import Any

from kerastune_lite._src.keras.applications.augmentation_model import (
    augmentation,
    check_augmentation,
)
from kerastune_lite._src.keras.applications.image_hypermodel import ImageHyperModel
from kerastune_lite._src.keras.loading import load_keras
from kerastune_lite._src.space.hyperparameters import HyperParameters

load_keras()  # silently; the type checker understands only the import below
import keras  # noqa: E402
from keras import layers  # noqa: E402

POOLING = {
    "avg": layers.GlobalAveragePooling2D,
    "max": layers.GlobalMaxPooling2D,
    "flatten": layers.Flatten,
}


class ImageClassifier(ImageHyperModel, ABC):
    """What the hypermodels that classify images have in common. Abstract.

    Args:
        include_top: whether the model ends with the probabilities of the classes and is compiled.
        input_shape, input_tensor, **kwargs: as of `ImageHyperModel`.
        classes: the number of classes; not needed without a top.
        augmentation_model: changes the images first: a HyperModel, a Keras model, or None.

    Raises:
        ValueError: an argument is not as described.
    """

    architecture: str
    """The name of the models."""

    def __init__(
        self,
        include_top: bool = True,
        input_shape: Sequence[int | None] | None = None,
        input_tensor: Any = None,
        classes: int | None = None,
        *,
        augmentation_model: Any = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(input_shape, input_tensor, **kwargs)
        if include_top and not classes:
            raise ValueError(
                f"{type(self).__name__} needs `classes`, the number of classes, for the last "
                f"layer. Received: {classes!r}. Pass classes=10, for example."
            )
        check_augmentation(augmentation_model)
        self.include_top = include_top
        self.classes = classes
        self.augmentation_model = augmentation_model

    def build(self, hp: HyperParameters) -> Any:
        """A Keras model for the hyperparameters `hp`, compiled if it has a top."""
        inputs, x = self._inputs()
        if self.augmentation_model is not None:
            x = augmentation(self.augmentation_model, hp)(x)
        x = self._features(x, hp)
        if not self.include_top:
            return keras.Model(inputs, x, name=self.architecture)
        model = keras.Model(inputs, self._top(x, hp), name=self.architecture)
        self._compile(model, hp)
        return model

    @abstractmethod
    def _features(self, x: Any, hp: HyperParameters) -> Any:
        """Images of shape (batch, height, width, channels) to features of shape (batch, n)."""

    def _top(self, x: Any, hp: HyperParameters) -> Any:
        """Features of shape (batch, n) to probabilities of shape (batch, classes)."""
        return layers.Dense(self.classes, activation="softmax", name="probs")(x)

    def _compile(self, model: Any, hp: HyperParameters) -> None:
        """Compile `model`. Override it to compile in another way."""
        model.compile(self._optimizer(hp), "categorical_crossentropy", metrics=["accuracy"])

    @abstractmethod
    def _optimizer(self, hp: HyperParameters) -> Any:
        """The optimizer of a model."""


def channels_axis() -> int:
    """The axis of the channels in batches of images, as Keras is configured."""
    return -1 if keras.config.image_data_format() == "channels_last" else 1


def pooled(x: Any, kind: str) -> Any:
    """Feature maps (batch, height, width, n) to features (batch, m); `kind` is of `POOLING`."""
    return POOLING[kind](name=f"{kind}_pool")(x)
