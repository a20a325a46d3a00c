"""What an epoch's outputs amount to: the metrics of `compile`, by Keras's own code.

All metrics that are let through add up over batches, so they are given an epoch's outputs at once.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from kerastune_lite.training.paths import internals
from kerastune_lite.training.quiet import load_keras

keras = load_keras()

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


class Measure:
    """Turns sums of losses and an epoch's outputs into logs.

    Args:
        model: built, with its metrics; nothing of it is kept.
        y, weight: like the targets and weights of samples that come; None where there are none.
    """

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
        self, losses: Any, count: int, y: Any, outputs: Any, weight: Any
    ) -> Mapping[str, Any]:
        """The logs.

        Args:
            losses: of all batches, each times its size, in sum.
            count: how many samples there were.
            y, outputs, weight: of all samples.
        """
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
