"""The values that one hyperparameter may take: the base class and the non-numeric domains.

A domain maps its values to the unit interval and back, samples itself with a NumPy generator,
lists a grid, and converts to JSON. Numeric domains live in `numeric.py`.
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
"""The number of grid points of a domain that has no finite list of values."""


@public("kerastune_lite.hyperparameters")
class Domain(ABC):
    """The set of values that one hyperparameter may take.

    Subclasses are frozen dataclasses. Domains with the same settings are equal and have equal
    hashes.

    Example:
        >>> from kerastune_lite.hyperparameters import Float
        >>> rate = Float(0.0001, 0.1, sampling="log")
        >>> round(rate.from_unit(0.5), 5)
        0.00316
        >>> rate.contains(0.2)
        False
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
        """The number of different values; None if they cannot be listed."""

    @abstractmethod
    def to_unit(self, value: Value) -> float:
        """The position of `value` in [0, 1]; in a finite domain the centre of its cell."""

    @abstractmethod
    def from_unit(self, unit: float) -> Value:
        """The value at `unit`, a position in [0, 1]; the inverse of `to_unit`."""

    @abstractmethod
    def grid(self) -> list[Value]:
        """The values that a grid search tries, in ascending or given order.

        All values if there is a step or a list of them. Otherwise, or if there are too many to
        list, 10 points spread evenly over the unit interval, both ends included.
        """

    def members(self) -> list[Value] | None:
        """All values of the domain; None if they cannot be listed."""
        return None if self.cardinality is None else self.grid()

    @abstractmethod
    def coerce(self, value: Any) -> Value:
        """`value` as a member of this domain.

        Raises:
            ValueError: `value` is not in the domain; the message describes the domain.
        """

    @abstractmethod
    def describe(self) -> str:
        """A short description of the domain, for tables and messages."""

    @abstractmethod
    def covers(self, other: Domain) -> bool:
        """Whether each value of the domain `other` is in this one, on the same scale."""

    def sample(self, rng: np.random.Generator) -> Value:
        """A random value, drawn from the generator `rng`, uniform on the scale of this domain."""
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
            raise ValueError(f"`default` must be a value of the domain: {error}") from None

    def to_json(self) -> dict[str, Any]:
        """This domain as a JSON object; `Domain.from_json` is the inverse."""
        fields = dataclasses.fields(self)  # type: ignore[arg-type]
        settings = {field.name: getattr(self, field.name) for field in fields}
        return {"type": type(self).__name__, **settings}

    @staticmethod
    def from_json(data: Mapping[str, Any]) -> Domain:
        """The domain that `to_json` converted to `data`.

        Raises:
            ValueError: this version does not know the type.
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
    """`value` as a Python scalar (NumPy scalars are converted).

    Raises:
        TypeError: it is not a scalar that JSON can hold.
        ValueError: it is NaN.
    """
    if isinstance(value, np.generic):
        value = value.item()
    if isinstance(value, float) and value != value:
        raise ValueError("The value of a hyperparameter cannot be NaN.")
    if value is None or isinstance(value, (str, int, float, bool)):
        return value
    raise TypeError(
        "A hyperparameter's value must be a str, int, float, bool or None, so that it can be "
        f"stored. Received: {value!r} of type {type(value).__name__}. Use names instead, and "
        "look the objects up in build(hp)."
    )


def same(a: Value, b: Value) -> bool:
    """Whether two values are equal; 1 equals 1.0, but not True."""
    return a == b and isinstance(a, bool) == isinstance(b, bool)


def _scalar(value: Any) -> Value:
    """`plain` for values that are looked up: what is not a scalar is not in the domain."""
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
        values: strings, numbers or booleans, all of one kind; None may be among them. Duplicates
            are removed.
        ordered: whether neighbours in the list are similar. Default: true for numbers.
        default: one of the values. Default: the first.

    Raises:
        TypeError: the values are not a list, not scalars, or of several kinds.
        ValueError: the list is empty, `default` is not in it, or `ordered=True` and not all values
            are numbers.

    Example:
        >>> from kerastune_lite.hyperparameters import Choice
        >>> activation = Choice(["relu", "tanh"])
        >>> activation.default
        'relu'
        >>> activation.contains("selu")
        False
    """

    values: tuple[Value, ...]
    ordered: bool | None = None
    default: Value = dataclasses.field(default=...)  # type: ignore[assignment]

    def __post_init__(self) -> None:
        if isinstance(self.values, (str, bytes)) or not isinstance(self.values, Iterable):
            raise TypeError(f"`values` must be a list of values. Received: {self.values!r}.")
        if isinstance(self.values, (set, frozenset)):
            raise TypeError(
                "`values` must be a list: the order of a set differs between processes. "
                f"Received: {self.values!r}."
            )
        values = tuple(plain(value) for value in self.values)
        if not values:
            raise ValueError("`values` must hold at least one value. Received an empty list.")
        families = {_family(value) for value in values if value is not None}
        if len(families) > 1:
            raise TypeError(
                "All values of a Choice must be of one type; None may be among them. "
                f"Received: {list(values)!r}."
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
                f"Received: {list(values)!r}. Omit `ordered`."
            )
        object.__setattr__(self, "values", values)
        object.__setattr__(self, "ordered", numeric if self.ordered is None else self.ordered)
        default = values[0] if self.default is ... else self.default
        object.__setattr__(self, "default", self._coerced_default(default))

    @property
    def cardinality(self) -> int:
        return len(self.values)

    def index(self, value: Value) -> int:
        """The index of `value` in the list.

        Raises:
            ValueError: it is not in the list.
        """
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
        default: the default; 0 and 1 mean False and True.

    Raises:
        ValueError: `default` is not a boolean.

    Example:
        >>> from kerastune_lite.hyperparameters import Boolean
        >>> Boolean().grid()
        [False, True]
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
    """One value that is not tuned.

    Args:
        value: the value.

    Raises:
        TypeError: it is not a str, int, float, bool or None.
        ValueError: it is NaN.

    Example:
        >>> from kerastune_lite.hyperparameters import Fixed
        >>> Fixed(64).grid()
        [64]
    """

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
    """The index of the cell that contains `unit`, of `count` equal cells of [0, 1]."""
    return min(max(int(unit * count), 0), count - 1)
