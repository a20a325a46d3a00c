"""The trials of an oracle that no tuner uses: they are asked for and told by hand."""

from __future__ import annotations

import dataclasses
from collections import Counter
from collections.abc import Callable
from typing import Any

from kerastune_lite._src.compat_kerastuner.trials import Trial, TrialStatus
from kerastune_lite._src.core import trial as core
from kerastune_lite._src.core.history import TrialHistory
from kerastune_lite._src.core.metrics import Metrics
from kerastune_lite._src.core.objective import Objective

_IN_HISTORY = {
    TrialStatus.COMPLETED: core.TrialStatus.COMPLETED,
    TrialStatus.FAILED: core.TrialStatus.FAILED,
}
"""Trials with other statuses are running."""


class OwnTrials:
    """The trials of an oracle, and which of them are running or wait for a retry.

    Attributes:
        trials: by id.
        ongoing: by the id of the tuner that asked for them.
        started, ended: ids, in the order of start and end.
    """

    def __init__(self) -> None:
        self.trials: dict[str, Trial] = {}
        self.ongoing: dict[str, Trial] = {}
        self.started: list[str] = []
        self.ended: list[str] = []
        self._to_retry: list[str] = []
        self._failures: Counter[str] = Counter()

    def create(self, asked_for: Callable[[str], Trial], tuner_id: str) -> Trial:
        """The trial of that tuner; if it has none, one to retry, or a new one.

        Args:
            asked_for: returns a new trial with a given id.
        """
        if tuner_id in self.ongoing:
            return self.ongoing[tuner_id]
        if self._to_retry:
            trial = self.trials[self._to_retry.pop(0)]
            trial.mark(TrialStatus.RUNNING)
            self.ongoing[tuner_id] = trial
            return trial
        trial = asked_for(f"{len(self.trials):04d}")
        if trial.status == TrialStatus.RUNNING:
            self.trials[trial.trial_id] = self.ongoing[tuner_id] = trial
            self.started.append(trial.trial_id)
        return trial

    def end(self, trial: Trial, most_attempts: int, most_in_row: int) -> None:
        """Note that a trial has ended, with its status and score.

        Args:
            most_attempts: of a trial that is INVALID; then it has FAILED.
            most_in_row: how many trials may fail in a row.

        Raises:
            RuntimeError: too many have failed in a row.
        """
        self.ongoing = {k: each for k, each in self.ongoing.items() if each is not trial}
        if trial.status == TrialStatus.INVALID:
            self._failures[trial.trial_id] += 1
            if self._failures[trial.trial_id] < most_attempts:
                self._to_retry.append(trial.trial_id)
                return
            trial.mark(TrialStatus.FAILED, trial.message)
        self.ended.append(trial.trial_id)
        latest = [self.trials[each] for each in self.ended[-most_in_row:]]
        if len(latest) == most_in_row and all(t.status == TrialStatus.FAILED for t in latest):
            raise RuntimeError(
                f"Number of consecutive failures exceeded the limit of {most_in_row}.\n"
                f"{trial.message or ''}"
            )

    def history(self, objective: Objective) -> TrialHistory:
        """The trials as other oracles read them."""
        history = TrialHistory()
        for number, trial in enumerate(self.trials.values()):
            hp, score = trial.hyperparameters, trial.score
            plain: dict[str, Any] = {
                "status": _IN_HISTORY.get(TrialStatus(str(trial.status)), core.TrialStatus.RUNNING),
                "score": score,
                "loss": None if score is None else objective.loss_of(score),
            }
            metrics = Metrics(trial.metrics, trial.best_step)
            told = core.Trial(number, dict(hp.values), hp.space, metrics=metrics)
            history.add(objective.judged(dataclasses.replace(told, **plain)))
        return history
