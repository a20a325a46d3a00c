"""The numbers of a compiled model that a gradient can be taken by: learning rate, momentum, ..."""

from __future__ import annotations

import contextlib
import dataclasses
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np

from kerastune_lite._src.keras.compat import differentiation
from kerastune_lite._src.keras.compat.internals import nested_layers
from kerastune_lite._src.keras.fast.structure import NotShared, Place, structure_of

_OPTIMIZERS = frozenset(
    ("SGD", "Adam", "AdamW", "Adamax", "Nadam", "RMSprop", "Adagrad", "Adadelta")
)
"""Whose derivatives are tested. Lion takes signs, which have none."""

_ANY = 0.5
"""Stands for a number that is not part of a structure."""


@dataclasses.dataclass(frozen=True)
class TrainingNumbers:
    """The numbers that the training of a model depends on continuously.

    Attributes:
        key: of equal keys, one program can train both models.
        rate: the variable with the learning rate; None if that follows a schedule.
        places: of all other numbers, in an order that follows from the key.
        sized: whether the key leaves sizes open.
    """

    key: str
    rate: Any
    places: tuple[Place, ...]
    sized: bool

    @property
    def values(self) -> np.ndarray:
        """All numbers, `(n,)` in double precision; the learning rate first, if there is one."""
        rate = [] if self.rate is None else [float(np.asarray(self.rate.value))]
        return np.array([*rate, *(place.value for place in self.places)], np.float64)


def training_numbers(model: Any) -> TrainingNumbers:
    """The numbers of a built and compiled model.

    Raises:
        NotShared: the model holds something that is not known.
    """
    if type(model.optimizer).__name__ not in _OPTIMIZERS:
        raise NotShared(f"the optimizer is {type(model.optimizer).__name__}")
    if any(getattr(layer, "renorm", False) for layer in nested_layers(model)):
        raise NotShared("BatchNormalization(renorm=True) holds statistics constant")
    smoothings = [
        Place(each, "label_smoothing")
        for each in differentiation.smoothings_of(model)
        if each.label_smoothing not in (0, 1)
    ]
    with _set(smoothings, _ANY):
        structure = structure_of(model)
    rate = differentiation.learning_rate_of(model.optimizer)
    places = (*structure.places, *smoothings)
    key = f"{structure.key}\n{structure.sized}\n{len(smoothings)}\n{rate is None}"
    return TrainingNumbers(key, rate, places, structure.sized)


@contextlib.contextmanager
def _set(places: Sequence[Place], value: float) -> Iterator[None]:
    """Within it, the numbers at these places are `value`."""
    kept = [getattr(place.owner, place.attribute) for place in places]
    try:
        for place in places:
            setattr(place.owner, place.attribute, value)
        yield
    finally:
        for place, each in zip(places, kept):
            setattr(place.owner, place.attribute, each)
