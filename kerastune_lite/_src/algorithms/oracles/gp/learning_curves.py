"""Trials that were trained for different numbers of epochs, as data for one process.

The training time is one more input of the process, t = ln(epoch) / ln(longest) in [0, 1] (a joint
model of points and budgets, as in Klein and others 2017). A trial enters once for each rung that it
came to, with its best loss until then. Losses fall with time for all trials; so that the process
need not learn that, each rung is shifted to the next one by the median difference of the trials
that are known at both. Only pairs count: those that came far are the better ones, and would bias a
difference of means.
"""

from __future__ import annotations

import dataclasses
import math

import numpy as np

from kerastune_lite._src.algorithms.oracles.gp.encoding import Array, Indices
from kerastune_lite._src.core.history import TrialHistory
from kerastune_lite._src.core.trial import Trial, TrialStatus

_RUNGS = 6
"""At most; schedulers have no more, but users' callbacks may end trials anywhere."""


@dataclasses.dataclass(frozen=True)
class Timed:
    """Losses by trial and time.

    Attributes:
        numbers: of the trials, ascending, `(r,)`.
        times: in [0, 1], `(r,)`.
        losses: as they would be at the end of training, by the shifts; `(r,)`.
    """

    numbers: Indices
    times: Array
    losses: Array


def timed(history: TrialHistory) -> Timed | None:
    """The losses by time; None where all trials were trained to their ends."""
    trials = [trial for trial in history if trial.status is not TrialStatus.FAILED]
    ends = _ends(trials)
    if len(ends) < 2:
        return None
    # (n, rungs); NaN where a trial has not come to.
    table = np.array([_at_ends(history, trial, ends) for trial in trials])
    shifted = _shifted(table)
    which, rung = np.nonzero(~np.isnan(table))
    numbers = np.array([trial.number for trial in trials])[which]
    times = np.log(np.array(ends, dtype=float)) / math.log(ends[-1])
    failed = [t.number for t in history if t.status is TrialStatus.FAILED and t.values]
    numbers = np.concatenate([numbers, np.array(failed, dtype=int)])
    order = np.argsort(numbers, kind="stable")
    return Timed(
        numbers[order],
        np.concatenate([times[rung], np.ones(len(failed))])[order],
        np.concatenate([shifted[which, rung], np.full(len(failed), np.inf)])[order],
    )


def _ends(trials: list[Trial]) -> list[int]:
    """The epochs at which trials were left, ascending; one when all came to their ends."""
    left = {t.epochs for t in trials if t.epochs and not _is_final(t)}
    longest = max((t.epochs for t in trials), default=0)
    ends = sorted(left | {longest})
    if len(ends) <= _RUNGS:
        return ends
    wanted = np.geomspace(ends[0], ends[-1], _RUNGS)
    nearest = np.abs(np.log(np.array(ends))[:, None] - np.log(wanted)).argmin(0)
    return [ends[i] for i in sorted(set(nearest.tolist()))]


def _is_final(trial: Trial) -> bool:
    """Whether more training is out of the question, so that the loss is that at any later epoch."""
    if trial.status is not TrialStatus.COMPLETED:
        return False
    return trial.goal is None or any(e.stopped for e in trial.completed_executions)


def _at_ends(history: TrialHistory, trial: Trial, ends: list[int]) -> list[float]:
    """The best loss until each of `ends`; infinite if there is none, NaN if it is not known."""
    curve = np.array(history.curve(trial.number), dtype=float)
    length = len(curve) if trial.status is TrialStatus.RUNNING else max(trial.epochs, len(curve))
    if not length:
        return [math.nan] * len(ends)
    best = np.fmin.accumulate(np.where(np.isfinite(curve), curve, np.inf)) if len(curve) else curve
    found = []
    for end in ends:
        if end > length and not _is_final(trial):
            found.append(math.nan)
        elif len(curve):
            found.append(float(best[min(end, len(curve)) - 1]))
        else:
            # Nobody told of its epochs: the loss is that of its last rung.
            last = end == ends[-1] or ends[ends.index(end) + 1] > length
            found.append(trial.loss if last and trial.loss is not None else math.nan)
    return found


def _shifted(table: Array) -> Array:
    """`table`, `(n, rungs)`, with each rung moved to where the last one is."""
    known = table[np.isfinite(table)]
    # Losses that cannot be negative fall by factors rather than by differences.
    positive = bool(len(known)) and bool((known > 0.0).all())
    values = np.log(table) if positive else table.copy()
    for rung in range(table.shape[1] - 2, -1, -1):
        both = np.isfinite(values[:, rung]) & np.isfinite(values[:, rung + 1])
        if both.any():
            step = float(np.median(values[both, rung + 1] - values[both, rung]))
            # The rungs below follow through their pairs with this one.
            values[:, rung] += step
    return np.exp(values) if positive else values
