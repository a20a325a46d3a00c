"""The values of a child in a population: those of its parent, perturbed or drawn anew."""

from __future__ import annotations

import functools
from collections.abc import Collection

import numpy as np

from kerastune_lite._src.core.trial import Trial
from kerastune_lite._src.space.choice import Choice
from kerastune_lite._src.space.domains import Domain, Value, same
from kerastune_lite._src.space.numeric import Float, Int
from kerastune_lite._src.space.parameters import Parameter, Space, generator_of


def explored(
    space: Space,
    parent: Trial,
    names: Collection[str],
    factors: tuple[float, float],
    resample_probability: float,
    rng: np.random.Generator,
) -> dict[str, Value]:
    """The values of a child, for all parameters that are active with them.

    What the parent has no value for, since it was inactive there, is drawn.

    Args:
        space: the parameters known so far.
        names: of the hyperparameters that change; the others are inherited.
        factors: one of them multiplies a number.
        resample_probability: of each value to be drawn anew instead.
    """
    # A value depends on its name and this key, not on what else the space contains.
    key = int(rng.integers(2**63))

    def choose(parameter: Parameter, turned: bool = False) -> Value:
        domain, own = parameter.domain, generator_of(parameter, key)
        value = parent.values.get(parameter.name)
        # The domain may have changed since the parent was trained.
        if parameter.name not in parent.values or not domain.contains(value):
            return domain.sample(own)
        if parameter.name not in names:
            return value
        if own.random() < resample_probability:
            return domain.sample(own)
        factor = factors[int(own.integers(2)) ^ turned]
        return perturbed(domain, value, factor, own)

    values = space.walk(choose)
    if values == parent.values:
        # At the ends of domains nothing moved: a child that repeats its parent finds nothing.
        values = space.walk(functools.partial(choose, turned=True))
    return values


def perturbed(domain: Domain, value: Value, factor: float, rng: np.random.Generator) -> Value:
    """Another value near `value`: a multiple, or a neighbour.

    Numbers are multiplied; on the scale "reverse_log" their mirror images are. A number that this
    does not change moves to a neighbour: by a step, or by a part of the range (0 times anything is
    0). So do choices that are ordered; others are drawn. At the end of a domain there may be no
    such neighbour, and the value stays.

    Args:
        factor: above 1: upwards; below: downwards.
    """
    if isinstance(domain, (Int, Float)):
        return _multiplied(domain, value, factor)
    if isinstance(domain, Choice) and domain.ordered:
        return _moved(list(domain.values), domain.index(value), factor)
    return domain.sample(rng)


def _multiplied(domain: Int | Float, value: Value, factor: float) -> Value:
    number = float(value)  # type: ignore[arg-type]
    if domain.sampling == "reverse_log":
        # The mirror image shrinks when the value grows.
        multiple = domain.mirror(domain.mirror(number) / factor)
    else:
        multiple = number * factor
    found = domain.nearest(min(max(multiple, domain.min_value), domain.max_value))
    if not same(found, value):
        return found
    if domain.step is None and isinstance(domain, Float):
        width = domain.max_value - domain.min_value
        shifted = number + (factor - 1.0) * width
        return domain.nearest(min(max(shifted, domain.min_value), domain.max_value))
    members = domain.members()
    if members is None:
        return value
    place = next((i for i, each in enumerate(members) if same(each, value)), None)
    return value if place is None else _moved(sorted(members), place, factor)  # type: ignore[type-var]


def _moved(members: list[Value], place: int, factor: float) -> Value:
    """The neighbour of a member."""
    there = place + (1 if factor > 1.0 else -1)
    return members[min(max(there, 0), len(members) - 1)]
