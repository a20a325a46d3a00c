"""The learning curves of earlier searches, for oracles and schedulers that read them."""

from __future__ import annotations

from kerastune_lite._src.core.history import TrialHistory
from kerastune_lite._src.core.objective import Objective
from kerastune_lite._src.store.store import Store


def read_curves(history: TrialHistory, store: Store, guide: Objective) -> None:
    """Enter the epochs of the trials of a history into it.

    Args:
        guide: that of the search's objective, with its direction.
    """
    for trial in history:
        # Epochs of a later attempt come later, and replace the earlier ones.
        for epoch in store.epochs(trial.number):
            if not guide.missing(epoch.metrics):
                loss = guide.loss(epoch.metrics)
                history.note(trial.number, epoch.execution, epoch.epoch, loss)
