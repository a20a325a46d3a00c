"""Which models are trained in NumPy."""

from __future__ import annotations

import numbers
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from kerastune_lite._src.keras.compat import internals
from kerastune_lite._src.keras.fast.numpy.activations import name_of
from kerastune_lite._src.keras.fast.numpy.layers import NotInArrays
from kerastune_lite._src.keras.fast.numpy.optimizers import RULES
from kerastune_lite._src.keras.fast.numpy.schedules import SCHEDULES
from kerastune_lite._src.keras.fast.structure import Structure
from kerastune_lite._src.keras.fast.supported import MODELS
from kerastune_lite._src.keras.loading import load_keras

keras = load_keras()


def check_model(model: Any, structure: Structure, data: Any) -> None:
    """Refuse what is not written out; losses and metrics are checked in `compiled`.

    Args:
        model: built.
        structure: the model's.
        data: nested tensors that it is trained on.

    Raises:
        NotInArrays: with what is not.
    """
    _check_data(model, data)
    _check_layers(model)
    _check_optimizer(model.optimizer)
    optimizers = (model.optimizer, internals.schedule_of(model.optimizer))
    others = (keras.layers.Dropout, keras.regularizers.Regularizer)
    for place in structure.places:
        if not any(place.owner is each for each in optimizers) and not isinstance(
            place.owner, others
        ):
            raise NotInArrays(f"the scalar {place.attribute}")


def _check_data(model: Any, data: Any) -> None:
    x, y, weight = keras.utils.unpack_x_y_sample_weight(data)
    nested = any(keras.tree.is_nested(leaf) for leaf in (x, y, weight))
    if nested or y is None or len(model.inputs) != 1 or len(model.outputs) != 1:
        raise NotInArrays("several inputs or outputs")
    if len(x.shape) != len(model.inputs[0].shape) or model.inputs[0].dtype != "float32":
        raise NotInArrays("inputs of another rank or type")
    if not (x.dtype.name == "float32" or "int" in x.dtype.name or x.dtype.name == "bool"):
        raise NotInArrays(f"inputs of type {x.dtype.name}")
    if len(model.outputs[0].shape) != 2:
        raise NotInArrays("outputs of more than one axis")
    if weight is not None and (len(weight.shape) != 1 or weight.dtype.name != "float32"):
        raise NotInArrays("weights of parts of samples")


# ---------------------------------------------------------------------- layers


def _is_along_last(value: Any, layer: Any) -> bool:
    """Whether it is a number, or has one for each place of the last axis of a layer's input."""
    if isinstance(value, numbers.Real):
        return True
    last = keras.config.image_data_format() == "channels_last"
    vector = isinstance(value, (list, tuple, np.ndarray))
    return last and vector and np.shape(value) == (layer.input.shape[-1],)


def _rank(layer: Any) -> int:
    return len(layer.input.shape)


def _of_equal_shapes(layer: Any) -> bool:
    return len({tuple(tensor.shape) for tensor in layer.input}) == 1


_WRITTEN: Mapping[str, Callable[[Any], bool]] = {
    # Layers -> whether they are configured as what is written out.
    "Activation": lambda layer: name_of(layer.activation) is not None,
    "Add": _of_equal_shapes,
    "Average": _of_equal_shapes,
    "BatchNormalization": lambda layer: (
        layer.axis in (-1, _rank(layer) - 1)
        and not layer.synchronized
        and not getattr(layer, "renorm", False)
    ),
    "Concatenate": lambda layer: layer.axis in (-1, len(layer.input[0].shape) - 1),
    "Dense": lambda layer: (
        _rank(layer) == 2
        and len(layer.kernel.shape) == 2
        and name_of(layer.activation) is not None
        and layer.kernel.trainable == layer.trainable
    ),
    "Dropout": lambda layer: layer.noise_shape is None and layer.rate != 1,
    "Flatten": lambda layer: layer.data_format == "channels_last" or _rank(layer) < 3,
    "InputLayer": lambda layer: True,
    "LeakyReLU": lambda layer: layer.negative_slope > 0,
    "Multiply": lambda layer: len(layer.input) == 2 and _of_equal_shapes(layer),
    "ReLU": lambda layer: (
        layer.max_value is None and not layer.negative_slope and not layer.threshold
    ),
    "Rescaling": lambda layer: (
        _is_along_last(layer.scale, layer) and _is_along_last(layer.offset, layer)
    ),
    "Reshape": lambda layer: True,
    "Softmax": lambda layer: layer.axis == -1,
    "Subtract": _of_equal_shapes,
}


def _check_layers(model: Any) -> None:
    layers = list(internals.nested_layers(model))
    for layer in layers:
        kind = type(layer).__name__
        if kind in MODELS:
            continue
        if kind not in _WRITTEN:
            raise NotInArrays(f"{kind} layers")
        if not _WRITTEN[kind](layer):
            raise NotInArrays(f"a special {kind} layer")
        if getattr(layer, "activity_regularizer", None) is not None:
            raise NotInArrays("activity regularizers")
    operations = getattr(model, "operations", model.layers)
    if any(not isinstance(operation, keras.layers.Layer) for operation in operations):
        raise NotInArrays("operations that are no layers")
    weights = model.trainable_variables
    if not weights:
        raise NotInArrays("a model without weights to train")
    if any(variable.dtype != "float32" for variable in weights):
        raise NotInArrays("weights of other types than float32")
    if any(getattr(variable, "constraint", None) is not None for variable in weights):
        raise NotInArrays("constraints")
    penalized = [v.regularizer for v in weights if v.regularizer is not None]
    if any(type(each).__name__ not in ("L1", "L2", "L1L2") for each in penalized):
        raise NotInArrays("special regularizers")


# ---------------------------------------------------------------------- what was compiled


def _check_optimizer(optimizer: Any) -> None:
    if type(optimizer).__name__ not in RULES:
        raise NotInArrays(f"the optimizer {type(optimizer).__name__}")
    if optimizer.clipnorm or optimizer.global_clipnorm:
        raise NotInArrays("clipping by norms")
    if optimizer.use_ema:
        raise NotInArrays("averages of weights (use_ema)")
    schedule = internals.schedule_of(optimizer)
    if schedule is not None and type(schedule).__name__ not in SCHEDULES:
        raise NotInArrays(f"the schedule {type(schedule).__name__}")
    if isinstance(getattr(schedule, "initial_learning_rate", None), int):
        raise NotInArrays("a schedule in whole numbers")  # Keras computes it in their type.


def last_activation(model: Any) -> str | None:
    """The function that makes a model's outputs; None if they are not made by one."""
    layer = internals.layer_of_output(model)
    kind = type(layer).__name__
    if kind in MODELS:
        return last_activation(layer)
    if kind in ("Activation", "Dense"):
        return name_of(layer.activation)
    return {"ReLU": "relu", "Softmax": "softmax"}.get(kind)
