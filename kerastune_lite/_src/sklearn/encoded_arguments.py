"""The arguments of `Model.fit` that an estimator changes: those tuned, and `validation_data`."""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from typing import Any

import numpy as np
from sklearn.base import BaseEstimator

from kerastune_lite._src.keras.fit_arguments import FIT_HYPERPARAMETERS
from kerastune_lite._src.sklearn.class_weights import LABELS, listed, not_among
from kerastune_lite._src.sklearn.compat import kind_of_labels, shape_of_targets
from kerastune_lite._src.sklearn.encoders import LabelEncoder
from kerastune_lite._src.space.hyperparameters import HyperParameters

_DEFAULTS: dict[str, Any] = {"epochs": 1, "batch_size": None}


def tuned_arguments(
    estimator: BaseEstimator, hp: HyperParameters | None, given: Mapping[str, Any]
) -> dict[str, Any]:
    """The arguments of `Model.fit` that are hyperparameters.

    Args:
        hp: passed to `build`, if it takes any.
        given: arguments that override hyperparameters.

    Raises:
        ValueError: one is a parameter of the estimator, too.
    """
    tuned = {}
    asked = {} if hp is None else hp.used_values()
    for name in FIT_HYPERPARAMETERS:
        if name not in asked or given.get(name) is not None:
            continue
        parameter = getattr(estimator, f"fit__{name}", getattr(estimator, name))
        if parameter != _DEFAULTS[name]:
            raise ValueError(
                f"`{name}` can be a hyperparameter or a parameter, not both: build(hp) declares "
                f"{name!r}, and the estimator has {name}={parameter!r}. Remove one of them."
            )
        tuned[name] = asked[name]
    return tuned


# ---------------------------------------------------------------------- validation data


def encoded_validation(estimator: BaseEstimator, given: Any) -> Any:
    """`validation_data` encoded like the training data.

    Args:
        estimator: fitted, except for its model's weights.
        given: (X, y) or (X, y, sample_weight) as the user has them. Batched data (a dataset) is not
            changed.

    Raises:
        TypeError, ValueError: it is not like the training data.
    """
    if given is None:
        return None
    if not isinstance(given, (tuple, list)):
        _warn_of_labels(estimator, given)
        return given
    if len(given) not in (2, 3):
        raise ValueError(
            "`validation_data` must be (X, y) or (X, y, sample_weight), with samples and targets "
            f"as fit() takes them. Received: a {type(given).__name__} of {len(given)}."
        )
    x, y, *weights = given
    y = _shaped(estimator, y)
    if isinstance(x, Mapping):
        # Several inputs by name: already encoded as the user's feature encoder encodes X.
        y = estimator._validate_data(None, y)[1]
    else:
        x, y = estimator._validate_data(x, y)
        x = estimator.feature_encoder_.transform(x)
    _check_labels(estimator, y)
    weights = [each if each is None else np.asarray(each) for each in weights]
    return (x, estimator.target_encoder_.transform(y), *weights)


def _shaped(estimator: BaseEstimator, y: Any) -> np.ndarray:
    """Targets as a column or as a vector, like the training targets."""
    array = np.asarray(y)
    if estimator.y_ndim_ == 1 and array.ndim == 2 and array.shape[1] == 1:
        return array[:, 0]
    if estimator.y_ndim_ == 2 and array.ndim == 1:
        return array[:, None]
    classes = getattr(estimator, "classes_", None)
    if estimator.y_ndim_ == 1 and classes is not None and array.shape[1:] == classes.shape:
        # Already one-hot, as the model takes them.
        return np.asarray(classes[array.argmax(1)])
    return array


def _check_labels(estimator: BaseEstimator, y: np.ndarray) -> None:
    encoder = estimator.target_encoder_
    if not isinstance(encoder, LabelEncoder):
        return
    axes = shape_of_targets(encoder)[1:]
    if y.shape[1:] != axes:
        raise ValueError(
            "`validation_data` must have targets like the training data: of shape "
            f"{('n', *axes)}. Received: y of shape {y.shape}."
        )
    if kind_of_labels(encoder) not in LABELS:
        return
    unknown = not_among(np.unique(y).tolist(), encoder.classes_)
    if unknown:
        raise ValueError(
            "`validation_data` may only have labels of the training data. Received "
            f"{listed(unknown)}; the classes are {listed(encoder.classes_)}."
        )


def _warn_of_labels(estimator: BaseEstimator, given: Any) -> None:
    classes = getattr(estimator, "classes_", None)
    if classes is None or np.array_equal(classes, np.arange(len(classes))):
        return
    warnings.warn(
        f"`validation_data` that comes in batches ({type(given).__name__}) is not encoded: its "
        f"labels must be the numbers from 0 to {len(classes) - 1} that stand for the classes "
        f"{listed(classes)}. Pass (X, y) to have them encoded.",
        UserWarning,
        stacklevel=2,
    )
