"""Learning curves of many trials: one line each, and how they are spread at every epoch."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence

import numpy as np

from kerastune_lite._src.analysis.unit_cube import Array
from kerastune_lite._src.core.objective import Objective

QUANTILES = (0.1, 0.5, 0.9)

_ENOUGH = 3
"""From fewer trials that came as far there are no quantiles."""

Curves = Sequence[Mapping[str, Sequence[float]]]
"""The curves of one trial as `Results.history` gives them: a dict of lists for each execution."""


@dataclasses.dataclass(frozen=True)
class Fan:
    """Learning curves, and their quantiles by epoch.

    Attributes:
        metric: what they are of.
        lines: by the trial's number, (epochs,): the mean over its executions, NaN where nothing was
            measured. Epoch 1 is the first; rungs of one trial are one line.
        band: (3, epochs): the quantiles `QUANTILES` over the trials that were trained for so long;
            NaN where these are fewer than three. In a search that stops trials these are the ones
            that it let go on, so the band becomes better than all trials would be.
    """

    metric: str
    lines: Mapping[int, Array]
    band: Array


def fan(curves: Mapping[int, Curves], objective: Objective, metric: str | None = None) -> Fan:
    """The learning curves of trials.

    Args:
        curves: by the trial's number.
        objective: its curves are drawn unless `metric` names another.
        metric: a name in Keras's logs.

    Raises:
        ValueError: no trial has measured it.
    """
    lines: dict[int, Array] = {}
    for number, executions in curves.items():
        line = mean_curve(executions, objective, metric)
        if np.isfinite(line).any():
            lines[number] = line
    name = objective.name if metric is None else metric
    if not lines:
        known = sorted({key for each in curves.values() for curve in each for key in curve})
        what = f"What was measured is {known}." if known else "Nothing was measured by epoch."
        raise ValueError(f"No trial has a learning curve of {name!r}. {what}")
    return Fan(name, lines, _band(list(lines.values())))


def mean_curve(executions: Curves, objective: Objective, metric: str | None = None) -> Array:
    """(epochs,): the mean over executions, as far as all of them came.

    Args:
        executions: the curves of one trial.
        objective: the score of which is taken, unless `metric` is given.
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
    series = [curve.get(name, ()) for name in objective.names]
    scores = [objective.score(dict(zip(objective.names, values))) for values in zip(*series)]
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
