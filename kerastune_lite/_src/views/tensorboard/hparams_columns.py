"""The columns of the HParams table: all hyperparameters, each with one type for all trials."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping

from kerastune_lite._src.space.choice import Choice
from kerastune_lite._src.space.domains import Value
from kerastune_lite._src.space.parameters import Parameter

INACTIVE = "inactive"


class Columns:
    """The names and types of the columns.

    Attributes:
        version: changes whenever earlier rows have to be rewritten.
    """

    def __init__(self) -> None:
        self.version = 0
        self._types: dict[str, type] = {}
        self._rows = 0

    def learn(self, parameters: Iterable[Parameter]) -> None:
        """Add the parameters that trials may have."""
        for parameter in parameters:
            domain = parameter.domain
            values = domain.values if isinstance(domain, Choice) else (domain.default,)
            for value in values:
                self._add(parameter.name, str if parameter.conditions else _type(value))

    def fit(self, values: Mapping[str, Value]) -> None:
        """Adapt the types to the values that a trial used and did not use."""
        for name, value in values.items():
            self._add(name, _type(value))
        for name in self._types.keys() - values.keys():
            self._add(name, str)
        self._rows += 1

    def _add(self, name: str, of: type) -> None:
        known = self._types.get(name)
        # A new column is text if there is a row without it.
        now = of if known is of or (known is None and not self._rows) else str
        if now is not known:
            self._types[name] = now
            self.version += 1

    def row(self, values: Mapping[str, Value]) -> dict[str, Value]:
        """A value for each column."""
        row: dict[str, Value] = dict.fromkeys(self._types, INACTIVE)
        for name in self._types.keys() & values.keys():
            row[name] = str(values[name]) if self._types[name] is str else values[name]
        return row


def _type(value: Value) -> type:
    """The type of a value in TensorBoard: bool, float or str."""
    if isinstance(value, bool):
        return bool
    # TensorBoard leaves out numbers that JSON does not have.
    if isinstance(value, (int, float)) and math.isfinite(value):
        return float
    return str
