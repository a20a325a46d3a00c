"""Values of our domains as parameters of Optuna, and back.

Optuna gets positions, not values: numbers in [0, 1], numbers of steps, or indices of choices. So
all scales and steps are possible, and 1, 1.0 and True are different.
"""

from __future__ import annotations

import dataclasses
import functools
from collections.abc import Mapping
from typing import Any

from kerastune_lite._src.algorithms.oracles.numeric_axes import NumericAxis, numeric_axes
from kerastune_lite._src.space.domains import Boolean, Value, same
from kerastune_lite._src.space.parameters import Parameter, Space

Params = dict[str, Any]

_DIGITS = 12


@dataclasses.dataclass(frozen=True)
class OptunaParameter:
    """A parameter as Optuna knows it.

    Attributes:
        name: unique also if another parameter has the same name under other conditions.
        members: the values, if there is no order; otherwise empty.
        axis: the positions, if there is an order.
    """

    parameter: Parameter
    name: str
    members: tuple[Value, ...]
    axis: NumericAxis | None

    @property
    def _steps(self) -> int:
        """The number of steps between the first value and the last; 0 if it is continuous."""
        return round(1.0 / self.axis.step) if self.axis and self.axis.step else 0

    def distribution(self, optuna: Any) -> Any:
        """Its distribution."""
        kinds = optuna.distributions
        if self.axis is None:
            return kinds.CategoricalDistribution(tuple(range(len(self.members))))
        if self._steps:
            return kinds.IntDistribution(0, self._steps)
        return kinds.FloatDistribution(0.0, 1.0)

    def suggested(self, trial: Any) -> Value:
        """What an Optuna trial suggests."""
        if self.axis is None:
            return self.members[
                trial.suggest_categorical(self.name, tuple(range(len(self.members))))
            ]
        if self._steps:
            return self.axis.value(trial.suggest_int(self.name, 0, self._steps) * self.axis.step)
        return self.axis.value(trial.suggest_float(self.name, 0.0, 1.0))

    def encoded(self, values: Mapping[str, Value]) -> Any:
        """What Optuna would have suggested; None if it is inactive, or not in the domain."""
        name = self.parameter.name
        if name not in values or not self.parameter.is_active(values):
            return None
        if self.axis is None:
            found = (i for i, each in enumerate(self.members) if same(each, values[name]))
            return next(found, None)
        place = self.axis.place(values)
        if place != place:
            return None
        return round(place * self._steps) if self._steps else _clean(place)

    def settled(self, param: Any) -> Any:
        """What `encoded` will give for the value of a parameter of Optuna."""
        if self.axis is None or self._steps:
            return param
        return _clean(self.axis.snapped(param))


def _clean(place: float) -> float:
    """A position without the rounding errors of scales, which would differ when it is computed."""
    return min(max(round(place, _DIGITS), 0.0), 1.0)


@functools.lru_cache(maxsize=64)
def optuna_parameters(space: Space) -> tuple[OptunaParameter, ...]:
    """Those parameters that have more than one value."""
    axes = {axis.parameter.identity: axis for axis in numeric_axes(space)}
    found = []
    for parameter in space:
        if parameter.domain.cardinality == 1:
            continue
        conditions = " and ".join(map(str, parameter.conditions))
        name = f"{parameter.name} if {conditions}" if conditions else parameter.name
        # Truth values have no order; CMA-ES needs it, other samplers are misled by it.
        axis = None if isinstance(parameter.domain, Boolean) else axes.get(parameter.identity)
        members = () if axis else tuple(parameter.domain.members() or ())
        found.append(OptunaParameter(parameter, name, members, axis))
    return tuple(found)


def encoded(space: Space, values: Mapping[str, Value]) -> Params:
    """The values of a trial as Optuna's parameters, in the order of the space."""
    pairs = ((each.name, each.encoded(values)) for each in optuna_parameters(space))
    return {name: param for name, param in pairs if param is not None}
