"""Samples of each kind as the arrays that networks take."""

from __future__ import annotations

import dataclasses
from typing import Any, Union

import numpy as np

from kerastune_lite._src.automl.columns import check_names, is_frame, is_missing
from kerastune_lite._src.automl.looking import as_samples
from kerastune_lite._src.automl.tables import TableEncoder


@dataclasses.dataclass(frozen=True)
class ArrayEncoder:
    """Images, series and texts, which networks take nearly as they are.

    Attributes:
        kind: "image", "series" or "text".
        shape: of one sample, as the user has it.
        name: of the column of texts in a data frame; None: they were no data frame.
    """

    kind: str
    shape: tuple[int, ...]
    name: Any = None

    def transform(self, x: Any) -> np.ndarray:
        """Images `(n, height, width, channels)`, series `(n, steps, features)` or texts `(n,)`.

        Raises:
            ValueError: the shape is another one than in training, or values are missing.
        """
        if self.kind == "text":
            return texts(self._column(x))
        samples = as_samples(x)
        if tuple(samples.shape[1:]) != self.shape:
            raise ValueError(
                f"Samples must have the shape {self.shape} as in training. Received: x of shape "
                f"{tuple(samples.shape)}."
            )
        if samples.dtype != np.uint8:
            samples = samples.astype(np.float32)
            if not np.isfinite(samples).all():
                raise ValueError(
                    f"An {self.kind} must be complete. Received: x with missing or infinite "
                    "values. Fill them first, for example with the value before."
                    if self.kind == "image"
                    else "Series must be complete. Received: x with missing or infinite values. "
                    "Fill them first, for example with the value before."
                )
        if self.kind == "image" and samples.ndim == 3:
            samples = samples[..., np.newaxis]
        return samples

    def _column(self, x: Any) -> Any:
        """The column of texts, if it has a name."""
        if self.name is None or not is_frame(x):
            return x
        if self.name not in x.columns:
            raise ValueError(
                f"x must have the columns that were trained on. Missing: {[self.name]}."
            )
        return x[[self.name]]

    def described(self) -> str:
        """What a sample is, as a sentence without a full stop."""
        sizes = " x ".join(map(str, self.shape))
        return "texts as they are" if self.kind == "text" else f"{self.kind} of {sizes}"


Encoder = Union[TableEncoder, ArrayEncoder]
"""What makes arrays of samples."""


def fitted_encoder(kind: str, x: Any, y: np.ndarray, seed: int) -> tuple[Encoder, np.ndarray]:
    """An encoder that has learned from training rows, and these rows encoded.

    Args:
        kind: "table", "image", "series" or "text".
        x: a data frame or an array.
        y: encoded targets.
        seed: for what is random in it.
    """
    if kind == "table":
        if not is_frame(x) and x.ndim != 2:
            raise ValueError(
                f"A table has two axes, (rows, columns). Received: x of shape {x.shape}."
            )
        return TableEncoder.fitted(x, y, seed)
    name = None
    if kind == "text" and is_frame(x) and x.shape[1] == 1:
        check_names(x)
        name = x.columns[0]
    encoder = ArrayEncoder(kind, () if kind == "text" else tuple(x.shape[1:]), name)
    allowed = {"image": (3, 4), "series": (3,)}.get(kind)
    if allowed is not None and x.ndim not in allowed:
        axes = " or ".join(map(str, allowed))
        raise ValueError(f"kind={kind!r} is for x with {axes} axes. Received: shape {x.shape}.")
    return encoder, encoder.transform(x)


def rows_of(x: Any, rows: np.ndarray) -> Any:
    """Some rows of a data frame or an array."""
    return x.iloc[rows] if is_frame(x) else x[rows]


def texts(x: Any) -> np.ndarray:
    """Texts `(n,)`, from a list or one column; "" where they are missing.

    Raises:
        ValueError: there are several columns, or something else than texts.
    """
    values = np.asarray(x.astype(object) if is_frame(x) else x, dtype=object)
    if values.ndim > 2 or (values.ndim == 2 and values.shape[1] != 1):
        raise ValueError(f"Texts are one column. Received: x of shape {values.shape}.")
    values = values.reshape(-1)
    filled = ["" if gone else v for v, gone in zip(values.tolist(), is_missing(values).tolist())]
    for value in filled:
        if not isinstance(value, str):
            raise ValueError(f"Texts must be strings. Received: {value!r}.")
    return np.array(filled, dtype=object)
