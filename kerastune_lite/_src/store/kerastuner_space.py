"""Hyperparameters as KerasTuner's files spell them, in both directions."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from kerastune_lite._src.space.domains import Boolean, Choice, Domain, Fixed, Value
from kerastune_lite._src.space.numeric import Float, Int
from kerastune_lite._src.space.parameters import Condition, Parameter, Space

# ---------------------------------------------------------------------- reading


def space_from(entries: Iterable[Mapping[str, Any]]) -> Space:
    """The space whose hyperparameters are `entries` of a file of KerasTuner.

    Raises:
        KeyError, TypeError, ValueError: an entry is not one of KerasTuner's.
    """
    return Space(_parameter(entry["class_name"], entry["config"]) for entry in entries)


def _parameter(kind: str, config: Mapping[str, Any]) -> Parameter:
    # Its first versions wrote no conditions.
    parents = [each["config"] for each in config.get("conditions") or ()]
    conditions = tuple(Condition(each["name"], tuple(each["values"])) for each in parents)
    return Parameter(config["name"], _domain(kind, config), conditions)


def _domain(kind: str, config: Mapping[str, Any]) -> Domain:
    if kind == "Fixed":
        return Fixed(config["value"])
    if kind == "Boolean":
        return Boolean(config["default"])
    domain: Choice | Int | Float
    if kind == "Choice":
        domain = Choice(tuple(config["values"]), config.get("ordered"))
    elif kind in ("Int", "Float"):
        step, sampling = config.get("step"), config.get("sampling")
        if sampling not in (None, "linear") and step is not None and step <= 1:
            step = None  # Its first versions ignored the step on these scales.
        make = Int if kind == "Int" else Float
        domain = make(config["min_value"], config["max_value"], step, sampling or "linear")
    else:
        raise ValueError(f"there is no hyperparameter of the type {kind!r}")
    default = config.get("default")
    # KerasTuner does not check that the default of a number is between its limits.
    if default is None or not domain.contains(default):
        return domain
    return dataclasses.replace(domain, default=default)


# ---------------------------------------------------------------------- writing


def entries_of(space: Space) -> tuple[list[dict[str, Any]], list[str]]:
    """A space as KerasTuner's files spell it, and what of it they cannot express."""
    lost: list[str] = []
    entries = []
    for parameter in space:
        config = _config(parameter.domain, parameter.name, lost)
        if config is not None:
            conditions = _conditions(parameter, lost)
            config = {"name": parameter.name, **config, "conditions": conditions}
            entries.append({"class_name": type(parameter.domain).__name__, "config": config})
    return entries, lost


def _config(domain: Domain, name: str, lost: list[str]) -> dict[str, Any] | None:
    """The settings of a domain; None if KerasTuner has nothing like it."""
    if isinstance(domain, Fixed):
        if domain.value is None:
            lost.append(f"{name!r} (always None)")
            return None
        return {"value": domain.value}
    if isinstance(domain, Choice):
        values = _uniform(domain.values)
        if len(values) < len(domain.values):
            lost.append(f"None among the values of {name!r}")
        if not values:
            return None
        default = values[0] if domain.default is None else domain.default
        return {"default": default, "values": values, "ordered": domain.ordered}
    settings = domain.to_json()
    del settings["type"]
    return settings


def _conditions(parameter: Parameter, lost: list[str]) -> list[dict[str, Any]]:
    entries = []
    for condition in parameter.conditions:
        values = _uniform(condition.values)
        if len(values) < len(condition.values):
            lost.append(f"the condition of {parameter.name!r} that {condition.name!r} is None")
        if values:
            config = {"name": condition.name, "values": values}
            entries.append({"class_name": "Parent", "config": config})
    return entries


def _uniform(values: Sequence[Value]) -> list[Value]:
    """The values without None; all numbers as floats, if some are."""
    floats = any(isinstance(value, float) for value in values)
    return [float(value) if floats else value for value in values if value is not None]
