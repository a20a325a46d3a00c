"""The inputs of ready-made hypermodels: checked, and described by a few numbers."""

from __future__ import annotations

import contextlib
from collections.abc import Sequence
from typing import Any

import numpy as np

Scaling = tuple[tuple[float, ...], tuple[float, ...]]

SINGLE_PRECISION = 1e-6
"""Numbers that differ by less, relative to their size, are equal in single precision."""

_LOOKED_AT = 10_000_000
"""Statistics are those of about so many numbers, of samples that are evenly spaced."""


def numbers(x: Any, axes: Sequence[str], optional: bool = False) -> np.ndarray:
    """`x` as an array of numbers.

    Args:
        axes: what its axes are, for messages; the first is the samples.
        optional: whether the last axis may be left out if it has one entry; it is added.

    Raises:
        TypeError: it holds texts or other objects.
        ValueError: it has other axes, no entries, NaN or infinite numbers.
    """
    values = unboxed(x)
    if values.dtype.kind not in "biuf":
        raise TypeError(
            f"`x` must hold numbers. Received: dtype {values.dtype}. Turn columns of texts into "
            "numbers with scikit-learn's OneHotEncoder or OrdinalEncoder."
        )
    if optional and values.ndim == len(axes) - 1:
        values = values[..., np.newaxis]
    if values.ndim != len(axes) or 0 in values.shape:
        raise ValueError(
            f"`x` must be of the shape ({', '.join(axes)}), with one of each or more. Received: "
            f"shape {values.shape}."
        )
    unknown = int(np.sum(~np.isfinite(values))) if values.dtype.kind == "f" else 0
    if unknown:
        raise ValueError(
            f"`x` must hold finite numbers. Received: {unknown} NaN or infinite of {values.size}. "
            "Fill missing values, for example with scikit-learn's SimpleImputer."
        )
    return values


def unboxed(values: Any) -> np.ndarray:
    """An array, of floating-point numbers if it held numbers as Python objects."""
    array = np.asarray(values)
    if array.dtype == object and not any(isinstance(each, (str, bytes)) for each in array.flat):
        with contextlib.suppress(TypeError, ValueError):
            return array.astype("float64")
    return array


def robust_scaling(x: np.ndarray) -> Scaling:
    """Scales and offsets that give each feature the median 0 and most values a distance of 1.

    The distance is that of the quartiles, or half of that from the 5 % to the 95 % quantile if it
    is larger, as for counts that are mostly zero; and half of the range if all of these are equal.
    Constant features become 0. (After Holzmueller et al. 2024, who have the quartiles alone.)

    Args:
        x: of shape (n, features).
    """
    seen = _some(x)
    lowest, low, median, high, highest = np.quantile(seen, (0.05, 0.25, 0.5, 0.75, 0.95), axis=0)
    width = np.maximum(high - low, (highest - lowest) / 2)
    return _scaling(median, np.where(width > 0, width, np.ptp(seen, axis=0) / 2))


def standard_scaling(x: np.ndarray) -> Scaling:
    """Scales and offsets that give each entry of the last axis the mean 0 and the variance 1.

    Constant entries become 0.
    """
    seen = _some(x).reshape(-1, x.shape[-1])
    return _scaling(seen.mean(0), seen.std(0))


def _scaling(center: np.ndarray, width: np.ndarray) -> Scaling:
    differ = width > SINGLE_PRECISION * np.abs(center)
    scale = np.divide(1.0, width, out=np.zeros_like(width), where=differ)
    return tuple(scale.tolist()), tuple((-center * scale).tolist())


def _some(x: np.ndarray) -> np.ndarray:
    return x[:: -(-x.size // _LOOKED_AT)].astype("float64")
