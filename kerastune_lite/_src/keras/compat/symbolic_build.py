"""Has a model, its metrics and its optimizer make their variables, as `fit` would."""

from __future__ import annotations

from typing import Any

from kerastune_lite._src.keras.compat import internals
from kerastune_lite._src.keras.compat.models import layers_within
from kerastune_lite._src.keras.loading import load_keras

keras = load_keras()


def build_all(model: Any, batch: Any) -> None:
    """Create every variable of the model, its metrics and its optimizer, as `fit` would.

    Args:
        batch: (x, y, sample_weight) of one or more samples.
    """
    layers = [model, *layers_within(model)]
    if all(layer.built for layer in layers):
        model._symbolic_build(data_batch=batch)
        return
    if "train_step" in vars(model) or type(model).train_step is not keras.Model.train_step:
        # It need not call the model, or may call it with something other than the data.
        _build_by_step(model, batch)
        return
    build_layers(model, batch[0])
    stateful = any(getattr(layer, "stateful", False) for layer in layers)
    model._symbolic_build(data_batch=batch if stateful else _of_any_size(batch))


def build_layers(model: Any, x: Any) -> None:
    """Create the variables of the layers that are used in training, in the same order as `fit`.

    `_symbolic_build` calls the model as in inference, where auxiliary layers may be left out; the
    optimizer would not know their weights.

    Args:
        x: one or more samples.
    """
    stateful = any(getattr(layer, "stateful", False) for layer in (model, *layers_within(model)))
    # The model keeps the shape that it is built with; only a state for each sample needs the size.
    internals.call_symbolically(model, x if stateful else _of_any_size(x), training=True)


def _of_any_size(batch: Any) -> Any:
    def symbol(leaf: Any) -> Any:
        dtype = keras.backend.standardize_dtype(leaf.dtype)
        return keras.KerasTensor((None, *leaf.shape[1:]), dtype)

    return keras.tree.map_structure(lambda leaf: leaf if leaf is None else symbol(leaf), batch)


def _build_by_step(model: Any, batch: Any) -> None:
    """Trace the model's own step, which is how `fit` has its variables made."""
    import tensorflow as tf

    data = keras.utils.pack_x_y_sample_weight(*batch)
    row = keras.tree.map_structure(
        lambda leaf: tf.TensorSpec((None, *leaf.shape[1:]), leaf.dtype), data
    )
    tf.function(model.train_step, autograph=False).get_concrete_function(row)
