"""Points of a space as rows of numbers, for a Gaussian process and for searches over it.

A point has three representations. Its *values* are what `build(hp)` receives. Its *units*, `(p,)`
in [0, 1], are a number for each of the `p` parameters that can vary, active or not: a position on
the scale of the domain, for discrete parameters the centre of a cell. Its *row*, `(d,)` in [0, 1],
is the input of the kernel: one column for a number, one for each category if categories have no
order, and 0.5 if the parameter is inactive, so that points without it do not differ in it.
"""

from __future__ import annotations

import dataclasses
import functools
from collections.abc import Mapping

import numpy as np
import numpy.typing as npt

from kerastune_lite._src.space.choice import Choice
from kerastune_lite._src.space.domains import Boolean, Value
from kerastune_lite._src.space.parameters import Parameter, Space

Array = npt.NDArray[np.float64]
Mask = npt.NDArray[np.bool_]
Indices = npt.NDArray[np.intp]

_LISTED = 32
"""Ordered domains with more values than this are treated as continuous, and rounded at the end."""

INACTIVE = 0.5


@dataclasses.dataclass(frozen=True)
class Axis:
    """A parameter that can vary.

    Attributes:
        parameter: the parameter.
        members: its values; None if it is treated as continuous.
        positions: the units of the members, `(len(members),)`.
        nominal: whether its members have no order.
        columns: its columns in a row.
    """

    parameter: Parameter
    members: tuple[Value, ...] | None
    positions: Array
    nominal: bool
    columns: slice

    def unit(self, value: Value) -> float | None:
        """The position of `value`; None if it is not in the domain (any more)."""
        try:
            return float(self.parameter.domain.to_unit(value))
        except ValueError:
            return None

    def codes(self, units: Array) -> Indices:
        """The indices of the members nearest to `units`."""
        edges = (self.positions[1:] + self.positions[:-1]) / 2
        return np.searchsorted(edges, units, side="right")

    def value(self, unit: float) -> Value:
        """The value at `unit`."""
        if self.members is None:
            return self.parameter.domain.from_unit(float(unit))
        return self.members[int(self.codes(np.asarray(unit)))]


def _axis(parameter: Parameter, first: int) -> Axis | None:
    domain = parameter.domain
    count = domain.cardinality
    if count == 1:
        return None
    nominal = isinstance(domain, Boolean) or (isinstance(domain, Choice) and not domain.ordered)
    if count is None or (count > _LISTED and not nominal):
        return Axis(parameter, None, np.empty(0), False, slice(first, first + 1))
    members = tuple(domain.members() or ())
    width = len(members) if nominal and len(members) > 2 else 1
    positions = np.array([domain.to_unit(member) for member in members])
    return Axis(parameter, members, positions, nominal, slice(first, first + width))


class Encoding:
    """The three representations of the points of one space.

    Attributes:
        has_priors: whether the user believes something of where the best is.
        axes: the parameters that can vary, in the order of the space.
        groups: `(d,)`, the axis of each column: columns of an axis share a length scale.
    """

    def __init__(self, space: Space) -> None:
        self.space = space
        axes: list[Axis] = []
        width = 0
        for parameter in space:
            axis = _axis(parameter, width)
            if axis is not None:
                axes.append(axis)
                width = axis.columns.stop
        self.axes = tuple(axes)
        self.groups = np.repeat(
            np.arange(len(axes)), [axis.columns.stop - axis.columns.start for axis in axes]
        )
        self.has_priors = any(axis.parameter.domain.prior is not None for axis in axes)
        self._place = {axis.parameter.identity: i for i, axis in enumerate(axes)}
        self._known: dict[tuple[tuple[str, Value], ...], tuple[Array, Mask]] = {}

    @property
    def continuous(self) -> Indices:
        """The indices of the axes without a list of members."""
        return np.array([i for i, axis in enumerate(self.axes) if axis.members is None], dtype=int)

    def units(self, values: Mapping[str, Value]) -> tuple[Array, Mask]:
        """Units and activity of a point, both `(p,)`; what it does not have is inactive."""
        key = tuple(values.items())
        if key not in self._known:
            units, active = np.full(len(self.axes), INACTIVE), np.zeros(len(self.axes), dtype=bool)
            for name, value in key:
                parameter = self.space.active(name, values)
                place = None if parameter is None else self._place.get(parameter.identity)
                unit = None if place is None else self.axes[place].unit(value)
                if place is not None and unit is not None:
                    units[place], active[place] = unit, True
            # Cached, because finding a position takes longer than everything else.
            self._known[key] = units, active
        return self._known[key]

    def values(self, units: Array) -> dict[str, Value]:
        """The point at `units`, with values for all its active parameters."""

        def choose(parameter: Parameter) -> Value:
            place = self._place.get(parameter.identity)
            if place is None:
                return parameter.default
            return self.axes[place].value(units[place])

        return self.space.walk(choose)

    def snapped(self, units: Array) -> Array:
        """`units`, `(m, p)`, with discrete ones rounded to the centres of their cells."""
        snapped = units.copy()
        for i, axis in enumerate(self.axes):
            if axis.members is not None:
                snapped[:, i] = axis.positions[axis.codes(units[:, i])]
        return snapped

    def active(self, units: Array) -> Mask:
        """Which parameters are active under the declared conditions: `(m, p)` for `(m, p)`."""
        active = np.zeros(units.shape, dtype=bool)
        if all(not axis.parameter.conditions for axis in self.axes):
            return ~active
        # A parent may be declared after its child, so this is repeated until nothing changes.
        for _ in range(len(self.axes)):
            before = active.copy()
            for i, axis in enumerate(self.axes):
                active[:, i] = self._holds(axis.parameter, units, active)
            if np.array_equal(before, active):
                break
        return active

    def _holds(self, parameter: Parameter, units: Array, active: Mask) -> Mask:
        """Whether all conditions of a parameter hold, `(m,)`."""
        holds = np.ones(len(units), dtype=bool)
        for condition in parameter.conditions:
            met = np.zeros(len(units), dtype=bool)
            for parent in self.space.named(condition.name):
                place = self._place.get(parent.identity)
                if place is None:
                    if condition.holds({parent.name: parent.default}):
                        met |= self._holds(parent, units, active)
                    continue
                axis = self.axes[place]
                if axis.members is not None:
                    allowed = [condition.holds({parent.name: member}) for member in axis.members]
                    met |= active[:, place] & np.array(allowed)[axis.codes(units[:, place])]
            holds &= met
        return holds

    def rows(self, units: Array, active: Mask) -> Array:
        """The rows of points, `(m, d)`; both arguments are `(m, p)`."""
        rows = np.empty((len(units), len(self.groups)))
        for i, axis in enumerate(self.axes):
            rows[:, axis.columns] = _columns(axis, units[:, i])
            rows[~active[:, i], axis.columns] = INACTIVE
        return rows


def _columns(axis: Axis, units: Array) -> Array:
    """The columns of one axis, `(m, width)`, for its units, `(m,)`."""
    if not axis.nominal:
        return units[:, None]
    codes = axis.codes(units)
    if len(axis.positions) == 2:
        return codes[:, None].astype(float)
    # The distance of two categories is 1, like that of the ends of a range.
    return np.sqrt(0.5) * (codes[:, None] == np.arange(len(axis.positions)))


@functools.lru_cache(maxsize=16)
def encoding_of(space: Space) -> Encoding:
    """The encoding of a space, cached."""
    return Encoding(space)
