"""Which weights are kept on disk: those of the best execution of each of the best trials."""

from __future__ import annotations

from collections.abc import Iterable
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
        folder: the project's folder; the files are in its `checkpoints/`.
        keep: how many of the best trials keep their weights.
    """

    def __init__(self, folder: Path, keep: int) -> None:
        self.folder = folder
        self.keep = keep

    def threshold(self, history: TrialHistory, executions: int) -> float | None:
        """The loss that a new trial has to beat for its weights to be worth writing.

        None: any loss. With several executions a trial's loss is known only when the last one has
        ended, so all are written.
        """
        if self.keep == 0:
            return float("-inf")
        best = history.best(self.keep)
        if executions > 1 or len(best) < self.keep:
            return None
        return best[-1].loss

    def prune(self, history: TrialHistory, trial: Trial) -> None:
        """Delete the files that are not needed now that `trial` has ended or paused."""
        if trial.goal is not None:
            # Of a paused trial only the latest states are kept, of others none.
            self._delete_all_but(
                self._states(trial), self._files(STATE_SUFFIX, f"{trial.number:04d}")
            )
        best = best_execution(trial)
        for execution in trial.executions:
            if execution is not best:
                self._delete(execution.weights)
        rank = history.rank(trial)
        if rank is None or rank >= self.keep:
            self._delete(best.weights if best else None)
        for fallen in history.best(self.keep + 1)[self.keep :]:
            if fallen.number != trial.number:
                for execution in fallen.executions:
                    self._delete(execution.weights)

    def tidy(self, history: TrialHistory) -> None:
        """Delete the files that a search which died left behind."""
        wanted = set()
        for trial in history.best(self.keep):
            best = best_execution(trial)
            if best is not None and best.weights is not None:
                wanted.add(self.folder / best.weights)
        for trial in (*history.running, *history.paused):
            wanted.update(self.folder / e.weights for e in trial.executions if e.weights)
            wanted.update(self._states(trial))
        self._delete_all_but(wanted, (*self._files(SUFFIX), *self._files(STATE_SUFFIX)))

    def _states(self, trial: Trial) -> set[Path]:
        """The states from which a trial may be continued."""
        if trial.status not in (TrialStatus.RUNNING, TrialStatus.PAUSED):
            return set()
        return {self.folder / e.state for e in trial.completed_executions if e.state is not None}

    def _files(self, suffix: str, number: str = "*") -> list[Path]:
        return list((self.folder / "checkpoints").glob(f"trial_{number}_*{suffix}*"))

    def _delete_all_but(self, wanted: set[Path], paths: Iterable[Path]) -> None:
        for path in paths:
            if path not in wanted:
                path.unlink(missing_ok=True)

    def _delete(self, weights: str | None) -> None:
        if weights is not None:
            (self.folder / weights).unlink(missing_ok=True)


def best_execution(trial: Trial) -> Execution | None:
    """The completed execution with the lowest loss, if the trial has a score."""
    if trial.status not in (TrialStatus.COMPLETED, TrialStatus.PAUSED):
        return None
    scored = [e for e in trial.completed_executions if e.loss is not None]
    return min(scored, key=lambda e: e.loss, default=None)  # type: ignore[arg-type, return-value]
