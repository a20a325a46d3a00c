"""The model that changes the images of a hypermodel at random, as users give it."""

from __future__ import annotations

from typing import Any

from kerastune_lite._src.keras.fast.supported import MODELS
from kerastune_lite._src.keras.hypermodel import HyperModel
from kerastune_lite._src.keras.loading import load_keras
from kerastune_lite._src.space.hyperparameters import HyperParameters

load_keras()  # silently; the type checker understands only the import below
import keras  # noqa: E402


def check_augmentation(given: Any) -> None:
    """Raise ValueError for what is not a HyperModel, a Keras model, or None."""
    if not isinstance(given, (HyperModel, keras.Model, type(None))):
        raise ValueError(
            "`augmentation_model` must be a HyperModel, such as HyperImageAugment(...), a "
            f"Keras model, or None. Received: {given!r} of type {type(given).__name__}."
        )


def augmentation(given: Any, hp: HyperParameters) -> Any:
    """The Keras model of `given`, which is a HyperModel or a Keras model."""
    return given.build(hp) if isinstance(given, HyperModel) else _seeded_anew(given)


def _seeded_anew(model: Any) -> Any:
    """`model`, where layers that draw random numbers are new ones.

    The numbers of a trial then depend on its own seed, and not on the trials before it. Other
    layers stay: they may be adapted to data. So does a model of the user's own class, which Keras
    cannot take apart.
    """

    def renewed(layer: Any) -> Any:
        draws = len(layer.variables) > len(layer.weights)  # the others are states of generators
        return type(layer).from_config(layer.get_config()) if draws else layer

    if type(model).__name__ in MODELS:
        return keras.models.clone_model(model, clone_function=renewed)
    return model
