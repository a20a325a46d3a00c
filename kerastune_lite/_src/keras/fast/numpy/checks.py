"""Which models are trained in NumPy."""

from __future__ import annotations

from typing import Any

from kerastune_lite._src.keras.compat import internals, nesting
from kerastune_lite._src.keras.fast.numpy.activations import name_of
from kerastune_lite._src.keras.fast.numpy.network import OF_MASKS
from kerastune_lite._src.keras.fast.numpy.nodes import NotInArrays
from kerastune_lite._src.keras.fast.numpy.optimizers import OF_ALL, RULES
from kerastune_lite._src.keras.fast.numpy.schedules import SCHEDULES
from kerastune_lite._src.keras.fast.numpy.written import WRITTEN
from kerastune_lite._src.keras.fast.structure import Structure
from kerastune_lite._src.keras.fast.supported import MODELS
from kerastune_lite._src.keras.loading import load_keras

keras = load_keras()


def check_model(model: Any, structure: Structure) -> None:
    """Refuse what is not written out; losses and metrics are checked in `compiled`.

    Args:
        model: built.
        structure: the model's.

    Raises:
        NotInArrays: with what is not.
    """
    _check_layers(model)
    _check_optimizer(model.optimizer)
    _check_looked_up(model)
    optimizers = (model.optimizer, internals.schedule_of(model.optimizer))
    others = (keras.layers.Dropout, keras.regularizers.Regularizer)
    for place in structure.places:
        if not any(place.owner is each for each in optimizers) and not isinstance(
            place.owner, others
        ):
            raise NotInArrays(f"the scalar {place.attribute}")


# ---------------------------------------------------------------------- layers


def _check_layers(model: Any) -> None:
    layers = list(internals.nested_layers(model))
    for layer in layers:
        kind = type(layer).__name__
        if kind in MODELS or kind == "InputLayer":
            continue
        if kind not in WRITTEN:
            raise NotInArrays(f"{kind} layers")
        if not WRITTEN[kind].suits(layer):
            raise NotInArrays(f"a special {kind} layer")
        if getattr(layer, "activity_regularizer", None) is not None:
            raise NotInArrays("activity regularizers")
    operations = getattr(model, "operations", model.layers)
    others = (each for each in operations if not isinstance(each, keras.layers.Layer))
    if any(type(each).__name__ not in OF_MASKS for each in others):
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
    if any((getattr(optimizer, name) or 0) < 0 for name in OF_ALL):
        raise NotInArrays("an optimizer with negative numbers")
    if optimizer.use_ema:
        raise NotInArrays("averages of weights (use_ema)")
    schedule = internals.schedule_of(optimizer)
    if schedule is not None and type(schedule).__name__ not in SCHEDULES:
        raise NotInArrays(f"the schedule {type(schedule).__name__}")
    if isinstance(getattr(schedule, "initial_learning_rate", None), int):
        raise NotInArrays("a schedule in whole numbers")  # Keras computes it in their type.


def _check_looked_up(model: Any) -> None:
    """Refuse tables whose gradients Keras changes look-up by look-up before it adds them up."""
    optimizer = model.optimizer
    each = (
        type(optimizer).__name__ == "Adadelta"
        or optimizer.clipvalue
        or optimizer.clipnorm
        or optimizer.global_clipnorm
        or getattr(optimizer, "centered", False)
    )
    kinds = {type(layer).__name__ for layer in internals.nested_layers(model)}
    if each and "Embedding" in kinds:
        raise NotInArrays("Embedding layers with Adadelta, centered RMSprop or clipping")


def last_activation(model: Any, output: int = 0) -> str | None:
    """The function that makes an output of a model; None if it is not made by one."""
    layer, place = nesting.layer_of_output(model, output)
    kind = type(layer).__name__
    if kind in MODELS:
        return last_activation(layer, place)
    if kind in ("Activation", "Dense"):
        return name_of(layer.activation)
    return {"ReLU": "relu", "Softmax": "softmax"}.get(kind)
