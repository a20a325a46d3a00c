"""Hyperband: several rounds of successive halving, from many short trials to few long ones."""

from __future__ import annotations

import dataclasses
from collections import defaultdict
from collections.abc import Mapping, Sequence

from kerastune_lite._src.algorithms.schedulers.rungs import (
    best_paused,
    ended_itself,
    exact_factor,
    last_rung,
    level_of,
    next_rung,
    place_of,
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
"""Of a bracket: for each rung how many trials it has, and the epoch at which it ends."""

_SPARE = 1
"""A rung keeps in reserve one trial for each place of the next whose holder may yet fail, and so
many more. To keep all of them, in case one failure follows another, would fill the disk."""


@public("kerastune_lite.schedulers")
class Hyperband(Scheduler):
    """Hyperband (Li, Jamieson, DeSalvo, Rostamizadeh and Talwalkar, 2018, Algorithm 1).

    A bracket begins with many trials of few epochs; of each rung the best, one in `factor`, go on
    to the next, where they are trained `factor` times as long. The first bracket begins with the
    shortest rung, the last one trains all of its few trials in full.

    Trials that go on are resumed, not trained again. One goes on as soon as it is certain that it
    is among the best of its rung, whatever those still training will bring; until then free
    workers begin with the next bracket. Which trials go on does not depend on who was first.

    - A trial that fails in the first rung is replaced by a new one, in a later rung by the next
      best of the rung before.
    - A trial that was ended by a callback stands in all later rungs with the loss it has.
    - When all points of the space have been tried, the last bracket that got any of them has the
      epochs of those that got none as well: more of its trials go on, all of them if that will do.
    - When there are no more trials for another reason (`max_trials`, say), a bracket makes do with
      those that it has: as many go on as the next rung has room for.
    - The best trial of all is always among those that go on. If its bracket should have no place
      for it, since settings were changed, say, it is kept and trained in full at the end.

    A trial's `bracket` is counted over all iterations: `iteration * len(brackets) + index`.

    Args:
        max_epochs: that the best trials are trained for.
        factor: by how much rungs shrink, and epochs grow, from one to the next.
        min_epochs: no rung ends before.
        hyperband_iterations: how often to run all brackets.

    Raises:
        TypeError, ValueError: an argument is not a whole number, or out of its range.
    """

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
        """The rungs of the bracket that halves `s` times; the rounding is that of the paper."""
        count = -(-len(self._ends) * self._factor**s // (s + 1))
        return [(count // self._factor**i, end) for i, end in enumerate(self._ends[-1 - s :])]

    @property
    def brackets(self) -> list[Sizes]:
        """The brackets of an iteration: for each rung how many trials, and its last epoch."""
        return [list(sizes) for sizes in self._brackets]

    @property
    def total_epochs(self) -> int:
        """What an iteration trains, when no trial fails or ends early."""
        return sum(map(_epochs, self._brackets))

    def describe(self) -> str:
        """The brackets, a line each."""
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
            ends, levels = self._levels(bracket, members, supply)
            # From the top, so that a bracket comes to its end and its states can go.
            for level in range(len(levels) - 1, -1, -1):
                rungs += [next_rung(trial, ends, level + 1) for trial in levels[level].sure]
            new = TrainingRequest(None, 0, ends[0], bracket, resumable=len(ends) > 1)
            rungs += [new] * min(levels[0].waiting, free)
            if len(rungs) >= free:
                return rungs[:free]
        return rungs or last_rung(history, self._ends)

    def judge(self, history: TrialHistory, trial: int, losses: Sequence[float]) -> Decision:
        return Decision.CONTINUE

    def finished(self, history: TrialHistory, supply: Supply) -> list[int]:
        paused = history.paused
        if not paused:
            return []
        members, needed = _by_bracket(history), set[int]()
        for bracket in {trial.bracket for trial in paused}:
            if bracket is None or bracket >= self.hyperband_iterations * len(self._brackets):
                continue  # Of an earlier search with more iterations: it has no place any more.
            _, levels = self._levels(bracket, members, supply)
            needed.update(trial.number for level in levels for trial in level.kept)
        best = best_paused(history)
        return [t.number for t in paused if t.number not in needed and t is not best]

    def _levels(
        self, bracket: int, members: Mapping[int | None, Sequence[Trial]], supply: Supply
    ) -> tuple[list[int], list[_Level]]:
        sizes = self._brackets[bracket % len(self._brackets)]
        trials = members.get(bracket, ())
        counts, ends = [count for count, _ in sizes], [end for _, end in sizes]
        if supply.all_tried and not any(members.get(later) for later in self._after(bracket)):
            counts = self._widened(bracket, len(trials))
        return ends, _levels(counts, ends, trials, supply.exhausted)

    def _after(self, bracket: int) -> range:
        return range(bracket + 1, self.hyperband_iterations * len(self._brackets))

    def _widened(self, bracket: int, trials: int) -> list[int]:
        """The sizes of the last bracket with trials, which may spend what those after it would.

        As many trials as can be afforded go to the last rung, and `factor` times as many to each
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
    """What a bracket of these sizes trains."""
    starts = [0, *(end for _, end in sizes)]
    return sum(count * (end - start) for (count, end), start in zip(sizes, starts))


@dataclasses.dataclass(frozen=True)
class _Level:
    """A rung of a bracket at this moment.

    Attributes:
        waiting: how many of its places nobody has taken yet who could still come.
        sure: paused trials that are certain to be among the best, the best first.
        kept: trials that may be asked to go on, be it in the place of one that fails.
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
    sizes: Sequence[int], ends: Sequence[int], trials: Sequence[Trial], exhausted: bool
) -> list[_Level]:
    """How a bracket stands.

    The loss that a trial had when it went on is not asked for: it went on because it was among the
    best for certain, so for everyone else it counts as better. One that was worse does not keep
    out who comes later and is better, since whoever may still come was counted, too.
    """
    at: list[list[Trial]] = [[] for _ in ends]
    for trial in trials:
        at[level_of(trial, ends)].append(trial)
    levels: list[_Level] = []
    carried: list[Trial] = []  # ended by a callback in an earlier rung, and good enough for this
    supply = 0 if exhausted else sizes[0]
    for level, here in enumerate(at):
        # Who failed in a later rung came to the end of this one.
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
        able = sorted([*able, *carried], key=place_of)
        ahead = at[level + 1]
        holders = len(beyond) - sum(trial.status is TrialStatus.FAILED for trial in ahead)
        places = sizes[level + 1] - holders
        best = able[: max(0, places - to_come)]
        sure = [trial for trial in best if trial.status is TrialStatus.PAUSED]
        carried = [trial for trial in best if trial.status is not TrialStatus.PAUSED]
        training = sum(trial.status is TrialStatus.RUNNING for trial in ahead)
        may_fail = sizes[level + 1] - (holders - training) - len(carried)
        reserve = may_fail + _SPARE if may_fail > 0 else 0
        kept = able[: max(0, places) + reserve]
        levels.append(_Level(waiting, sure, kept))
        supply = len(able) - len(carried) + to_come
    return levels
