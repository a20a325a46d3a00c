"""Estimators from the trials of a tuner."""

from __future__ import annotations

import inspect
from collections.abc import Sequence
from typing import Any

import numpy as np

from kerastune_lite._src.core.trial import Trial
from kerastune_lite._src.sklearn.wrappers import KerasClassifier, KerasRegressor


def fitted_estimator(
    trial: Trial,
    model: Any,
    hypermodel: Any,
    classes: Sequence[Any] | None = None,
    kind: str | None = None,
    **params: Any,
) -> Any:
    """A fitted estimator with a model that is already trained.

    Args:
        trial: the model's trial.
        hypermodel: builds such models, in case the estimator is fitted again.
        classes: the labels in the order of the model's outputs. Default: 0, 1, 2, ...
        kind: "classifier" or "regressor". Default: from the model's loss.
        **params: of `KerasClassifier` or `KerasRegressor`.

    Raises:
        ValueError: the model has several inputs or outputs, or the classes do not fit.
    """
    kind = _kind(model, classes) if kind is None else kind
    if kind not in ("classifier", "regressor"):
        raise ValueError(
            f'`kind` must be "classifier", "regressor" or None. Received: kind={kind!r}.'
        )
    inputs, outputs = _shapes(model)
    for name, shapes in (("input", inputs), ("output", outputs)):
        if not isinstance(shapes, tuple):
            raise ValueError(
                f"scikit-learn's estimators have one array of samples and one of targets. Received "
                f"a model with {len(shapes)} {name}s."
            )
    function = getattr(hypermodel, "function", hypermodel)
    wrapper: Any = KerasClassifier if kind == "classifier" else KerasRegressor
    estimator = wrapper.from_trial(function, trial, **params)
    features = inputs[1:]
    targets = _labels(outputs[-1], classes) if kind == "classifier" else _numbers(outputs[-1])
    estimator.adopt(model, np.zeros((len(targets), *(n or 1 for n in features))), targets)
    estimator.hyperparameters_ = dict(trial.values)
    return estimator


def _kind(model: Any, classes: Any) -> str:
    loss = getattr(model, "loss", None)
    name = loss if isinstance(loss, str) else getattr(loss, "name", None)
    if name is None:
        name = loss.__name__ if inspect.isroutine(loss) else type(loss).__name__
    return "classifier" if classes is not None or "crossentropy" in str(name) else "regressor"


def _shapes(model: Any) -> tuple[Any, Any]:
    """The shapes of its inputs and outputs; a subclassed model only knows its inputs."""
    if getattr(model, "input_shape", None) is not None:
        return model.input_shape, model.output_shape
    built_for = (model.get_build_config() or {}).get("input_shape")
    if built_for is None:
        raise ValueError(
            "An estimator needs to know the shapes of its model's inputs and outputs. Received: "
            f"{type(model).__name__}, which was never called. Have build(hp) call it on an example."
        )
    return tuple(built_for), tuple(model.compute_output_shape(tuple(built_for)))


def _labels(outputs: int, classes: Sequence[Any] | None) -> np.ndarray:
    count = 2 if outputs == 1 else outputs
    labels = np.arange(count) if classes is None else np.asarray(classes)
    if labels.shape != (count,) or len(np.unique(labels)) != count:
        raise ValueError(
            f"`classes` must hold a label for each of the model's {count} classes, in the order of "
            f"its outputs. Received: {classes!r}."
        )
    if list(labels) != sorted(labels):
        raise ValueError(
            "`classes` must be in sorted order, as scikit-learn has them, and the model's outputs "
            f"in the same order. Received: classes={classes!r}."
        )
    return labels


def _numbers(outputs: int) -> np.ndarray:
    return np.zeros(2) if outputs == 1 else np.zeros((2, outputs))
