"""What one hyperparameter may be: the base class, and the domains without an order of magnitude.

A domain maps its values to the unit interval and back, samples itself with a NumPy generator,
enumerates a grid, and turns into plain JSON. Numeric domains live in `numeric.py`.
"""

from __future__ import annotations

import dataclasses
import functools
import numbers
from abc import ABC, abstractmethod
from collections.abc import Iterable, Mapping
from typing import Any, ClassVar, Union

import numpy as np

from kerastune_lite._src.util.public import public

Value = Union[str, int, float, bool, None]
"""What a hyperparameter can be: a JSON scalar."""

GRID_POINTS = 10
"""How many grid points stand for a domain that has no finite list of values."""


@public("kerastune_lite.hyperparameters")
class Domain(ABC):
    """The set of values that one hyperparameter may take.

    Subclasses are frozen dataclasses; two domains with the same settings are equal and hash alike.
    """

    kinds: ClassVar[dict[str, type[Domain]]] = {}
    default: Value

    def __init_subclass__(cls, abstract: bool = False) -> None:
        super().__init_subclass__()
        if not abstract:
            Domain.kinds[cls.__name__] = cls

    @functools.cached_property
    def _settings(self) -> str:
        # Python has 1 == 1.0 == True; as text they differ, and so do domains that offer them.
        return repr(self)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Domain) and self._settings == other._settings

    def __hash__(self) -> int:
        return hash(self._settings)

    @property
    @abstractmethod
    def cardinality(self) -> int | None:
        """The number of different values, or None when there is no useful bound."""

    @abstractmethod
    def to_unit(self, value: Value) -> float:
        """The position of `value` in [0, 1]; members of finite domains sit at cell centres."""

    @abstractmethod
    def from_unit(self, unit: float) -> Value:
        """The value at `unit`, a number in [0, 1]; the inverse of `to_unit`."""

    @abstractmethod
    def grid(self) -> list[Value]:
        """The values an exhaustive search tries, in ascending or given order.

        All of them where there is a step or a list. Else, and where they are too many to list,
        `GRID_POINTS` points evenly spread over the unit interval, both ends included.
        """

    def members(self) -> list[Value] | None:
        """Every value of the domain, or None when there is no useful bound."""
        return None if self.cardinality is None else self.grid()

    @abstractmethod
    def coerce(self, value: Any) -> Value:
        """`value` as a member of this domain.

        Raises:
            ValueError: `value` is not in the domain; the message describes the domain.
        """

    @abstractmethod
    def describe(self) -> str:
        """The domain in a few words, for tables and messages."""

    @abstractmethod
    def covers(self, other: Domain) -> bool:
        """Whether each value of `other` is a value of this domain, with the same scale."""

    def sample(self, rng: np.random.Generator) -> Value:
        """A value drawn uniformly in the unit interval, that is: on this domain's own scale."""
        return self.from_unit(rng.random())

    def contains(self, value: Any) -> bool:
        """Whether `value` is a member of this domain."""
        try:
            self.coerce(value)
        except ValueError:
            return False
        return True

    def _coerced_default(self, default: Any) -> Any:
        try:
            return self.coerce(default)
        except ValueError as error:
            raise ValueError(f"`default` must be a member: {error}") from None

    def to_json(self) -> dict[str, Any]:
        """This domain as a JSON object; `Domain.from_json` is the inverse."""
        fields = dataclasses.fields(self)  # type: ignore[arg-type]
        settings = {field.name: getattr(self, field.name) for field in fields}
        return {"type": type(self).__name__, **settings}

    @staticmethod
    def from_json(data: Mapping[str, Any]) -> Domain:
        """The domain that `to_json` described.

        Raises:
            ValueError: the type is not one that this version knows.
        """
        settings = dict(data)
        kind = settings.pop("type", None)
        if kind not in Domain.kinds:
            raise ValueError(
                f"A domain's type must be one of {sorted(Domain.kinds)}. Received: {kind!r}."
            )
        return Domain.kinds[kind](**settings)

    def _refuse(self, value: Any) -> ValueError:
        return ValueError(f"{value!r} is not in {self.describe()}.")


def plain(value: Any) -> Value:
    """`value` as a plain Python scalar (NumPy scalars are unwrapped).

    Raises:
        TypeError: it is not a scalar that JSON can hold.
        ValueError: it is NaN.
    """
    if isinstance(value, np.generic):
        value = value.item()
    if isinstance(value, float) and value != value:
        raise ValueError("A hyperparameter's value cannot be NaN, which equals nothing.")
    if value is None or isinstance(value, (str, int, float, bool)):
        return value
    raise TypeError(
        "A hyperparameter's value must be a str, int, float, bool or None, so that it can be "
        f"stored. Received: {value!r} of type {type(value).__name__}. Offer names instead, and "
        "look the objects up in your builder."
    )


def same(a: Value, b: Value) -> bool:
    """Equality that keeps True and 1 apart, and lets 1 and 1.0 be one number."""
    return a == b and isinstance(a, bool) == isinstance(b, bool)


def _scalar(value: Any) -> Value:
    """`plain` for values that are looked up: what is no scalar is just not there."""
    try:
        return plain(value)
    except TypeError as error:
        raise ValueError(str(error)) from None


def _family(value: Value) -> str:
    if isinstance(value, bool):
        return "bool"
    return "number" if isinstance(value, numbers.Number) else type(value).__name__


@public("kerastune_lite.hyperparameters")
@dataclasses.dataclass(frozen=True, eq=False)
class Choice(Domain):
    """One of the listed values.

    Args:
        values: strings, numbers or booleans, all of one kind; None may stand among them. What is
            listed several times counts once.
        ordered: whether neighbours in the list resemble each other. Default: true for numbers.
        default: one of the values. Default: the first.
    """

    values: tuple[Value, ...]
    ordered: bool | None = None
    default: Value = dataclasses.field(default=...)  # type: ignore[assignment]

    def __post_init__(self) -> None:
        if isinstance(self.values, (str, bytes)) or not isinstance(self.values, Iterable):
            raise TypeError(f"`values` must be a list of values. Received: {self.values!r}.")
        if isinstance(self.values, (set, frozenset)):
            raise TypeError(
                "`values` must be a list: a set has another order in each process, which would "
                f"make searches differ. Received: {self.values!r}."
            )
        values = tuple(plain(value) for value in self.values)
        if not values:
            raise ValueError("`values` must hold at least one value. Received an empty list.")
        families = {_family(value) for value in values if value is not None}
        if len(families) > 1:
            raise TypeError(
                "All values of a Choice must be of one type (None may stand among them), or "
                f"their order and equality mean nothing. Received: {list(values)!r}."
            )
        values = tuple(
            value
            for i, value in enumerate(values)
            if not any(same(value, earlier) for earlier in values[:i])
        )
        numeric = families == {"number"} and None not in values
        if self.ordered and not numeric:
            raise ValueError(
                "`ordered=True` needs values that are all numbers. "
                f"Received: {list(values)!r}. Leave `ordered` out."
            )
        object.__setattr__(self, "values", values)
        object.__setattr__(self, "ordered", numeric if self.ordered is None else self.ordered)
        default = values[0] if self.default is ... else self.default
        object.__setattr__(self, "default", self._coerced_default(default))

    @property
    def cardinality(self) -> int:
        return len(self.values)

    def index(self, value: Value) -> int:
        """The position of `value` in the list."""
        for i, candidate in enumerate(self.values):
            if same(candidate, value):
                return i
        raise self._refuse(value)

    def to_unit(self, value: Value) -> float:
        return (self.index(value) + 0.5) / len(self.values)

    def from_unit(self, unit: float) -> Value:
        return self.values[cell(unit, len(self.values))]

    def grid(self) -> list[Value]:
        return list(self.values)

    def coerce(self, value: Any) -> Value:
        return self.values[self.index(_scalar(value))]

    def describe(self) -> str:
        return "Choice " + ", ".join(str(value) for value in self.values)

    def covers(self, other: Domain) -> bool:
        if isinstance(other, Fixed):
            return self.contains(other.value)
        return (
            isinstance(other, Choice)
            and self.ordered == other.ordered
            and all(self.contains(value) for value in other.values)
        )

    def to_json(self) -> dict[str, Any]:
        return {**super().to_json(), "values": list(self.values)}


@public("kerastune_lite.hyperparameters")
@dataclasses.dataclass(frozen=True, eq=False)
class Boolean(Domain):
    """True or False.

    Args:
        default: 0 and 1 stand for False and True.
    """

    default: bool = False

    def __post_init__(self) -> None:
        if not isinstance(self.default, bool) and self.default in (0, 1):
            object.__setattr__(self, "default", bool(self.default))
        object.__setattr__(self, "default", self._coerced_default(self.default))

    @property
    def cardinality(self) -> int:
        return 2

    def to_unit(self, value: Value) -> float:
        return 0.75 if self.coerce(value) else 0.25

    def from_unit(self, unit: float) -> bool:
        return unit >= 0.5

    def grid(self) -> list[Value]:
        return [False, True]

    def coerce(self, value: Any) -> bool:
        if isinstance(value, (bool, np.bool_)):
            return bool(value)
        raise self._refuse(value)

    def describe(self) -> str:
        return "Boolean"

    def covers(self, other: Domain) -> bool:
        return isinstance(other, Boolean) or (
            isinstance(other, Fixed) and self.contains(other.value)
        )


@public("kerastune_lite.hyperparameters")
@dataclasses.dataclass(frozen=True, eq=False)
class Fixed(Domain):
    """One value that is not tuned."""

    value: Value

    def __post_init__(self) -> None:
        object.__setattr__(self, "value", plain(self.value))

    @property
    def default(self) -> Value:  # type: ignore[override]
        return self.value

    @property
    def cardinality(self) -> int:
        return 1

    def to_unit(self, value: Value) -> float:
        self.coerce(value)
        return 0.5

    def from_unit(self, unit: float) -> Value:
        return self.value

    def grid(self) -> list[Value]:
        return [self.value]

    def coerce(self, value: Any) -> Value:
        if same(_scalar(value), self.value):
            return self.value
        raise self._refuse(value)

    def describe(self) -> str:
        return f"Fixed {self.value}"

    def covers(self, other: Domain) -> bool:
        return isinstance(other, Fixed) and same(self.value, other.value)


def cell(unit: float, count: int) -> int:
    """Which of `count` equal cells of [0, 1] holds `unit` (1.0 belongs to the last)."""
    return min(max(int(unit * count), 0), count - 1)
