"""Reading what a user's `fit` or `run_trial` returned, without importing Keras."""

from __future__ import annotations

import dataclasses
import difflib
import math
import numbers
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from kerastune_lite._src.core.goals import MEASURED, Guide
from kerastune_lite._src.core.objective import DefaultObjective, Objective, best_epoch
from kerastune_lite._src.util.errors import FatalTypeError, FatalValueError


@dataclasses.dataclass(frozen=True)
class Result:
    """One execution's result.

    Attributes:
        score: of the best epoch; may be NaN or infinite.
        metrics: at the best epoch.
        best_epoch: counted from 0; None if a number was returned.
        history: one list per metric, one value per epoch; empty if a number was returned.
    """

    score: float
    metrics: Mapping[str, float]
    best_epoch: int | None = None
    history: Mapping[str, Sequence[float]] = dataclasses.field(default_factory=dict)

    @property
    def epochs(self) -> int:
        """The number of epochs of the history."""
        return max(map(len, self.history.values()), default=0)


@dataclasses.dataclass(frozen=True)
class Streamed:
    """Results whose epochs were reported one by one; looks like Keras's History.

    Attributes:
        history: one list per metric.
    """

    history: Mapping[str, Sequence[float]]


def read_results(returned: Any, objective: Objective, source: str) -> list[Result]:
    """One result per execution from a float, a dict, a History, or a list of these.

    Args:
        source: the function that returned it, for messages: "HyperModel.fit()".

    Raises:
        FatalTypeError: it is none of these, or a float although several metrics are needed.
        FatalValueError: the objective is not in the dict or History, or the list is empty.
    """
    if isinstance(returned, (list, tuple)):
        if not returned:
            raise FatalValueError(
                f"{source} must return at least one result. Received: {returned!r}."
            )
        return [result for each in returned for result in read_results(each, objective, source)]
    history = getattr(returned, "history", None)
    if isinstance(history, Mapping):
        return [from_history(history, objective, source)]
    if isinstance(returned, Mapping):
        if returned and all(isinstance(values, (list, tuple)) for values in returned.values()):
            return [from_history(returned, objective, source)]
        return [_from_metrics(returned, objective, source)]
    number = scalar(returned)
    if number is not None:
        if isinstance(objective, Guide) and len(objective.names) > 1:
            raise FatalTypeError(
                f"With several objectives, or constraints, {source} must return a dict with all "
                f"metrics that these name: {', '.join(objective.names)}. Received: {returned!r}."
            )
        return [Result(number, {objective.name: number})]
    hint = " Did you forget to return the result?" if returned is None else ""
    raise FatalTypeError(
        f"{source} must return a float, a dict of metrics, the History of fit(), or a list "
        f"of these.{hint} Received: {returned!r} of type {type(returned).__name__}."
    )


def scalar(value: Any) -> float | None:
    """`value` as a float; None if it is not a number.

    Arrays and tensors with a single element count as numbers.
    """
    if isinstance(value, numbers.Real):
        return float(value)
    if getattr(value, "shape", None) is None:
        return None
    try:
        # bfloat16 scalars of TensorFlow can only be converted with numpy().
        array = np.asarray(value.numpy() if hasattr(value, "numpy") else value)
        if array.size != 1 or array.dtype.kind in "cmMOSU":
            return None
        return float(array.astype(np.float64).reshape(()))
    except (TypeError, ValueError):  # a symbolic tensor, a record
        return None


def scalars(metrics: Mapping[str, Any]) -> dict[str, float]:
    """The metrics that are numbers; others may be arrays with one value per class."""
    numeric = {str(name): scalar(value) for name, value in metrics.items()}
    return {name: value for name, value in numeric.items() if value is not None}


def _from_metrics(metrics: Mapping[str, Any], objective: Objective, source: str) -> Result:
    known = scalars(metrics)
    _require(objective, known, metrics, source)
    return Result(objective.score(known), known)


def from_history(history: Mapping[str, Sequence[Any]], objective: Objective, source: str) -> Result:
    """The result of the best epoch; if no epoch is finite, of the last one.

    Args:
        history: one list per metric; None and NaN mean no value.
        source: as for `read_results`.

    Raises:
        FatalTypeError, FatalValueError: the objective is not in it.
    """
    known: dict[str, list[float]] = {}
    for name, values in history.items():
        numeric = [math.nan if value is None else scalar(value) for value in values]
        if None not in numeric:
            known[str(name)] = [value for value in numeric if value is not None]
    _require(objective, known, history, source)
    length = max(map(len, known.values()), default=0)
    if length == 0:
        raise FatalValueError(
            f"{source} must train for at least one epoch. Received a history without epochs: is "
            "`epochs` 0, or the data empty?"
        )
    best = best_epoch(objective, known)
    shown = length - 1 if best is None else best
    metrics = {name: values[shown] for name, values in known.items() if len(values) > shown}
    score = objective.score(metrics) if not objective.missing(metrics) else math.nan
    present = {name: value for name, value in metrics.items() if not math.isnan(value)}
    return Result(score, present, best, known)


def combined(results: Sequence[Result]) -> Result:
    """The mean of several results of one execution, such as the folds of a cross-validation."""
    if len(results) == 1:
        return results[0]
    names = [n for n in results[0].metrics if all(n in result.metrics for result in results)]
    return Result(
        float(np.mean([result.score for result in results])),
        {name: float(np.mean([result.metrics[name] for result in results])) for name in names},
    )


def finite(result: Result, objective: Objective, why: Callable[[], str] = str) -> Result:
    """`result`, if its score is finite.

    Args:
        why: returns a sentence with a possible reason; called only if the score is not finite.

    Raises:
        FloatingPointError: its score is NaN or infinite, or a metric that several goals need is.
    """
    found = {objective.name: result.score}
    if isinstance(objective, Guide):
        found = {name: result.metrics.get(name, math.nan) for name in objective.names}
        found.update((n, result.metrics[n]) for n in objective.measured if n in result.metrics)
    name, value = next((each for each in found.items() if not math.isfinite(each[1])), ("", 0.0))
    if not name:
        return result
    what = "The result" if isinstance(objective, DefaultObjective) else name
    raise FloatingPointError(
        f"{what} is {value}; the score of a trial must be finite. {why()}".rstrip()
    )


def _require(
    objective: Objective, known: Mapping[str, Any], given: Mapping[str, Any], source: str
) -> None:
    """Raise an error if the objective is missing.

    Args:
        known: the metrics that are numbers.
        given: all metrics.
    """
    missing = objective.missing(known)
    if not missing:
        return
    if isinstance(objective, DefaultObjective):
        raise FatalTypeError(
            f"Without an `objective`, {source} must return a single float to minimise. Received "
            f"the metrics {sorted(given)}. Return a float, or name the objective."
        )
    raise FatalValueError(missing_metrics(objective, missing, given, source))


def missing_metrics(
    objective: Objective, missing: Sequence[str], available: Mapping[str, Any], source: str
) -> str:
    """The message for an objective that is not one of the metrics, or is not a number."""
    what = "Each objective and constraint" if isinstance(objective, Guide) else "The objective"
    wanted = " and ".join(repr(name) for name in missing)
    if all(name in available for name in missing):
        value = available[missing[0]]
        return (
            f"{what} must be a single number. {source} reports {wanted} as {value!r}. Use "
            'a metric that averages over classes, such as F1Score(average="macro"), or another '
            "objective."
        )
    near = difflib.get_close_matches(missing[0], [*map(str, available), *MEASURED], 1)
    meant = f" Did you mean {near[0]!r}?" if near else ""
    return (
        f"{what} must be one of the metrics that {source} reports. There is no {wanted}; "
        f"there are: {', '.join(sorted(map(str, available))) or 'none'}.{meant} Correct the name, "
        "or add the metric: in compile(metrics=[...]), or in the dict that a function returns. "
        f"({', '.join(MEASURED)} are measured. Of a hyperparameter, write a function: "
        'constraints=[lambda trial: trial.values["units"] <= 64].)'
    )
