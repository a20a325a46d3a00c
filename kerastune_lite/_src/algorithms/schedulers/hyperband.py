"""Hyperband: several rounds of successive halving, from many short trials to a few long ones."""

from __future__ import annotations

import bisect
import dataclasses
from collections import defaultdict
from collections.abc import Mapping, Sequence
from typing import ClassVar

from kerastune_lite._src.algorithms.schedulers.merit import (
    Place,
    certain,
    in_order,
    place_at,
    place_of,
    possible,
)
from kerastune_lite._src.algorithms.schedulers.rungs import (
    best_paused,
    ended_itself,
    exact_factor,
    last_rung,
    level_of,
    next_rung,
    plain_factor,
    rung_ends,
    whole_number,
)
from kerastune_lite._src.algorithms.schedulers.scheduler import (
    Decision,
    Scheduler,
    Supply,
    TrainingRequest,
)
from kerastune_lite._src.core.history import TrialHistory
from kerastune_lite._src.core.trial import Trial, TrialStatus
from kerastune_lite._src.space.domains import Value
from kerastune_lite._src.util.public import public

Sizes = list[tuple[int, int]]
"""A bracket: for each rung the number of trials, and the epoch at which it ends."""

_SPARE = 1
"""A rung keeps one trial in reserve for each trial of the next rung that may still fail, and this
many more. Keeping all of them, for many failures in a row, would fill the disk."""


@public("kerastune_lite.schedulers")
class Hyperband(Scheduler):
    """Hyperband (Li, Jamieson, DeSalvo, Rostamizadeh and Talwalkar, 2018, Algorithm 1).

    A bracket starts with many trials of few epochs. The best of each rung, one in `factor`,
    continue to the next rung, which ends `factor` times as late. The first bracket starts with the
    shortest rung; the last bracket trains its few trials in full.

    Trials are resumed, not trained again. A trial continues as soon as it is certain to be among
    the best of its rung; meanwhile free workers start the next bracket. Which trials continue does
    not depend on the order in which they end.

    With several objectives, the best are those in the first fronts by the results at the end of the
    rung, those with the most room first, as NSGA-II selects; trials that violate constraints come
    last.

    - A trial that fails in the first rung is replaced by a new one; in a later rung, by the next
      best of the rung before.
    - A trial that a callback stopped keeps its loss in all later rungs.
    - If all points of the space were tried, the last bracket that has trials gets the epochs of
      those that have none: more of its trials continue.
    - If there are no more trials for another reason, such as `max_trials`, a bracket continues
      with the trials it has: as many as the next rung has places for.
    - The best trial of all always continues. If its bracket has no place for it, for example
      because settings were changed, it is trained in full at the end.

    A trial's `bracket` is counted over all iterations: `iteration * len(brackets) + index`.

    Args:
        max_epochs: the epochs of the best trials.
        factor: the ratio of the epochs, and of the numbers of trials, of neighbouring rungs.
        min_epochs: the smallest number of epochs of the first rung.
        hyperband_iterations: how often to run all brackets.

    Raises:
        TypeError: an argument is not a number, or not whole.
        ValueError: an argument is out of range.

    Example:
        >>> from kerastune_lite.schedulers import Hyperband
        >>> print(Hyperband(max_epochs=9).describe())
        Trials per iteration: 17. Epochs per iteration: 69.
        Bracket 0: 9 to epoch 1, 3 to epoch 3, 1 to epoch 9.
        Bracket 1: 5 to epoch 3, 1 to epoch 9.
        Bracket 2: 3 to epoch 9.
    """

    reads_curves: ClassVar[bool] = True

    def __init__(
        self,
        max_epochs: int = 100,
        factor: float = 3,
        min_epochs: int = 1,
        hyperband_iterations: int = 1,
    ) -> None:
        self._ends = rung_ends(max_epochs, min_epochs, factor)
        self.max_epochs = int(max_epochs)
        self._factor = exact_factor(factor)
        self.factor = plain_factor(self._factor)
        self.min_epochs = int(min_epochs)
        self.hyperband_iterations = whole_number("hyperband_iterations", hyperband_iterations, 1)
        self._brackets = [self._sizes(s) for s in range(len(self._ends) - 1, -1, -1)]

    def _sizes(self, s: int) -> Sizes:
        """The rungs of the bracket with `s` halvings, rounded as in the paper."""
        count = -(-len(self._ends) * self._factor**s // (s + 1))
        return [(count // self._factor**i, end) for i, end in enumerate(self._ends[-1 - s :])]

    @property
    def brackets(self) -> list[Sizes]:
        """The brackets of an iteration: the number of trials and the last epoch of each rung."""
        return [list(sizes) for sizes in self._brackets]

    @property
    def total_epochs(self) -> int:
        """The epochs of an iteration in which no trial fails or ends early."""
        return sum(map(_epochs, self._brackets))

    def describe(self) -> str:
        """The brackets as text, one per line."""
        trials = sum(sizes[0][0] for sizes in self._brackets)
        lines = [f"Trials per iteration: {trials}. Epochs per iteration: {self.total_epochs}."]
        for index, sizes in enumerate(self._brackets):
            rungs = ", ".join(f"{count} to epoch {end}" for count, end in sizes)
            lines.append(f"Bracket {index}: {rungs}.")
        return "\n".join(lines)

    @property
    def decides_epochs(self) -> bool:
        return True

    def plan(self, history: TrialHistory, free: int, supply: Supply) -> list[TrainingRequest]:
        rungs: list[TrainingRequest] = []
        members = _by_bracket(history)
        for bracket in range(self.hyperband_iterations * len(self._brackets)):
            ends, levels = self._levels(history, bracket, members, supply)
            # The highest rung first, so that the bracket ends and its states can be deleted.
            for level in range(len(levels) - 1, -1, -1):
                rungs += [next_rung(trial, ends, level + 1) for trial in levels[level].sure]
            new = TrainingRequest(None, 0, ends[0], bracket, resumable=len(ends) > 1)
            rungs += [new] * min(levels[0].waiting, free)
            if len(rungs) >= free:
                return rungs[:free]
        return rungs or last_rung(history, self._ends)

    def facts(self, trial: Trial) -> Mapping[str, Value]:
        """The epochs and the rung of `trial`, under KerasTuner's names."""
        if trial.bracket is None or trial.goal is None:
            return {}
        ends = [end for _, end in self._brackets[trial.bracket % len(self._brackets)]]
        rung = min(bisect.bisect_left(ends, trial.goal), len(ends) - 1)
        facts: dict[str, Value] = {
            "tuner/epochs": ends[rung],
            "tuner/initial_epoch": ends[rung - 1] if rung else 0,
            "tuner/bracket": len(ends) - 1,
            "tuner/round": rung,
        }
        return {**facts, "tuner/trial_id": trial.trial_id} if rung else facts

    def judge(self, history: TrialHistory, trial: int, losses: Sequence[float]) -> Decision:
        return Decision.CONTINUE

    def finished(self, history: TrialHistory, supply: Supply) -> list[int]:
        paused = history.paused
        if not paused:
            return []
        members, needed = _by_bracket(history), set[int]()
        for bracket in {trial.bracket for trial in paused}:
            if bracket is None or bracket >= self.hyperband_iterations * len(self._brackets):
                continue  # From an earlier search with more iterations.
            _, levels = self._levels(history, bracket, members, supply)
            needed.update(trial.number for level in levels for trial in level.kept)
        best = best_paused(history)
        return [t.number for t in paused if t.number not in needed and t is not best]

    def _levels(
        self,
        history: TrialHistory,
        bracket: int,
        members: Mapping[int | None, Sequence[Trial]],
        supply: Supply,
    ) -> tuple[list[int], list[_Level]]:
        sizes = self._brackets[bracket % len(self._brackets)]
        trials = members.get(bracket, ())
        counts, ends = [count for count, _ in sizes], [end for _, end in sizes]
        if supply.all_tried and not any(members.get(later) for later in self._after(bracket)):
            counts = self._widened(bracket, len(trials))
        return ends, _levels(history, counts, ends, trials, supply.exhausted)

    def _after(self, bracket: int) -> range:
        return range(bracket + 1, self.hyperband_iterations * len(self._brackets))

    def _widened(self, bracket: int, trials: int) -> list[int]:
        """The sizes of the last bracket with trials, which gets the epochs of those after it.

        As many trials as these epochs allow reach the last rung, and `factor` times as many each
        rung before it.
        """
        sizes = self._brackets[bracket % len(self._brackets)]
        counts, top = [count for count, _ in sizes], len(sizes) - 1
        later = [self._brackets[each % len(self._brackets)] for each in self._after(bracket)]
        budget = sum(map(_epochs, [sizes, *later]))
        for last in range(counts[-1] + 1, trials + 1):
            wider = [
                max(count, min(trials, int(last * self._factor ** (top - level))))
                for level, (count, _) in enumerate(sizes)
            ]
            taken = [(min(count, trials), end) for count, (_, end) in zip(wider, sizes)]
            if _epochs(taken) > budget:
                break
            counts = wider
        return counts

    def settings(self) -> dict[str, Value]:
        return {
            **super().settings(),
            "max_epochs": self.max_epochs,
            "factor": self.factor,
            "min_epochs": self.min_epochs,
            "hyperband_iterations": self.hyperband_iterations,
        }


def _epochs(sizes: Sizes) -> int:
    """The epochs of a bracket of these sizes."""
    starts = [0, *(end for _, end in sizes)]
    return sum(count * (end - start) for (count, end), start in zip(sizes, starts))


@dataclasses.dataclass(frozen=True)
class _Level:
    """The current state of a rung.

    Attributes:
        waiting: how many of its places are free for trials that can still come.
        sure: paused trials that are certain to be among the best, the best first.
        kept: trials that may be resumed, some of them only if others fail.
    """

    waiting: int
    sure: list[Trial]
    kept: list[Trial]


def _by_bracket(history: TrialHistory) -> defaultdict[int | None, list[Trial]]:
    members: defaultdict[int | None, list[Trial]] = defaultdict(list)
    for trial in history:
        members[trial.bracket].append(trial)
    return members


def _levels(
    history: TrialHistory,
    sizes: Sequence[int],
    ends: Sequence[int],
    trials: Sequence[Trial],
    exhausted: bool,
) -> list[_Level]:
    """The current state of the rungs of a bracket.

    Trials that have continued count as better than all others: they were certain to be among the
    best, with the trials that could still come counted as better.
    """
    at: list[list[Trial]] = [[] for _ in ends]
    for trial in trials:
        at[level_of(trial, ends)].append(trial)
    levels: list[_Level] = []
    carried: list[Trial] = []  # stopped by a callback in an earlier rung, and good enough for this
    supply = 0 if exhausted else sizes[0]
    for level, here in enumerate(at):
        # Trials that failed in a later rung have reached the end of this one.
        beyond = [trial for later in at[level + 1 :] for trial in later]
        running = sum(trial.status is TrialStatus.RUNNING for trial in here)
        failed = sum(trial.status is TrialStatus.FAILED for trial in here)
        taken = len(here) - failed + len(beyond) + len(carried)
        waiting = min(max(0, sizes[level] - taken), supply)
        if level == len(at) - 1:
            levels.append(_Level(waiting, [], []))
            break
        to_come = running + waiting
        able = [t for t in here if t.status is TrialStatus.PAUSED or ended_itself(t)]
        ordered = _in_order(history, [*able, *carried], beyond, ends[level])
        ahead = at[level + 1]
        holders = len(beyond) - sum(trial.status is TrialStatus.FAILED for trial in ahead)
        places = sizes[level + 1] - holders
        best = [history[place.number] for place in certain(ordered, places, to_come)]
        sure = [trial for trial in best if trial.status is TrialStatus.PAUSED]
        carried = [trial for trial in best if trial.status is not TrialStatus.PAUSED]
        training = sum(trial.status is TrialStatus.RUNNING for trial in ahead)
        may_fail = sizes[level + 1] - (holders - training) - len(carried)
        reserve = may_fail + _SPARE if may_fail > 0 else 0
        wanted = possible(ordered, max(0, places) + reserve, to_come)
        kept = [history[place.number] for place in wanted]
        levels.append(_Level(waiting, sure, kept))
        supply = len(ordered) - len(carried) + to_come
    return levels


def _in_order(
    history: TrialHistory, able: Sequence[Trial], beyond: Sequence[Trial], end: int
) -> list[Place]:
    """The places of trials at the end of a rung, the best first.

    Args:
        able: those that are there.
        beyond: those that have continued. With several objectives, the order of the others depends
            on them, too.
    """
    if not any(trial.losses for trial in able):
        return in_order([place_of(trial) for trial in able])
    here = {trial.number for trial in able}
    places = []
    for trial in [*able, *beyond]:
        curve = history.curve(trial.number) or (place_of(trial).loss,)
        places.append(place_at(history, trial.number, curve, end))
    return [place for place in in_order(places) if place.number in here]
