"""The names of an estimator's parameters: `hp__<name>`, scikeras's prefixes, misspelled names."""

from __future__ import annotations

import difflib
import inspect
import warnings
from collections.abc import Iterable, Mapping
from typing import Any

from sklearn.base import BaseEstimator

from kerastune_lite._src.keras.loading import load_keras
from kerastune_lite._src.sklearn.builders import argument_names, builder_of, takes_hp
from kerastune_lite._src.sklearn.compat import arguments_by_name, routing_prefixes

PREFIX = "hp__"

_CALLBACKS = "callbacks"
_OTHER_PREFIXES = ("callbacks", "score")
"""Prefixes that scikeras does not list."""
_COMPILED = ("compile", "optimizer", "loss", "metrics")
"""Prefixes of parameters for compiling, which have no effect if the builder compiles."""


def split(params: Mapping[str, Any]) -> tuple[dict[str, Any], dict[str, Any]]:
    """The values of hyperparameters by name, and all other parameters."""
    values = {k.removeprefix(PREFIX): v for k, v in params.items() if k.startswith(PREFIX)}
    return values, {k: v for k, v in params.items() if not k.startswith(PREFIX)}


def check_names(estimator: BaseEstimator) -> None:
    """Check that all parameters are used.

    Raises:
        ValueError: one is not; the message suggests a similar name.
    """
    # Keyword arguments are attributes, like parameters that a subclass declares.
    params = estimator.get_params(deep=False)
    values = params["hyperparameters"]
    if values is not None and not isinstance(values, Mapping):
        raise TypeError(
            "`hyperparameters` must be a dict of values by name. Received: "
            f"{values!r} of type {type(values).__name__}. Or write hp__<name>=<value>."
        )
    _check_prefixed(estimator, params)
    _check_for_builder(estimator, params)


def _check_prefixed(estimator: BaseEstimator, params: Mapping[str, Any]) -> None:
    keras = load_keras()
    allowed = {
        "fit": _names(keras.Model.fit),
        "predict": _names(keras.Model.predict),
        "compile": _names(keras.Model.compile),
    }
    prefixes = {*routing_prefixes(estimator), *_OTHER_PREFIXES}
    for name in params:
        prefix, _, rest = name.partition("__")
        if not rest:
            continue
        if prefix not in prefixes:
            raise _unknown(name, f"{prefix}__", sorted(f"{p}__" for p in prefixes | {"hp"}))
        known = allowed.get(prefix)
        if known is not None and rest not in known and rest.partition("__")[0] != _CALLBACKS:
            raise _unknown(name, rest, known, f"`{prefix}__` sets an argument of Model.{prefix}()")


def _check_for_builder(estimator: BaseEstimator, params: Mapping[str, Any]) -> None:
    builder = builder_of(estimator._builds_from)
    if builder is None:
        return
    known, open_ended = argument_names(builder)
    for name in params:
        prefix, _, rest = name.partition("__")
        own = name in arguments_by_name(estimator) and not rest
        if open_ended or not (own or (prefix == "model" and rest)):
            continue
        argument = name if own else rest
        if argument in known or "__" in argument:
            continue
        if takes_hp(estimator._builds_from, given_names(estimator)):
            raise ValueError(
                f"Values for build(hp) are given as `hp__<name>`. Received: {name}="
                f"{params[name]!r}. Write hp__{argument}={params[name]!r}."
            )
        raise _unknown(name, argument, known, "It must be an argument of the function that builds")


def given_names(estimator: BaseEstimator) -> set[str]:
    """The arguments that scikeras passes to the builder by name."""
    names = {name for name in arguments_by_name(estimator) if "__" not in name}
    prefixed = (name for name in vars(estimator) if name.startswith("model__"))
    return names | {name.removeprefix("model__") for name in prefixed}


def warn_of_idle(estimator: BaseEstimator, compiled_by_builder: bool) -> None:
    """Warn of parameters for compiling that have no effect because the builder compiles."""
    builder = builder_of(estimator._builds_from)
    if builder is None or not compiled_by_builder:
        return
    names, open_ended = argument_names(builder)
    if open_ended or "compile_kwargs" in names or "params" in names:
        return
    idle = [name for name in vars(estimator) if name.partition("__")[0] in _COMPILED]
    idle = [name for name in idle if "__" in name]
    idle += ["metrics"] if estimator.metrics is not None else []
    if idle:
        warnings.warn(
            f"{idle} have no effect: the function that builds the model compiles it. Have it take "
            "`compile_kwargs` and compile with them, or return the model without compiling it.",
            UserWarning,
            stacklevel=2,
        )


def _names(method: Any) -> list[str]:
    names = list(inspect.signature(method).parameters)
    return [name for name in names if name not in ("self", "x", "y")]


def _unknown(
    name: str, part: str, known: Iterable[str], rule: str = "Prefixes say where it goes"
) -> ValueError:
    known = list(known)
    close = difflib.get_close_matches(part, known, 1)
    hint = f"Did you mean {close[0]!r}? " if close else ""
    return ValueError(
        f"Nothing reads the parameter {name!r}. {rule}: {', '.join(known) or 'it has none'}. "
        f"Received: {part!r}. {hint}".rstrip()
    )
