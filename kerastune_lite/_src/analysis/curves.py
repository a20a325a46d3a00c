"""Learning curves of many trials, and their quantiles at every epoch."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence

import numpy as np

from kerastune_lite._src.analysis.unit_cube import Array
from kerastune_lite._src.core.objective import Objective

QUANTILES = (0.1, 0.5, 0.9)

_ENOUGH = 3
"""The smallest number of trials for quantiles."""

Curves = Sequence[Mapping[str, Sequence[float]]]
"""The curves of one trial, as in `Results.history`: for each execution a dict of lists."""


@dataclasses.dataclass(frozen=True)
class Fan:
    """Learning curves, and their quantiles by epoch.

    Attributes:
        metric: its name.
        lines: by the number of the trial, (epochs,): the mean over its executions, NaN for epochs
            without a value. All rungs of a trial are one line.
        band: (3, epochs), the quantiles `QUANTILES` over the trials that reached an epoch; NaN if
            these are fewer than three. In a search that stops trials, only the better ones reach
            later epochs, so the band is better than that of all trials would be.
    """

    metric: str
    lines: Mapping[int, Array]
    band: Array


def fan(curves: Mapping[int, Curves], objective: Objective, metric: str | None = None) -> Fan:
    """The learning curves of trials.

    Args:
        curves: by the number of the trial.
        objective: of the curves, unless `metric` is given.
        metric: a name in Keras's logs.

    Raises:
        ValueError: no trial has a value of it.
    """
    lines: dict[int, Array] = {}
    for number, executions in curves.items():
        line = mean_curve(executions, objective, metric)
        if np.isfinite(line).any():
            lines[number] = line
    name = objective.guide.name if metric is None else metric
    if not lines:
        known = sorted({key for each in curves.values() for curve in each for key in curve})
        what = f"What was measured is {known}." if known else "Nothing was measured by epoch."
        raise ValueError(f"No trial has a learning curve of {name!r}. {what}")
    return Fan(name, lines, _band(list(lines.values())))


def mean_curve(executions: Curves, objective: Objective, metric: str | None = None) -> Array:
    """(epochs,): the mean over executions, up to the last epoch that all of them reached.

    Args:
        executions: the curves of one trial.
        objective: of the curve, unless `metric` is given.
        metric: a name in Keras's logs.
    """
    lines = [_line(curve, objective, metric) for curve in executions]
    if not lines:
        return np.zeros(0)
    length = min(map(len, lines))
    mean: Array = np.mean([line[:length] for line in lines], axis=0)
    return mean


def _line(curve: Mapping[str, Sequence[float]], objective: Objective, metric: str | None) -> Array:
    if metric is not None:
        return np.array(curve.get(metric, ()), dtype=np.float64)
    names, score = objective.guide.names, objective.guide.score
    series = [curve.get(name, ()) for name in names]
    scores = [score(dict(zip(names, values))) for values in zip(*series)]
    return np.array(scores, dtype=np.float64)


def _band(lines: Sequence[Array]) -> Array:
    length = max(map(len, lines))
    table = np.full((len(lines), length), np.nan)
    for row, line in zip(table, lines):
        row[: len(line)] = line
    table[~np.isfinite(table)] = np.nan
    band = np.full((len(QUANTILES), length), np.nan)
    enough = (~np.isnan(table)).sum(axis=0) >= _ENOUGH
    if enough.any():
        band[:, enough] = np.nanquantile(table[:, enough], QUANTILES, axis=0)
    return band
