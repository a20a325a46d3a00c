"""How predictions are judged: one loss that decides, and one score that people know."""

from __future__ import annotations

import numpy as np

_SMALLEST = 1e-7
"""Probabilities are taken to be at least this, as Keras does."""

SCORES = {"classification": "accuracy", "multilabel": "accuracy", "regression": "R²"}
LOSSES = {
    "classification": "log loss",
    "multilabel": "log loss",
    "regression": "mean squared error",
}


def losses_of(task: str, y: np.ndarray, outputs: np.ndarray) -> np.ndarray:
    """The loss of each row.

    Args:
        task: "classification", "multilabel" or "regression".
        y: encoded targets.
        outputs: probabilities `(n, classes)` or `(n, labels)`, or numbers `(n, outputs)`.

    Returns:
        `(n,)`: the negative logarithm of the probability, or the squared error.
    """
    if task == "regression":
        errors = outputs - y.reshape(outputs.shape)
        return np.asarray((errors.astype(np.float64) ** 2).mean(axis=1))
    likely = np.clip(outputs.astype(np.float64), _SMALLEST, 1.0 - _SMALLEST)
    if task == "classification":
        return np.asarray(-np.log(likely[np.arange(len(y)), y]))
    return np.asarray(-np.log(np.where(y > 0.5, likely, 1.0 - likely)).mean(axis=1))


def loss_of(task: str, y: np.ndarray, outputs: np.ndarray, weights: np.ndarray | None) -> float:
    """The mean loss; arguments as for `losses_of`, and the weight of each row or None."""
    return _mean(losses_of(task, y, outputs), weights)


def score_of(task: str, y: np.ndarray, outputs: np.ndarray, weights: np.ndarray | None) -> float:
    """The accuracy (of several labels: that of each), or R² (of several outputs: the mean)."""
    if task == "classification":
        return _mean(outputs.argmax(axis=1) == y, weights)
    if task == "multilabel":
        return _mean(((outputs > 0.5) == (y > 0.5)).mean(axis=1), weights)
    truth = y.reshape(outputs.shape).astype(np.float64)
    centre = np.average(truth, axis=0, weights=weights)
    squares = [(outputs - truth) ** 2, (truth - centre) ** 2]
    left, total = (np.average(square, axis=0, weights=weights) for square in squares)
    explained = 1.0 - left / np.where(total > 0.0, total, 1.0)
    return float(np.where(total > 0.0, explained, left == 0.0).mean())


def _mean(values: np.ndarray, weights: np.ndarray | None) -> float:
    if weights is None or not weights.any():
        return float(values.mean())
    return float(np.average(values, weights=weights))
