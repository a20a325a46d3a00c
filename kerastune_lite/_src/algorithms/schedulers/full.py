"""No early stopping: every trial trains to its end."""

from __future__ import annotations

from collections.abc import Sequence

from kerastune_lite._src.algorithms.schedulers.scheduler import (
    Decision,
    Scheduler,
    Supply,
    TrainingRequest,
)
from kerastune_lite._src.core.history import TrialHistory
from kerastune_lite._src.util.public import public


@public("kerastune_lite.schedulers")
class FullTraining(Scheduler):
    """Trains each trial for all epochs of the fit arguments.

    Example:
        >>> from kerastune_lite.schedulers import FullTraining
        >>> FullTraining().settings()
        {'type': 'FullTraining'}
    """

    stops_trials = False

    def plan(self, history: TrialHistory, free: int, supply: Supply) -> list[TrainingRequest]:
        return [] if supply.exhausted else [TrainingRequest()] * free

    def judge(self, history: TrialHistory, trial: int, losses: Sequence[float]) -> Decision:
        return Decision.CONTINUE
