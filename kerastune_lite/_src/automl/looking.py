"""What the data is and what is to be learned, each with the reason in words."""

from __future__ import annotations

import contextlib
import dataclasses
from typing import Any

import numpy as np

from kerastune_lite._src.automl.columns import (
    DATE,
    NUMBER,
    is_frame,
    is_missing,
    kind_of_values,
    numbers_of,
)

KINDS = ("table", "image", "series", "text")
TASKS = ("classification", "multilabel", "regression")

_MOST_CLASSES = 20
"""Whole numbers with more different values than this are amounts."""
_ROWS_PER_CLASS = 5
"""Whole numbers that repeat less often than this on average are amounts."""
_SIDES = 4.0
"""The sides of an image differ by at most this factor; those of series may differ by any."""


@dataclasses.dataclass(frozen=True)
class Look:
    """What the data was taken for.

    Attributes:
        kind: one of `KINDS`; of x.
        task: one of `TASKS`; of y.
        rows: how many samples.
        why_kind, why_task: the reasons, as sentences without a full stop.
    """

    kind: str
    task: str
    rows: int
    why_kind: str
    why_task: str


def look(x: Any, y: Any, kind: str | None = None, task: str | None = None) -> Look:
    """Find out what the data is.

    Args:
        x: a data frame, an array, or a list.
        y: `(n,)` or `(n, outputs)`.
        kind, task: what it is, if the user says so.

    Raises:
        ValueError: there is no data, the lengths differ, or y has missing values.
    """
    _check_named("kind", kind, KINDS)
    _check_named("task", task, TASKS)
    if y is None:
        raise ValueError("y must hold the value to predict for each sample. Received: y=None.")
    samples, targets = as_samples(x), as_targets(y)
    rows = len(samples)
    if rows != len(targets):
        raise ValueError(
            f"x and y must have the same number of rows. Received: {rows} in x and {len(targets)} "
            "in y."
        )
    _check_complete(targets)
    why_kind = "as `kind` says" if kind is not None else ""
    why_task = "as `task` says" if task is not None else ""
    if kind is None:
        kind, why_kind = kind_of(samples)
    if task is None:
        task, why_task = task_of(targets)
    return Look(kind, task, rows, why_kind, why_task)


def as_samples(x: Any) -> Any:
    """`x` as it is if it is a data frame, otherwise as an array.

    Raises:
        TypeError: it is sparse.
        ValueError: it has no rows.
    """
    if hasattr(x, "toarray"):
        raise TypeError(
            f"x must be dense. Received a sparse {type(x).__name__}: write x.toarray(), if that "
            "fits in memory."
        )
    samples = x if is_frame(x) else np.asarray(x)
    if samples.shape[:1] == (0,):
        raise ValueError("x must hold at least one sample. Received: x without rows.")
    return samples


def as_targets(y: Any) -> np.ndarray:
    """`y` as an array `(n,)` or `(n, outputs)`; one column becomes no axis.

    Raises:
        ValueError: it has more axes, or holds dates.
    """
    targets = without_objects(np.asarray(y))
    if kind_of_values(targets) == DATE or targets.dtype.kind == "m":
        raise ValueError(
            "y must hold labels or numbers. Received: y with dates or durations. Write them as "
            "numbers, such as (y - start) / np.timedelta64(1, 'D') for the days since a start."
        )
    if targets.ndim == 2 and targets.shape[1] == 1:
        targets = targets[:, 0]
    if targets.ndim not in (1, 2):
        raise ValueError(
            "y must have one or two axes: (rows,) or (rows, outputs). Received: y of shape "
            f"{targets.shape}."
        )
    return targets


def without_objects(y: Any) -> Any:
    """Numbers and truth values in pandas' own types, or as Python objects, as an array of NumPy.

    Everything else stays as it is.
    """
    y = np.asarray(y) if hasattr(y, "iloc") else y
    if not isinstance(y, np.ndarray) or y.dtype.kind != "O" or y.size == 0:
        return y
    values = y.ravel().tolist()
    if all(isinstance(value, (bool, np.bool_)) for value in values):
        return y.astype(bool)
    if kind_of_values(y) != NUMBER:
        return y
    if all(isinstance(value, (int, np.integer)) for value in values):
        with contextlib.suppress(OverflowError):
            return y.astype(np.int64)
    return numbers_of(y)


# ------------------------------------------------------------------ x


def kind_of(x: Any) -> tuple[str, str]:
    """What the samples are, and why."""
    if is_frame(x):
        if x.shape[1] == 1 and _is_prose(x.iloc[:, 0].to_numpy()):
            return "text", "x has one column, of texts"
        return "table", f"x is a data frame with {x.shape[1]} columns"
    if x.ndim == 1 and x.dtype.kind in "OUT":
        return "text", "x is a list of strings"
    if x.ndim == 2:
        if x.shape[1] == 1 and _is_prose(x[:, 0]):
            return "text", "x has one column, of texts"
        return "table", f"x has two axes: rows and {x.shape[1]} columns"
    if x.ndim == 4:
        return "image", "x has four axes: rows, height, width and channels"
    if x.ndim == 3:
        return _three_axes(x)
    raise ValueError(
        "x must be a table (rows, columns), images (rows, height, width) or (rows, height, width, "
        "channels), series (rows, steps, features), or a list of texts. Received: x of shape "
        f"{x.shape}. If it is a single column, write x.reshape(-1, 1)."
    )


def _three_axes(x: np.ndarray) -> tuple[str, str]:
    height, width = x.shape[1:]
    if x.dtype == np.uint8:
        return "image", "x has three axes and holds bytes: rows, height, width"
    alike = max(height, width) <= _SIDES * min(height, width)
    if min(height, width) >= 8 and alike and bool((x == np.round(x)).all()) and x.min() >= 0:
        return "image", "x has three axes with sides alike, and whole numbers: rows, height, width"
    return "series", f"x has three axes: rows, {height} steps and {width} features"


def _is_prose(column: np.ndarray) -> bool:
    """Whether these are texts of several words, most of them different."""
    if column.dtype.kind not in "OUT":
        return False
    texts = [text for text in column[:1000].tolist() if isinstance(text, str)]
    if not texts:
        return False
    words = float(np.mean([len(text.split()) for text in texts]))
    return words >= 3.0 and len(set(texts)) > len(texts) / 2


# ------------------------------------------------------------------ y


def task_of(y: np.ndarray) -> tuple[str, str]:
    """What is to be learned, and why."""
    if y.ndim == 2:
        if _are_zeros_and_ones(y):
            why = f"y has {y.shape[1]} columns of zeros and ones"
            if (y.sum(axis=1) == 1).all():
                why += ", one in each row: if these are classes, pass y.argmax(1)"
            return "multilabel", why
        return "regression", f"y has {y.shape[1]} columns of numbers"
    if y.dtype.kind in "OUSTb":
        values = len(set(y.tolist()))
        what = "truth values" if y.dtype.kind == "b" else "labels"
        return "classification", f"y has {values} different {what}"
    values = len(np.unique(y))
    if bool((y != np.round(y)).any()):
        return "regression", "y has numbers with a fraction"
    if values == 2 or (values <= _MOST_CLASSES and values * _ROWS_PER_CLASS <= len(y)):
        return "classification", f"y has {values} different values, all whole numbers"
    return "regression", f"y has {values} different whole numbers, too many for classes"


def _are_zeros_and_ones(y: np.ndarray) -> bool:
    return y.dtype.kind in "biuf" and bool(np.isin(y, (0, 1)).all())


def _check_complete(y: np.ndarray) -> None:
    missing = is_missing(y)
    if missing.any():
        raise ValueError(
            f"y must have a value for each sample. Received: y with {int(missing.sum())} missing "
            "values (NaN or None). Leave out these rows: they cannot be learned from."
        )
    if y.dtype.kind == "f" and not np.isfinite(y).all():
        raise ValueError("y must be finite. Received: y with infinite values.")


def _check_named(name: str, value: str | None, allowed: tuple[str, ...]) -> None:
    if value is not None and value not in allowed:
        listed = ", ".join(map(repr, allowed))
        raise ValueError(f"`{name}` must be None or one of {listed}. Received: {name}={value!r}.")
