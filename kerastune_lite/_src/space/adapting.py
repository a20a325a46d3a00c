"""Points of one space as points of another, whose domains may differ."""

from __future__ import annotations

from collections.abc import Mapping

from kerastune_lite._src.space.choice import Choice
from kerastune_lite._src.space.domains import Domain, Fixed, Value
from kerastune_lite._src.space.numeric import Numeric
from kerastune_lite._src.space.parameters import Parameter, Space


def adapted(values: Mapping[str, Value], space: Space) -> dict[str, Value] | None:
    """The point of `space` that is closest to `values`; None if one of them is out of range.

    A number between two values of its domain is rounded to the nearer one. Parameters that
    `values` does not have take what a search starts with, names that `space` does not have are
    left out.
    """
    refused = False

    def choose(parameter: Parameter) -> Value:
        nonlocal refused
        domain = parameter.domain
        if parameter.name not in values or isinstance(domain, Fixed):
            return domain.start
        try:
            return nearest(domain, values[parameter.name])
        except ValueError:
            refused = True
            return domain.start

    point = space.walk(choose)
    return None if refused else point


def nearest(domain: Domain, value: Value) -> Value:
    """The value of `domain` that is nearest to `value`.

    Raises:
        ValueError: `value` is of another kind, or out of the range of the domain.
    """
    is_number = isinstance(value, (int, float)) and not isinstance(value, bool)
    if not is_number or domain.contains(value):
        return domain.coerce(value)
    assert isinstance(value, (int, float))
    if isinstance(domain, Numeric) and domain.min_value <= value <= domain.max_value:
        return domain.nearest(value)
    if isinstance(domain, Choice) and domain.ordered:
        numbers = [each for each in domain.values if isinstance(each, (int, float))]
        if min(numbers) <= value <= max(numbers):
            return min(numbers, key=lambda each: abs(each - value))
    return domain.coerce(value)
