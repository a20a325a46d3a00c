"""How hyperparameters act on the numbers of the compiled model: learning rate, dropout rates, ...

This is found by building models of nearby values, so `build(hp)` may compute with its
hyperparameters as it likes.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Collection, Mapping
from typing import Any

import numpy as np

from kerastune_lite._src.core.gradients import is_continuous
from kerastune_lite._src.keras import automatic_names, session
from kerastune_lite._src.keras.building import ModelFactory
from kerastune_lite._src.keras.fast.structure import NotShared
from kerastune_lite._src.keras.fast.tf.numbers_of_training import TrainingNumbers, training_numbers
from kerastune_lite._src.space.domains import Domain, Value
from kerastune_lite._src.space.hyperparameters import HyperParameters
from kerastune_lite._src.util.errors import FatalValueError

_STEP = 1e-3
"""How far nearby values are, as a part of the domain. Numbers of Keras have single precision: with
this step their rounding and the curvature of a logarithmic scale both make an error of 1e-5."""

_EDGE = 2e-3
"""Nearer to the ends of a domain no gradient is taken: at a dropout rate of 0 there is no dropout,
which is another computation."""

UNKNOWN = (
    "There is no gradient by hyperparameters for this training: {}. It needs a built Sequential or "
    "functional model of Keras's own layers, and arrays. Use another oracle."
)
COMBINE = (
    "Make it discrete, hp.Float(..., step=...), and let another oracle choose the discrete ones: "
    "GradientOracle(structure=BayesianOracle())."
)
_CHANGES_STRUCTURE = (
    "A gradient can be taken by hyperparameters that are numbers of the training: learning rate, "
    "momentum, weight decay, L1 and L2, dropout rate, label smoothing. {!r} changes something else "
    f"in the model. {COMBINE}"
)
_NO_EFFECT = (
    "A gradient can be taken by hyperparameters that are numbers of the training: learning rate, "
    "momentum, weight decay, L1 and L2, dropout rate, label smoothing. A small change of {!r} "
    f"changes none of them. {COMBINE}"
)


@dataclasses.dataclass(frozen=True)
class Acting:
    """How continuous hyperparameters act on the numbers of a model.

    Attributes:
        model: the model.
        numbers: its numbers.
        names: of the hyperparameters.
        slopes: the derivative of each number by the position of each hyperparameter in its domain,
            `(len(names), n)`.
        moved: whether the point was too near to the end of a domain, and another one was taken.
    """

    model: Any
    numbers: TrainingNumbers
    names: tuple[str, ...]
    slopes: np.ndarray
    moved: bool


_Build = Callable[[Mapping[str, float]], TrainingNumbers]


class Actions:
    """Finds out how hyperparameters act.

    Args:
        models: builds the models.
    """

    def __init__(self, models: ModelFactory) -> None:
        self._models = models
        self._patterns: dict[str, np.ndarray] = {}
        """By the keys of models, which hyperparameters act on which numbers."""

    def at(self, hp: HyperParameters, seed: int) -> Acting:
        """The model of a point, and what acts in it.

        Args:
            hp: the point.
            seed: of the model's weights.

        Raises:
            FatalValueError: a hyperparameter does not act on numbers of the training alone.
        """
        asked = HyperParameters(hp.space, hp.copy().values)
        model = self._built(asked, seed)
        domains, values = continuous(asked), asked.copy().values
        units = {name: domain.to_unit(values[name]) for name, domain in domains.items()}
        inside = {name: min(max(unit, _EDGE), 1.0 - _EDGE) for name, unit in units.items()}

        def moved(units: Mapping[str, float]) -> Any:
            there: dict[str, Value] = {n: domains[n].from_unit(unit) for n, unit in units.items()}
            return self._built(HyperParameters(hp.space, {**values, **there}), seed)

        if inside != units:
            model = moved(inside)
        numbers = _numbers(model)
        slopes = self._slopes(lambda units: _numbers(moved(units)), inside, numbers)
        return Acting(model, numbers, tuple(units), slopes, inside != units)

    def _built(self, hp: HyperParameters, seed: int) -> Any:
        return automatic_names.built_from_one(
            lambda: self._models.build(hp), lambda: session.begin(seed, False)
        )

    def _slopes(
        self, build: _Build, units: Mapping[str, float], numbers: TrainingNumbers
    ) -> np.ndarray:
        """The derivatives of the numbers, `(len(units), n)`, by differences.

        Where each number depends on one hyperparameter at most, two models tell all of them
        (Curtis, Powell and Reid, 1974); which one that is, the first point of a structure tells.
        """
        key = "\n".join([numbers.key, *units])
        pattern = self._patterns.get(key)
        if pattern is not None and np.all(pattern.sum(axis=0) <= 1):
            slopes = _difference(build, units, units, numbers)
            if slopes is not None and not np.any(slopes[~pattern.any(axis=0)]):
                return np.where(pattern, slopes, 0.0)
        found = np.zeros((len(units), len(numbers.values)))
        for place, name in enumerate(units):
            slopes = _difference(build, units, [name], numbers)
            if slopes is None:
                raise FatalValueError(_CHANGES_STRUCTURE.format(name))
            if not np.any(slopes):
                raise FatalValueError(_NO_EFFECT.format(name))
            found[place] = slopes
        self._patterns[key] = found != 0
        return found


def _difference(
    build: _Build, units: Mapping[str, float], names: Collection[str], numbers: TrainingNumbers
) -> np.ndarray | None:
    """The change of the numbers if some hyperparameters change, `(n,)`; None if others change."""
    above, below = (
        build({**units, **{name: units[name] + step for name in names}}) for step in (_STEP, -_STEP)
    )
    if not above.key == below.key == numbers.key:
        return None
    slopes: np.ndarray = (above.values - below.values) / (2 * _STEP)
    return slopes


def _numbers(model: Any) -> TrainingNumbers:
    try:
        if not model.built:
            raise NotShared("the model is not built before fit()")
        return training_numbers(model)
    except NotShared as reason:
        raise FatalValueError(UNKNOWN.format(reason)) from None


def continuous(asked: HyperParameters) -> dict[str, Domain]:
    """The domains of the continuous hyperparameters that were asked for."""
    values = asked.used_values()
    active = {name: asked.space.active(name, values) for name in values}
    return {n: p.domain for n, p in active.items() if p is not None and is_continuous(p.domain)}
