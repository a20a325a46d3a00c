"""The `hp` object that `build(hp)` receives: it declares hyperparameters and returns values."""

from __future__ import annotations

import contextlib
import operator
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any

from kerastune_lite._src.space.asked import Answers
from kerastune_lite._src.space.declarations import Declarations
from kerastune_lite._src.space.domains import Domain, Fixed, Value
from kerastune_lite._src.space.kerastuner_json import space_from
from kerastune_lite._src.space.parameters import Condition, Parameter, Space, condition
from kerastune_lite._src.util.formatting import (
    NOTHING,
    html_block,
    html_table,
    one_line,
    value_text,
)
from kerastune_lite._src.util.public import public


@public("kerastune_lite")
class HyperParameters(Answers, Declarations):
    """A search space together with the values of one trial.

    Methods that declare a hyperparameter return its value, or None if it is inactive: if one of
    its conditions does not hold. Name and conditions together identify a hyperparameter. If it is
    declared again, the first declaration applies.

    Args:
        space: known parameters; they take precedence over later declarations.
        values: of the trial, by name.
        fill: returns the value of a parameter that has none. Default: its default.
        searching: whether `values` were proposed for a new trial. Then a Fixed that the user did
            not pass to the tuner takes the declared value, and `redeclared` is recorded.
        facts: what `get` returns for other names, which are no hyperparameters.

    Example:
        >>> from kerastune_lite import HyperParameters
        >>> hp = HyperParameters(values={"units": 32})
        >>> hp.Int("units", 8, 64), hp.Boolean("bias")
        (32, False)
        >>> hp.values
        {'units': 32, 'bias': False}
    """

    def __init__(
        self,
        space: Space | None = None,
        values: Mapping[str, Value] | None = None,
        fill: Callable[[Parameter], Value] | None = None,
        searching: bool = False,
        facts: Mapping[str, Value] | None = None,
    ) -> None:
        self.redeclared: dict[str, tuple[Domain, Domain]] = {}
        """By name: the domain that applies, and a different one that was declared later."""
        self._searching = searching
        self._space = Space() if space is None else space
        self._facts = facts or {}
        self._values = self._held(values or {})
        self._fill = fill or operator.attrgetter("default")
        self._used: dict[str, None] = {}
        self._name_scopes: list[str] = []
        self._conditions: tuple[Condition, ...] = ()
        self.entered_scopes: dict[tuple[Condition, ...], bool] = {}
        """The conditional scopes entered so far, and whether each was ever active."""
        self.unknown: str | None = None
        """A name that was requested, and that no hyperparameter has."""

    # ------------------------------------------------------------------ scopes

    @contextlib.contextmanager
    def conditional_scope(
        self, parent_name: str, parent_values: Value | Iterable[Value]
    ) -> Iterator[None]:
        """Make the hyperparameters in this scope active only for certain values of a parent.

        The code in the scope always runs; inactive hyperparameters return None.

        Args:
            parent_name: of a hyperparameter that was declared before.
            parent_values: a list of its values, or a single value.

        Raises:
            ValueError: no hyperparameter of that name was declared.

        Example:
            >>> optimizer = hp.Choice("optimizer", ["adam", "sgd"])
            >>> with hp.conditional_scope("optimizer", ["sgd"]):
            ...     print(hp.Float("momentum", 0.0, 0.9))
            None
        """
        name = self._qualified(parent_name)
        if not self._space.named(name):
            raise ValueError(
                f"conditional_scope({name!r}, ...) needs a hyperparameter that was declared "
                f"before. Declared so far: {self._space.names}."
            )
        outer = self._conditions
        entered = condition(name, parent_values)
        self._conditions = self._answer(lambda hp: hp._entered(outer, entered))
        try:
            yield
        finally:
            self._conditions = outer

    @contextlib.contextmanager
    def name_scope(self, name: str) -> Iterator[None]:
        """Prefix the names of hyperparameters in this scope with `name/`; scopes may be nested.

        Example:
            >>> with hp.name_scope("encoder"):
            ...     units = hp.Int("units", 8, 64)
            >>> hp.values
            {'encoder/units': 8}
        """
        self._name_scopes.append(str(name))
        try:
            yield
        finally:
            self._name_scopes.pop()

    # ------------------------------------------------------------------ reading

    def get(self, name: str) -> Any:
        """The value of the active hyperparameter called `name`.

        Raises:
            ValueError: it is inactive.
            KeyError: it does not exist.
        """
        name = name if name in self._facts else self._qualified(name)
        return self._answer(lambda hp: hp._read(name))

    def _read(self, name: str) -> Any:
        if name in self._facts:
            return self._facts[name]
        self._fill_in(name)
        if name in self._values:
            self._used.setdefault(name)
            return self._values[name]
        if self._space.named(name):
            raise ValueError(f"{name} is currently inactive.")
        self.unknown = name
        raise KeyError(f"{name} does not exist. Known: {self._space.names}.")

    def __getitem__(self, name: str) -> Any:
        return self.get(name)

    def __contains__(self, name: object) -> bool:
        if not isinstance(name, str):
            return False
        qualified = self._qualified(name)
        return bool(self._answer(lambda hp: hp._has(qualified)))

    def _has(self, name: str) -> bool:
        return name in self._values or self._space.active(name, self._values) is not None

    @property
    def values(self) -> dict[str, Value]:
        """The values of all active hyperparameters, by name (not a copy)."""
        values: dict[str, Value] = self._answer(lambda hp: hp._all_values())
        return values

    @values.setter
    def values(self, values: Mapping[str, Value]) -> None:
        self._values = self._held(values)

    def _all_values(self) -> dict[str, Value]:
        # The caller may use any of them.
        self._used.update(dict.fromkeys(self._values))
        return self._values

    @property
    def space(self) -> Space:
        """All parameters known so far, active or not."""
        return self._space

    @property
    def active_scopes(self) -> list[list[Condition]]:
        """The conditions of each conditional scope that was entered while all of them held."""
        return [[*scope] for scope, active in self.entered_scopes.items() if active]

    @property
    def inactive_scopes(self) -> list[list[Condition]]:
        """The conditions of each conditional scope that was entered, but never while all held."""
        return [[*scope] for scope, active in self.entered_scopes.items() if not active]

    def is_active(self, hyperparameter: str | Parameter) -> bool:
        """Whether all conditions of `hyperparameter`, a parameter or a name, hold."""
        if isinstance(hyperparameter, Parameter):
            return bool(self._answer(lambda hp: hyperparameter.is_active(hp._values)))
        name = str(hyperparameter)
        return bool(self._answer(lambda hp: hp._space.active(name, hp._values) is not None))

    def used_values(self) -> dict[str, Value]:
        """The values that were requested so far, in the order of the first request."""
        return {name: self._values[name] for name in self._used if name in self._values}

    # ------------------------------------------------------------------ whole objects

    def merge(self, hps: HyperParameters | Iterable[Parameter], overwrite: bool = True) -> None:
        """Add the parameters of `hps`; with `overwrite`, they replace those of this object."""
        parameters = list(hps.space if isinstance(hps, HyperParameters) else hps)
        self._space = self._space.merged(parameters, overwrite)
        for parameter in parameters if overwrite else ():
            if parameter.is_active(self._values):
                self._values[parameter.name] = self._fill(parameter)
        self.ensure_active_values()

    def ensure_active_values(self) -> None:
        """Give all active parameters a value, and remove the values of inactive ones."""

        def choose(parameter: Parameter) -> Value:
            if parameter.name in self._values:
                value = self._values[parameter.name]
                # If several parameters have this name, the value may belong to another one.
                if len(self._space.named(parameter.name)) == 1 or parameter.domain.contains(value):
                    return value
            return self._fill(parameter)

        extra = {k: v for k, v in self._values.items() if not self._space.named(k)}
        self._values = self._held({**self._space.walk(choose), **extra})

    def copy(self) -> HyperParameters:
        """An independent object with the same space and values."""
        # All values count as used, because requests to the copy are not recorded here.
        return HyperParameters(self._space, self.values, self._fill, facts=self._facts)

    def get_config(self) -> dict[str, Any]:
        """Space and values as JSON, as KerasTuner writes them; `from_config` is the inverse."""
        space = [parameter.serialized() for parameter in self._space]
        return {"space": space, "values": dict(self._values)}

    @classmethod
    def from_config(cls, config: Mapping[str, Any]) -> HyperParameters:
        """The object whose `get_config`, here or in KerasTuner, returned `config`."""
        return cls(space_from(config["space"]), config["values"])

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, HyperParameters):
            return NotImplemented
        return self._space == other._space and self._values == other._values

    __hash__ = None  # type: ignore[assignment]  # its values can change

    def __repr__(self) -> str:
        return f"HyperParameters({self._values})"

    def _repr_html_(self) -> str:
        # Not from `self.values`: values that are only shown do not count as used.
        names = dict.fromkeys([*self._space.names, *self._values])
        rows = []
        for name in (name for name in names if name in self._values):
            parameter = self._space.active(name, self._values)
            domain = NOTHING if parameter is None else parameter.described()["domain"]
            rows.append([one_line(name), value_text(self._values[name]), domain])
        columns = ["hyperparameter", "value", "domain"]
        return html_block(html_table(columns, rows, left=("hyperparameter", "domain")))

    # ------------------------------------------------------------------ inside

    def _entered(self, outer: tuple[Condition, ...], entered: Condition) -> tuple[Condition, ...]:
        """The conditions in a conditional scope, which is noted."""
        members = tuple(self._member(entered.name, value) for value in entered.values)
        conditions = (*outer, Condition(entered.name, members))
        self._fill_in(entered.name)
        self._used.setdefault(entered.name)
        active = all(each.holds(self._values) for each in conditions)
        known = self.entered_scopes.get(conditions, False)
        self.entered_scopes[conditions] = known or active
        return conditions

    def _held(self, values: Mapping[str, Value]) -> dict[str, Value]:
        return _WithFacts(values, self._facts) if self._facts else dict(values)

    def _qualified(self, name: Any) -> str:
        return "/".join([*self._name_scopes, str(name)])

    def _fill_in(self, name: str) -> None:
        """Give a known parameter its value, if it is active and has none."""
        if name not in self._values:
            parameter = self._space.active(name, self._values)
            if parameter is not None:
                self._values[name] = self._fill(parameter)

    def _member(self, name: str, value: Value) -> Value:
        """`value` as the parent's domain writes it: 0.1 * 3 as 0.3, and 1 as True for a Boolean."""
        spellings = (value, bool(value), int(value)) if value in (0, 1) else (value,)
        for spelling in spellings:
            for parameter in self._space.named(name):
                if parameter.domain.contains(spelling):
                    return parameter.domain.coerce(spelling)
        return value

    def _declare(
        self,
        name: str,
        domain: Callable[[], Domain],
        kind: str,
        parent_name: str | None,
        parent_values: Value | Iterable[Value],
    ) -> Value:
        if parent_name is not None:
            with self.conditional_scope(parent_name, parent_values):
                return self._declare(name, domain, kind, None, None)
        name = self._qualified(name)
        if any(each.name == name for each in self._conditions):
            raise ValueError(
                f"A hyperparameter cannot depend on itself. Received: {name!r} inside "
                f"conditional_scope({name!r}, ...)."
            )
        conditions = self._conditions
        value: Value = self._answer(lambda hp: hp._declared(name, domain, kind, conditions))
        return value

    def _declared(
        self,
        name: str,
        domain: Callable[[], Domain],
        kind: str,
        conditions: tuple[Condition, ...],
    ) -> Value:
        parameter = self._space.find(name, conditions)
        if parameter is None:
            try:
                parameter = Parameter(name, domain(), conditions)
            except (TypeError, ValueError) as error:
                raise type(error)(f"hp.{kind}({name!r}): {error}") from None
            self._space = self._space.merged([parameter])
        elif self._searching and not parameter.given and parameter.is_active(self._values):
            self._compare(parameter, domain)
        if not parameter.is_active(self._values):
            return None
        if name not in self._values:
            self._values[name] = self._fill(parameter)
        self._used.setdefault(name)
        return self._values[name]

    def _compare(self, known: Parameter, domain: Callable[[], Domain]) -> None:
        """Record a declaration that differs from the first one of the same name."""
        try:
            declared = domain()
        except (TypeError, ValueError):
            return  # The first declaration applies, and it is valid.
        holds = known.domain
        if isinstance(holds, Fixed) and isinstance(declared, Fixed):
            if known.name not in self._used:
                # Computed from other values (`hp.Fixed("twice", 2 * n)`), or changed in the script.
                self._values[known.name] = declared.value
            holds = Fixed(self._values[known.name])
        if not (declared.covers(holds) and holds.covers(declared)):
            self.redeclared.setdefault(known.name, (holds, declared))


class _WithFacts(dict[str, Value]):
    """Values by name, that also answer for facts, which are not among them."""

    def __init__(self, values: Mapping[str, Value], facts: Mapping[str, Value]) -> None:
        super().__init__(values)
        self._facts = facts

    def __contains__(self, name: object) -> bool:
        return super().__contains__(name) or name in self._facts

    def __missing__(self, name: str) -> Value:
        return self._facts[name]

    def get(self, name: str, default: Any = None) -> Any:
        return super().get(name, self._facts.get(name, default))
