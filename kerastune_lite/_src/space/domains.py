"""The values that one hyperparameter may take: the base class, booleans and fixed values.

A domain maps its values to the unit interval and back, samples itself with a NumPy generator,
lists a grid, and converts to JSON. Numeric domains live in `numeric.py`, lists of values in
`choice.py`.
"""

from __future__ import annotations

import dataclasses
import functools
from abc import ABC, abstractmethod
from collections.abc import Mapping
from typing import Any, ClassVar, Union

import numpy as np

from kerastune_lite._src.space.prior import Prior, checked_prior
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
    prior: Prior | None = None
    has_order: bool = False
    """Whether neighbours on its scale are similar."""
    has_own_default: bool = True
    """Whether the user gave the default; otherwise it is the first value, as in KerasTuner."""

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

    @property
    def start(self) -> Value:
        """The value of the first trial of a search.

        It is the default, if the user gave one, otherwise the most probable value of the prior.
        Without both it is the middle of the range on its own scale, of an even number of values the
        first of the two in the middle; where the values have no order, the first one.
        """
        if self.prior is not None and not self.has_own_default:
            mode: Value = self.prior.mode(self)
            return mode
        return self.default if self.has_own_default else self._middle()

    def _middle(self) -> Value:
        """The value in the middle of the scale; the default, if there is no order."""
        return self.default

    def believed(self, share: float) -> Value:
        """The value below which `share` of the user's belief lies; without a prior `from_unit`."""
        return self.from_unit(share if self.prior is None else self.prior.quantile(self, share))

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
        if settings.pop("prior", None) is not None and self.prior is not None:
            settings["prior"] = self.prior.to_json()
        if not self.has_own_default:
            settings["has_own_default"] = False
        return {"type": type(self).__name__, **settings}

    @staticmethod
    def from_json(data: Mapping[str, Any]) -> Domain:
        """The domain that `to_json` converted to `data`.

        Raises:
            ValueError: this version does not know the type.
        """
        settings = dict(data)
        kind = settings.pop("type", None)
        if not settings.pop("has_own_default", True):
            del settings["default"]
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


def scalar(value: Any) -> Value:
    """`plain` for values that are looked up: what is not a scalar is not in the domain."""
    try:
        return plain(value)
    except TypeError as error:
        raise ValueError(str(error)) from None


@public("kerastune_lite.hyperparameters")
@dataclasses.dataclass(frozen=True, eq=False)
class Boolean(Domain):
    """True or False.

    Args:
        default: the default; 0 and 1 mean False and True.
        prior: what you believe of the best value.

    Raises:
        ValueError: `default` is not a boolean.

    Example:
        >>> from kerastune_lite.hyperparameters import Boolean
        >>> Boolean().grid()
        [False, True]
    """

    default: bool = False
    prior: Prior | None = None

    def __post_init__(self) -> None:
        # False is the default also of those who have not thought of it.
        object.__setattr__(self, "has_own_default", bool(self.default) or self.prior is None)
        object.__setattr__(self, "prior", checked_prior(self.prior, self))
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
        if same(scalar(value), self.value):
            return self.value
        raise self._refuse(value)

    def describe(self) -> str:
        return f"Fixed {self.value}"

    def covers(self, other: Domain) -> bool:
        return isinstance(other, Fixed) and same(self.value, other.value)


def cell(unit: float, count: int) -> int:
    """The index of the cell that contains `unit`, of `count` equal cells of [0, 1]."""
    return min(max(int(unit * count), 0), count - 1)
