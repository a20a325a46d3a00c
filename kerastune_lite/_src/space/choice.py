"""The domain of listed values."""

from __future__ import annotations

import dataclasses
import numbers
from collections.abc import Iterable
from typing import Any

from kerastune_lite._src.space.domains import Domain, Fixed, Value, cell, plain, same, scalar
from kerastune_lite._src.space.prior import Prior, checked_prior
from kerastune_lite._src.util.public import public


@public("kerastune_lite.hyperparameters")
@dataclasses.dataclass(frozen=True, eq=False)
class Choice(Domain):
    """One of the listed values.

    Args:
        values: strings, numbers or booleans, all of one kind; None may be among them. Duplicates
            are removed.
        ordered: whether neighbours in the list are similar. Default: true for numbers.
        default: one of the values. Default: the first; without a prior a search then starts in the
            middle of the list if it is ordered.
        prior: what you believe of the best value.

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
    prior: Prior | None = None

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
        object.__setattr__(self, "has_own_default", self.default is not ...)
        default = values[0] if self.default is ... else self.default
        object.__setattr__(self, "default", self._coerced_default(default))
        object.__setattr__(self, "prior", checked_prior(self.prior, self))

    @property
    def has_order(self) -> bool:  # type: ignore[override]
        return bool(self.ordered)

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

    def _middle(self) -> Value:
        return self.values[(len(self.values) - 1) // 2] if self.ordered else self.default

    def grid(self) -> list[Value]:
        return list(self.values)

    def coerce(self, value: Any) -> Value:
        return self.values[self.index(scalar(value))]

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


def _family(value: Value) -> str:
    if isinstance(value, bool):
        return "bool"
    return "number" if isinstance(value, numbers.Number) else type(value).__name__
