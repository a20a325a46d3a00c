"""What `model=` of an estimator may be: a function of `hp` or of scikeras's kind, or a model."""

from __future__ import annotations

import functools
import inspect
import sys
from collections.abc import Callable, Collection, Mapping
from typing import Any

from kerastune_lite._src.space.domains import Value
from kerastune_lite._src.space.hyperparameters import HyperParameters

SCIKERAS_ARGUMENTS = ("meta", "compile_kwargs", "params")
"""Arguments that scikeras passes to builders that have them."""


def builder_of(model: Any) -> Callable[..., Any] | None:
    """What is called to build: a function, an object's `__call__`, a HyperModel's `build`.

    None for a model that is already built, and for what cannot build.
    """
    if model is None or is_built(model):
        return None
    if is_hypermodel(model):
        build: Callable[..., Any] = model.build
        return build
    if inspect.isroutine(model) or inspect.isclass(model) or isinstance(model, functools.partial):
        function: Callable[..., Any] = model
        return function
    return model.__call__ if callable(model) else None


def is_built(model: Any) -> bool:
    """Whether it is a Keras model; there are none before Keras is imported."""
    keras = sys.modules.get("keras")
    return keras is not None and isinstance(model, keras.Model)


def is_hypermodel(model: Any) -> bool:
    """Whether it has `build` and `fit`, as `HyperModel` does, and is not a Keras model."""
    if inspect.isclass(model) or is_built(model):
        return False
    return all(callable(getattr(model, name, None)) for name in ("build", "fit"))


def takes_hp(model: Any, given: Collection[str] = ()) -> bool:
    """Whether it is built from `hp`.

    It is if it is a HyperModel, or a function whose first argument is named `hp`, or is required
    and not passed by scikeras.

    Args:
        given: arguments that scikeras passes by name.
    """
    if is_hypermodel(model):
        return True
    builder = builder_of(model)
    if builder is None:
        return False
    arguments = list(inspect.signature(builder).parameters.values())
    if not arguments:
        return False
    first = arguments[0]
    if first.kind not in (first.POSITIONAL_ONLY, first.POSITIONAL_OR_KEYWORD):
        return False
    known = first.name in given or first.name in SCIKERAS_ARGUMENTS
    return first.name == "hp" or (first.default is first.empty and not known)


def argument_names(builder: Callable[..., Any]) -> tuple[list[str], bool]:
    """The names of a function's arguments, and whether it has `**kwargs`."""
    arguments = inspect.signature(builder).parameters.values()
    open_ended = any(each.kind is each.VAR_KEYWORD for each in arguments)
    kinds = (inspect.Parameter.POSITIONAL_OR_KEYWORD, inspect.Parameter.KEYWORD_ONLY)
    return [each.name for each in arguments if each.kind in kinds], open_ended


def check_is_model(model: Any) -> None:
    """Check what a builder returned.

    Raises:
        TypeError: it is not a Keras model.
    """
    if not is_built(model):
        hint = " Did you forget `return model`?" if model is None else ""
        raise TypeError(
            "`model` must build a Keras model."
            f"{hint} Received: {model!r} of type {type(model).__name__}."
        )


def check_asked(hp: HyperParameters, given: Mapping[str, Value]) -> None:
    """Check the user's values after a build.

    Raises:
        ValueError: the builder did not ask for a value, or does not allow it.
    """
    for name, value in given.items():
        if not hp.space.named(name):
            raise ValueError(
                f"`hp__<name>` sets a hyperparameter that build(hp) asks for. Received: "
                f"hp__{name}={value!r}. With these values build(hp) asks for: "
                f"{', '.join(hp.space.names) or 'nothing'}."
            )
    check_allowed(hp, given)


def check_allowed(hp: HyperParameters, given: Mapping[str, Value]) -> None:
    """Check the user's values after a build, which may have failed.

    Raises:
        ValueError: the builder does not allow one of them.
    """
    for name, value in given.items():
        parameter = hp.space.active(name, hp.used_values())
        if parameter is not None and not parameter.domain.contains(value):
            raise ValueError(
                f"hp__{name}: {value!r} is not in {parameter.domain.describe()}, which is what "
                "build(hp) allows. Choose another value, or widen the range there."
            )
