"""A search space: named parameters, and the conditions under which they are active."""

from __future__ import annotations

import dataclasses
import zlib
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from typing import Any, overload

import numpy as np

from kerastune_lite._src.space.attributes import DomainAttributes
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
    """Holds if the parameter `name` is active and has one of `values`.

    Args:
        name: of a parameter.
        values: the values under which the condition holds.

    Example:
        >>> from kerastune_lite.hyperparameters import Condition
        >>> Condition("optimizer", ("sgd",)).holds({"optimizer": "sgd"})
        True
    """

    name: str
    values: tuple[Value, ...]

    def holds(self, values: Values) -> bool:
        """Whether the condition holds for `values`, the active parameters' values by name."""
        return self.name in values and values[self.name] in self.values

    is_active = holds  # its name in KerasTuner

    def get_config(self) -> dict[str, Any]:
        """This condition as JSON."""
        return {"name": self.name, "values": list(self.values)}

    def __str__(self) -> str:
        return f"{self.name} in {list(self.values)}"


@public("kerastune_lite.hyperparameters")
@dataclasses.dataclass(frozen=True)
class Parameter(DomainAttributes):
    """A domain with a name, active if all its conditions hold.

    As in KerasTuner, name and conditions together identify it.

    Args:
        name: of the hyperparameter.
        domain: its values.
        conditions: all must hold for the parameter to be active.
        given: whether the user passed it to the tuner; it then overrides what `build(hp)` declares.

    Example:
        >>> from kerastune_lite.hyperparameters import Condition, Float, Parameter
        >>> momentum = Parameter("momentum", Float(0, 0.9), (Condition("optimizer", ("sgd",)),))
        >>> momentum.is_active({"optimizer": "adam"})
        False
    """

    name: str
    domain: Domain
    conditions: tuple[Condition, ...] = ()
    given: bool = dataclasses.field(default=False, compare=False)

    @property
    def identity(self) -> tuple[str, tuple[Condition, ...]]:
        """Name and conditions."""
        return self.name, self.conditions

    def is_active(self, values: Values) -> bool:
        """Whether all conditions hold for `values`, the active parameters' values by name."""
        return all(condition.holds(values) for condition in self.conditions)

    def described(self) -> dict[str, str]:
        """Its cells in a table of the space, by the header of the column."""
        conditions = [
            f"{one_line(each.name)} is {' or '.join(map(value_text, each.values))}"
            for each in self.conditions
        ]
        count = self.domain.cardinality
        return {
            "hyperparameter": one_line(self.name),
            "domain": one_line(self.domain.describe(), limit=1000),
            "default": value_text(self.default),
            "prior": "" if self.domain.prior is None else one_line(self.domain.prior.describe()),
            "values": "any number" if count is None else str(count),
            "active when": " and ".join(conditions) or "always",
        }

    def to_json(self) -> dict[str, Any]:
        """This parameter as JSON; `Parameter.from_json` is the inverse."""
        conditions = [each.get_config() for each in self.conditions]
        return {"name": self.name, "domain": self.domain.to_json(), "conditions": conditions}

    @staticmethod
    def from_json(data: Mapping[str, Any]) -> Parameter:
        """The parameter that `to_json` converted to `data`."""
        conditions = tuple(Condition(c["name"], tuple(c["values"])) for c in data["conditions"])
        return Parameter(data["name"], Domain.from_json(data["domain"]), conditions)


@public("kerastune_lite.hyperparameters")
class Space(Sequence[Parameter]):
    """An immutable sequence of parameters in the order of their declaration.

    Args:
        parameters: of two with the same name and conditions, the later one is used.

    Example:
        >>> from kerastune_lite.hyperparameters import Boolean, Int, Parameter, Space
        >>> space = Space([Parameter("units", Int(8, 64)), Parameter("bias", Boolean())])
        >>> space.defaults()
        {'units': 8, 'bias': False}
    """

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
        if isinstance(other, Space):
            return self is other or self._parameters == other._parameters
        # In KerasTuner it is a list, and scripts compare it with one.
        return isinstance(other, list) and [*self] == other

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
        """The parameters as a table: by header, one cell per parameter.

        Args:
            extended: whether to add the number of values.
        """
        headers = ["hyperparameter", "domain", "default"]
        if any(parameter.domain.prior is not None for parameter in self):
            headers.append("prior")
        if extended:
            headers.append("values")
        if not self._flat:
            headers.append("active when")
        cells = [parameter.described() for parameter in self]
        return {header: [each[header] for each in cells] for header in headers}

    @property
    def names(self) -> list[str]:
        """The names, without duplicates, in order of first appearance."""
        return list(self._by_name)

    def find(self, name: str, conditions: tuple[Condition, ...]) -> Parameter | None:
        """The parameter with this `name` and these `conditions`; None if there is none."""
        return self._by_identity.get((name, conditions))

    def named(self, name: str) -> Sequence[Parameter]:
        """All parameters called `name`; they differ in their conditions."""
        return self._by_name.get(name, [])

    def active(self, name: str, values: Values) -> Parameter | None:
        """The parameter called `name` that is active for `values`; None if there is none."""
        for parameter in self.named(name):
            if parameter.is_active(values):
                return parameter
        return None

    def as_proposed(self, values: Values) -> dict[str, Value]:
        """The `values` of a trial, with the value of each Fixed replaced by that of this space.

        A Fixed that is computed from other values (`hp.Fixed("twice", 2 * n)`) differs between
        trials but does not make their points different. One that the user passed to the tuner
        does, so its value is kept.
        """
        point = dict(values)
        for name in self._fixed.intersection(values):
            parameter = self.active(name, values)
            if parameter is not None and isinstance(parameter.domain, Fixed):
                point[name] = values[name] if parameter.given else parameter.domain.value
        return point

    def merged(self, others: Iterable[Parameter], overwrite: bool = False) -> Space:
        """This space with the parameters of `others` added.

        Args:
            others: parameters.
            overwrite: whether `others` replace parameters of the same name and conditions.
        """
        merged = dict(self._by_identity)
        for parameter in others:
            if overwrite or parameter.identity not in merged:
                merged[parameter.identity] = parameter
        if len(merged) == len(self) and not overwrite:
            return self
        return Space(merged.values())

    def marked_as_given(self, names: Collection[str]) -> Space:
        """This space with the parameters called `names` marked as passed to the tuner."""
        return Space(
            dataclasses.replace(each, given=True) if each.name in names else each for each in self
        )

    def walk(self, choose: Callable[[Parameter], Value]) -> dict[str, Value]:
        """Values for all active parameters, parents first; `choose(parameter)` returns each."""
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
            # A parent may be declared after its child (the same name under another condition), so
            # the remaining parameters are visited again until nothing changes.
            if len(inactive) == len(waiting):
                break
            waiting = inactive
        return values

    def defaults(self) -> dict[str, Value]:
        """The defaults of all active parameters, by name."""
        return self.walk(lambda parameter: parameter.default)

    def start(self) -> dict[str, Value]:
        """The first point of a search: the `start` of all active parameters' domains, by name."""
        return self.walk(start_of)

    def sample(self, rng: np.random.Generator) -> dict[str, Value]:
        """Random values of all active parameters, by name.

        The value of each depends on its name and on one draw from the generator `rng`, not on the
        other parameters: those that a trial declares later get the values that they would have had.
        """
        key = int(rng.integers(2**63))
        return self.walk(lambda parameter: sample_of(parameter, key))

    def complete(self, values: Values) -> dict[str, Value]:
        """`values`, and of all other active parameters those that a search starts with.

        Raises:
            ValueError: a value is outside its domain, or its parameter is unknown or inactive.
        """

        def choose(parameter: Parameter) -> Value:
            if parameter.name not in values:
                return start_of(parameter)
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
                    f"is inactive here; it needs {needs}"
                    if known
                    else f"is not in the space; the space has {self.names}"
                )
                raise ValueError(f"{name!r} {why}.")
        return complete

    def to_json(self) -> list[dict[str, Any]]:
        """This space as JSON; `Space.from_json` is the inverse."""
        return [parameter.to_json() for parameter in self]

    @staticmethod
    def from_json(data: Iterable[Mapping[str, Any]]) -> Space:
        """The space that `to_json` or KerasTuner converted to `data`."""
        return Space(Parameter.from_json(entry) for entry in data)


def condition(name: str, values: Value | Iterable[Value]) -> Condition:
    """A condition from a list of values, or a single value."""
    if isinstance(values, (set, frozenset)):
        # The order of a set differs between processes, and the order is part of the identity.
        values = sorted(values, key=repr)
    if isinstance(values, (str, bytes)) or not isinstance(values, Iterable):
        return Condition(name, (plain(values),))
    return Condition(name, tuple(plain(value) for value in values))


def start_of(parameter: Parameter) -> Value:
    """The value of a parameter in the first trial of a search: see `Domain.start`."""
    return parameter.domain.start


def sample_of(parameter: Parameter, key: int) -> Value:
    """A random value of a parameter, which depends on nothing but its name and the key."""
    generator = generator_of(parameter, key)
    # Half of the points are drawn as the user believes (Mallik and others, 2023, section 5).
    if key % 2 and parameter.domain.prior is not None:
        return parameter.domain.believed(generator.random())
    return parameter.domain.sample(generator)


def generator_of(parameter: Parameter, key: int) -> np.random.Generator:
    """A generator that depends on nothing but the name of the parameter and the key."""
    # Philox has a key for each of its sequences, and is quickly made.
    keys = np.array([key, zlib.crc32(parameter.name.encode())], np.uint64)
    return np.random.Generator(np.random.Philox(key=keys))
