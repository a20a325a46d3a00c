"""Which rows are kept to validate on."""

from __future__ import annotations

import dataclasses

import numpy as np

_SHARE = 5
"""One row of so many validates."""
_MOST = 10_000
"""More rows than this make a search slower, not better."""


@dataclasses.dataclass(frozen=True)
class Split:
    """Rows to train on and to validate on.

    Attributes:
        train, validation: their indices, sorted.
        how: in words, without a full stop.
    """

    train: np.ndarray
    validation: np.ndarray
    how: str


def split_rows(task: str, y: np.ndarray, seed: int) -> Split:
    """A fifth of the rows, at most 10,000, drawn at random.

    Classes, and numbers from small to large, have the same shares in both parts: rows are sorted by
    y, in random order where y is the same, and of each five in a row one is drawn.

    Args:
        task: "classification", "multilabel" or "regression".
        y: encoded, `(n,)` or `(n, outputs)`.
        seed: of the order.

    Raises:
        ValueError: there are fewer than two rows, or too few to leave each class one in training.
    """
    rows = len(y)
    if rows < 2:
        raise ValueError(
            "At least two samples are needed, one to train on and one to validate on. Received: "
            f"n_samples={rows}: 1 sample."
        )
    rng = np.random.default_rng(seed)
    order = rng.permutation(rows)
    if y.ndim == 1:
        order = order[np.argsort(y[order], kind="stable")]
    count = min(max(round(rows / _SHARE), 1), _MOST)
    edges = np.linspace(0, rows, count + 1).round().astype(np.int64)
    places = rng.integers(edges[:-1], edges[1:])
    chosen = np.zeros(rows, bool)
    chosen[order[places]] = True
    if task == "classification":
        _leave_one_of_each(chosen, y)
        counts = np.bincount(y)
        if not chosen.any() and counts.max() > 1:
            chosen[np.flatnonzero(y == counts.argmax())[0]] = True
    if not chosen.any():
        raise ValueError(
            "A class needs a second sample, to validate on. Received: y with another class in each "
            'of its rows. For numbers write task="regression", or use AutoRegressor.'
        )
    by = {"classification": ", each class in its share", "regression": ", evenly by y"}
    evenly = by.get(task, "") if y.ndim == 1 else ""
    how = f"{int(chosen.sum())} of {rows} rows, drawn at random{evenly}"
    return Split(np.flatnonzero(~chosen), np.flatnonzero(chosen), how)


def _leave_one_of_each(chosen: np.ndarray, y: np.ndarray) -> None:
    """Give back a row of each class that would not be in training."""
    left = np.bincount(y[~chosen], minlength=int(y.max()) + 1)
    present = np.bincount(y, minlength=len(left))
    for lost in np.flatnonzero((left == 0) & (present > 0)):
        chosen[np.flatnonzero(y == lost)[0]] = False
