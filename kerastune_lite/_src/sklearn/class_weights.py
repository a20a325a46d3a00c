"""Weights of classes as weights of samples, for the labels that are in y."""

from __future__ import annotations

import warnings
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np
from sklearn.base import BaseEstimator
from sklearn.utils.class_weight import compute_sample_weight
from sklearn.utils.multiclass import type_of_target

LABELS = ("binary", "multiclass")
"""Types of targets with one label per sample."""


def weights_of_classes(class_weight: Any, y: Any, known: Any = None, whole: Any = None) -> Any:
    """The weight of each sample, from the weights of its class; 1 for a label without a key.

    A key that is not a label has no effect and is warned of.

    Args:
        class_weight: label -> weight, "balanced", or for `(n, labels)` targets a list of these.
        y: labels as the user has them.
        known: further labels, which are not in `y`.
        whole: the targets that `y` is a part of, in a search that has already warned.

    Returns:
        An array `(n,)`.

    Raises:
        ValueError: none of the keys is a label.
    """
    without = check_keys(class_weight, y if whole is None else whole, known)
    if without and whole is None:
        _warn(without)
    labels = np.asarray(y)
    columns = [column for column, _ in _columns(class_weight, labels)]
    if _is_one_hot(labels) and isinstance(class_weight, Mapping):
        labels = columns[0]
    elif labels.ndim == 2 and labels.shape[1] == 1 and not _is_list(class_weight):
        labels = labels[:, 0]
    # scikit-learn refuses a dict with both a missing and an unknown label.
    if isinstance(class_weight, Mapping):
        class_weight = _of_labels(class_weight, columns[0])
    elif _is_list(class_weight) and len(class_weight) == len(columns):
        class_weight = [_of_labels(*pair) for pair in zip(class_weight, columns)]
    return compute_sample_weight(class_weight, labels)


def check_keys(class_weight: Any, y: Any, known: Any = None) -> list[Any]:
    """The keys of `class_weight` that are not labels; arguments as for `weights_of_classes`.

    Raises:
        ValueError: none of the keys is a label.
    """
    found: list[Any] = []
    given = class_weight if _is_list(class_weight) else [class_weight]
    columns = _columns(class_weight, np.asarray(y))
    for weights, (labels, others) in zip(given, columns):
        if not isinstance(weights, Mapping) or type_of_target(labels) not in LABELS:
            continue
        also = [] if known is None or len(columns) > 1 else np.asarray(known).tolist()
        classes = np.unique([*np.unique(labels).tolist(), *others, *also])
        without = not_among(weights, classes)
        if without and len(without) == len(weights):
            raise ValueError(
                "The keys of `class_weight` must be labels, as they are in y. Received "
                f"{listed(without)}; the classes are {listed(classes)}."
            )
        found += [key for key in without if key not in found]
    return found


def check_weights_of_search(
    estimator: BaseEstimator, prefix: str, distributions: Any, fit_params: Mapping[str, Any], y: Any
) -> None:
    """Warn once per search of keys that are not labels.

    Args:
        estimator: the Keras estimator.
        prefix: of its parameters.
        distributions: `param_distributions`.
        y: all targets.

    Raises:
        ValueError: all trials get a dict in which no key is a label.
    """
    if y is None:
        return
    names = ("class_weight", f"{prefix}class_weight", f"{prefix}fit__class_weight")
    tried = list(_candidates(distributions, names))
    given = [fit_params[name] for name in names if name in fit_params]
    if not given and not tried:
        routed = getattr(estimator, "fit__class_weight", None)
        given = [getattr(estimator, "class_weight", None) if routed is None else routed]
    found: list[Any] = []
    for each in given:
        found += check_keys(each, y)
    for each in tried:
        try:
            found += check_keys(each, y)
        except ValueError:
            continue  # That trial fails, with this message.
    if found:
        _warn(list(dict.fromkeys(found)))


def _candidates(distributions: Any, names: Sequence[str]) -> Iterator[Any]:
    dicts = [distributions] if isinstance(distributions, Mapping) else distributions or []
    for each in dicts:
        for name in names:
            values = each.get(name)
            if isinstance(values, (list, tuple)):
                yield from values


def _warn(keys: Sequence[Any]) -> None:
    warnings.warn(
        f"`class_weight` has keys that are no label in y: {listed(keys)}. They have no effect.",
        UserWarning,
        stacklevel=2,
    )


def _is_list(class_weight: Any) -> bool:
    return isinstance(class_weight, Sequence) and not isinstance(class_weight, str)


def _is_one_hot(labels: np.ndarray) -> bool:
    several = labels.ndim == 2 and labels.shape[1] > 2 and labels.dtype.kind in "biuf"
    return several and bool(np.isin(labels, (0, 1)).all() and (labels.sum(1) == 1).all())


def _columns(class_weight: Any, labels: np.ndarray) -> list[tuple[np.ndarray, Sequence[int]]]:
    """The labels of each column, and further ones that it may have."""
    if isinstance(class_weight, Mapping) and _is_one_hot(labels):
        return [(labels.argmax(1), range(labels.shape[1]))]
    if labels.ndim != 2:
        return [(labels, ())]
    yes_or_no = labels.shape[1] > 1 and type_of_target(labels) == "multilabel-indicator"
    return [(labels[:, i], (0, 1) if yes_or_no else ()) for i in range(labels.shape[1])]


def _of_labels(weights: Any, labels: np.ndarray) -> Any:
    if not isinstance(weights, Mapping):
        return weights
    present = set(labels.tolist())
    return {label: weight for label, weight in weights.items() if label in present}


def not_among(values: Any, classes: np.ndarray) -> list[Any]:
    """The `values` that are not classes."""
    known = set(np.asarray(classes).tolist())
    return [value for value in values if value not in known]


def listed(values: Any) -> str:
    """At most ten values, for a message."""
    shown = [repr(value) for value in np.asarray(values, object)[:10].tolist()]
    return ", ".join(shown) + (", ..." if len(values) > 10 else "")
