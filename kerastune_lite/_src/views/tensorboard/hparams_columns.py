"""The columns of the HParams table.

Parallel coordinates drop a trial that lacks a column, and a column of mixed types is no axis. So
each trial gets all columns, and each column has one type: boolean, number, or text where the
parameter is conditional, where a trial did without it ("inactive"), or where its values are of
several types.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping

from kerastune_lite._src.space.domains import Choice, Value
from kerastune_lite._src.space.parameters import Parameter

INACTIVE = "inactive"


class Columns:
    """The columns of the HParams table: all hyperparameters, each with one type for all trials."""

    def __init__(self) -> None:
        self.version = 0
        """Changes whenever rows that were made before would look different now."""
        self._types: dict[str, type] = {}
        self._rows = 0

    def learn(self, parameters: Iterable[Parameter]) -> None:
        """Take the types of parameters that trials may have."""
        for parameter in parameters:
            domain = parameter.domain
            values = domain.values if isinstance(domain, Choice) else (domain.default,)
            for value in values:
                self._add(parameter.name, str if parameter.conditions else _type(value))

    def fit(self, values: Mapping[str, Value]) -> None:
        """Take notice of what a trial used, and of what it did without."""
        for name, value in values.items():
            self._add(name, _type(value))
        for name in self._types.keys() - values.keys():
            self._add(name, str)
        self._rows += 1

    def _add(self, name: str, of: type) -> None:
        known = self._types.get(name)
        # A newcomer is text as soon as there is a row that does not have it.
        now = of if known is None and not self._rows else of if known is of else str
        if now is not known:
            self._types[name] = now
            self.version += 1

    def row(self, values: Mapping[str, Value]) -> dict[str, Value]:
        """A value for each column."""
        return {
            name: INACTIVE
            if name not in values
            else str(values[name])
            if of is str
            else values[name]
            for name, of in self._types.items()
        }


def _type(value: Value) -> type:
    """bool, float or str: how TensorBoard shows a value."""
    if isinstance(value, bool):
        return bool
    # TensorBoard drops numbers that JSON does not have.
    if isinstance(value, (int, float)) and math.isfinite(value):
        return float
    return str
