"""What is left to train of a trial, and how each piece of it begins."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence

import numpy as np

from kerastune_lite._src.algorithms.oracles.oracle import Oracle
from kerastune_lite._src.core.history import TrialHistory
from kerastune_lite._src.core.trial import Execution, Outcome, Segment, Trial
from kerastune_lite._src.store.checkpoints import Checkpoints


@dataclasses.dataclass(frozen=True)
class Segments:
    """Makes the segments of a search's trials.

    Attributes:
        history: of the search.
        oracle: says how a parameter that the space does not hold gets its value.
        checkpoints: names the files.
        seed: of the project.
        executions: how often each trial is trained.
        whole_trials: whether one segment is a whole trial, with all of its executions.
        resumable: whether such a segment may begin where an earlier one ended.
        tune_new_entries: whether parameters that are met on the way are tuned.
    """

    history: TrialHistory
    oracle: Oracle
    checkpoints: Checkpoints
    seed: int
    executions: int
    whole_trials: bool
    resumable: bool
    tune_new_entries: bool

    def missing(self, trial: Trial) -> list[int]:
        """The executions of a trial that have not been trained up to its goal."""
        if self.whole_trials:
            done = trial.completed_executions
            return [] if done and all(_is_done(trial, e, False) for e in done) else [0]
        finished = {e.index for e in trial.completed_executions if _is_done(trial, e, True)}
        return [i for i in range(self.executions) if i not in finished]

    def make(self, trial: Trial, execution: int) -> Segment:
        """The segment that brings an execution to the trial's goal."""
        earlier = [e for e in trial.executions if e.index == execution]
        failed = [e.attempt for e in earlier if e.outcome is Outcome.FAILED]
        attempt = max(failed) + 1 if failed else 0
        reached = next((e for e in trial.completed_executions if e.index == execution), None)
        state = None if reached is None else reached.state
        keep_state = None
        if trial.resumable and trial.goal is not None and not self.whole_trials:
            keep_state = self.checkpoints.state_name(trial.number, execution, trial.goal)
        return Segment(
            trial,
            execution,
            attempt,
            start_epoch=reached.epochs if reached and (state or self.resumable) else 0,
            end_epoch=trial.goal,
            # Of a training that goes on, the same as before: its order of samples follows from it.
            seed=self.draw_seed(trial.number, 1 + execution, 0 if state else attempt),
            unseen=self.oracle.unseen if self.tune_new_entries else "default",
            fill_seed=self.draw_seed(trial.number, 0, 0),
            keep_below=self._keep_below(trial, execution),
            resume_from=state,
            keep_state=keep_state,
        )

    def _keep_below(self, trial: Trial, execution: int) -> float | None:
        """The loss under which an execution's weights may be of use; None: any."""
        if trial.resumable or trial.epochs:
            # Later rungs decide which trial is the best, and of it which epoch.
            return None
        kept = [
            e.loss
            for e in trial.completed_executions
            if e.weights and e.loss is not None and e.index != execution
        ]
        if kept:
            # Of a trial only the best execution's are kept.
            return min(kept)
        return self.checkpoints.threshold(self.history, self.executions)

    def draw_seed(self, *key: int) -> int:
        """A seed for something that these numbers tell from all else in the search."""
        # Room below 2**32 is left for the repeats that a user's run_trial trains by itself.
        state = np.random.SeedSequence([self.seed, *key]).generate_state(1)
        return int(state[0]) % (2**32 - 2**10)


def _is_done(trial: Trial, execution: Execution, resumable: bool) -> bool:
    """Whether an execution that was completed has come to its trial's goal.

    Args:
        resumable: whether one without a state has nothing to go on with.
    """
    if trial.goal is None or execution.stopped or execution.epochs >= trial.goal:
        return True
    return resumable and execution.state is None


def placed(execution: Execution, trial: Trial, cut_at: int | None) -> Execution:
    """An execution as it is kept with its trial.

    Args:
        cut_at: after so many epochs the scheduler wanted it to stop.
    """
    if execution.outcome is Outcome.COMPLETED:
        if execution.epochs == cut_at:
            return dataclasses.replace(execution, stopped=False, state=None)
        if trial.goal is not None and execution.epochs < trial.goal:
            # Whatever ended it before its goal, a callback or the user's own loop.
            return dataclasses.replace(execution, stopped=True, state=None)
        return execution
    taken = {(e.index, e.attempt) for e in trial.executions}
    if (execution.index, execution.attempt) in taken:
        # There stands what it had reached in an earlier rung.
        return dataclasses.replace(execution, attempt=execution.attempt + 1)
    return execution


def merged(known: Sequence[Execution], reported: Sequence[Execution]) -> tuple[Execution, ...]:
    """All executions; what was reported of one that went on replaces what was known of it."""
    places = {(e.index, e.attempt) for e in reported}
    return (*(e for e in known if (e.index, e.attempt) not in places), *reported)
