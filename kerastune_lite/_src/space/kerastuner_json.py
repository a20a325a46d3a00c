"""Hyperparameters in KerasTuner's JSON, as its scripts and its files have it, in both directions.

Our own projects are written by `Parameter.to_json`.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from kerastune_lite._src.space.choice import Choice
from kerastune_lite._src.space.domains import Boolean, Domain, Fixed, Value, same
from kerastune_lite._src.space.numeric import Float, Int
from kerastune_lite._src.space.parameters import Condition, Parameter, Space

# ---------------------------------------------------------------------- reading


def space_from(entries: Iterable[Mapping[str, Any]]) -> Space:
    """The space whose hyperparameters are `entries`; each as for `parameter_from`."""
    return Space(map(parameter_from, entries))


def parameter_from(entry: Mapping[str, Any]) -> Parameter:
    """The hyperparameter that `Parameter.serialized` or KerasTuner converted to `entry`.

    Raises:
        KeyError, TypeError, ValueError: it is none.
    """
    config = entry["config"]
    # KerasTuner's first versions wrote no conditions.
    parents = [each["config"] for each in config.get("conditions") or ()]
    conditions = tuple(Condition(each["name"], tuple(each["values"])) for each in parents)
    return Parameter(config["name"], _domain(entry["class_name"], config), conditions)


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
        raise ValueError(f"There is no hyperparameter of the type {kind!r}.")
    default = config.get("default")
    # KerasTuner writes None for none, or the first value, and does not check that a number is
    # between the limits.
    own = domain.contains(default) and not same(default, domain.default)
    return dataclasses.replace(domain, default=default) if own else domain


# ---------------------------------------------------------------------- writing


def entries_of(space: Space) -> tuple[list[dict[str, Any]], list[str]]:
    """A space as KerasTuner can read it, and what of it cannot be expressed."""
    lost: list[str] = []
    entries = []
    for parameter in space:
        entry = parameter.serialized()
        if _fits(entry["config"], parameter, lost):
            entries.append(entry)
    return entries, lost


def _fits(config: dict[str, Any], parameter: Parameter, lost: list[str]) -> bool:
    """Take out of `config` what KerasTuner does not know; whether anything is left."""
    domain, name = parameter.domain, parameter.name
    conditions = zip(config["conditions"], parameter.conditions)
    config["conditions"] = [entry for entry, each in conditions if _holds(entry, each, name, lost)]
    if isinstance(domain, Fixed) and domain.value is None:
        lost.append(f"{name!r} (always None)")
        return False
    if isinstance(domain, Choice):
        config["values"] = _uniform(domain.values)
        if len(config["values"]) < len(domain.values):
            lost.append(f"None among the values of {name!r}")
        if domain.default is None:
            config["default"] = next(iter(config["values"]), None)
        return bool(config["values"])
    return True


def _holds(entry: dict[str, Any], condition: Condition, name: str, lost: list[str]) -> bool:
    """Take None out of the values of a condition of the hyperparameter `name`; as `_fits`."""
    values = entry["config"]["values"] = _uniform(condition.values)
    if len(values) < len(condition.values):
        lost.append(f"the condition of {name!r} that {condition.name!r} is None")
    return bool(values)


def _uniform(values: Sequence[Value]) -> list[Value]:
    """The values without None; all numbers as floats, if some are."""
    floats = any(isinstance(value, float) for value in values)
    return [float(value) if floats else value for value in values if value is not None]
