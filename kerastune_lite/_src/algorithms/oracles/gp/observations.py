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
        several: of all objectives, `(n, m)`, infinite for failed trials; None for one objective.
        excesses: by how much constraints are exceeded, `(n, c)`, NaN for failed trials; None
            without constraints.
        repeats: for each trial the losses of its executions.
        numbers: of the trials with a result, `(n,)`.
        used: whether a trial has exactly the values that it used, `(n,)`.
        pending: units of the running trials, `(q, p)`.
        running: numbers of the running trials, `(q,)`.
    """

    units: Array
    active: Mask
    losses: Array
    several: Array | None
    excesses: Array | None
    repeats: list[list[float]]
    numbers: Indices
    used: Mask
    pending: Array
    running: Indices

    def __len__(self) -> int:
        return len(self.losses)

    @property
    def allowed(self) -> Mask:
        """Whether a trial has a loss and satisfies all constraints, `(n,)`."""
        finite: Mask = np.isfinite(self.losses)
        return finite if self.excesses is None else finite & (self.excesses <= 0.0).all(1)


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
    trials = [trial for trial, _ in known]
    return Observations(
        units=np.array([units for units, _ in points]).reshape(-1, width),
        active=np.array([active for _, active in points], dtype=bool).reshape(-1, width),
        losses=np.array([loss for _, loss in known], dtype=float),
        several=_rows([trial.losses for trial in trials], np.inf),
        excesses=_rows([trial.excesses for trial in trials], np.nan),
        repeats=[_losses(trial) for trial in trials],
        numbers=np.array([trial.number for trial, _ in known], dtype=int),
        used=np.array([trial.status in _ENDED for trial, _ in known], dtype=bool),
        pending=np.array(pending).reshape(-1, width),
        running=np.array(running, dtype=int),
    )


def _rows(tuples: list[tuple[float, ...]], missing: float) -> Array | None:
    """Tuples of one length as rows, `(n, m)`; `missing` for empty ones. None if all are empty."""
    width = max(map(len, tuples), default=0)
    if width == 0:
        return None
    return np.array([each or (missing,) * width for each in tuples], dtype=float)


def _losses(trial: Trial) -> list[float]:
    """The losses of the executions of a trial, if it has several."""
    if len(trial.executions) < 2:
        return []
    return [e.loss for e in trial.completed_executions if e.loss is not None]
