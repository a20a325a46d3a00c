"""Several trained models as one."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from kerastune_lite._src.keras.loading import load_keras

keras = load_keras()


def averaged(models: Sequence[Any], weights: Sequence[float]) -> Any:
    """One functional model whose output is the weighted mean of the outputs of others.

    It is made of Keras's own layers, so it is saved and loaded without any code of its own.

    Args:
        models: with one input and one output each, all of the same shapes; compiled.
        weights: their sum is 1.

    Returns:
        A model with the loss and the metrics of the first; that one itself if it is the only one.
    """
    if len(models) == 1:
        return _complete(models[0])
    (given,) = models[0].inputs
    inputs = keras.Input(given.shape[1:], dtype=given.dtype, name="samples")
    parts = []
    for number, (model, weight) in enumerate(zip(models, weights)):
        scaled = keras.layers.Rescaling(weight, name=f"weight_{number}")
        parts.append(scaled(_bare(model, f"network_{number}")(inputs)))
    combined = keras.Model(inputs, keras.layers.Add(name="mean")(parts), name="ensemble")
    combined.compile("sgd", models[0].loss, metrics=_metrics_of(models[0]))
    return _complete(combined)


def _bare(model: Any, name: str) -> Any:
    """The same model under another name, without its optimizer, which would be saved, too."""
    bare = type(model).from_config({**model.get_config(), "name": name})
    bare.set_weights(model.get_weights())
    return bare


def _complete(model: Any) -> Any:
    """Create the optimizer's variables: Keras cannot load a model that was saved without them."""
    if not model.optimizer.built:
        model.optimizer.build(model.trainable_variables)
    return model


def _metrics_of(model: Any) -> list[str]:
    return [metric for metric in _METRICS.get(str(model.loss), ())]


_METRICS = {
    "binary_crossentropy": ("accuracy",),
    "sparse_categorical_crossentropy": ("accuracy",),
    "mse": ("mae",),
    "mean_squared_error": ("mae",),
}
