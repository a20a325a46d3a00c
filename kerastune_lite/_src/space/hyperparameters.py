"""The `hp` object that a user's `build(hp)` receives: it declares parameters and answers values."""

from __future__ import annotations

import contextlib
import dataclasses
import operator
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any

from kerastune_lite._src.space.domains import Boolean, Choice, Domain, Fixed, Value
from kerastune_lite._src.space.numeric import Float, Int
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
class HyperParameters:
    """A search space together with the values of one trial.

    Each method that declares a hyperparameter returns its value, or None while one of the
    conditions it stands under does not hold. A hyperparameter is identified by its name and its
    conditions: declaring it again returns the same value, and what was declared first holds.

    Args:
        space: parameters known beforehand; their domains win over those of later declarations.
        values: values of the trial; what is missing is filled in when it is asked for.
        fill: gives a newly declared parameter its value. Default: the parameter's default.
        searching: whether the values are a proposal, which the builder may not have known of: then
            a Fixed that was not given to the tuner takes the value that is declared, and
            `redeclared` is kept. Otherwise they are what a trial was trained with, and hold.
    """

    def __init__(
        self,
        space: Space | None = None,
        values: Mapping[str, Value] | None = None,
        fill: Callable[[Parameter], Value] | None = None,
        searching: bool = False,
    ) -> None:
        self.redeclared: dict[str, tuple[Domain, Domain]] = {}
        """By name: the domain that holds, and another one that was declared under the name."""
        self._searching = searching
        self._space = Space() if space is None else space
        self._values = dict(values or {})
        self._fill = fill or operator.attrgetter("default")
        self._used: dict[str, None] = {}
        self._name_scopes: list[str] = []
        self._conditions: tuple[Condition, ...] = ()
        self.entered_scopes: dict[tuple[Condition, ...], bool] = {}
        """Each conditional scope met so far, and whether it was ever active."""

    # ------------------------------------------------------------------ declaring

    def Choice(
        self,
        name: str,
        values: Iterable[Value],
        ordered: bool | None = None,
        default: Any = ...,
        parent_name: str | None = None,
        parent_values: Value | Iterable[Value] = None,
    ) -> Any:
        """One of `values` (all of one type; None may stand among them).

        Args:
            ordered: whether neighbours in the list resemble each other (numbers: yes).
            default: a member of `values`; default: the first.
            parent_name, parent_values: shorthand for `conditional_scope` around this call.
        """

        def domain() -> Domain:
            domain = Choice(values, ordered)  # type: ignore[arg-type]
            # KerasTuner's signature has default=None for "not given".
            if default is ... or (default is None and None not in domain.values):
                return domain
            return dataclasses.replace(domain, default=default)

        return self._declare(name, domain, "Choice", parent_name, parent_values)

    def Int(
        self,
        name: str,
        min_value: int,
        max_value: int,
        step: int | None = None,
        sampling: str = "linear",
        default: int | None = None,
        parent_name: str | None = None,
        parent_values: Value | Iterable[Value] = None,
    ) -> Any:
        """A whole number from `min_value` to `max_value`, both included.

        Args:
            step: added when `sampling` is "linear" (default 1), multiplied otherwise.
            sampling: "linear", "log" or "reverse_log".
            default: default: the minimum.
            parent_name, parent_values: shorthand for `conditional_scope` around this call.
        """
        return self._declare(
            name,
            lambda: Int(min_value, max_value, step, sampling, default),
            "Int",
            parent_name,
            parent_values,
        )

    def Float(
        self,
        name: str,
        min_value: float,
        max_value: float,
        step: float | None = None,
        sampling: str = "linear",
        default: float | None = None,
        parent_name: str | None = None,
        parent_values: Value | Iterable[Value] = None,
    ) -> Any:
        """A real number from `min_value` to `max_value`, both included.

        Args:
            step: added when `sampling` is "linear", multiplied otherwise; default: none.
            sampling: "linear", "log" or "reverse_log".
            default: default: the minimum.
            parent_name, parent_values: shorthand for `conditional_scope` around this call.
        """
        return self._declare(
            name,
            lambda: Float(min_value, max_value, step, sampling, default),
            "Float",
            parent_name,
            parent_values,
        )

    def Boolean(
        self,
        name: str,
        default: bool = False,
        parent_name: str | None = None,
        parent_values: Value | Iterable[Value] = None,
    ) -> Any:
        """True or False."""
        return self._declare(name, lambda: Boolean(default), "Boolean", parent_name, parent_values)

    def Fixed(
        self,
        name: str,
        value: Value,
        parent_name: str | None = None,
        parent_values: Value | Iterable[Value] = None,
    ) -> Any:
        """A value that is not tuned, but recorded with the trial."""
        return self._declare(name, lambda: Fixed(value), "Fixed", parent_name, parent_values)

    @contextlib.contextmanager
    def conditional_scope(
        self, parent_name: str, parent_values: Value | Iterable[Value]
    ) -> Iterator[None]:
        """Within the scope, hyperparameters are active only while the parent has such a value.

        The code inside runs either way; inactive hyperparameters answer None.

        Args:
            parent_name: a hyperparameter declared before, under whatever conditions.
            parent_values: a list of its values (or a single one).

        Raises:
            ValueError: no hyperparameter of that name was declared.
        """
        name = self._qualified(parent_name)
        if not self._space.named(name):
            raise ValueError(
                f"conditional_scope({name!r}, ...) needs a hyperparameter that was declared "
                f"before it. Declared so far: {self._space.names}."
            )
        outer = self._conditions
        entered = condition(name, parent_values)
        members = tuple(self._member(name, value) for value in entered.values)
        self._conditions = (*outer, Condition(name, members))
        self._fill_in(name)
        self._used.setdefault(name)
        active = all(each.holds(self._values) for each in self._conditions)
        known = self.entered_scopes.get(self._conditions, False)
        self.entered_scopes[self._conditions] = known or active
        try:
            yield
        finally:
            self._conditions = outer

    @contextlib.contextmanager
    def name_scope(self, name: str) -> Iterator[None]:
        """Within the scope, names are prefixed with `name/`; scopes may nest."""
        self._name_scopes.append(str(name))
        try:
            yield
        finally:
            self._name_scopes.pop()

    # ------------------------------------------------------------------ reading

    def get(self, name: str) -> Any:
        """The value of an active hyperparameter.

        Raises:
            ValueError: it exists but is inactive.
            KeyError: there is none of that name.
        """
        name = self._qualified(name)
        self._fill_in(name)
        if name in self._values:
            self._used.setdefault(name)
            return self._values[name]
        if self._space.named(name):
            raise ValueError(f"{name} is currently inactive.")
        raise KeyError(f"{name} does not exist. Known: {self._space.names}.")

    def __getitem__(self, name: str) -> Any:
        return self.get(name)

    def __contains__(self, name: object) -> bool:
        if not isinstance(name, str):
            return False
        name = self._qualified(name)
        return name in self._values or self._space.active(name, self._values) is not None

    @property
    def values(self) -> dict[str, Value]:
        """The values of all active hyperparameters, by name (the live dictionary)."""
        # Whoever holds the whole dictionary may use any of it.
        self._used.update(dict.fromkeys(self._values))
        return self._values

    @values.setter
    def values(self, values: Mapping[str, Value]) -> None:
        self._values = dict(values)

    @property
    def space(self) -> Space:
        """All parameters known so far, active or not."""
        return self._space

    def is_active(self, hyperparameter: str | Parameter) -> bool:
        """Whether the parameter (or any of that name) has its conditions fulfilled."""
        if isinstance(hyperparameter, Parameter):
            return hyperparameter.is_active(self._values)
        return self._space.active(str(hyperparameter), self._values) is not None

    def used_values(self) -> dict[str, Value]:
        """The values that were asked for, in the order in which they were first asked for."""
        return {name: self._values[name] for name in self._used if name in self._values}

    # ------------------------------------------------------------------ whole objects

    def merge(self, hps: HyperParameters | Iterable[Parameter], overwrite: bool = True) -> None:
        """Take over the parameters of `hps`; with `overwrite`, also where both have them."""
        parameters = list(hps.space if isinstance(hps, HyperParameters) else hps)
        self._space = self._space.merged(parameters, overwrite)
        for parameter in parameters if overwrite else ():
            if parameter.is_active(self._values):
                self._values[parameter.name] = self._fill(parameter)
        self.ensure_active_values()

    def ensure_active_values(self) -> None:
        """Give active parameters without a value their fill, and drop values of inactive ones."""

        def choose(parameter: Parameter) -> Value:
            if parameter.name in self._values:
                value = self._values[parameter.name]
                # Where a name stands in several places, the value may be of another place's range.
                if len(self._space.named(parameter.name)) == 1 or parameter.domain.contains(value):
                    return value
            return self._fill(parameter)

        extra = {k: v for k, v in self._values.items() if not self._space.named(k)}
        self._values = {**self._space.walk(choose), **extra}

    def copy(self) -> HyperParameters:
        """An independent object with the same space and values."""
        # Asking for all values counts them as used: what the copy is asked for is not seen here.
        return HyperParameters(self._space, self.values, self._fill)

    def get_config(self) -> dict[str, Any]:
        """Space and values as JSON."""
        return {"space": self._space.to_json(), "values": dict(self._values)}

    @classmethod
    def from_config(cls, config: Mapping[str, Any]) -> HyperParameters:
        """The inverse of `get_config`."""
        return cls(Space.from_json(config["space"]), config["values"])

    def __repr__(self) -> str:
        return f"HyperParameters({self._values})"

    def _repr_html_(self) -> str:
        # Read from the dictionary itself: what is only looked at does not count as used.
        names = dict.fromkeys([*self._space.names, *self._values])
        rows = []
        for name in (name for name in names if name in self._values):
            parameter = self._space.active(name, self._values)
            domain = NOTHING if parameter is None else parameter.described()["domain"]
            rows.append([one_line(name), value_text(self._values[name]), domain])
        columns = ["hyperparameter", "value", "domain"]
        return html_block(html_table(columns, rows, left=("hyperparameter", "domain")))

    # ------------------------------------------------------------------ inside

    def _qualified(self, name: Any) -> str:
        return "/".join([*self._name_scopes, str(name)])

    def _fill_in(self, name: str) -> None:
        """Give a parameter that was known beforehand its value, if it is active and has none."""
        if name not in self._values:
            parameter = self._space.active(name, self._values)
            if parameter is not None:
                self._values[name] = self._fill(parameter)

    def _member(self, name: str, value: Value) -> Value:
        """`value` as the parent's domain spells it: 0.1 * 3 as 0.3, and 1 as True if need be."""
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
                f"A hyperparameter cannot stand under a condition on itself. Received: {name!r} "
                f"inside conditional_scope({name!r}, ...)."
            )
        parameter = self._space.find(name, self._conditions)
        if parameter is None:
            try:
                parameter = Parameter(name, domain(), self._conditions)
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
        """Take note of a declaration under a known name."""
        try:
            declared = domain()
        except (TypeError, ValueError):
            return  # The first declaration holds, and that one is valid.
        holds = known.domain
        if isinstance(holds, Fixed) and isinstance(declared, Fixed):
            if known.name not in self._used:
                # It follows from other values (`hp.Fixed("twice", 2 * n)`), or the script is new.
                self._values[known.name] = declared.value
            holds = Fixed(self._values[known.name])
        if not (declared.covers(holds) and holds.covers(declared)):
            self.redeclared.setdefault(known.name, (holds, declared))
