"""Which files are kept on disk: weights and states of trainings.

Weights are those of the best execution of each of the best trials; states, those from which a trial
may be continued.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from pathlib import Path

from kerastune_lite._src.core.history import TrialHistory
from kerastune_lite._src.core.trial import Execution, Trial, TrialStatus
from kerastune_lite._src.util.windows import discard

SUFFIX = ".weights.h5"
STATE_SUFFIX = ".state.zip"


def weights_name(trial: int, execution: int) -> str:
    """The file of the weights of an execution's best epoch, relative to the project's folder."""
    return f"checkpoints/trial_{trial:04d}_execution{execution}{SUFFIX}"


def state_name(trial: int, execution: int, epoch: int) -> str:
    """The file of an execution's state after so many epochs, relative to the project's folder."""
    return f"checkpoints/trial_{trial:04d}_execution{execution}_epoch{epoch:04d}{STATE_SUFFIX}"


def midway_name(trial: int, execution: int, attempt: int, epoch: int) -> str:
    """The file of the state after so many epochs, in the middle of a segment.

    It has the epoch in its name, so that the search knows it without opening the file.
    """
    return f"{_midway(trial, execution)}attempt{attempt}_midway_e{epoch:04d}{STATE_SUFFIX}"


def _midway(trial: int, execution: int | str) -> str:
    return f"checkpoints/trial_{trial:04d}_execution{execution}_"


_STATE = re.compile(rf"_execution(?P<execution>\d+)_epoch(?P<epoch>\d+){re.escape(STATE_SUFFIX)}")
_MIDWAY = re.compile(rf"_attempt(?P<attempt>\d+)_midway_e(?P<epoch>\d+){re.escape(STATE_SUFFIX)}$")


class Checkpoints:
    """The files of a project.

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
        ended, so all are written; so are they if the loss alone does not decide.
        """
        if self.keep == 0:
            return float("-inf")
        best = history.best(self.keep)
        if executions > 1 or len(best) < self.keep or best[-1].losses or best[-1].violation:
            return None
        last = best_execution(best[-1])
        # Otherwise the objective is one that is measured, or that a user's oracle computes.
        decides = last is not None and last.loss == best[-1].loss
        return best[-1].loss if decides else None

    def midway(self, trial: int, execution: int, attempt: int) -> tuple[int, str] | None:
        """The latest state of a training that has not ended: after how many epochs, and its file.

        Args:
            attempt: of the training; the state of one that failed is of no use.
        """
        found = []
        for path in self._midway_files(trial, execution):
            name = _MIDWAY.search(path.name)
            if name is not None and int(name["attempt"]) == attempt:
                found.append((int(name["epoch"]), f"checkpoints/{path.name}"))
        return max(found, default=None)

    def forget_midway(self, trial: int, execution: int | str = "*", but: str | None = None) -> None:
        """Delete states in the middle of segments.

        Args:
            execution: of which training; by default all of the trial.
            but: the file to keep.
        """
        kept = set() if but is None else {self.folder / but}
        self._delete_all_but(kept, self._midway_files(trial, execution))

    def _midway_files(self, trial: int, execution: int | str = "*") -> list[Path]:
        # Also those that are not complete.
        pattern = f"{_midway(trial, execution)}attempt*_midway_*"
        return list(self.folder.glob(pattern))

    def prune(self, history: TrialHistory, trial: Trial) -> None:
        """Delete the files that are not needed now that `trial` has ended or paused."""
        # Of a paused trial only the latest states are kept, of others those that children need.
        self._prune_states(history, trial)
        if trial.parent is not None:
            self._prune_states(history, history[trial.parent.trial])
        best = best_execution(trial)
        for execution in trial.executions:
            if execution is not best:
                self.delete(execution.weights)
        kept = self._kept(history)
        rank = history.rank(trial)
        if rank is None or rank >= kept:
            self.delete(best.weights if best else None)
        # With several objectives one trial may push back many.
        fallen = history.best(None if trial.losses else kept + 1)[kept:]
        for each in fallen:
            if each.number != trial.number:
                for execution in each.executions:
                    self.delete(execution.weights)

    def _prune_states(self, history: TrialHistory, trial: Trial) -> None:
        """Delete the states of a trial that are no longer needed."""
        wanted = self._states(trial)
        for child in history.running:
            if child.parent is not None and child.parent.trial == trial.number:
                wanted |= self._inherited(history, child)
        if trial.status is TrialStatus.RUNNING:
            # A parent may be training in another process, while a child of it has ended here.
            wanted.update(self._midway_files(trial.number))
            wanted.update(self._being_written(trial))
        self._delete_all_but(wanted, self._files(STATE_SUFFIX, f"{trial.number:04d}"))

    def _being_written(self, trial: Trial) -> list[Path]:
        """The states of a running trial that are later than those on record, complete or not."""
        recorded = {
            each.index: int(name["epoch"])
            for each in trial.completed_executions
            if each.state is not None and (name := _STATE.search(each.state)) is not None
        }
        return [
            path
            for path in self._files(STATE_SUFFIX, f"{trial.number:04d}")
            if (name := _STATE.search(path.name)) is not None
            and int(name["epoch"]) > recorded.get(int(name["execution"]), 0)
        ]

    def _kept(self, history: TrialHistory) -> int:
        """How many of the best trials keep their weights: with several objectives, all the front.

        A trial that leaves the front does not come back. One that keeps its weights by its place
        within the front might lose them and come back when others leave.
        """
        # The winner of a race comes in addition: it may lose its place to another one.
        return max(self.keep, len(history.front())) + history.has_winner if self.keep else 0

    def has_weights(self, trial: Trial) -> bool:
        """Whether the weights of its best execution are on disk."""
        best = best_execution(trial)
        return (
            best is not None and best.weights is not None and (self.folder / best.weights).exists()
        )

    def tidy(self, history: TrialHistory) -> None:
        """Delete the files that a search which died left behind."""
        for path in self.unneeded(history):
            discard(path)

    def unneeded(self, history: TrialHistory) -> list[Path]:
        """The files that neither the best trials need nor those that can be continued.

        Nothing may be training: what is incomplete counts, too.
        """
        wanted = set()
        for trial in history.best(self._kept(history)):
            best = best_execution(trial)
            if best is not None and best.weights is not None:
                wanted.add(self.folder / best.weights)
        for trial in (*history.running, *history.paused):
            wanted.update(self.folder / e.weights for e in trial.executions if e.weights)
            wanted.update(self._states(trial))
        for trial in history.running:
            wanted |= self._inherited(history, trial)
            midway = self._midway_files(trial.number)
            wanted.update(path for path in midway if _MIDWAY.search(path.name))
        found = (*self._files(SUFFIX), *self._files(STATE_SUFFIX))
        return sorted(path for path in found if path not in wanted)

    def _states(self, trial: Trial) -> set[Path]:
        """The states from which a trial may be continued."""
        if trial.status not in (TrialStatus.RUNNING, TrialStatus.PAUSED):
            return set()
        return {self.folder / e.state for e in trial.completed_executions if e.state is not None}

    def _inherited(self, history: TrialHistory, trial: Trial) -> set[Path]:
        """The states of its parent that a running trial may still start from."""
        if trial.parent is None:
            return set()
        parent, epoch = history[trial.parent.trial], trial.parent.epoch
        has_own = {execution.index for execution in trial.completed_executions}
        missing = [e.index for e in parent.completed_executions if e.index not in has_own]
        return {self.folder / state_name(parent.number, index, epoch) for index in missing}

    def _files(self, suffix: str, number: str = "*") -> list[Path]:
        return list((self.folder / "checkpoints").glob(f"trial_{number}_*{suffix}*"))

    def _delete_all_but(self, wanted: set[Path], paths: Iterable[Path]) -> None:
        for path in paths:
            if path not in wanted:
                discard(path)

    def delete(self, weights: str | None) -> None:
        """Delete a file of weights, if there is one."""
        if weights is not None:
            discard(self.folder / weights)


def best_execution(trial: Trial) -> Execution | None:
    """The completed execution with the lowest loss, if the trial has a score."""
    if trial.status not in (TrialStatus.COMPLETED, TrialStatus.PAUSED):
        return None
    scored = [e for e in trial.completed_executions if e.loss is not None]
    return min(scored, key=lambda e: e.loss, default=None)  # type: ignore[arg-type, return-value]
