"""Which weights stay on disk: those of the best trials, and of each its best execution."""

from __future__ import annotations

from pathlib import Path

from kerastune_lite._src.core.history import TrialHistory
from kerastune_lite._src.core.trial import Execution, Trial, TrialStatus

SUFFIX = ".weights.h5"
STATE_SUFFIX = ".state.zip"


def weights_name(trial: int, execution: int) -> str:
    """The file of the weights of an execution's best epoch, relative to the project's folder."""
    return f"checkpoints/trial_{trial:04d}_execution{execution}{SUFFIX}"


def state_name(trial: int, execution: int, epoch: int) -> str:
    """The file of an execution's state after so many epochs, relative to the project's folder."""
    return f"checkpoints/trial_{trial:04d}_execution{execution}_epoch{epoch:04d}{STATE_SUFFIX}"


class Checkpoints:
    """The weight files of a project.

    Args:
        folder: the project's folder; files lie in its `checkpoints/`.
        keep: how many trials keep theirs, from the best on.
    """

    def __init__(self, folder: Path, keep: int) -> None:
        self.folder = folder
        self.keep = keep

    def threshold(self, history: TrialHistory, executions: int) -> float | None:
        """The loss that a new trial has to beat for its weights to be worth writing.

        None when any loss will do. With several executions a trial's loss is known only
        when the last one has ended, so there each is written.
        """
        if self.keep == 0:
            return float("-inf")
        best = history.best(self.keep)
        if executions > 1 or len(best) < self.keep:
            return None
        return best[-1].loss

    def prune(self, history: TrialHistory, trial: Trial) -> None:
        """Delete what `trial`, which has just ended or paused, makes superfluous."""
        if trial.goal is not None:
            self._prune_states(trial)
        best = best_execution(trial)
        for execution in trial.executions:
            if execution is not best:
                self._delete(execution.weights)
        rank = history.rank(trial)
        if rank is None or rank >= self.keep:
            self._delete(best.weights if best else None)
        for fallen in history.best(self.keep + 1)[self.keep :]:
            if fallen.number != trial.number:
                self._delete_all(fallen)

    def _prune_states(self, trial: Trial) -> None:
        """Of a paused trial only the latest states are kept, of others none."""
        wanted = _states(trial)
        for path in self._states_of(trial.number):
            if path not in {self.folder / name for name in wanted}:
                path.unlink(missing_ok=True)

    def _states_of(self, number: int | None = None) -> list[Path]:
        name = "*" if number is None else f"{number:04d}"
        return list((self.folder / "checkpoints").glob(f"trial_{name}_*{STATE_SUFFIX}*"))

    def tidy(self, history: TrialHistory) -> None:
        """Delete what a search that died left lying about."""
        wanted = set()
        for trial in history.best(self.keep):
            best = best_execution(trial)
            if best is not None and best.weights is not None:
                wanted.add(self.folder / best.weights)
        for trial in (*history.running, *history.paused):
            wanted.update(self.folder / e.weights for e in trial.executions if e.weights)
            wanted.update(self.folder / name for name in _states(trial))
        weights = (self.folder / "checkpoints").glob(f"trial_*{SUFFIX}*")
        for path in (*weights, *self._states_of()):
            if path not in wanted:
                path.unlink(missing_ok=True)

    def _delete_all(self, trial: Trial) -> None:
        for execution in trial.executions:
            self._delete(execution.weights)

    def _delete(self, weights: str | None) -> None:
        if weights is not None:
            (self.folder / weights).unlink(missing_ok=True)


def _states(trial: Trial) -> set[str]:
    """The files that a trial may go on from."""
    if trial.status not in (TrialStatus.RUNNING, TrialStatus.PAUSED):
        return set()
    return {e.state for e in trial.completed_executions if e.state is not None}


def best_execution(trial: Trial) -> Execution | None:
    """The completed execution with the lowest loss, if the trial has a score."""
    if trial.status not in (TrialStatus.COMPLETED, TrialStatus.PAUSED):
        return None
    scored = [e for e in trial.completed_executions if e.loss is not None]
    return min(scored, key=lambda e: e.loss, default=None)  # type: ignore[arg-type, return-value]
