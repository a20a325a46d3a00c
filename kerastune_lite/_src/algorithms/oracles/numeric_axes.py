"""The numeric hyperparameters of a space as dimensions of a cube."""

from __future__ import annotations

import dataclasses
import functools
import math
from collections.abc import Mapping

from kerastune_lite._src.space.choice import Choice
from kerastune_lite._src.space.domains import Value
from kerastune_lite._src.space.numeric import Numeric
from kerastune_lite._src.space.parameters import Parameter, Space

_MOST_STEPS = 1000
"""Domains with more values are continuous."""


@dataclasses.dataclass(frozen=True)
class NumericAxis:
    """One dimension: a numeric parameter on [0, 1].

    Attributes:
        step: the distance of its values; 0 if it is continuous.
    """

    parameter: Parameter
    step: float

    def value(self, unit: float) -> Value:
        """The value at a position."""
        if not self.step:
            return self.parameter.domain.from_unit(unit)
        count = round(1.0 / self.step) + 1
        return self.parameter.domain.from_unit((round(unit / self.step) + 0.5) / count)

    def snapped(self, unit: float) -> float:
        """The position of the value at a position."""
        return self._position(self.value(unit))

    def place(self, values: Mapping[str, Value]) -> float:
        """The position of the value of this parameter; NaN if there is none."""
        domain, name = self.parameter.domain, self.parameter.name
        known = name in values and self.parameter.is_active(values)
        return self._position(values[name]) if known and domain.contains(values[name]) else math.nan

    def _position(self, value: Value) -> float:
        unit = self.parameter.domain.to_unit(value)
        if not self.step:
            return unit
        count = round(1.0 / self.step) + 1
        return round(unit * count - 0.5) * self.step


@functools.lru_cache(maxsize=64)
def numeric_axes(space: Space) -> tuple[NumericAxis, ...]:
    """Those of numbers, of choices between numbers, and of booleans, unless they have one value."""
    return tuple(NumericAxis(each, _step(each)) for each in space if _is_numeric(each))


def _is_numeric(parameter: Parameter) -> bool:
    domain = parameter.domain
    if domain.cardinality == 1:
        return False
    return domain.ordered is True if isinstance(domain, Choice) else True


def _step(parameter: Parameter) -> float:
    domain = parameter.domain
    even = not isinstance(domain, Numeric) or domain.step is not None
    if not even or domain.cardinality is None or domain.cardinality > _MOST_STEPS:
        return 0.0
    return 1.0 / (domain.cardinality - 1)
