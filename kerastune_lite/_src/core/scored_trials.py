"""Which trials have a score, and which of them were trained to the end."""

from __future__ import annotations

import math
from collections.abc import Iterable

from kerastune_lite._src.core.trial import Trial, TrialStatus


def scored(trials: Iterable[Trial]) -> list[Trial]:
    """The trials with a finite loss, completed or paused, in the order of their numbers."""
    ended = (TrialStatus.COMPLETED, TrialStatus.PAUSED)
    found = [
        trial
        for trial in trials
        if trial.status in ended and trial.loss is not None and math.isfinite(trial.loss)
    ]
    return sorted(found, key=lambda trial: trial.number)


def at_the_end(trials: Iterable[Trial]) -> set[int]:
    """The numbers of the trials with a score that were trained to the end of the last rung."""
    rows = scored(trials)
    goals = [math.inf if row.goal is None else row.goal for row in rows]
    # Trials that a callback ended would not have been trained in a later rung.
    return {row.number for row, goal in zip(rows, goals) if goal == max(goals) or _stopped(row)}


def _stopped(trial: Trial) -> bool:
    done = trial.completed_executions
    return bool(done) and all(execution.stopped for execution in done)
