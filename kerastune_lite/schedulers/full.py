"""No scheduling: every trial trains to its end."""

from __future__ import annotations

from collections.abc import Sequence

from kerastune_lite.history import History
from kerastune_lite.schedulers.base import Decision, Rung, Scheduler


class FullTraining(Scheduler):
    """Each trial trains for all the epochs that its fit arguments ask for."""

    def plan(self, history: History, free: int) -> list[Rung]:
        return [] if history.exhausted else [Rung()] * free

    def judge(self, history: History, trial: int, losses: Sequence[float]) -> Decision:
        return Decision.CONTINUE
