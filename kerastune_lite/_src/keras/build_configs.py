"""Whether a model has its variables, and what is needed to create them in another process."""

from __future__ import annotations

import json
import warnings
from collections.abc import Iterator, Mapping
from typing import Any

from kerastune_lite._src.keras.compat.models import layers_within, parts_of
from kerastune_lite._src.keras.loading import load_keras

_PARTS = "parts"
"""The key of the configs of a model's layers, by their index."""

_ERRORS = (TypeError, ValueError, AttributeError, NotImplementedError, RuntimeError)
"""What Keras and a layer's own build() raise for shapes of another model, or without shapes."""


def is_complete(model: Any) -> bool:
    """Whether the model has all its variables, as far as its layers know.

    `model.built` is not enough: it says that the model was called, which a custom train_step need
    not do, and nothing about the layers that its call() does not use.
    """
    return bool(model.built or model.weights) and all(each.built for each in layers_within(model))


def build_config_of(model: Any) -> dict[str, Any] | None:
    """The shapes that a model and its layers were built with, as far as JSON can hold them.

    If the model itself was never called, only its layers have shapes.
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
        # There is none that JSON can hold, or Keras raises: the layer is built without it.
        return {}
    if not isinstance(config, dict) or config.get("input_shape", ()) is None:
        # The result of a call that failed: an unknown shape.
        return {}
    return config


def _is_graph(layer: Any) -> bool:
    """Whether its layers are built with it, from its own shape."""
    keras = load_keras()
    return isinstance(layer, (keras.Sequential, keras.Function))


def build_from(model: Any, config: Mapping[str, Any]) -> Exception | None:
    """Create the missing variables that `build_config_of` describes.

    Args:
        config: that of an equal model with variables.

    Returns:
        The error, if any. Some variables may exist nevertheless.
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
        # It creates variables only in its layers, which have their own configs.
        return None
    with warnings.catch_warnings():
        # In that case variables are missing, which is noticed when values are loaded.
        warnings.filterwarnings("ignore", message=r"(?s).*had a build config, but the model")
        try:
            layer.build_from_config(config)
        except _ERRORS as error:
            return error
    # As Keras does when it loads a whole model: the layers are built by now, which a subclass
    # without its own build() does not notice.
    layer.built = True
    return None


def _with_free_batch(model: Any, config: dict[str, Any]) -> dict[str, Any]:
    """The config without the batch size that the model was built with."""
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
    """Shapes as tuples again; JSON turns them into lists."""
    if isinstance(nested, dict):
        return {name: with_tuples(each) for name, each in nested.items()}
    if isinstance(nested, list):
        return tuple(nested) if _is_shape(nested) else [with_tuples(each) for each in nested]
    return nested
