"""Which models the steps of a stack are written out for."""

from __future__ import annotations

from typing import Any

from kerastune_lite.training.paths import internals
from kerastune_lite.training.paths.known import MODELS
from kerastune_lite.training.paths.structure import Structure
from kerastune_lite.training.quiet import load_keras
from kerastune_lite.training.stacks.layers import WRITTEN

keras = load_keras()

_SAMPLEWISE = frozenset(
    # Layers without variables that do the same to each sample, whatever it stands next to.
    (
        "Activation",
        "Add",
        "Average",
        "AveragePooling1D",
        "AveragePooling2D",
        "Concatenate",
        "ELU",
        "Flatten",
        "GlobalAveragePooling1D",
        "GlobalAveragePooling2D",
        "GlobalMaxPooling1D",
        "GlobalMaxPooling2D",
        "InputLayer",
        "LeakyReLU",
        "MaxPooling1D",
        "MaxPooling2D",
        "Maximum",
        "Minimum",
        "Multiply",
        "Permute",
        "ReLU",
        "Rescaling",
        "Reshape",
        "Softmax",
        "Subtract",
        "UnitNormalization",
    )
)

_LOSSES = frozenset(
    # Functions of Keras that give one number per sample.
    (
        "binary_crossentropy",
        "binary_focal_crossentropy",
        "categorical_crossentropy",
        "categorical_focal_crossentropy",
        "categorical_hinge",
        "cosine_similarity",
        "hinge",
        "huber",
        "kl_divergence",
        "log_cosh",
        "mean_absolute_error",
        "mean_absolute_percentage_error",
        "mean_squared_error",
        "mean_squared_logarithmic_error",
        "poisson",
        "sparse_categorical_crossentropy",
        "squared_hinge",
    )
)

_ELEMENTWISE = frozenset(
    # Optimizers that do the same to each weight, whatever variable it belongs to.
    (
        "Adadelta",
        "Adagrad",
        "Adam",
        "AdamW",
        "Adamax",
        "Ftrl",
        "Lion",
        "Nadam",
        "RMSprop",
        "SGD",
    )
)


class NotWritten(Exception):
    """This model is left to `vectorized_map`; the message says what is not written out."""


def check_written(model: Any, structure: Structure, data: Any) -> None:
    """Refuse what is not written out here.

    Raises:
        NotWritten: with the reason.
    """
    x, y, weight = keras.utils.unpack_x_y_sample_weight(data)
    if any(keras.tree.is_nested(leaf) for leaf in (x, y, weight)) or y is None:
        raise NotWritten("several inputs or outputs")
    if len(model.inputs) != 1 or len(model.outputs) != 1:
        raise NotWritten("several inputs or outputs")
    if len(x.shape) != len(model.inputs[0].shape):
        raise NotWritten("inputs of another rank")
    if len(model.outputs[0].shape) != 2:
        raise NotWritten("outputs of more than one axis")
    if weight is not None and len(weight.shape) != 1:
        raise NotWritten("weights of parts of samples")
    if any(v.dtype != keras.config.floatx() for v in model.trainable_variables):
        raise NotWritten("weights of several types")
    _check_layers(model)
    _check_optimizer(model)
    _check_compiled(model)
    written = (model.optimizer, keras.layers.Dropout, keras.regularizers.Regularizer)
    for place in structure.places:
        if place.owner is not written[0] and not isinstance(place.owner, written[1:]):
            raise NotWritten(f"the scalar {place.attribute}")


def not_written(model: Any, structure: Structure, data: Any) -> str | None:
    """Why the steps of a model are not written out; None if they are."""
    try:
        check_written(model, structure, data)
    except NotWritten as reason:
        return str(reason)
    return None


def _check_layers(model: Any) -> None:
    for layer in internals.nested_layers(model):
        kind = type(layer).__name__
        if kind not in WRITTEN and kind not in _SAMPLEWISE and kind not in MODELS:
            raise NotWritten(f"{kind} layers")
        if kind not in MODELS and getattr(layer, "activity_regularizer", None) is not None:
            raise NotWritten("activity regularizers")
        if kind == "Dense" and (len(layer.kernel.shape) != 2 or len(layer.input.shape) != 2):
            raise NotWritten("Dense layers on more than two axes")
        if kind == "Dense" and not layer.kernel.trainable == layer.trainable:
            raise NotWritten("Dense layers with an adapter")
        if kind == "Dropout" and layer.noise_shape is not None:
            raise NotWritten("Dropout with a noise_shape")
        if kind == "BatchNormalization" and (
            layer.axis not in (-1, len(layer.input.shape) - 1)
            or layer.synchronized
            or getattr(layer, "renorm", False)
        ):
            raise NotWritten("special BatchNormalization")
        for variable in getattr(layer, "trainable_variables", ()):
            if getattr(variable, "constraint", None) is not None:
                raise NotWritten("constraints")
    operations = getattr(model, "operations", model.layers)
    if any(not isinstance(operation, keras.layers.Layer) for operation in operations):
        raise NotWritten("operations that are no layers")
    if any(
        v.regularizer is not None and type(v.regularizer).__name__ not in ("L1", "L2", "L1L2")
        for v in model.trainable_variables
    ):
        raise NotWritten("special regularizers")


def _check_optimizer(model: Any) -> None:
    optimizer = model.optimizer
    if type(optimizer).__name__ not in _ELEMENTWISE:
        raise NotWritten(f"the optimizer {type(optimizer).__name__}")
    if optimizer.clipnorm or optimizer.global_clipnorm:
        raise NotWritten("clipping by norms")
    if internals.has_schedule(optimizer):
        raise NotWritten("schedules of the learning rate")


def _check_compiled(model: Any) -> None:
    if type(internals.loss_tracker(model)) is not keras.metrics.Mean:
        raise NotWritten("losses that are not tracked as usual")
    losses = internals.compiled_losses(model)
    if len(losses) != 1:
        raise NotWritten("several losses")
    ((loss, _),) = losses
    name = getattr(getattr(loss, "fn", None), "__name__", type(loss).__name__)
    if name not in _LOSSES or loss.reduction not in ("sum_over_batch_size", "mean"):
        raise NotWritten(f"the loss {name}")
