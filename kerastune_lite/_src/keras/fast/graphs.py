"""The graph of layers that a model is: itself, or what its `call` does, where it is a class.

A model that is written as a class computes what a functional model of the same layers computes, if
its `call` does nothing but call layers of Keras's, the same ones in training and in inference. That
is tried: `call` is done on symbolic tensors, once each. The functional model that comes of it has
the layers and the variables of the model, and is trained in its place.
"""

from __future__ import annotations

import types
from collections.abc import Iterator
from typing import Any

from kerastune_lite._src.keras.compat import internals
from kerastune_lite._src.keras.compat.global_state import names_given_back
from kerastune_lite._src.keras.compat.models import layers_within
from kerastune_lite._src.keras.compat.recording import (
    RECORDING,
    Records,
    call_recorded,
    forget_marked,
    origin_of,
    recorded_model,
    takes_training,
    variables_of_layers,
)
from kerastune_lite._src.keras.compat.symbolic_build import build_layers
from kerastune_lite._src.keras.compat.thread_state import Generators
from kerastune_lite._src.keras.fast.structure import NotShared, is_kerass
from kerastune_lite._src.keras.fast.supported import MODELS
from kerastune_lite._src.keras.loading import load_keras
from kerastune_lite._src.keras.own_attributes import attributes_of

keras = load_keras()

_MAY_BE_OWN = frozenset(
    (
        "__annotations__",
        "__dict__",
        "__doc__",
        "__init__",
        "__module__",
        "__repr__",
        "__str__",
        "__weakref__",
        "build",
        "build_from_config",
        "call",
        "compute_output_shape",
        "from_config",
        "get_build_config",
        "get_config",
        "summary",
    )
)
"""What a class may have instead of Keras's: a training consists of nothing of it but `call`."""

_SET_BY_KERAS = frozenset(("build", "fit", "quantize"))
"""Methods that Keras, or the dispatcher, sets on an object."""


_IGNORE_TRAINING = frozenset(("Dense", "EinsumDense"))
"""Layers that have the argument, but for quantization."""


def graph_of(model: Any, x: Any) -> Any:
    """A Sequential or functional model: the given one, or one with its layers in its place.

    Args:
        model: compiled; its layers are built if they are not yet.
        x: a sample or more that it is to be trained on.

    Raises:
        NotShared: there is none.
    """
    if not internals.steps_as_keras_does(model):
        raise NotShared("the model has a train_step of its own")
    layers = [model, *layers_within(model)]
    unbuilt = not all(layer.built for layer in layers)
    if unbuilt and any(getattr(layer, "stateful", False) for layer in layers):
        raise NotShared("a model with a state for each sample is not built before fit()")
    if type(model).__name__ in MODELS and is_kerass(type(model)):
        if unbuilt:
            _build(model, x)
        return model
    _check_class(model)
    if unbuilt and type(model).build is not keras.Model.build:
        _build(model, x)
    return _recorded(model, x)


def _build(model: Any, x: Any) -> None:
    try:
        if isinstance(model, keras.Sequential) and not keras.tree.is_nested(x):
            model.build((None, *x.shape[1:]))  # As its first batch does it.
        else:
            build_layers(model, x)
    except Exception as error:
        # The user's code raises what it likes.
        raise NotShared(f"building it raised {type(error).__name__}") from error


def _check_class(model: Any) -> None:
    """Refuse a class that does anything in a way of its own but `call`.

    Raises:
        NotShared: with what it does.
    """
    kind = type(model).__name__
    if RECORDING.missing() is not None:
        raise NotShared(f"the model is a {kind}")
    for each in _own_classes(model):
        for name in vars(each).keys() - _MAY_BE_OWN:
            if hasattr(keras.Model, name):
                raise NotShared(f"the model is a {kind} with a {name} of its own")
    for name, value in vars(model).items():
        if name not in _SET_BY_KERAS and callable(value) and hasattr(keras.Model, name):
            raise NotShared(f"the model is a {kind} with a {name} of its own")
    if model.activity_regularizer is not None:
        raise NotShared(f"the model is a {kind} with an activity_regularizer")
    if model.dtype_policy.name != keras.config.floatx() or not model.autocast:
        raise NotShared("the dtype policy is mixed")


def _own_classes(model: Any) -> Iterator[type]:
    """The classes that are not Keras's own, from the model's on."""
    for each in type(model).__mro__:
        if each.__module__.split(".")[0] not in ("builtins", "keras", "tensorflow"):
            yield each


def _recorded(model: Any, x: Any) -> Any:
    """The functional model of a model's `call`."""
    kind = type(model).__name__
    forget_marked(layers_within(model))
    before, generators = attributes_of(model), Generators()
    try:
        with names_given_back():
            inputs = _symbols(x)
            graph = _called(model, inputs)
    except BaseException as error:
        # A trace draws them anew.
        generators.put_back()
        if isinstance(error, _Refused):
            raise NotShared(f"the model is a {kind}, whose call() {error}") from None
        if isinstance(error, Exception):
            # The user's code raises what it likes where it meets symbolic tensors.
            name = type(error).__name__
            raise NotShared(
                f"the model is a {kind}, whose call() raises {name} without data"
            ) from error
        raise
    after = attributes_of(model)
    # A layer may have layers more since it is built.
    if before is None or after is None or {name: after.get(name) for name in before} != before:
        raise NotShared(f"the model is a {kind}, whose call() sets attributes")
    if set(map(id, model.variables)) != set(map(id, variables_of_layers(graph))):
        raise NotShared(f"the model is a {kind} with other variables than its layers'")
    if list(map(id, model.metrics)) != list(map(id, graph.metrics)):
        raise NotShared(f"the model is a {kind} with metrics of its own")
    if not all(layer.built for layer in layers_within(model)):
        raise NotShared(f"the model is a {kind} with layers that its call() does not use")
    if not model.built:
        # All of it is; Keras is told the shapes, as by a first batch.
        model.build(keras.tree.map_structure(lambda symbol: tuple(symbol.shape), inputs))
    return graph


class _Refused(Exception):
    """A `call` is no graph of layers; the message says what it does."""


def _called(model: Any, inputs: Any) -> Any:
    """The graph of what `call` does, which is the same in training and in inference."""
    before, generators = Records(model), Generators()
    building = not all(layer.built for layer in layers_within(model))
    try:
        trained, told = call_recorded(model, inputs, training=True)
        drawn = generators.moved()
        between, generators = Records(model), Generators()
        measured, also_told = call_recorded(model, inputs, training=False)
        # Layers draw seeds when they are built, as they do in `fit`; that is not the call's doing.
        if generators.moved() or (drawn and not building):
            raise _Refused("draws random numbers")
        if not (told and also_told):
            raise _Refused("calls layers with a `training` of its own")
        _check_outputs(trained)
        _check_same(trained, measured)
        between.forget_calls()
        graph = recorded_model(model, inputs, trained, _code_of(model))
        if not takes_training(model) and any(map(_is_told, _leaves(graph))):
            raise _Refused("has no argument `training`, but its layers have")
    except BaseException:
        before.forget_calls()
        raise
    before.mark_calls()
    return graph


def _symbols(x: Any) -> Any:
    """Inputs like the data; they go by the names that the data have."""

    def symbol(leaf: Any, name: str | None = None) -> Any:
        dtype = keras.backend.standardize_dtype(leaf.dtype)
        # Models turn them into this type before `call` sees them.
        dtype = keras.config.floatx() if "float" in dtype else dtype
        return keras.Input(leaf.shape[1:], dtype=dtype, name=name)

    if isinstance(x, dict) and not any(map(keras.tree.is_nested, x.values())):
        return {name: symbol(leaf, name) for name, leaf in x.items()}
    return keras.tree.map_structure(symbol, x)


def _leaves(graph: Any) -> Iterator[Any]:
    """The layers of a graph that are no models."""
    return (each for each in internals.nested_layers(graph) if not hasattr(each, "layers"))


def _is_told(layer: Any) -> bool:
    """Whether a layer computes something else in training."""
    return takes_training(layer) and type(layer).__name__ not in _IGNORE_TRAINING


def _check_outputs(outputs: Any) -> None:
    if isinstance(outputs, (list, tuple)) and len(outputs) == 1:
        raise _Refused("returns a list of one")  # Functional models take it out.
    if not all(isinstance(leaf, keras.KerasTensor) for leaf in keras.tree.flatten(outputs)):
        raise _Refused("returns something other than tensors")


# ------------------------------------------------------------------ two calls


def _check_same(trained: Any, measured: Any) -> None:
    """Refuse a call that does something else in training than in inference.

    What layers do otherwise is theirs, if they are told of training what the model is told: so are
    those of a functional model, whatever they were called with.

    Args:
        trained, measured: the outputs of both.
    """
    pending, seen = [(trained, measured)], set()
    while pending:
        one, other = pending.pop()
        keras.tree.assert_same_structure(one, other)
        for first, second in zip(keras.tree.flatten(one), keras.tree.flatten(other)):
            if not isinstance(first, keras.KerasTensor):
                if not _same_value(first, second):
                    raise _Refused("depends on `training`")
            elif (id(first), id(second)) not in seen:
                seen.add((id(first), id(second)))
                pending.append(_arguments(first, second))


def _arguments(trained: Any, measured: Any) -> tuple[Any, Any]:
    """What the operation was called with that two tensors come from."""
    one, other = origin_of(trained), origin_of(measured)
    if one.place != other.place or not _same_operation(one.operation, other.operation):
        raise _Refused("depends on `training`")
    told = one.arguments[1].pop("training", True), other.arguments[1].pop("training", False)
    if _is_told(one.operation) and told != (True, False):
        raise _Refused("calls layers with a `training` of its own")
    return one.arguments, other.arguments


def _same_operation(one: Any, other: Any) -> bool:
    """Whether two operations are one, or were made alike in both calls."""
    if one is other:
        return True
    return (
        type(one) is type(other)
        and not getattr(one, "variables", None)
        and _unnamed(one) == _unnamed(other)
    )


def _unnamed(operation: Any) -> dict[str, Any]:
    return {name: value for name, value in operation.get_config().items() if name != "name"}


def _same_value(one: Any, other: Any) -> bool:
    plain = (bool, int, float, complex, str, bytes, slice, type(None), type(Ellipsis))
    if isinstance(one, plain):
        return type(one) is type(other) and bool(one == other)
    return one is other


# ------------------------------------------------------------------ code


def _code_of(model: Any) -> str:
    """What tells one class of models from another, though its name be the same: its code."""
    return repr([_code(value) for each in _own_classes(model) for value in vars(each).values()])


def _code(value: Any) -> Any:
    if isinstance(value, property):
        return [_code(each) for each in (value.fget, value.fset, value.fdel)]
    value = getattr(value, "__func__", value)
    code = getattr(value, "__code__", value)
    if not isinstance(code, types.CodeType):
        return type(value).__name__
    constants = [
        _code(each) if isinstance(each, types.CodeType) else each for each in code.co_consts
    ]
    return code.co_code, code.co_names, constants
