"""Samples and targets as NumPy arrays, checked as scikit-learn checks them."""

from __future__ import annotations

from typing import Any

import numpy as np
from sklearn.base import BaseEstimator
from sklearn.utils.validation import check_array, validate_data


def validated_samples(estimator: BaseEstimator, x: Any, reset: bool) -> np.ndarray:
    """Samples as an array of numbers.

    Args:
        estimator: stores the number of features and their names if `reset`.
        x: `(n, features)`, or with more axes.

    Raises:
        TypeError: they are sparse.
        ValueError: they are not finite numbers, or their shape differs from that at `fit`.
    """
    array: np.ndarray = validate_data(
        estimator, x, reset=reset, accept_sparse=False, allow_nd=True, dtype="numeric"
    )
    return _of_shape(estimator, array, reset)


def _of_shape(estimator: BaseEstimator, array: np.ndarray, reset: bool) -> np.ndarray:
    """Check the shape of the samples against that at `fit`, or store it."""
    if reset:
        estimator.X_dtype_, estimator.X_shape_ = array.dtype, array.shape
    elif array.shape[1:] != estimator.X_shape_[1:]:
        raise ValueError(
            f"Samples must have the shape {estimator.X_shape_[1:]} that {type(estimator).__name__} "
            f"was fitted on. Received: X of shape {array.shape}."
        )
    return array


def validated_pair(
    estimator: BaseEstimator, x: Any, y: Any, reset: bool, y_numeric: bool
) -> tuple[np.ndarray, np.ndarray]:
    """Samples and their targets as arrays.

    Args:
        y: `(n,)` or `(n, outputs)`.
        y_numeric: whether targets must be numbers.

    Raises:
        TypeError, ValueError: as `validated_samples`; or the lengths differ, or `y` is None.
    """
    array, targets = validate_data(
        estimator,
        x,
        y,
        reset=reset,
        accept_sparse=False,
        allow_nd=True,
        multi_output=True,
        dtype="numeric",
        y_numeric=y_numeric,
    )
    targets = validated_targets(estimator, targets, reset, y_numeric)
    return _of_shape(estimator, array, reset), targets


def validated_targets(estimator: BaseEstimator, y: Any, reset: bool, y_numeric: bool) -> np.ndarray:
    """Targets as an array.

    Raises:
        ValueError: they are not finite, or their number of axes differs from that at `fit`.
    """
    kind = "numeric" if y_numeric else None
    targets: np.ndarray = check_array(y, ensure_2d=False, dtype=kind, input_name="y")
    if reset:
        estimator.target_type_ = estimator._type_of_target(targets)
        estimator.y_dtype_, estimator.y_ndim_ = targets.dtype, targets.ndim
    elif targets.ndim != estimator.y_ndim_:
        raise ValueError(
            f"Targets must have {estimator.y_ndim_} axes, as those that {type(estimator).__name__} "
            f"was fitted on. Received: y of shape {targets.shape}."
        )
    return targets
