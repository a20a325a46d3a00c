"""What an epoch's outputs amount to: the metrics of `compile`.

All metrics that are let through add up over batches, so they are given an epoch's outputs at once.
The commonest are written out in `metrics`; others are computed by Keras's own code, traced.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Collection, Mapping, Sequence
from typing import Any

import numpy as np

from kerastune_lite._src.keras.compat import internals, nesting
from kerastune_lite._src.keras.fast.numpy.matching import Match
from kerastune_lite._src.keras.fast.numpy.metrics import Metric, written
from kerastune_lite._src.keras.fast.numpy.nodes import NotInArrays
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


@dataclasses.dataclass(frozen=True)
class Entered:
    """An epoch's samples with what came of them, of one member.

    Attributes:
        targets: of all samples, one array for each leaf of the data.
        outputs: of the model, `(n, outputs)`; None where nothing looks at them.
        given: the same before the last activation where the loss looks behind it.
        weights: of samples, `(n,)`, one array for each leaf of the data.
    """

    targets: Sequence[Array]
    outputs: Sequence[Any]
    given: Sequence[Any]
    weights: Sequence[Array]


class Measure:
    """Turns what an epoch came to into logs, in the order of Keras's.

    Args:
        model: built, with its metrics; nothing of it is kept.
        y, weight: leaves of targets and weights, like those of the samples that come.
        matches: what its metrics are of.
        losses: names of losses with whether they take logits, of each output.
    """

    def __init__(
        self,
        model: Any,
        y: Sequence[Any],
        weight: Sequence[Any],
        matches: Sequence[Match],
        losses: Mapping[int, Collection[tuple[str, bool]]],
    ) -> None:
        metrics = [metric for metric, _ in internals.compiled_metrics(model)]
        self._trackers = len(nesting.loss_trackers(model))
        self._names = list(model.get_metrics_result())
        if len(self._names) != 1 + len(metrics) + self._trackers or self._names[0] != "loss":
            raise NotInArrays("metrics with more than one result")
        self._matches = matches
        self._written: list[Metric | None] = []
        rest = []
        for metric, match in zip(metrics, matches):
            width = int(model.outputs[match.output].shape[-1])
            function = written(metric, losses.get(match.output, ()))
            if function is not None and not _suits(function, y[match.target], width):
                function = None
            self._written.append(function)
            if function is None:
                rest.append((metric, match))
        self._traced = _Traced(model, rest, y, weight) if rest else None

    def __call__(self, losses: Sequence[float], entered: Entered) -> dict[str, Any]:
        """The logs.

        Args:
            losses: the model's in the mean over samples, and of several each one in the mean over
                batches.
        """
        traced = iter(self._traced(entered) if self._traced else ())
        values: list[Any] = []
        for function, match in zip(self._written, self._matches):
            if function is None:
                values.append(next(traced))
                continue
            weight = None if match.weight is None else entered.weights[match.weight]
            place = match.output
            y, outputs, given = entered.targets[match.target], entered.outputs, entered.given
            values.append(np.float32(function(y, outputs[place], given[place], weight)))
        loss, *others = map(np.float32, losses)
        return dict(zip(self._names, [loss, *values, *others]))


def _suits(function: Metric, y: Any, width: int) -> bool:
    """Whether a metric takes such targets with so many outputs: Keras broadcasts others."""
    if int(np.prod(y.shape[1:])) not in (1, width):
        return False
    outputs = np.full((1, width), 0.5, np.float32)
    try:
        function(np.zeros((1, *y.shape[1:]), y.dtype.name), outputs, outputs, None)
    except (ValueError, IndexError):
        return False
    return True


class _Traced:
    """Metrics that Keras's own code computes; see `Measure` for the arguments."""

    def __init__(
        self,
        model: Any,
        metrics: Sequence[tuple[Any, Match]],
        y: Sequence[Any],
        weight: Sequence[Any],
    ) -> None:
        import tensorflow as tf

        def rows(like: Any) -> Any:
            return tf.TensorSpec((None, *like.shape[1:]), like.dtype)

        self._matches = [match for _, match in metrics]
        given = [
            (
                rows(y[match.target]),
                rows(model.outputs[match.output]),
                None if match.weight is None else rows(weight[match.weight]),
            )
            for match in self._matches
        ]
        found = [metric for metric, _ in metrics]
        self._function = tf.function(_measured(found), autograph=False).get_concrete_function(given)

    def __call__(self, entered: Entered) -> list[Any]:
        import tensorflow as tf

        tensor = tf.convert_to_tensor
        given = [
            (
                tensor(entered.targets[match.target]),
                tensor(entered.outputs[match.output]),
                None if match.weight is None else tensor(entered.weights[match.weight]),
            )
            for match in self._matches
        ]
        values = self._function(given)
        # Of metrics that are no single numbers, callbacks see tensors, as in `fit`.
        return [value if value.shape.rank else value.numpy() for value in values]


def _measured(metrics: Sequence[Any]) -> Callable[[Any], list[Any]]:
    variables = [variable for metric in metrics for variable in metric.variables]
    zeros = [np.zeros(v.shape, v.dtype) for v in variables]

    def measured(given: Any) -> list[Any]:
        with keras.StatelessScope(list(zip(variables, zeros))):
            for metric, (y, outputs, weight) in zip(metrics, given):
                metric.reset_state()
                metric.update_state(y, outputs, sample_weight=weight)
            return [metric.result() for metric in metrics]

    return measured
