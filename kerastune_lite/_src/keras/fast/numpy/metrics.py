"""Keras's commonest metrics, of all samples of an epoch at once.

A metric is a function of targets `(n, ...)`, outputs `(n, outputs)`, what the loss of these outputs
is computed from, of the same shape, and weights `(n,)` or None. Keras adds in single precision,
batch by batch; sums are taken in double precision here, so values agree to rounding.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from typing import Any

import numpy as np
from scipy import special

from kerastune_lite._src.keras.compat import internals, models
from kerastune_lite._src.keras.fast.numpy.losses import LOSSES, is_special
from kerastune_lite._src.keras.loading import load_keras

keras = load_keras()

Array = np.ndarray
Metric = Callable[[Array, Array, Array, Array | None], Any]
Samplewise = Callable[[Array, Array, Array], Array]
"""The same without weights -> what a metric takes the mean of, `(n,)`."""


def written(metric: Any, losses: Collection[tuple[str, bool]]) -> Metric | None:
    """What is written out for a metric; None: nothing is.

    Args:
        losses: of the same outputs: their names in `keras.losses`, and whether they take logits.
    """
    if metric.dtype != "float32":
        return None
    kind = type(metric).__name__
    if isinstance(metric, keras.metrics.MeanMetricWrapper):
        values = _samplewise(metric, losses)
        return None if values is None else _mean_of(values)
    if type(metric) is not getattr(keras.metrics, kind, None) or kind not in _OF_KIND:
        return None
    return _OF_KIND[kind](metric)


# ---------------------------------------------------------------------- means over samples


def _mean_of(values: Samplewise) -> Metric:
    def metric(y: Array, outputs: Array, given: Array, weight: Array | None) -> Any:
        return _mean(values(y, outputs, given), weight)

    return metric


def _mean(values: Array, weight: Array | None) -> float:
    if weight is None:
        total, entered = float(values.sum(dtype=np.float64)), float(len(values))
    else:
        total, entered = float((values * weight).sum(dtype=np.float64)), float(weight.sum())
    return _ratio(total, entered)


def _ratio(part: Any, whole: Any) -> Any:
    """Keras's quotient, which is 0 where there is nothing to divide by."""
    return np.divide(part, whole, out=np.zeros_like(part, np.float64), where=np.not_equal(whole, 0))


def _samplewise(metric: Any, losses: Collection[tuple[str, bool]]) -> Samplewise | None:
    function, options = internals.metric_function(metric), internals.metric_options(metric)
    name = getattr(function, "__name__", "")
    if function is not getattr(keras.metrics, name, None):
        return None
    if name in LOSSES and not is_special(options):
        behind = LOSSES[name].activation is not None
        of_logits = bool(options.get("from_logits"))
        if not behind or (name, of_logits) in losses:
            return _of_loss(name, options, behind)
    if name in _OF_FUNCTION and set(options) <= {"threshold", "k", "from_sorted_ids"}:
        return None if options.get("from_sorted_ids") else _OF_FUNCTION[name](options)
    return None


def _of_loss(name: str, options: Mapping[str, Any], behind: bool) -> Samplewise:
    loss = LOSSES[name](options, fused=behind and not options.get("from_logits"))

    def values(y: Array, outputs: Array, given: Array) -> Array:
        targets = loss.targets(y, outputs.shape[-1])
        found: Array = loss.values((given if behind else outputs)[None], targets[None])[0]
        return found

    return values


def _right_class(options: Mapping[str, Any]) -> Samplewise:
    return lambda y, outputs, _: y.reshape(len(outputs)) == outputs.argmax(-1)


def _right_among(options: Mapping[str, Any]) -> Samplewise:
    return lambda y, outputs, _: y.argmax(-1) == outputs.argmax(-1)


def _right_side(options: Mapping[str, Any]) -> Samplewise:
    threshold = np.float32(options.get("threshold", 0.5))
    return lambda y, outputs, _: ((outputs > threshold) == y.reshape(outputs.shape)).mean(-1)


def _class_in_first(options: Mapping[str, Any]) -> Samplewise:
    k = options.get("k", 5)
    return lambda y, outputs, _: _in_first(y.reshape(len(outputs)).astype(np.int64), outputs, k)


def _among_first(options: Mapping[str, Any]) -> Samplewise:
    k = options.get("k", 5)
    return lambda y, outputs, _: _in_first(y.argmax(-1), outputs, k)


def _in_first(classes: Array, outputs: Array, k: int) -> Array:
    """Whether fewer than k outputs are larger than that of the right class."""
    right = np.take_along_axis(outputs, classes[:, None], -1)
    found: Array = ((outputs > right).sum(-1) < k) & np.isfinite(outputs).all(-1)
    return found


_OF_FUNCTION: Mapping[str, Callable[[Mapping[str, Any]], Samplewise]] = {
    "binary_accuracy": _right_side,
    "categorical_accuracy": _right_among,
    "sparse_categorical_accuracy": _right_class,
    "sparse_top_k_categorical_accuracy": _class_in_first,
    "top_k_categorical_accuracy": _among_first,
}
"""By the name of the function in `keras.metrics`; losses besides."""


def _root_of_squared(metric: Any) -> Metric:
    def root(y: Array, outputs: Array, given: Array, weight: Array | None) -> Any:
        errors = outputs - y.reshape(outputs.shape).astype(np.float32)
        return np.sqrt(_mean(np.square(errors).mean(-1), weight))

    return root


# ---------------------------------------------------------------------- counts


def _counts(right: Array, found: Array, weight: Array | None) -> tuple[float, float, float, float]:
    """Weights of true positives, false positives, true negatives, false negatives, in sum.

    Args:
        right, found: what is positive, and what is said to be, `(n, k)`.
    """
    if weight is None:
        both, positive, said = ((right & found).sum(), right.sum(), found.sum())
        all_of_them = right.size
    else:
        each = weight.astype(np.float64)
        both, positive, said = (
            float(each @ which.sum(-1)) for which in (right & found, right, found)
        )
        all_of_them = float(each.sum()) * right.shape[-1]
    return both, said - both, all_of_them - positive - said + both, positive - both


def _counted(metric: Any, result: Callable[..., Any]) -> Metric | None:
    """A metric that follows from counts at one threshold."""
    if len(metric.thresholds) != 1 or getattr(metric, "top_k", None) is not None:
        return None
    threshold, class_id = np.float32(metric.thresholds[0]), getattr(metric, "class_id", None)

    def counted(y: Array, outputs: Array, given: Array, weight: Array | None) -> Any:
        right = y.reshape(outputs.shape) != 0
        if class_id is not None:
            right, outputs = right[:, class_id, None], outputs[:, class_id, None]
        return result(*_counts(right, outputs > threshold, weight))

    return counted


def _f_score(metric: Any) -> Metric | None:
    if metric.average is None:
        return None
    average, beta, threshold = metric.average, float(metric.beta), metric.threshold
    little = keras.config.epsilon()

    def score(y: Array, outputs: Array, given: Array, weight: Array | None) -> Any:
        if threshold is None:
            found = (outputs >= outputs.max(-1, keepdims=True)) & (np.abs(outputs) > 1e-9)
        else:
            found = outputs > np.float32(threshold)
        right = y.reshape(outputs.shape).astype(np.float64)
        shares = np.ones((len(right), 1)) if weight is None else weight[:, None].astype(np.float64)
        axis = None if average == "micro" else 0
        both, said, positive = ((shares * each).sum(axis) for each in (right * found, found, right))
        precision, recall = both / (said + little), both / (positive + little)
        scores = precision * recall / (beta**2 * precision + recall + little) * (1 + beta**2)
        if average == "weighted":
            return (scores * positive / (positive.sum() + little)).sum()
        return scores.mean()

    return score


# ---------------------------------------------------------------------- areas under curves


def _area(metric: Any) -> Metric | None:
    evenly, of_logits = models.area_options(metric) or (False, False)
    plain = evenly and not metric.multi_label and metric.label_weights is None
    curve, count = metric.curve.value, metric.num_thresholds
    if not plain or metric.summation_method.value != "interpolation" or curve == "PRGAIN":
        return None

    def area(y: Array, outputs: Array, given: Array, weight: Array | None) -> Any:
        outputs = special.expit(outputs) if of_logits else outputs
        right, under = y.reshape(-1) != 0, _under_roc if curve == "ROC" else _under_pr
        each = np.ones(len(outputs)) if weight is None else weight.astype(np.float64)
        each = np.repeat(each, outputs.shape[-1])
        buckets = _buckets(outputs.reshape(-1), count)
        positives, negatives = (
            _above(buckets[which], each[which], count) for which in (right, ~right)
        )
        return under(positives, negatives, each[right].sum(), each[~right].sum())

    return area


def _buckets(outputs: Array, count: int) -> Array:
    """The last threshold that each is above; -1: none, because it is not a number.

    Keras's thresholds are at equal distances in [0, 1], the first of them below 0.
    """
    scaled = np.ceil(np.clip(outputs, np.float32(0), np.float32(1)) * np.float32(count - 1))
    return np.where(np.isnan(scaled), -1, np.maximum(scaled - 1, 0)).astype(np.int64)


def _above(buckets: Array, each: Array, count: int) -> Array:
    """The weights above each of the thresholds, in sum, `(count,)`."""
    in_buckets = np.bincount(buckets + 1, each, count + 1)[1:]
    above: Array = np.cumsum(in_buckets[::-1])[::-1]
    return above


def _under_roc(positives: Array, negatives: Array, positive: float, negative: float) -> Any:
    x, y = _ratio(negatives, negative), _ratio(positives, positive)
    return ((x[:-1] - x[1:]) * (y[:-1] + y[1:]) / 2).sum()


def _under_pr(positives: Array, negatives: Array, positive: float, negative: float) -> Any:
    """By the interpolation of Davis and Goadrich (2006), as Keras integrates it."""
    said = positives + negatives
    gained, more = positives[:-1] - positives[1:], said[:-1] - said[1:]
    slope = _ratio(gained, more)
    intercept = positives[1:] - slope * said[1:]
    both = (said[:-1] > 0) & (said[1:] > 0)
    growth = np.where(both, _ratio(said[:-1], said[1:]), 1.0)
    return _ratio(slope * (gained + intercept * np.log(growth)), positive).sum()


_OF_KIND: Mapping[str, Callable[[Any], Metric | None]] = {
    "AUC": _area,
    "F1Score": _f_score,
    "FBetaScore": _f_score,
    "FalseNegatives": lambda metric: _counted(metric, lambda tp, fp, tn, fn: fn),
    "FalsePositives": lambda metric: _counted(metric, lambda tp, fp, tn, fn: fp),
    "Precision": lambda metric: _counted(metric, lambda tp, fp, tn, fn: _ratio(tp, tp + fp)),
    "Recall": lambda metric: _counted(metric, lambda tp, fp, tn, fn: _ratio(tp, tp + fn)),
    "RootMeanSquaredError": _root_of_squared,
    "TrueNegatives": lambda metric: _counted(metric, lambda tp, fp, tn, fn: tn),
    "TruePositives": lambda metric: _counted(metric, lambda tp, fp, tn, fn: tp),
}
"""By the name of the class in `keras.metrics`, but for means."""
