"""A search space: named parameters, the conditions they stand under, and walks over them."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from typing import Any, overload

import numpy as np

from kerastune_lite._src.space.domains import Domain, Fixed, Value, plain
from kerastune_lite._src.util.formatting import (
    html_block,
    html_line,
    html_table,
    one_line,
    value_text,
)
from kerastune_lite._src.util.public import public

Values = Mapping[str, Value]


@public("kerastune_lite.hyperparameters")
@dataclasses.dataclass(frozen=True)
class Condition:
    """Holds when the parameter `name` is active and has one of `values`."""

    name: str
    values: tuple[Value, ...]

    def holds(self, values: Values) -> bool:
        return self.name in values and values[self.name] in self.values

    def __str__(self) -> str:
        return f"{self.name} in {list(self.values)}"


@public("kerastune_lite.hyperparameters")
@dataclasses.dataclass(frozen=True)
class Parameter:
    """A domain with a name; its identity is (name, conditions), as in KerasTuner.

    It is active when all its conditions hold.

    Attributes:
        given: whether the user gave it to the tuner, so that it holds whatever a builder declares.
    """

    name: str
    domain: Domain
    conditions: tuple[Condition, ...] = ()
    given: bool = dataclasses.field(default=False, compare=False)

    @property
    def identity(self) -> tuple[str, tuple[Condition, ...]]:
        return self.name, self.conditions

    @property
    def default(self) -> Value:
        return self.domain.default

    def is_active(self, values: Values) -> bool:
        return all(condition.holds(values) for condition in self.conditions)

    def described(self) -> dict[str, str]:
        """What tables of spaces say of it, by the header of the column."""
        conditions = [
            f"{one_line(each.name)} is {' or '.join(map(value_text, each.values))}"
            for each in self.conditions
        ]
        count = self.domain.cardinality
        return {
            "hyperparameter": one_line(self.name),
            "domain": one_line(self.domain.describe(), limit=1000),
            "default": value_text(self.default),
            "values": "any number" if count is None else str(count),
            "active when": " and ".join(conditions) or "always",
        }

    def to_json(self) -> dict[str, Any]:
        conditions = [{"name": c.name, "values": list(c.values)} for c in self.conditions]
        return {"name": self.name, "domain": self.domain.to_json(), "conditions": conditions}

    @staticmethod
    def from_json(data: Mapping[str, Any]) -> Parameter:
        conditions = tuple(Condition(c["name"], tuple(c["values"])) for c in data["conditions"])
        return Parameter(data["name"], Domain.from_json(data["domain"]), conditions)


@public("kerastune_lite.hyperparameters")
class Space(Sequence[Parameter]):
    """An immutable sequence of parameters in the order in which they were declared."""

    def __init__(self, parameters: Iterable[Parameter] = ()) -> None:
        self._by_identity = {parameter.identity: parameter for parameter in parameters}
        self._parameters = tuple(self._by_identity.values())
        self._by_name: dict[str, list[Parameter]] = {}
        for parameter in self._parameters:
            self._by_name.setdefault(parameter.name, []).append(parameter)
        self._fixed = {each.name for each in self if isinstance(each.domain, Fixed)}
        self._flat = all(not parameter.conditions for parameter in self._parameters)

    @overload
    def __getitem__(self, index: int) -> Parameter: ...
    @overload
    def __getitem__(self, index: slice) -> Sequence[Parameter]: ...
    def __getitem__(self, index: int | slice) -> Parameter | Sequence[Parameter]:
        return self._parameters[index]

    def __len__(self) -> int:
        return len(self._parameters)

    def __iter__(self) -> Iterator[Parameter]:
        return iter(self._parameters)

    def __eq__(self, other: object) -> bool:
        return self is other or (isinstance(other, Space) and self._parameters == other._parameters)

    def __hash__(self) -> int:
        return hash(self._parameters)

    def __repr__(self) -> str:
        return f"Space({', '.join(parameter.name for parameter in self)})"

    def _repr_html_(self) -> str:
        noun = "hyperparameter" if len(self.names) == 1 else "hyperparameters"
        title = html_line(f"Space of {len(self.names)} {noun}", bold=True)
        columns = self.columns()
        table = html_table(list(columns), zip(*columns.values()), left=columns) if self else ""
        return html_block(title, table)

    def columns(self, extended: bool = False) -> dict[str, list[str]]:
        """The parameters as a table: cells by header, a cell per parameter.

        Args:
            extended: say as well how many values each has.
        """
        headers = ["hyperparameter", "domain", "default"]
        if extended:
            headers.append("values")
        if not self._flat:
            headers.append("active when")
        cells = [parameter.described() for parameter in self]
        return {header: [each[header] for each in cells] for header in headers}

    @property
    def names(self) -> list[str]:
        """The names, each once, in order of first appearance."""
        return list(self._by_name)

    def find(self, name: str, conditions: tuple[Condition, ...]) -> Parameter | None:
        """The parameter with this identity."""
        return self._by_identity.get((name, conditions))

    def named(self, name: str) -> Sequence[Parameter]:
        """All parameters of this name; they differ in their conditions."""
        return self._by_name.get(name, [])

    def active(self, name: str, values: Values) -> Parameter | None:
        """The parameter of this name that is active under `values`."""
        for parameter in self.named(name):
            if parameter.is_active(values):
                return parameter
        return None

    def as_proposed(self, values: Values) -> dict[str, Value]:
        """The values of a trial with each Fixed of a builder as it stands in this space.

        One that follows from other values (`hp.Fixed("twice", 2 * n)`) comes to another value in
        each trial, and tells no points apart. Where the user has given it another value, the space
        of the trial says otherwise than that of today, and so do the points.
        """
        point = dict(values)
        for name in self._fixed.intersection(values):
            parameter = self.active(name, values)
            if parameter is not None and isinstance(parameter.domain, Fixed):
                point[name] = values[name] if parameter.given else parameter.domain.value
        return point

    def merged(self, others: Iterable[Parameter], overwrite: bool = False) -> Space:
        """This space with the parameters of `others` that it lacks (or, overwriting, differ)."""
        merged = dict(self._by_identity)
        for parameter in others:
            if overwrite or parameter.identity not in merged:
                merged[parameter.identity] = parameter
        if len(merged) == len(self) and not overwrite:
            return self
        return Space(merged.values())

    def marked_as_given(self, names: Collection[str]) -> Space:
        """This space with the parameters of these names marked as given to the tuner."""
        return Space(
            dataclasses.replace(each, given=True) if each.name in names else each for each in self
        )

    def walk(self, choose: Callable[[Parameter], Value]) -> dict[str, Value]:
        """Values for all active parameters, parents first; `choose` is asked for each."""
        if self._flat:
            return {parameter.name: choose(parameter) for parameter in self}
        values: dict[str, Value] = {}
        waiting = list(self._parameters)
        while waiting:
            inactive = []
            for parameter in waiting:
                if parameter.name in values:
                    continue
                if parameter.is_active(values):
                    values[parameter.name] = choose(parameter)
                else:
                    inactive.append(parameter)
            # A parent may be declared later than its child (the same name under another
            # condition), so those left over are looked at again until nothing changes.
            if len(inactive) == len(waiting):
                break
            waiting = inactive
        return values

    def defaults(self) -> dict[str, Value]:
        """Each active parameter at its default."""
        return self.walk(lambda parameter: parameter.default)

    def sample(self, rng: np.random.Generator) -> dict[str, Value]:
        """Each active parameter drawn from its domain."""
        return self.walk(lambda parameter: parameter.domain.sample(rng))

    def complete(self, values: Values) -> dict[str, Value]:
        """`values` where they are given, defaults elsewhere.

        Raises:
            ValueError: a given value is outside its domain, or its parameter is unknown or
                inactive under the others.
        """

        def choose(parameter: Parameter) -> Value:
            if parameter.name not in values:
                return parameter.default
            try:
                return parameter.domain.coerce(values[parameter.name])
            except ValueError as error:
                raise ValueError(f"{parameter.name!r}: {error}") from None

        complete = self.walk(choose)
        for name in values:
            if name not in complete:
                known = self.named(name)
                needs = " or ".join(" and ".join(map(str, each.conditions)) for each in known)
                why = (
                    f"is inactive here (it needs {needs})"
                    if known
                    else f"is not in the space, which holds {self.names}"
                )
                raise ValueError(f"{name!r} {why}.")
        return complete

    def to_json(self) -> list[dict[str, Any]]:
        return [parameter.to_json() for parameter in self]

    @staticmethod
    def from_json(data: Iterable[Mapping[str, Any]]) -> Space:
        return Space(Parameter.from_json(entry) for entry in data)


def condition(name: str, values: Value | Iterable[Value]) -> Condition:
    """A condition from what users write: a list of values, or a single one."""
    if isinstance(values, (set, frozenset)):
        # A set has another order in each process, and the order is part of the identity.
        values = sorted(values, key=repr)
    if isinstance(values, (str, bytes)) or not isinstance(values, Iterable):
        return Condition(name, (plain(values),))
    return Condition(name, tuple(plain(value) for value in values))
