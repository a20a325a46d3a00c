"""Numeric domains: integers and reals on a linear, logarithmic or reversed logarithmic scale.

`linear` is uniform, `log` is finer near `min_value`, `reverse_log` is finer near `max_value`. A
`step` is added on a linear scale and multiplied on the others, as in KerasTuner; `max_value` is
included if a step reaches it.
"""

from __future__ import annotations

import dataclasses
import functools
import math
import numbers
from abc import abstractmethod
from decimal import Decimal
from typing import Any, Generic, TypeVar

import numpy as np

from kerastune_lite._src.space.domains import GRID_POINTS, Domain, Fixed, Value, cell
from kerastune_lite._src.space.prior import Prior, checked_prior
from kerastune_lite._src.util.public import public

SAMPLINGS = ("linear", "log", "reverse_log")

MAX_MEMBERS = 1_000_000
"""Domains with more values than this are not listed."""

_HAIR = Decimal("1e-8")
"""The part of a step by which the last value may miss the end of the range and still count as the
end: the rounding of a step such as 1/3."""


Number = TypeVar("Number", int, float)


class Numeric(Domain, Generic[Number], abstract=True):
    """What `Int` and `Float` have in common: checks of the range, steps, scales."""

    min_value: Number
    max_value: Number
    step: Number | None
    sampling: str
    has_order = True

    @abstractmethod
    def _number(self, name: str, value: object) -> Number:
        """`value` as a number of this domain.

        Raises:
            TypeError: it cannot be converted; the message names the argument.
        """

    def _check(self) -> None:
        object.__setattr__(self, "sampling", _scale(self.sampling))
        for name in ("min_value", "max_value"):
            object.__setattr__(self, name, self._number(name, getattr(self, name)))
        if self.min_value > self.max_value:
            raise ValueError(
                "`min_value` must not be greater than `max_value`. "
                f"Received: min_value={self.min_value}, max_value={self.max_value}."
            )
        if self.sampling != "linear" and self.min_value <= 0:
            raise ValueError(
                f"`sampling={self.sampling!r}` needs `min_value` > 0. "
                f"Received: min_value={self.min_value}."
            )
        if self.step is not None:
            object.__setattr__(self, "step", self._number("step", self.step))
            if self.sampling == "linear" and self.step <= 0:
                raise ValueError(f"`step` must be greater than 0. Received: step={self.step}.")
            if self.sampling != "linear" and self.step <= 1:
                raise ValueError(
                    f"`step` is multiplied when `sampling={self.sampling!r}` and must be greater "
                    f"than 1. Received: step={self.step}."
                )
        # As in KerasTuner, the smallest value is the default.
        object.__setattr__(self, "has_own_default", self.default is not None)
        default = self._first() if self.default is None else self.default
        object.__setattr__(self, "default", self._coerced_default(default))
        object.__setattr__(self, "prior", checked_prior(self.prior, self))

    def _middle(self) -> Value:
        if self.step is not None:
            return self._at((self._count - 1) // 2)
        middle = self.from_unit(0.5)
        # Without the last digits, which are rounding: 0.001, not 0.0010000000000000002.
        return self._cast(float(f"{middle:.12g}"))

    def _first(self) -> Value:
        return self.min_value if self.step is None else self._at(0)

    @functools.cached_property
    def _exact(self) -> tuple[Decimal, Decimal, Decimal]:
        """`min_value`, `max_value` and `step`; only for domains with a step."""
        # Decimals keep 0 + 10 x 0.1 at 1.0, where binary floats would drift past the end.
        return _decimal(self.min_value), _decimal(self.max_value), _decimal(self.step or 1)

    @functools.cached_property
    def _steps(self) -> Decimal:
        """The range in steps, not rounded; only for domains with a step."""
        low, high, step = self._exact
        if self.sampling == "linear":
            return (high - low) / step
        return _decimal(math.log(self.max_value / self.min_value) / math.log(step))

    @functools.cached_property
    def _count(self) -> int:
        """The number of values; only for domains with a step."""
        return int(self._steps + _HAIR) + 1

    @property
    def _listable(self) -> bool:
        return self.step is not None and self._count <= MAX_MEMBERS

    def _at(self, index: int) -> Number:
        """The value at `index`, in ascending order."""
        low, high, step = self._exact
        downwards = self.sampling == "reverse_log"
        rung = self._count - 1 - index if downwards else index
        if abs(self._steps - rung) <= _HAIR:
            return self.min_value if downwards else self.max_value
        if self.sampling == "linear":
            return self._cast(low + rung * step)
        climbed = low * step**rung
        return self._cast(high + low - climbed if downwards else climbed)

    @abstractmethod
    def _cast(self, value: Decimal | float) -> Number:
        """A computed number as a value of this domain: rounded and clipped to the range."""

    def _index(self, value: float) -> int:
        """The index of the value nearest to `value`."""
        value = min(max(value, self.min_value), self.max_value)
        low, _, step = self._exact
        if self.sampling == "linear":
            rung = round((_decimal(value) - low) / step)
        else:
            mirrored = value if self.sampling == "log" else self.mirror(value)
            rung = round(math.log(mirrored / self.min_value) / math.log(step))
        rung = min(max(rung, 0), self._count - 1)
        return self._count - 1 - rung if self.sampling == "reverse_log" else rung

    def nearest(self, value: float) -> Number:
        """The value of this domain that is nearest to the number `value`, on its scale."""
        return self._cast(value) if self.step is None else self._at(self._index(value))

    def mirror(self, value: float) -> float:
        """`value`, counted from the other end; "reverse_log" is logarithmic in it."""
        # In this order, because a small `min_value` may be lost in `max_value + min_value`.
        return self.min_value + (self.max_value - value)

    def _spread(self) -> list[Value]:
        """At most `GRID_POINTS` values, spread evenly over the unit interval."""
        units = np.linspace(0.0, 1.0, GRID_POINTS).tolist()
        return list(dict.fromkeys(self.from_unit(unit) for unit in units))

    def covers(self, other: Domain) -> bool:
        if isinstance(other, Fixed):
            return self.contains(other.value)
        return (
            type(other) is type(self)
            and isinstance(other, Numeric)
            and (self.sampling, self.step) == (other.sampling, other.step)
            and self.contains(other._first())
            and self.contains(
                other.max_value if other.step is None else other._at(other._count - 1)
            )
        )

    def describe(self) -> str:
        if isinstance(self, Int):
            text = f"Int {self.min_value}..{self.max_value}"
        else:
            text = f"{type(self).__name__} {self.min_value:g}..{self.max_value:g}"
        if self.step is not None and not (isinstance(self, Int) and self.step == 1):
            text += f" step {self.step:g}" if self.sampling == "linear" else f" x{self.step:g}"
        return text if self.sampling == "linear" else f"{text} {self.sampling}"


def _scale(sampling: Any) -> str:
    scale = "linear" if sampling is None else sampling
    if not isinstance(scale, str) or scale.lower() not in SAMPLINGS:
        raise ValueError(f"`sampling` must be one of {SAMPLINGS}. Received: {sampling!r}.")
    return scale.lower()


def _decimal(number: float) -> Decimal:
    """The number as it is printed, not as it is stored in binary."""
    return Decimal(repr(number))


@public("kerastune_lite.hyperparameters")
@dataclasses.dataclass(frozen=True, eq=False)
class Int(Numeric[int]):
    """A whole number from `min_value` to `max_value`, both included.

    Args:
        min_value, max_value: the limits.
        step: the difference between neighbours on a linear scale (default: 1), their ratio on the
            other scales.
        sampling: "linear", "log" or "reverse_log".
        default: a number between the limits. Default: the smallest value; without a prior a search
            then starts in the middle of the range.
        prior: what you believe of the best value.

    Raises:
        TypeError: a number is not whole.
        ValueError: an argument is out of range, or `sampling` is unknown.

    Example:
        >>> from kerastune_lite.hyperparameters import Int
        >>> Int(8, 32, step=8).grid()
        [8, 16, 24, 32]
        >>> Int(8, 64, step=2, sampling="log").grid()
        [8, 16, 32, 64]
    """

    min_value: int
    max_value: int
    step: int | None = None
    sampling: str = "linear"
    default: int | None = None
    prior: Prior | None = None

    def __post_init__(self) -> None:
        if self.step is None and _scale(self.sampling) == "linear":
            object.__setattr__(self, "step", 1)
        self._check()

    def _number(self, name: str, value: object) -> int:
        if isinstance(value, numbers.Integral) and not isinstance(value, bool):
            return int(value)
        if isinstance(value, (float, np.floating)) and float(value).is_integer():
            return int(value)
        raise TypeError(f"`{name}` must be a whole number. Received: {value!r}.")

    def _cast(self, value: Decimal | float) -> int:
        return int(min(max(round(value), self.min_value), self.max_value))

    @property
    def cardinality(self) -> int | None:
        count = self.max_value - self.min_value + 1 if self.step is None else self._count
        return count if count <= MAX_MEMBERS else None

    def _edges(self) -> tuple[float, float]:
        """The logarithms of the limits -0.5 and +0.5: each integer is in the centre of its cell."""
        return math.log(self.min_value - 0.5), math.log(self.max_value + 0.5)

    def to_unit(self, value: Value) -> float:
        number = self.coerce(value)
        if self.step is not None:
            return (self._index(number) + 0.5) / self._count
        low, high = self._edges()
        if self.sampling == "log":
            return (math.log(number) - low) / (high - low)
        return 1.0 - (math.log(self.mirror(number)) - low) / (high - low)

    def from_unit(self, unit: float) -> int:
        if self.step is not None:
            return self._at(cell(unit, self._count))
        low, high = self._edges()
        if self.sampling == "log":
            return self._cast(math.exp(low + unit * (high - low)))
        return self._cast(self.mirror(math.exp(low + (1.0 - unit) * (high - low))))

    def grid(self) -> list[Value]:
        members = self.members()
        if members is None or (self.step is None and len(members) > GRID_POINTS):
            return self._spread()
        return members

    def members(self) -> list[Value] | None:
        if self.cardinality is None:
            return None
        if self.step is not None and self.sampling != "linear":
            return [self._at(index) for index in range(self._count)]
        return list(range(self.min_value, self.max_value + 1, self.step or 1))

    def coerce(self, value: Any) -> int:
        try:
            number = self._number("value", value)
        except TypeError:
            raise self._refuse(value) from None
        if not self.min_value <= number <= self.max_value:
            raise self._refuse(value)
        # As in KerasTuner, only the default may lie between two steps.
        on_step = self.step is None or self._at(self._index(number)) == number
        if not on_step and number != self.default:
            raise self._refuse(value)
        return number


@public("kerastune_lite.hyperparameters")
@dataclasses.dataclass(frozen=True, eq=False)
class Float(Numeric[float]):
    """A real number from `min_value` to `max_value`, both included.

    Args:
        min_value, max_value: the limits.
        step: the difference between neighbours on a linear scale, their ratio on the other scales.
            Default: none, every number between the limits.
        sampling: "linear", "log" or "reverse_log".
        default: a number between the limits. Default: the smallest value; without a prior a search
            then starts in the middle of the range.
        prior: what you believe of the best value.

    Raises:
        TypeError: an argument is not a finite number.
        ValueError: an argument is out of range, or `sampling` is unknown.

    Example:
        >>> from kerastune_lite.hyperparameters import Float
        >>> Float(0.0, 0.5, step=0.25).grid()
        [0.0, 0.25, 0.5]
        >>> Float(0.001, 0.1, step=10, sampling="log").grid()
        [0.001, 0.01, 0.1]
    """

    min_value: float
    max_value: float
    step: float | None = None
    sampling: str = "linear"
    default: float | None = None
    prior: Prior | None = None

    def __post_init__(self) -> None:
        self._check()

    def _number(self, name: str, value: object) -> float:
        if isinstance(value, numbers.Real) and not isinstance(value, bool):
            number = float(value)
            if math.isfinite(number):
                return number
        raise TypeError(f"`{name}` must be a finite number. Received: {value!r}.")

    def _cast(self, value: Decimal | float) -> float:
        return min(max(float(value), self.min_value), self.max_value)

    @property
    def cardinality(self) -> int | None:
        if self.min_value == self.max_value:
            return 1
        return self._count if self._listable else None

    def to_unit(self, value: Value) -> float:
        number = self.coerce(value)
        if self.step is not None:
            return (self._index(number) + 0.5) / self._count
        if self.min_value == self.max_value:
            return 0.5
        if self.sampling == "linear":
            return (number - self.min_value) / (self.max_value - self.min_value)
        span = math.log(self.max_value / self.min_value)
        if self.sampling == "log":
            return math.log(number / self.min_value) / span
        return max(1.0 - math.log(self.mirror(number) / self.min_value) / span, 0.0)

    def from_unit(self, unit: float) -> float:
        if self.step is not None:
            return self._at(cell(unit, self._count))
        low, high = self.min_value, self.max_value
        if self.sampling == "linear":
            return self._cast(low + unit * (high - low))
        if self.sampling == "log":
            return self._cast(low * (high / low) ** unit)
        return self._cast(self.mirror(low * (high / low) ** (1.0 - unit)))

    def grid(self) -> list[Value]:
        if self._listable:
            return [self._at(index) for index in range(self._count)]
        return self._spread()

    def coerce(self, value: Any) -> float:
        try:
            number = self._number("value", value)
        except TypeError:
            raise self._refuse(value) from None
        if self.step is None:
            if not self.min_value <= number <= self.max_value:
                raise self._refuse(value)
            return number
        # A computed value, such as 0.1 * 3, differs from the nearest step by rounding.
        nearest = self._at(self._index(number))
        tolerance = 1e-6 * self.step if self.sampling == "linear" else 1e-9 * abs(number)
        if abs(nearest - number) <= tolerance:
            return nearest
        if number == self.default and self.min_value <= number <= self.max_value:
            return number
        raise self._refuse(value)
