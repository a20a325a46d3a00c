"""Recurrent and convolutional networks for series."""

from __future__ import annotations

import math
from typing import Any

from kerastune_lite._src.keras.applications.arrays import numbers, standard_scaling
from kerastune_lite._src.keras.applications.ready_made import ReadyMade, power_of_two
from kerastune_lite._src.keras.applications.targets import rescaling
from kerastune_lite._src.keras.loading import load_keras
from kerastune_lite._src.space.hyperparameters import HyperParameters
from kerastune_lite._src.util.public import public

load_keras()  # silently; the type checker understands only the import below
import keras  # noqa: E402
from keras import layers  # noqa: E402

KERNEL = 3
"""The steps that a convolution sees."""


@public("kerastune_lite.applications")
class HyperRNN(ReadyMade):
    """A network for series: recurrent, or of causal convolutions.

    Each feature is scaled to the mean 0 and the variance 1.

    Hyperparameters:
        cell: "conv": convolutions over a step and earlier ones, with batch normalization, relu and
            distances between the steps that grow from layer to layer; "gru"; or "lstm". By default
            "conv" for classes and labels, and "lstm" for numbers.
        pooling: what of a series is used at the end: the "average" over the steps (the default for
            classes and labels), or the "last" step (for numbers).
        convolutions: only of "conv": 1 to 6; by default so many that the last one sees all steps.
        layers: only of "gru" and "lstm": 1 to 3; 1 by default.
        units: 16, 32, ... 128 of each layer; 32 or 64 by default.
        dropout: 0 to 0.5, after each layer; 0.1 by default.
        learning_rate: 0.0003 to 0.03; 0.003 by default. It rises shortly, then falls to 0.
        weight_decay: 0.002 to 0.2, of AdamW; 0.02 by default.
        batch_size: four powers of two; by default 32 batches make an epoch, of 16 to 256 samples.
        epochs: fixed, for `fit`.

    Bai, Kolter and Koltun (2018), An empirical evaluation of generic convolutional and recurrent
    networks for sequence modeling, arXiv:1803.01271.
    Cho et al. (2014), Learning phrase representations using RNN encoder-decoder for statistical
    machine translation, arXiv:1406.1078.

    Args:
        x: the training series, of shape (n, steps, features), or (n, steps) if there is one
            feature.
        y: their targets; `Target.of` says which there are. Or a `Target`.
        epochs: for how many epochs each trial trains; until then the learning rate falls.
        name, tunable: as of `HyperModel`.

    Raises:
        TypeError: `x` or `y` holds texts or other objects.
        ValueError: `x` has another shape, or NaN; or `y` is not as `Target.of` needs it.

    Example:
        >>> import numpy as np
        >>> from kerastune_lite.applications import HyperRNN
        >>> series = np.cumsum(np.random.default_rng(0).normal(size=(40, 13, 2)), axis=1)
        >>> past, next_values = series[:, :-1], series[:, -1]
        >>> hypermodel = HyperRNN(past, next_values, epochs=2)
        >>> tuner = kt.RandomSearch(hypermodel, "val_loss", max_trials=1, directory="runs")
        >>> tuner.search(past, next_values, validation_split=0.2, verbose=0)
    """

    def __init__(
        self, x: Any, y: Any, *, epochs: int = 30, name: str | None = None, tunable: bool = True
    ) -> None:
        series = numbers(x, ("samples", "steps", "features"), optional=True)
        super().__init__(len(series), y, epochs, name, tunable)
        self.shape = series.shape[1:]
        self.scale, self.offset = standard_scaling(series)

    def _inputs(self) -> Any:
        return keras.Input(self.shape)

    def _features(self, x: Any, hp: HyperParameters) -> Any:
        x = rescaling(self.scale, self.offset)(x)
        classifies = self.target.classifies
        cell = hp.Choice("cell", ["conv", "gru", "lstm"], default="conv" if classifies else "lstm")
        pooling = hp.Choice(
            "pooling", ["average", "last"], default="average" if classifies else "last"
        )
        units = hp.Int("units", 16, 128, 2, "log", power_of_two(self.samples / 16, 32, 64))
        dropout = hp.Float("dropout", 0.0, 0.5, default=0.1)
        if cell == "conv":
            seeing_all = math.ceil(math.log(self.shape[0], KERNEL))
            depth = hp.Int("convolutions", 1, 6, default=min(max(2, seeing_all), 6))
            return self._convolutions(x, depth, units, pooling, dropout)
        return self._cells(
            x, CELLS[cell], hp.Int("layers", 1, 3, default=1), units, pooling, dropout
        )

    def _convolutions(self, x: Any, depth: int, units: int, pooling: str, dropout: float) -> Any:
        steps = self.shape[0]
        for dilation in dilations(steps, depth):
            x = layers.Conv1D(units, KERNEL, padding="causal", dilation_rate=dilation)(x)
            x = layers.BatchNormalization()(x)
            x = layers.Activation("relu")(x)
            x = layers.Dropout(dropout)(x)
        if pooling == "average":
            return layers.GlobalAveragePooling1D()(x)
        return layers.Flatten()(layers.Cropping1D((steps - 1, 0))(x))

    def _cells(
        self, x: Any, cell: Any, depth: int, units: int, pooling: str, dropout: float
    ) -> Any:
        for layer in range(1, depth + 1):
            x = cell(units, return_sequences=layer < depth or pooling == "average")(x)
            x = layers.Dropout(dropout)(x)
        return layers.GlobalAveragePooling1D()(x) if pooling == "average" else x

    def _optimizer(self, hp: HyperParameters) -> Any:
        return self._adamw(hp, learning_rate=3e-3, weight_decay=0.02)


CELLS = {"gru": layers.GRU, "lstm": layers.LSTM}


def dilations(steps: int, depth: int) -> list[int]:
    """The dilations of `depth` causal convolutions of which the last one sees all steps.

    They grow by the smallest factor for which it does: 1, 2, 3 or 4.
    """
    factor = 1
    while factor < 4 and 1 + (KERNEL - 1) * sum(factor**i for i in range(depth)) < steps:
        factor += 1
    return [factor**i for i in range(depth)]
