"""The trials of a history as arrays."""

from __future__ import annotations

import dataclasses

import numpy as np

from kerastune_lite._src.algorithms.oracles.gp.encoding import Array, Encoding, Indices, Mask
from kerastune_lite._src.core.history import TrialHistory
from kerastune_lite._src.core.trial import Trial, TrialStatus

_ENDED = (TrialStatus.COMPLETED, TrialStatus.PAUSED)


@dataclasses.dataclass(frozen=True)
class Observations:
    """Trials with a result, in the order of their numbers, and running trials.

    Attributes:
        units, active: of the trials with a result, `(n, p)`.
        losses: `(n,)`; infinite for failed trials.
        repeats: for each trial the losses of its executions.
        numbers: of the trials with a result, `(n,)`.
        used: whether a trial has exactly the values that it used, `(n,)`.
        pending: units of the running trials, `(q, p)`.
        running: numbers of the running trials, `(q,)`.
    """

    units: Array
    active: Mask
    losses: Array
    repeats: list[list[float]]
    numbers: Indices
    used: Mask
    pending: Array
    running: Indices

    def __len__(self) -> int:
        return len(self.losses)


def observe(history: TrialHistory, encoding: Encoding) -> Observations:
    """The trials of a history, except those that failed before they asked for anything."""
    known: list[tuple[Trial, float]] = []
    pending, running = [], []
    for trial in history:
        if trial.status in _ENDED and trial.loss is not None:
            known.append((trial, trial.loss))
        elif trial.status is TrialStatus.FAILED and trial.values:
            known.append((trial, np.inf))
        elif trial.status is TrialStatus.RUNNING:
            pending.append(encoding.units(trial.values)[0])
            running.append(trial.number)
    points = [encoding.units(trial.values) for trial, _ in known]
    width = len(encoding.axes)
    return Observations(
        units=np.array([units for units, _ in points]).reshape(-1, width),
        active=np.array([active for _, active in points], dtype=bool).reshape(-1, width),
        losses=np.array([loss for _, loss in known], dtype=float),
        repeats=[_losses(trial) for trial, _ in known],
        numbers=np.array([trial.number for trial, _ in known], dtype=int),
        used=np.array([trial.status in _ENDED for trial, _ in known], dtype=bool),
        pending=np.array(pending).reshape(-1, width),
        running=np.array(running, dtype=int),
    )


def _losses(trial: Trial) -> list[float]:
    """The losses of the executions of a trial, if it has several."""
    if len(trial.executions) < 2:
        return []
    return [e.loss for e in trial.completed_executions if e.loss is not None]
