"""What an epoch's outputs amount to: the metrics of `compile`.

All metrics that are let through add up over batches, so they are given an epoch's outputs at once.
The commonest are written out here; where there is another one, Keras's own code computes them all.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Protocol

import numpy as np

from kerastune_lite._src.keras.compat import internals
from kerastune_lite._src.keras.loading import load_keras

keras = load_keras()

Array = np.ndarray

_ADDITIVE = frozenset(
    # Metrics whose variables are sums over samples, besides those that take a mean.
    (
        "AUC",
        "F1Score",
        "FBetaScore",
        "FalseNegatives",
        "FalsePositives",
        "Precision",
        "PrecisionAtRecall",
        "R2Score",
        "Recall",
        "RecallAtPrecision",
        "RootMeanSquaredError",
        "SensitivityAtSpecificity",
        "SpecificityAtSensitivity",
        "TrueNegatives",
        "TruePositives",
    )
)


def adds_up(metric: Any) -> bool:
    """Whether a metric of all batches at once is that of one after the other."""
    kind = type(metric).__name__
    if isinstance(metric, keras.metrics.MeanMetricWrapper):
        # What hinges are depends on which labels a batch holds.
        function = internals.metric_function(metric)
        own = str(getattr(function, "__module__", "")).startswith("keras.")
        return own and "hinge" not in getattr(function, "__name__", "hinge")
    return kind in _ADDITIVE


Samplewise = Callable[[Array, Array], Array]
"""Targets and outputs, `(n, ...)` and `(n, outputs)` -> what a metric takes the mean of, `(n,)`."""


def _right_class(y: Array, outputs: Array) -> Array:
    return y.reshape(len(outputs)) == outputs.argmax(-1)


def _right_among(y: Array, outputs: Array) -> Array:
    return y.argmax(-1) == outputs.argmax(-1)


def _right_side(y: Array, outputs: Array) -> Array:
    return ((outputs > np.float32(0.5)) == y.reshape(outputs.shape)).mean(-1)


def _squared(y: Array, outputs: Array) -> Array:
    return np.square(outputs - y.reshape(outputs.shape).astype(np.float32)).mean(-1)


def _absolute(y: Array, outputs: Array) -> Array:
    return np.abs(outputs - y.reshape(outputs.shape).astype(np.float32)).mean(-1)


_WRITTEN: Mapping[str, Samplewise] = {
    # By the name of the function in `keras.metrics`.
    "binary_accuracy": _right_side,
    "categorical_accuracy": _right_among,
    "mean_absolute_error": _absolute,
    "mean_squared_error": _squared,
    "sparse_categorical_accuracy": _right_class,
}


def _written(metric: Any) -> Samplewise | None:
    """What is written out for a metric, if anything is."""
    if not isinstance(metric, keras.metrics.MeanMetricWrapper) or metric.dtype != "float32":
        return None
    function, options = internals.metric_function(metric), internals.metric_options(metric)
    if {name: v for name, v in options.items() if (name, v) != ("threshold", 0.5)}:
        return None
    name = getattr(function, "__name__", "")
    return _WRITTEN.get(name) if function is getattr(keras.metrics, name, None) else None


class Measure(Protocol):
    """Turns an epoch's outputs into logs."""

    def __call__(
        self, losses: float, count: int, y: Array, outputs: Array, weight: Array | None
    ) -> Mapping[str, Any]:
        """The logs.

        Args:
            losses: of all batches, each times its size, in sum.
            count: how many samples there were.
            y, outputs, weight: of all samples.
        """


def measure_of(model: Any, y: Any, weight: Any) -> Measure:
    """What measures models like this one.

    Args:
        model: built, with its metrics; nothing of it is kept.
        y, weight: like the targets and weights of samples that come; None where there are none.
    """
    metrics = internals.compiled_metrics(model)
    written = [(_written(metric), weighted) for metric, weighted in metrics]
    loss, *names = model.get_metrics_result()
    of_a_shape = int(np.prod(y.shape[1:])) in (1, model.outputs[0].shape[-1])
    if loss != "loss" or len(names) != len(metrics) or not of_a_shape:
        return TracedMeasure(model, y, weight)
    means = [Mean(name, *each) for name, each in zip(names, written) if each[0] is not None]  # type: ignore[arg-type]
    return WrittenMeasure(means) if len(means) == len(names) else TracedMeasure(model, y, weight)


@dataclasses.dataclass(frozen=True)
class Mean:
    """A metric that is a mean over samples.

    Attributes:
        name: in the logs.
        of: what.
        weighted: whether the weights of samples count.
    """

    name: str
    of: Samplewise
    weighted: bool


class WrittenMeasure:
    """Measures in NumPy."""

    def __init__(self, means: Sequence[Mean]) -> None:
        self._means = means

    def __call__(
        self, losses: float, count: int, y: Array, outputs: Array, weight: Array | None
    ) -> Mapping[str, Any]:
        logs = {"loss": np.float32(losses / count)}
        for mean in self._means:
            values = mean.of(y, outputs)
            if weight is not None and mean.weighted:
                total, entered = float((values * weight).sum(dtype=np.float64)), float(weight.sum())
            else:
                total, entered = float(values.sum(dtype=np.float64)), float(count)
            # Keras's mean of nothing is 0.
            logs[mean.name] = np.float32(total / entered if entered else 0.0)
        return logs


class TracedMeasure:
    """Measures by Keras's own code, traced; see `measure_of` for the arguments."""

    def __init__(self, model: Any, y: Any, weight: Any) -> None:
        import tensorflow as tf

        self._names: list[str] = []
        outputs = model.outputs[0]

        def rows(like: Any) -> Any:
            return tf.TensorSpec((None, *like.shape[1:]), like.dtype)

        self._function = tf.function(self._traced(model), autograph=False).get_concrete_function(
            tf.TensorSpec((), "float32"),
            tf.TensorSpec((), "float32"),
            rows(y),
            tf.TensorSpec((None, *outputs.shape[1:]), outputs.dtype),
            None if weight is None else rows(weight),
        )

    def __call__(
        self, losses: float, count: int, y: Array, outputs: Array, weight: Array | None
    ) -> Mapping[str, Any]:
        import tensorflow as tf

        given = [tf.constant(losses, "float32"), tf.constant(count, "float32")]
        given += [a if a is None else tf.convert_to_tensor(a) for a in (y, outputs, weight)]
        values = self._function(*given)
        # Of metrics that are no single numbers, callbacks see tensors, as in `fit`.
        found = (value if value.shape.rank else value.numpy() for value in values)
        return dict(zip(self._names, found))

    def _traced(self, model: Any) -> Any:
        variables = list(model.metrics_variables)
        zeros = [np.zeros(v.shape, v.dtype) for v in variables]
        tracker = internals.loss_tracker(model)

        def measured(losses: Any, count: Any, y: Any, outputs: Any, weight: Any) -> Any:
            with keras.StatelessScope(list(zip(variables, zeros))):
                model.reset_metrics()
                tracker.total.assign(losses)
                tracker.count.assign(count)
                model.compute_metrics(None, y, outputs, sample_weight=weight)
                logs = model.get_metrics_result()
            self._names = list(logs)
            return list(logs.values())

        return measured
