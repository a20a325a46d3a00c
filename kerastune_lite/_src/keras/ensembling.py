"""Chooses which models are averaged, by what they predict for samples."""

from __future__ import annotations

import operator
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np

from kerastune_lite._src.analysis.ensembling import select
from kerastune_lite._src.keras.combining import averaged
from kerastune_lite._src.keras.loading import load_keras

keras = load_keras()
_map = keras.tree.map_structure

_BATCH = 256
"""How many samples of arrays are predicted at once."""


def ensemble(
    models: Sequence[Any], x: Any, y: Any, size: int, seed: int, weight: Any = None
) -> tuple[Any, dict[int, float]]:
    """The average of some of these models, and their weights.

    Args:
        models: compiled, with inputs and outputs of the same shapes, the best first; those that are
            chosen become layers of the average.
        x, y: samples and targets that no model was trained on. `y` is None if `x` is a dataset.
        size: how many models are drawn, the same ones several times.
        seed: of the rows by which they are chosen.
        weight: of the samples in the loss. None: that which a dataset brings, or all alike.

    Returns:
        The model, and place in `models` -> weight, the largest first.

    Raises:
        ValueError: there are no samples.
    """
    first, outputs, targets, weighted = _predicted(models, x, y, weight)
    predictions = [_flat(each) for each in outputs]
    like = _map(lambda each: each[:1], outputs[0])

    def loss(rows: np.ndarray, predicted: np.ndarray) -> float:
        truth = _map(lambda each: each[rows], targets)
        found = _unflat(predicted, like)
        if weighted is None:
            return float(models[0].compute_loss(None, truth, found))
        counts = _map(lambda each: each[rows], weighted)
        return float(models[0].compute_loss(None, truth, found, sample_weight=counts))

    weights = select(predictions, loss, seed, size)
    return averaged([models[place] for place in weights], list(weights.values()), first), weights


def shapes(model: Any) -> list[tuple[int | None, ...]]:
    """Of its inputs and outputs; empty if it does not know them."""
    tensors = [*(getattr(model, "inputs", None) or ()), *(getattr(model, "outputs", None) or ())]
    return [tuple(tensor.shape) for tensor in tensors]


def _predicted(
    models: Sequence[Any], x: Any, y: Any, weight: Any
) -> tuple[Any, list[Any], Any, Any]:
    """The first samples, the outputs of each model for all samples, targets and weights.

    The samples are read once, so a dataset may be shuffled.
    """
    first: Any = None
    targets: list[Any] = []
    weights: list[Any] = []
    outputs: list[list[Any]] = [[] for _ in models]
    for samples, truth, counts in _batches(x, y, weight):
        first = samples if first is None else first
        targets.append(_map(_array, truth))
        weights.append(None if counts is None else _map(_array, counts))
        for model, found in zip(models, outputs):
            found.append(_map(_array, _called(model, samples)))
    if not targets:
        raise ValueError("ensemble() chooses models by samples. Received: none.")
    joined_weights = None if weights[0] is None else _joined(weights)
    return first, [_joined(parts) for parts in outputs], _joined(targets), joined_weights


def _batches(x: Any, y: Any, weight: Any) -> Iterator[tuple[Any, Any, Any]]:
    if y is None:
        for batch in [x[i] for i in range(len(x))] if isinstance(x, keras.utils.PyDataset) else x:
            samples, targets, weights = keras.utils.unpack_x_y_sample_weight(batch)
            if targets is None:
                raise ValueError("ensemble() needs targets. Received a dataset of samples alone.")
            yield samples, targets, weights
        return
    x, y = _map(_array, x), _map(_array, y)
    weight = None if weight is None else _map(_array, weight)
    for start in range(0, len(keras.tree.flatten(y)[0]), _BATCH):
        part = operator.itemgetter(slice(start, start + _BATCH))
        yield _map(part, x), _map(part, y), None if weight is None else _map(part, weight)


def _called(model: Any, samples: Any) -> Any:
    """What it predicts; without a trace if possible, which would take longer for a few batches."""
    if type(model).predict_step is not keras.Model.predict_step:
        return model.predict_on_batch(samples)
    return model(samples, training=False)


def _array(values: Any) -> np.ndarray:
    return np.asarray(keras.ops.convert_to_numpy(values))


def _joined(parts: Sequence[Any]) -> Any:
    return _map(lambda *arrays: np.concatenate(arrays), *parts)


def _flat(outputs: Any) -> np.ndarray:
    """All outputs of n samples as one array `(n, numbers)`."""
    arrays = keras.tree.flatten(outputs)
    return np.concatenate([each.reshape(len(each), -1) for each in arrays], axis=1)


def _unflat(values: np.ndarray, like: Any) -> Any:
    """The outputs that `_flat` joined, in the structure and the shapes of `like`."""
    parts, start = [], 0
    for each in keras.tree.flatten(like):
        columns = values[:, start : start + each[0].size].astype(each.dtype)
        parts.append(columns.reshape(len(values), *each.shape[1:]))
        start += each[0].size
    return keras.tree.pack_sequence_as(like, parts)
