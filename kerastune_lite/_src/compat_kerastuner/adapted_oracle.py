"""An oracle that a user wrote for KerasTuner, as a search asks it and tells it of results.

The search sees only the adapter, so the user's class may have any attributes.
"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

from kerastune_lite._src.algorithms.oracles import oracle as core
from kerastune_lite._src.compat_kerastuner import kept_state
from kerastune_lite._src.compat_kerastuner.oracle import Oracle, customised
from kerastune_lite._src.compat_kerastuner.trials import Trial, TrialStatus
from kerastune_lite._src.core.history import TrialHistory
from kerastune_lite._src.core.trial import Trial as SearchTrial
from kerastune_lite._src.space.domains import Value
from kerastune_lite._src.space.parameters import Parameter, Space
from kerastune_lite._src.store.project_folder import ORACLE_STATE
from kerastune_lite._src.util.errors import FatalRuntimeError, FatalValueError

_ASKED_AGAIN = 1000
"""How often an oracle may answer IDLE although no trial is running."""


class AdaptedOracle(core.Oracle):
    """Asks a user's oracle for one trial after the other, and tells it of each end once.

    Args:
        oracle: the user's.
    """

    def __init__(self, oracle: Oracle) -> None:
        self._oracle = oracle
        self._name = type(oracle).__name__
        self._is_told = customised(oracle, "update_trial", "end_trial", "score_trial", "get_state")
        own = customised(oracle, "populate_space")
        unseen = "default" if own else oracle._algorithm.unseen
        vars(self).update(unseen=unseen, reads_curves=oracle._algorithm.reads_curves)
        self.proposes_again = customised(oracle, "populate_space", "create_trial")

    def settings(self) -> dict[str, Value]:
        return {"type": self._name}

    def propose(
        self, space: Space, history: TrialHistory, count: int, rng: np.random.Generator
    ) -> list[dict[str, Value]]:
        oracle = self._oracle
        for trial in history:
            if "hyperparameters" not in vars(trial):
                self._note_values(trial)
        self._take_over(history)
        oracle._search, oracle._proposed, self.is_waiting = (space, history, rng), {}, False
        points: list[dict[str, Value]] = []
        try:
            for _ in range(_ASKED_AGAIN):
                if len(points) == count:
                    break
                trial = oracle.create_trial("tuner0")
                if trial.status == TrialStatus.STOPPED:
                    break
                if trial.status == TrialStatus.IDLE:
                    self.is_waiting = bool(points or history.running)
                    if self.is_waiting:
                        break
                    continue
                points.append(self._checked(space, trial.hyperparameters.values))
            else:
                raise FatalRuntimeError(
                    f"{self._name} answered IDLE {_ASKED_AGAIN} times although no trial is "
                    "running. populate_space() returns the status RUNNING with values, or STOPPED "
                    "to end the search."
                )
        finally:
            oracle._search, oracle._proposed = None, {}
        self._keep()
        return points

    def trial_ended(self, trial: SearchTrial) -> SearchTrial:
        oracle = self._oracle
        reported = oracle._reports.pop(trial.trial_id, None)
        if not self._is_told:
            return trial
        self._take_over(oracle._tuner.trials)
        self._note_values(trial)
        told = Trial(trial.hyperparameters, trial.trial_id) if reported is None else reported
        vars(told).update(score=trial.score, best_step=trial.best_step)
        told.mark(TrialStatus(str(trial.status)), trial.message)
        oracle._told = {told.trial_id: told}
        try:
            # If run_trial has reported metrics itself, the oracle has heard them.
            if reported is None and trial.status == TrialStatus.COMPLETED:
                oracle.update_trial(told.trial_id, dict(trial.metrics), step=trial.best_step or 0)
                told.mark(TrialStatus.COMPLETED)
            oracle.end_trial(told)
        finally:
            oracle._told = {}
        if trial.score is None or not customised(oracle, "score_trial", "end_trial"):
            return trial
        if told.score is None or not math.isfinite(told.score):
            raise FatalValueError(
                f"{self._name}.score_trial(trial) must set trial.score to a finite number. "
                f"Received: {told.score!r}."
            )
        loss = oracle.objective.loss_of(told.score)
        return dataclasses.replace(trial, score=told.score, loss=loss)

    def trial_recorded(self, trial: SearchTrial) -> None:
        # Before, a crash would let the trial end, and the oracle be told, once more.
        if self._is_told:
            self._keep(trial.number)

    def _checked(self, space: Space, values: Mapping[str, Value]) -> dict[str, Value]:
        """A point with all active parameters; names that the space does not know yet stay."""

        def choose(parameter: Parameter) -> Value:
            try:
                return parameter.domain.coerce(values.get(parameter.name, parameter.default))
            except ValueError as error:
                raise FatalValueError(
                    f"{self._name}.populate_space(): {parameter.name!r}: {error}"
                ) from None

        point = space.walk(choose)
        return {**point, **{k: v for k, v in values.items() if not space.named(k)}}

    def _note_values(self, trial: SearchTrial) -> None:
        # Users' oracles read also the values that the trial did not ask for.
        trial.hyperparameters.ensure_active_values()
        values = trial.hyperparameters.values
        self._oracle._tried_so_far.add(self._oracle._compute_values_hash(values))

    # ------------------------------------------------------------------ state

    def _take_over(self, trials: Sequence[SearchTrial]) -> None:
        """Give the oracle the state that an earlier process has kept, once, and tell it of trials.

        Args:
            trials: of the search; those that ended after the state was kept are told.
        """
        oracle = self._oracle
        if oracle._told_of is None:
            kept = kept_state.read(self._path)
            oracle._told_of = set() if kept is None else set(kept.told_of)
            if kept is not None:
                oracle.set_state(kept.state)
        for trial in trials:
            if trial.finished is not None and trial.number not in oracle._told_of:
                oracle._told_of.add(trial.number)
                self.trial_ended(trial)
                self.trial_recorded(trial)

    def _keep(self, number: int | None = None) -> None:
        """Write the state; `number` is that of a trial whose end the oracle was told of."""
        oracle = self._oracle
        told_of = set[int]() if oracle._told_of is None else oracle._told_of
        if number is not None:
            told_of.add(number)
        kept = kept_state.Kept(sorted(told_of), oracle.get_state())
        kept_state.write(self._path, kept, self._name)

    @property
    def _path(self) -> Path:
        return Path(self._oracle._tuner.project_dir) / ORACLE_STATE
