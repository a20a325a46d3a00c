"""The learning curves of earlier searches, for oracles and schedulers that read them."""

from __future__ import annotations

from kerastune_lite._src.core.history import TrialHistory
from kerastune_lite._src.core.objective import Objective
from kerastune_lite._src.core.trial import Trial
from kerastune_lite._src.store.store import Store


def read_curves(history: TrialHistory, store: Store, objective: Objective) -> None:
    """Enter the epochs of the trials of a history into it.

    Args:
        objective: of the search, with its direction.
    """
    guide = objective.guide
    for trial in history:
        # Epochs of a later attempt come later, and replace the earlier ones.
        for epoch in store.epochs(trial.number):
            if not guide.missing(epoch.metrics):
                loss = guide.loss(epoch.metrics)
                known = _train_time(trial, epoch.epoch) if objective.measured else {}
                marks = objective.marks({**known, **epoch.metrics})
                history.note(trial.number, epoch.execution, epoch.epoch, loss, marks)


def _train_time(trial: Trial, epoch: int) -> dict[str, float]:
    """How long a trial had been trained after an epoch, if all of them took the same time."""
    seconds = trial.metrics.get("train_time")
    if seconds is None or not trial.epochs:
        return {}
    return {"train_time": seconds * (epoch + 1) / trial.epochs}
