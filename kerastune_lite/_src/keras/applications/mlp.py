"""Dense networks for tables."""

from __future__ import annotations

from typing import Any

from kerastune_lite._src.keras.applications.arrays import numbers, robust_scaling
from kerastune_lite._src.keras.applications.ready_made import ReadyMade, power_of_two
from kerastune_lite._src.keras.applications.targets import rescaling
from kerastune_lite._src.keras.loading import load_keras
from kerastune_lite._src.space.hyperparameters import HyperParameters
from kerastune_lite._src.util.public import public

load_keras()  # silently; the type checker understands only the import below
import keras  # noqa: E402
from keras import layers  # noqa: E402

CLIP = 3.0
"""Scaled features are squeezed into -CLIP to CLIP; those near 0 hardly change."""


@public("kerastune_lite.applications")
class HyperMLP(ReadyMade):
    """A dense network for tables of numbers.

    Features are centred at their median and divided by the distance of their quartiles.

    Hyperparameters:
        clip: whether they are then squeezed into -3 to 3, against outliers; by default they are.
        layers: 1 to 5; 3 by default.
        units: 16, 32, ... of each layer; up to 256 by default, and less for few samples.
        activation: "silu" (the default), "relu" or "selu".
        dropout: 0 to 0.5, after each layer; 0.15 by default.
        batch_norm: whether each layer is normalised over batches; by default it is not.
        learning_rate: 0.0003 to 0.03; 0.003 by default. It rises shortly, then falls to 0.
        weight_decay: 0.002 to 0.2, of AdamW; 0.02 by default.
        batch_size: four powers of two; by default 32 batches make an epoch, of 16 to 256 samples.
        epochs: fixed, for `fit`.

    Holzmueller, Grinsztajn and Steinwart (2024), Better by default: strong pre-tuned MLPs and
    boosted trees on tabular data, arXiv:2407.04491.
    Gorishniy et al. (2021), Revisiting deep learning models for tabular data, arXiv:2106.11959.

    Args:
        x: the features of the training samples, of shape (n, features).
        y: their targets; `Target.of` says which there are. Or a `Target`.
        epochs: for how many epochs each trial trains; until then the learning rate falls.
        name, tunable: as of `HyperModel`.

    Raises:
        TypeError: `x` or `y` holds texts or other objects.
        ValueError: `x` has another shape, or NaN; or `y` is not as `Target.of` needs it.

    Example:
        >>> from kerastune_lite.applications import HyperMLP
        >>> hypermodel = HyperMLP(x, y, epochs=2)
        >>> tuner = kt.RandomSearch(hypermodel, "val_loss", max_trials=2, directory="runs")
        >>> tuner.search(x, y, validation_split=0.2, verbose=0)
    """

    # Dropout helps where there is noise, and harms where there is none: smooth functions are
    # learned much better without. Small and plain networks are good on small tables.
    first_trials = (
        {},
        {"dropout": 0.0, "learning_rate": 0.001},
        {"dropout": 0.0, "layers": 2, "units": 64, "activation": "relu", "clip": False},
    )

    def __init__(
        self, x: Any, y: Any, *, epochs: int = 60, name: str | None = None, tunable: bool = True
    ) -> None:
        features = numbers(x, ("samples", "features"))
        super().__init__(len(features), y, epochs, name, tunable)
        self.features = features.shape[1]
        self.scale, self.offset = robust_scaling(features)

    def _inputs(self) -> Any:
        return keras.Input((self.features,))

    def _features(self, x: Any, hp: HyperParameters) -> Any:
        x = rescaling(self.scale, self.offset)(x)
        if hp.Boolean("clip", default=True):
            x = layers.Rescaling(1 / CLIP)(x)
            x = layers.Activation("tanh")(x)
            x = layers.Rescaling(CLIP)(x)
        depth = hp.Int("layers", 1, 5, default=3)
        largest = power_of_two(self.samples / 4, 64, 256)
        units = hp.Int("units", 16, 2 * largest, 2, "log", largest)
        activation = hp.Choice("activation", ["silu", "relu", "selu"])
        dropout = hp.Float("dropout", 0.0, 0.5, default=0.15)
        normalised = hp.Boolean("batch_norm")
        for _ in range(depth):
            x = layers.Dense(units)(x)
            if normalised:
                x = layers.BatchNormalization()(x)
            x = layers.Activation(activation)(x)
            x = layers.Dropout(dropout)(x)
        return x

    def _optimizer(self, hp: HyperParameters) -> Any:
        return self._adamw(hp, learning_rate=3e-3, weight_decay=0.02)
