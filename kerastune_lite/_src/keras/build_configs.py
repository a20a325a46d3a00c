"""Whether a model has its variables, and what it needs to create them in another process."""

from __future__ import annotations

import json
import warnings
from collections.abc import Iterator, Mapping
from typing import Any

from kerastune_lite._src.keras.compat.models import layers_within, parts_of
from kerastune_lite._src.keras.loading import load_keras

_PARTS = "parts"
"""The key of the configs of a model's layers, by their place among them."""

_ERRORS = (TypeError, ValueError, AttributeError, NotImplementedError, RuntimeError)
"""Raised by Keras and by a layer's own build() for wrong or missing shapes."""


def is_complete(model: Any) -> bool:
    """Whether the model has all its variables, as far as its layers know.

    `model.built` does not tell: it says that the model was called, which a train_step of its own
    need not do, and nothing of the layers that its call() leaves out.
    """
    return bool(model.built or model.weights) and all(each.built for each in layers_within(model))


def build_config_of(model: Any) -> dict[str, Any] | None:
    """The shapes with which a model and its layers were built, as far as JSON can represent them.

    The layers' are what is left where the model itself was never called.
    """
    config = _own_config(model)
    parts = {}
    if not _is_graph(model):
        for place, layer in enumerate(parts_of(model)):
            part = build_config_of(layer)
            if part is not None:
                parts[str(place)] = part
    if parts:
        config[_PARTS] = parts
    return config or None


def _own_config(layer: Any) -> dict[str, Any]:
    try:
        config = json.loads(json.dumps(layer.get_build_config()))
    except (TypeError, ValueError, NotImplementedError):
        # JSON cannot represent it, or Keras raises: the layer is built without it.
        return {}
    if not isinstance(config, dict) or config.get("input_shape", ()) is None:
        # Left over from a call that failed: the shape is unknown.
        return {}
    return config


def _is_graph(layer: Any) -> bool:
    """Whether its layers are built with it, from its own shape."""
    keras = load_keras()
    return isinstance(layer, (keras.Sequential, keras.Function))


def build_from(model: Any, config: Mapping[str, Any]) -> Exception | None:
    """Create the missing variables that `build_config_of` describes.

    Args:
        config: of an equal model that has them.

    Returns:
        What went wrong. Some variables may be there all the same.
    """
    own = {name: value for name, value in config.items() if name != _PARTS}
    failure = None
    if own and not model.built:
        failure = _build_itself(model, with_tuples(_with_free_batch(model, own)))
    layers = parts_of(model)
    for place, part in config.get(_PARTS, {}).items():
        if int(place) < len(layers):
            failure = build_from(layers[int(place)], part) or failure
    return failure


def _build_itself(layer: Any, config: dict[str, Any]) -> Exception | None:
    keras = load_keras()
    inherited = type(layer).build is keras.layers.Layer.build
    if inherited and not isinstance(layer, keras.Model):
        # Only its layers have variables, and they have configs of their own.
        return None
    with warnings.catch_warnings():
        # Then variables are missing, which loading the weights detects.
        warnings.filterwarnings("ignore", message=r"(?s).*had a build config, but the model")
        try:
            layer.build_from_config(config)
        except _ERRORS as error:
            return error
    # As Keras does when it loads a whole model: the layers are built by now, and a subclass
    # without a build() of its own does not notice that.
    layer.built = True
    return None


def _with_free_batch(model: Any, config: dict[str, Any]) -> dict[str, Any]:
    """The config without the batch size with which the model was built."""
    keras_made = type(model).get_build_config.__module__.startswith("keras.")
    layers = [model, *layers_within(model)]
    stateful = any(getattr(layer, "stateful", False) for layer in layers)
    if not keras_made or stateful:
        # A user's own method may return anything; stateful layers need the batch size.
        return config
    sizes = {shape[0] for shape in _shapes(config) if shape}
    if len(sizes) != 1:
        return config
    return {name: _freed(value) for name, value in config.items()}


def _shapes(nested: Any) -> Iterator[list[Any]]:
    if isinstance(nested, dict):
        for each in nested.values():
            yield from _shapes(each)
    elif isinstance(nested, (list, tuple)):
        if _is_shape(nested):
            yield list(nested)
        else:
            for each in nested:
                yield from _shapes(each)


def _freed(nested: Any) -> Any:
    if isinstance(nested, dict):
        return {name: _freed(each) for name, each in nested.items()}
    if isinstance(nested, (list, tuple)):
        if _is_shape(nested):
            return [None, *nested[1:]] if nested else []
        return [_freed(each) for each in nested]
    return nested


def _is_shape(nested: Any) -> bool:
    return all(size is None or isinstance(size, int) for size in nested)


def with_tuples(nested: Any) -> Any:
    """Shapes as the tuples they were before they went through JSON."""
    if isinstance(nested, dict):
        return {name: with_tuples(each) for name, each in nested.items()}
    if isinstance(nested, list):
        return tuple(nested) if _is_shape(nested) else [with_tuples(each) for each in nested]
    return nested
