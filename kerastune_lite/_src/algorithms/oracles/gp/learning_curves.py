"""Trials that were trained for different numbers of epochs, as data of one process.

The training time is one more input of the process, t = ln(epoch) / ln(longest) in [0, 1] (a joint
model of points and budgets, as in Klein and others 2017). A trial is an observation at each rung
that it reached, with its best loss so far. Losses of all trials fall with time; the process need
not learn that, because each rung is shifted to the next one by the median difference of the trials
that reached both. A difference of means would be biased: the trials that reached a later rung are
the better ones.
"""

from __future__ import annotations

import dataclasses
import math

import numpy as np

from kerastune_lite._src.algorithms.oracles.gp.encoding import Array, Indices, Mask
from kerastune_lite._src.core.history import TrialHistory
from kerastune_lite._src.core.trial import Trial, TrialStatus

_RUNGS = 6
"""The largest number of rungs; callbacks may end trials at any epoch."""


@dataclasses.dataclass(frozen=True)
class Timed:
    """Losses by trial and time.

    Attributes:
        numbers: of the trials, ascending, `(r,)`.
        times: in [0, 1], `(r,)`.
        losses: shifted to the end of training, `(r,)`.
    """

    numbers: Indices
    times: Array
    losses: Array

    @property
    def latest(self) -> Mask:
        """Which observations are the last ones of their trials, `(r,)`."""
        latest = np.ones(len(self.numbers), dtype=bool)
        for number in np.unique(self.numbers):
            own = np.flatnonzero(self.numbers == number)
            latest[own] = self.times[own] == self.times[own].max()
        return latest


def timed(history: TrialHistory) -> Timed | None:
    """The losses by time; None if all trials were trained to their ends."""
    trials = [trial for trial in history if trial.status is not TrialStatus.FAILED]
    ends = _ends(trials)
    if len(ends) < 2:
        return None
    # (n, rungs); NaN for rungs that a trial did not reach.
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
    """The epochs at which trials ended or paused, ascending; one if all reached their ends."""
    left = {t.epochs for t in trials if t.epochs and not _is_final(t)}
    longest = max((t.epochs for t in trials), default=0)
    ends = sorted(left | {longest})
    if len(ends) <= _RUNGS:
        return ends
    wanted = np.geomspace(ends[0], ends[-1], _RUNGS)
    nearest = np.abs(np.log(np.array(ends))[:, None] - np.log(wanted)).argmin(0)
    return [ends[i] for i in sorted(set(nearest.tolist()))]


def _is_final(trial: Trial) -> bool:
    """Whether the trial will not be resumed, so that its loss counts at all later epochs."""
    if trial.status is not TrialStatus.COMPLETED:
        return False
    return trial.goal is None or any(e.stopped for e in trial.completed_executions)


def _at_ends(history: TrialHistory, trial: Trial, ends: list[int]) -> list[float]:
    """The best loss up to each of `ends`; infinite if there is none, NaN if it is unknown."""
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
            # Its epochs were not reported: the loss is that of its last rung.
            last = end == ends[-1] or ends[ends.index(end) + 1] > length
            found.append(trial.loss if last and trial.loss is not None else math.nan)
    return found


def _shifted(table: Array) -> Array:
    """`table`, `(n, rungs)`, with each rung shifted to the last one."""
    known = table[np.isfinite(table)]
    # Positive losses fall by factors rather than by differences.
    positive = bool(len(known)) and bool((known > 0.0).all())
    values = np.log(table) if positive else table.copy()
    for rung in range(table.shape[1] - 2, -1, -1):
        both = np.isfinite(values[:, rung]) & np.isfinite(values[:, rung + 1])
        if both.any():
            step = float(np.median(values[both, rung + 1] - values[both, rung]))
            # Earlier rungs are then shifted to this one.
            values[:, rung] += step
    return np.exp(values) if positive else values
