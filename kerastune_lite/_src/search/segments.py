"""What is left to train of a trial, as segments."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence

import numpy as np

from kerastune_lite._src.algorithms.oracles.oracle import Oracle
from kerastune_lite._src.core.history import TrialHistory
from kerastune_lite._src.core.lineage import ancestors
from kerastune_lite._src.core.trial import Execution, Outcome, Segment, Trial
from kerastune_lite._src.search.seeds import fill_key
from kerastune_lite._src.store.checkpoints import Checkpoints, state_name


@dataclasses.dataclass(frozen=True)
class Segments:
    """Makes the segments of a search's trials.

    Attributes:
        history: of the search.
        oracle: of the search.
        checkpoints: of the project.
        seed: of the project.
        executions: how often each trial is trained.
        whole_trials: whether a segment is a whole trial, with all of its executions.
        resumable: whether such a segment may start where an earlier one ended.
        tune_new_entries: whether parameters that trials declare are tuned.
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
        """The indices of the executions that have not reached the goal of the trial."""
        if self.whole_trials:
            done = trial.completed_executions
            return [] if done and all(_is_done(trial, e, False) for e in done) else [0]
        finished = {e.index for e in trial.completed_executions if _is_done(trial, e, True)}
        return [i for i in range(self.executions) if i not in finished]

    def make(self, trial: Trial, execution: int) -> Segment:
        """The segment that brings an execution to the trial's goal.

        It starts in the middle of an earlier one if a search died during that.
        """
        segment = self._from_the_last_rung(trial, execution)
        return from_midway(segment, execution, self.checkpoints) if segment.midway else segment

    def _from_the_last_rung(self, trial: Trial, execution: int) -> Segment:
        earlier = [e for e in trial.executions if e.index == execution]
        failed = [e.attempt for e in earlier if e.outcome.failed]
        attempt = max(failed) + 1 if failed else 0
        reached = next((e for e in trial.completed_executions if e.index == execution), None)
        state = None if reached is None else reached.state
        start = reached.epochs if reached and (state or self.resumable) else 0
        inherits = reached is None and trial.parent is not None
        if inherits and trial.parent is not None:
            start = trial.parent.epoch
            state = state_name(trial.parent.trial, execution, start)
        keep_state = None
        if trial.resumable and trial.goal is not None and not self.whole_trials:
            keep_state = state_name(trial.number, execution, trial.goal)
        return Segment(
            trial,
            execution,
            attempt,
            start_epoch=start,
            end_epoch=trial.goal,
            # A resumed training keeps its seed, which determines the order of samples; so does one
            # that continues another training.
            seed=self.draw_seed(self._root(trial), 1 + execution, 0 if state else attempt),
            unseen=self.oracle.unseen if self.tune_new_entries else "default",
            fill_seed=fill_key(self.seed, trial.number),
            keep_below=self._keep_below(trial, execution),
            resume_from=state,
            keep_state=keep_state,
            inherits=inherits,
            midway=not self.whole_trials,
        )

    def _root(self, trial: Trial) -> int:
        """The number of the trial that was trained from the start."""
        return ancestors(self.history, trial)[0].number

    def again(self, trial: Trial, execution: Execution) -> Segment:
        """The segment that repeats all of an execution, and keeps its weights."""
        return Segment(
            trial,
            execution.index,
            execution.attempt,
            end_epoch=trial.goal,
            seed=self.draw_seed(trial.number, 1 + execution.index, execution.attempt),
            fill_seed=fill_key(self.seed, trial.number),
        )

    def _keep_below(self, trial: Trial, execution: int) -> float | None:
        """The weights of an execution are kept if its loss is below this; None: always."""
        if trial.resumable or trial.epochs:
            # Later rungs decide which trial and which epoch is the best.
            return None
        kept = [
            e.loss
            for e in trial.completed_executions
            if e.weights and e.loss is not None and e.index != execution
        ]
        if kept:
            # Only the weights of the best execution of a trial are kept.
            return min(kept)
        return self.checkpoints.threshold(self.history, self.executions)

    def draw_seed(self, *key: int) -> int:
        """A seed that is different for each key of the search."""
        # Below 2**32 there must be room for the repeats that a user's run_trial trains itself.
        state = np.random.SeedSequence([self.seed, *key]).generate_state(1)
        return int(state[0]) % (2**32 - 2**10)


def from_midway(segment: Segment, execution: int, checkpoints: Checkpoints) -> Segment:
    """The segment, from the latest state that was stored during it, if there is one.

    Args:
        execution: of the segment's trial, to be trained.
    """
    midway = checkpoints.midway(segment.trial.number, execution, segment.attempt)
    if midway is None or midway[0] <= segment.start_epoch:
        return segment
    epoch, state = midway
    return dataclasses.replace(
        segment, start_epoch=epoch, resume_from=state, inherits=False, otherwise=segment
    )


def _is_done(trial: Trial, execution: Execution, resumable: bool) -> bool:
    """Whether a completed execution has reached the goal of its trial.

    Args:
        resumable: whether an execution without a state counts as done, as it cannot be resumed.
    """
    if trial.goal is None or execution.stopped or execution.epochs >= trial.goal:
        return True
    return resumable and execution.state is None


def placed(execution: Execution, trial: Trial, cut_at: int | None) -> Execution:
    """An execution as it is stored with its trial.

    Args:
        cut_at: the number of epochs after which the scheduler stopped it.
    """
    if execution.outcome is Outcome.COMPLETED:
        if execution.epochs == cut_at:
            return dataclasses.replace(execution, stopped=False, state=None)
        if trial.goal is not None and execution.epochs < trial.goal:
            # A callback or the user's own loop ended it before its goal.
            return dataclasses.replace(execution, stopped=True, state=None)
        return execution
    taken = {(e.index, e.attempt) for e in trial.executions}
    if (execution.index, execution.attempt) in taken:
        # That is the result of an earlier rung.
        return dataclasses.replace(execution, attempt=execution.attempt + 1)
    return execution


def merged(known: Sequence[Execution], reported: Sequence[Execution]) -> tuple[Execution, ...]:
    """All executions; those that were reported replace earlier results."""
    places = {(e.index, e.attempt) for e in reported}
    return (*(e for e in known if (e.index, e.attempt) not in places), *reported)


def cut_short(trial: Trial, stopped: Mapping[tuple[int, int], int]) -> Trial:
    """The trial; if its scheduler stopped it, with the epoch of the stop as its goal.

    Args:
        stopped: by trial and execution, after how many epochs the scheduler stopped it.
    """
    ends = [
        e.epochs
        for e in trial.completed_executions
        if not e.stopped
        and (
            e.epochs == stopped.get((trial.number, e.index))
            # It was stopped before the search died.
            or (trial.goal is not None and e.epochs < trial.goal)
        )
    ]
    return dataclasses.replace(trial, goal=min(ends), resumable=False) if ends else trial
