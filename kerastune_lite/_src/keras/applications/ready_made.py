"""What the ready-made hypermodels have in common: they are made from the training data."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from typing import Any

from kerastune_lite._src.keras.applications.targets import Target
from kerastune_lite._src.keras.hypermodel import HyperModel
from kerastune_lite._src.keras.loading import load_keras
from kerastune_lite._src.space.domains import Value
from kerastune_lite._src.space.hyperparameters import HyperParameters

load_keras()  # silently; the type checker understands only the import below
import keras  # noqa: E402

WARMUP = 0.05
"""The part of the training in which the learning rate rises."""


class ReadyMade(HyperModel, ABC):
    """A hypermodel that is made from the training data, of which it keeps no samples. Abstract.

    Args:
        samples: how many there are to train on.
        y: their targets, or a `Target`.
        epochs: for how many epochs each trial trains.
        name, tunable: as of `HyperModel`.

    Raises:
        TypeError, ValueError: an argument is not as described; see `Target.of`.
    """

    first_trials: Sequence[Mapping[str, Value]] = ({},)
    """Points that are worth a trial before a search learns by itself; what is left out has its
    default. For `tuner.enqueue`; automatic searches begin with them."""

    def __init__(self, samples: int, y: Any, epochs: int, name: str | None, tunable: bool) -> None:
        super().__init__(name, tunable)
        if isinstance(epochs, bool) or not isinstance(epochs, int) or epochs < 1:
            raise ValueError(
                "`epochs` must be a whole number, 1 or more. Received: "
                f"{epochs!r} of type {type(epochs).__name__}."
            )
        if not isinstance(y, Target) and len(y) != samples:
            raise ValueError(
                "`x` and `y` must have the same number of samples. Received: "
                f"{samples} in x, {len(y)} in y."
            )
        self.target = y if isinstance(y, Target) else Target.of(y)
        self.samples = samples
        self.epochs = epochs

    def build(self, hp: HyperParameters) -> Any:
        """A compiled Keras model for the hyperparameters `hp`."""
        inputs = self._inputs()
        outputs = self.target.head(self._features(inputs, hp))
        model = keras.Model(inputs, outputs)
        model.compile(self._optimizer(hp), self.target.loss, metrics=self.target.metrics)
        return model

    @abstractmethod
    def _inputs(self) -> Any:
        """The input of a model."""

    @abstractmethod
    def _features(self, x: Any, hp: HyperParameters) -> Any:
        """Inputs to features of shape (batch, m), from which the targets are predicted."""

    @abstractmethod
    def _optimizer(self, hp: HyperParameters) -> Any:
        """The optimizer of a model."""

    def _adamw(self, hp: HyperParameters, learning_rate: float, weight_decay: float) -> Any:
        """AdamW with a learning rate that rises shortly, and then falls as a cosine to 0.

        Args:
            learning_rate, weight_decay: the defaults; both are tuned by a factor of 10.
        """
        rate = hp.Float(
            "learning_rate", learning_rate / 10, learning_rate * 10, None, "log", learning_rate
        )
        decay = hp.Float(
            "weight_decay", weight_decay / 10, weight_decay * 10, None, "log", weight_decay
        )
        batch_size = hp.Choice("batch_size", self._batch_sizes(), default=self._batch_size())
        steps = hp.Fixed("epochs", self.epochs) * -(-self.samples // batch_size)
        warmup = max(1, round(WARMUP * steps))
        schedule = keras.optimizers.schedules.CosineDecay(
            rate / warmup, max(1, steps - warmup), warmup_target=rate, warmup_steps=warmup
        )
        return keras.optimizers.AdamW(schedule, weight_decay=decay, epsilon=self.target.epsilon)

    def _batch_size(self) -> int:
        """The default: 32 batches in an epoch if they are neither tiny nor huge."""
        return power_of_two(self.samples / 32, 16, 256)

    def _batch_sizes(self) -> list[int]:
        default = self._batch_size()
        return [default // 2, default, 2 * default, 4 * default]


def power_of_two(value: float, least: int, most: int) -> int:
    """The power of two nearest to `value` of those from `least` to `most`, powers of two, too."""
    while least < most and least * 2**0.5 < value:
        least *= 2
    return least
