"""Metrics that are measured once, after a training: size, time, memory."""

from __future__ import annotations

import math
import statistics
import time
from collections.abc import Collection, Iterable, Iterator, Mapping
from typing import Any

import numpy as np

from kerastune_lite._src.core.goals import MEASURED
from kerastune_lite._src.core.objective import Objective
from kerastune_lite._src.keras.building import model_size
from kerastune_lite._src.keras.loading import load_keras
from kerastune_lite._src.keras.weights import build_optimizer
from kerastune_lite._src.util.errors import FatalValueError

BATCH = 32
"""The samples of a timed prediction, and of a batch of training if `fit` is not told."""
_WARM, _TIMED = 3, 30
"""How many predictions are made before those that are timed, and how many of these at most."""
_LEAST = 5
_OF_SHAPES = ("inference_time", "peak_memory")
"""Metrics that need the shapes of inputs."""
_SECONDS = 0.5
"""How long predictions are timed, if `_LEAST` of them take less."""


def with_measured(
    metrics: Mapping[str, float],
    names: Collection[str],
    model: Any,
    arguments: Mapping[str, Any],
    seconds: float,
) -> dict[str, float]:
    """The metrics of a training, and those of `names` that are measured after it.

    Args:
        metrics: as the training reported them; what is among them is not measured.
        names: some of `core.goals.MEASURED`.
        model: as it was trained.
        arguments: of `fit`.
        seconds: that the training took.

    Raises:
        FatalValueError: the model does not tell the shapes that are needed.
    """
    found = dict(metrics)
    for name in names:
        if name in found:
            continue
        if name == "model_size":
            found[name] = float(model_size(model))
        elif name == "train_time":
            found[name] = seconds
        elif name == "inference_time":
            found[name] = inference_time(model)
        elif name == "peak_memory":
            found[name] = float(peak_memory(model, arguments.get("batch_size") or BATCH))
    return found


def known_during(objective: Objective, model: Any, started: float) -> dict[str, float]:
    """Those of the goals that are measured after a training that are known after an epoch.

    Args:
        objective: of the search.
        model: that is trained; None if it is not known.
        started: when its training began, by `time.perf_counter`.
    """
    known: dict[str, float] = {}
    if "model_size" in objective.measured and model is not None:
        known["model_size"] = float(model_size(model))
    if "train_time" in objective.measured:
        known["train_time"] = time.perf_counter() - started
    return known


def check_measurable(model: Any, objective: Objective) -> None:
    """Refuse goals that cannot be measured of a model, before it is trained.

    Args:
        objective: of the search.

    Raises:
        FatalValueError: no goal is reported by epoch, or the model does not tell its shapes.
    """
    names = objective.measured
    if objective.guide.name in MEASURED:
        raise FatalValueError(
            "The epochs of a training are compared by a metric that it reports: at least one "
            "objective or constraint must name one. Received only "
            f"{' and '.join(map(repr, names))}, measured after a training. Add an objective such "
            'as "val_loss", or a constraint such as "val_accuracy >= 0.9".'
        )
    needed = [name for name in names if name in _OF_SHAPES]
    known = isinstance(model, load_keras().Sequential) or getattr(model, "input", None) is not None
    if needed and not known:
        raise FatalValueError(
            f"{needed[0]!r} can be measured of models with known input shapes, which are "
            f"Sequential and functional ones. Received a {type(model).__name__}. Remove it from "
            "the objectives and constraints, or measure it in your own run_trial()."
        )


def inference_time(model: Any) -> float:
    """The milliseconds that a prediction of 32 samples takes, the median of up to 30.

    Made with `predict_on_batch` after a few that do not count, of zeros: what a network computes
    does not depend on its input, except for sparse and ragged ones.
    """
    batch = _zeros(model)
    for _ in range(_WARM):
        model.predict_on_batch(batch)
    taken: list[float] = []
    while len(taken) < _TIMED and (len(taken) < _LEAST or sum(taken) < _SECONDS):
        began = time.perf_counter()
        model.predict_on_batch(batch)
        taken.append(time.perf_counter() - began)
    return 1000.0 * statistics.median(taken)


def peak_memory(model: Any, batch_size: int) -> int:
    """The bytes that a step of training needs, computed from shapes.

    Weights, their gradients, the optimizer's variables, and the outputs of all layers for a batch,
    which are kept for the gradients. What TensorFlow needs besides is not counted.

    Raises:
        FatalValueError: the model is neither Sequential nor functional, so that the shapes of its
            layers are not known.
    """
    trained = _bytes((v.shape, v.dtype) for v in model.trainable_variables)
    weights = _bytes((v.shape, v.dtype) for v in model.variables)
    # A model that a user's own loop trains may not be compiled.
    compiled = getattr(model, "optimizer", None) is not None
    optimizer = _bytes(_slots(model)) if compiled else 0
    outputs = _bytes(((batch_size, *shape[1:]), dtype) for shape, dtype in _outputs(model))
    return weights + trained + optimizer + outputs


def _slots(model: Any) -> Iterator[tuple[Any, Any]]:
    build_optimizer(model)  # The paths that train in NumPy leave it without variables.
    yield from ((v.shape, v.dtype) for v in model.optimizer.variables)


def _outputs(model: Any) -> Iterator[tuple[Any, Any]]:
    keras = load_keras()
    for layer in model.layers:
        if isinstance(layer, (keras.Sequential, keras.Model)):
            yield from _outputs(layer)
            continue
        try:
            tensors = keras.tree.flatten(layer.output)
        except AttributeError:
            raise FatalValueError(
                '"peak_memory" is computed from the output shapes of all layers, which are known '
                f"of Sequential and functional models only. Received a {type(model).__name__} "
                f"with the layer {layer.name!r}. Remove it from the objectives and constraints."
            ) from None
        yield from ((tensor.shape, tensor.dtype) for tensor in tensors)


def _bytes(arrays: Iterable[tuple[Any, Any]]) -> int:
    return sum(math.prod(n or 1 for n in shape) * _item_size(dtype) for shape, dtype in arrays)


def _item_size(dtype: Any) -> int:
    name = str(dtype)
    return 2 if name == "bfloat16" else np.dtype(name).itemsize


def _zeros(model: Any) -> Any:
    """A batch of zeros of the model's inputs.

    Raises:
        FatalValueError: the shapes of its inputs are not known.
    """
    keras = load_keras()
    inputs = getattr(model, "input", None)  # in the structure in which the model takes them
    if isinstance(model, keras.Sequential) and model.inputs:
        (inputs,) = model.inputs
    if inputs is None:
        raise FatalValueError(
            '"inference_time" is measured with a batch of zeros, for which the model must have '
            f"inputs, as Sequential and functional models have. Received a {type(model).__name__}. "
            "Remove it from the objectives and constraints."
        )

    def zeros(tensor: Any) -> Any:
        shape = (BATCH, *(n or 1 for n in tensor.shape[1:]))
        if str(tensor.dtype) == "string":
            import tensorflow as tf

            return tf.fill(shape, "")
        return np.zeros(shape, dtype=np.dtype(str(tensor.dtype)))

    return keras.tree.map_structure(zeros, inputs)
