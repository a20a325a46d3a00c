"""Several trained models as one."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from kerastune_lite._src.keras.loading import load_keras

keras = load_keras()


def averaged(models: Sequence[Any], weights: Sequence[float], like: Any = None) -> Any:
    """One functional model whose outputs are the weighted means of the outputs of others.

    It is made of Keras's own layers, so it is saved and loaded without any code of its own if its
    parts are.

    Args:
        models: with the same inputs and outputs; they become layers of the new model, under new
            names and without their optimizers.
        weights: their sum is 1.
        like: a batch of samples; its shapes are those of the inputs of models that do not know
            their own, because they are subclasses with a `call`.

    Returns:
        A model with the loss and the metrics of the first, if that is compiled; that one itself if
        it is the only one.
    """
    if len(models) == 1:
        return _complete(models[0])
    compiled = _compile_config(models[0])
    inputs = keras.tree.map_structure(_input_like, _inputs_of(models[0], like))
    outputs = [_as_layer(model, f"network_{i}")(inputs) for i, model in enumerate(models)]
    flat = [keras.tree.flatten(each) for each in outputs]
    means = [_mean(parts, weights, number) for number, parts in enumerate(zip(*flat))]
    output = keras.tree.pack_sequence_as(outputs[0], means)
    combined = keras.Model(inputs, output, name="ensemble")
    if compiled is not None:
        combined.compile_from_config(compiled)
        _complete(combined)
    return combined


def _compile_config(model: Any) -> dict[str, Any] | None:
    """How it is compiled, with an optimizer that has no variables for each weight."""
    config = model.get_compile_config() if model.compiled else None
    return None if config is None else {**config, "optimizer": "sgd"}


def _inputs_of(model: Any, like: Any) -> Any:
    """Tensors of the shapes of its inputs, in their structure."""
    if not getattr(model, "inputs", None):
        return like
    # A functional model knows the structure; a Sequential one has a single input.
    return model.input if hasattr(model, "input") else model.inputs[0]


def _input_like(tensor: Any) -> Any:
    name = getattr(tensor, "name", None) if keras.backend.is_keras_tensor(tensor) else None
    dtype = keras.backend.standardize_dtype(tensor.dtype)
    return keras.Input(tensor.shape[1:], dtype=dtype, name=name)


def _as_layer(model: Any, name: str) -> Any:
    # Layers of a model need names of their own; an optimizer of a layer would be saved, too.
    model.name, model.optimizer, model.compiled = name, None, False
    return model


def _mean(parts: Sequence[Any], weights: Sequence[float], number: int) -> Any:
    """The mean of one output; the first is called "mean"."""
    ending = f"_{number}" if number else ""
    scaled = [
        keras.layers.Rescaling(weight, name=f"weight_{i}{ending}")(part)
        for i, (part, weight) in enumerate(zip(parts, weights))
    ]
    return keras.layers.Add(name=f"mean{ending}")(scaled)


def _complete(model: Any) -> Any:
    """Create the optimizer's variables: Keras cannot load a model that was saved without them."""
    if model.compiled and not model.optimizer.built:
        model.optimizer.build(model.trainable_variables)
    return model
