"""Which hyperparameters can change while a model is trained: those that leave its structure alone.

A model is built for several values of a hyperparameter. If the models differ only in real numbers
(rates, strengths of regularisers), in what they are compiled with besides the optimizer's class,
and in what is not part of them (the batch size), one can be trained on from the state of another.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from kerastune_lite._src.keras.compat.models import layers_within
from kerastune_lite._src.keras.loading import load_keras
from kerastune_lite._src.keras.resuming import optimizers_of
from kerastune_lite._src.space.choice import Choice
from kerastune_lite._src.space.domains import Boolean, Domain, Value, same
from kerastune_lite._src.space.hyperparameters import HyperParameters
from kerastune_lite._src.space.parameters import Parameter, Space

keras = load_keras()
logger = logging.getLogger(__name__)

Build = Callable[[HyperParameters], Any]
"""Returns a model; None if it rejects the values."""

_DRAWS = 8
"""How many random points are built to find those that are used for some values of others only."""

_MOST = 3
"""How many values of a hyperparameter are built."""

_INNER = (0.15, 0.5, 0.85)
"""Where these are, in the domain: without its ends, which may be special (a momentum of 0)."""


def changeable(
    build: Build, space: Space, names: Sequence[str] | None = None
) -> dict[str, bool | None]:
    """Whether hyperparameters can change during a training.

    None if that is not known: `build` does not use one, or rejects its values. The answer depends
    on nothing but the arguments, so that a search that is resumed gets the same one.

    Args:
        build: of the search.
        space: the parameters that it was found to declare. It may declare others for other values.
        names: of the hyperparameters in question; None: all that have several values.
    """
    points = _Points(build, space)
    found = {name: _leaves_the_structure(points, name) for name in names or points.tuned()}
    logger.debug("Which hyperparameters can change during a training: %s", found)
    return found


class _Points:
    """Points that are built to find out which hyperparameters are used, and with which others.

    Attributes:
        space: all parameters that were met.
    """

    def __init__(self, build: Build, space: Space) -> None:
        self.build = build
        self.space = space
        self._used: list[dict[str, Value]] = []
        """What `build` used at each point."""
        for parameter in space:
            if not any(parameter.name in used for used in self._used):
                self._try(self._active(parameter))
        rng = np.random.default_rng(0)
        for _ in range(_DRAWS):
            self._try(self.space.sample(rng))

    def _active(self, parameter: Parameter) -> dict[str, Value]:
        """The defaults, but for what makes a parameter active."""
        chosen = {each.name: each.values[0] for each in parameter.conditions}
        return self.space.walk(lambda each: chosen.get(each.name, each.default))

    def _try(self, values: Mapping[str, Value]) -> None:
        hp = HyperParameters(self.space, values)
        self.build(hp)
        self.space = self.space.merged(hp.space)
        self._used.append(hp.used_values())

    def tuned(self) -> list[str]:
        """The names of the hyperparameters that have several values."""
        space = self.space
        return [n for n in space.names if any(p.domain.cardinality != 1 for p in space.named(n))]

    def with_name(self, name: str) -> dict[str, Value] | None:
        """The values of a point at which a hyperparameter is used; None if there is none."""
        return next((used for used in self._used if name in used), None)


def _leaves_the_structure(points: _Points, name: str) -> bool | None:
    used = points.with_name(name)
    if used is None:
        return None
    parameter = points.space.active(name, used)
    if parameter is None:
        return False
    structures = []
    for value in _values(parameter.domain, used[name]):
        hp = HyperParameters(points.space, {**used, name: value})
        model = points.build(hp)
        if model is not None:
            structures.append(structure_of(model))
    if len(structures) < 2:
        return None
    return all(each == structures[0] for each in structures)


def _values(domain: Domain, default: Value) -> list[Value]:
    """Some values of a domain, all different."""
    if isinstance(domain, (Boolean, Choice)):
        values = domain.members() or []
    else:
        values = [domain.from_unit(unit) for unit in _INNER]
    distinct: list[Value] = []
    for value in [*values, default]:
        if not any(same(value, each) for each in distinct):
            distinct.append(value)
    return distinct[:_MOST]


# ------------------------------------------------------------------ the structure of a model


def structure_of(model: Any) -> Any:
    """What two models have in common if one can continue the training of the other.

    Their layers and the configs of these but for real numbers, their variables as far as they
    exist, and the classes and settings of their optimizers, but for real numbers.
    """
    variables = [(tuple(each.shape), str(each.dtype), each.trainable) for each in model.variables]
    layers = [(type(each).__name__, _config(each)) for each in layers_within(model)]
    optimizers = {
        name: (type(each).__name__, _config(each, without=("learning_rate",)))
        for name, each in optimizers_of(model).items()
    }
    return variables, layers, optimizers


def _config(part: Any, without: Sequence[str] = ()) -> Any:
    try:
        config = part.get_config()
    except Exception as error:
        # A class of the user's; its variables are compared nevertheless.
        logger.debug("The config of a %s cannot be read.", type(part).__name__, exc_info=error)
        return None
    return _plain({name: value for name, value in config.items() if name not in without})


def _plain(value: Any) -> Any:
    """A config without real numbers, and without names and what is not set."""
    if isinstance(value, Mapping):
        parts = {name: _plain(each) for name, each in value.items() if name != "name"}
        return {name: part for name, part in parts.items() if part is not None}
    if isinstance(value, (list, tuple)):
        return [_plain(each) for each in value]
    if value is None or isinstance(value, (float, np.floating)):
        return None
    if isinstance(value, (bool, int, str, np.generic)):
        return value
    return type(value).__name__
