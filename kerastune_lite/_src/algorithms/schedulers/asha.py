"""ASHA: asynchronous successive halving."""

from __future__ import annotations

import bisect
import math
from collections.abc import Sequence
from typing import ClassVar

from kerastune_lite._src.algorithms.schedulers.merit import (
    Place,
    in_order,
    place_at,
    place_of,
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

_ERRORS = 4
"""A trial is given up if it misses the best of its rung by this many standard errors."""


@public("kerastune_lite.schedulers")
class ASHA(Scheduler):
    """Asynchronous successive halving (Li, Jamieson, Rostamizadeh and others, 2020, Algorithm 2).

    All trials start in the same short rung. The best of each rung, one in `factor` of the trials
    that have reached its end so far, continue to the next rung, which ends `factor` times as late.
    If no trial can continue, a new one starts: no worker waits for a rung to be full.

    - `stop=False`, as in the paper: trials pause at the end of each rung, and are resumed once they
      are among its best, by their losses at the end of the rung. When no new trial can start, the
      best of all is trained to `max_epochs`. Unlike in the paper, paused trials that are worse than
      the best of their rung by four standard errors are completed.
    - `stop=True`: at the end of each rung trials stop if they are not among the best of those that
      reached it earlier. Stopped trials are never resumed, so their state is not stored. The first
      few trials have few rivals and train long even if they are bad.

    With several objectives, the best are those in the first fronts by the results at the end of a
    rung, those with the most room first, and trials that violate constraints come last (Schmucker
    et al., "Multi-objective asynchronous successive halving", 2021, with the selection of NSGA-II).
    Without pauses, objectives count that are known during a training.

    Failed trials do not count. A trial that a callback stopped keeps its loss in later rungs, as
    long as it is among the best.

    Args:
        max_epochs: the epochs of the best trials.
        factor: the ratio of the epochs, and of the numbers of trials, of neighbouring rungs.
        min_epochs: the smallest number of epochs of the first rung.
        stop: whether to stop trials instead of pausing them.

    Raises:
        TypeError: an argument is not a number, or not whole.
        ValueError: an argument is out of range.

    Example:
        >>> from kerastune_lite.schedulers import ASHA
        >>> ASHA(max_epochs=27).rungs
        [1, 3, 9, 27]
    """

    reads_curves: ClassVar[bool] = True

    def __init__(
        self,
        max_epochs: int = 100,
        factor: float = 3,
        min_epochs: int = 1,
        stop: bool = False,
    ) -> None:
        self._ends = rung_ends(max_epochs, min_epochs, factor)
        self.max_epochs = int(max_epochs)
        self._factor = exact_factor(factor)
        self.factor = plain_factor(self._factor)
        self.min_epochs = int(min_epochs)
        self.stop = bool(stop)

    @property
    def rungs(self) -> list[int]:
        """The epochs at which the rungs end; the last is `max_epochs`."""
        return list(self._ends)

    @property
    def decides_epochs(self) -> bool:
        return True

    def plan(self, history: TrialHistory, free: int, supply: Supply) -> list[TrainingRequest]:
        rungs: list[TrainingRequest] = []
        if self.stop:
            new = TrainingRequest(None, 0, self._ends[-1])
        else:
            new = TrainingRequest(None, 0, self._ends[0], resumable=len(self._ends) > 1)
            rungs = self._promotions(history)[:free]
        if not supply.exhausted:
            rungs += [new] * (free - len(rungs))
        return rungs or last_rung(history, self._ends)

    def _promotions(self, history: TrialHistory) -> list[TrainingRequest]:
        """Requests for paused trials that may continue: the highest rung first, then the best."""
        if not history.paused:
            return []
        rungs: list[TrainingRequest] = []
        for level, places in reversed(list(enumerate(self._places(history)[:-1]))):
            for place in places[: self._promoted(len(places))]:
                trial = history[place.number]
                if trial.status is TrialStatus.PAUSED and level_of(trial, self._ends) == level:
                    rungs.append(next_rung(trial, self._ends, level + 1))
        return rungs

    def judge(self, history: TrialHistory, trial: int, losses: Sequence[float]) -> Decision:
        level = self._just_reached(losses) if self.stop else None
        if level is None:
            return Decision.CONTINUE
        others = [each for each in self._places(history, level)[level] if each.number != trial]
        own = place_at(history, trial, losses, self._ends[level])
        if math.isinf(min(each.loss for each in [own, *others])):
            return Decision.CONTINUE  # No loss is known.
        rank = in_order([own, *others], own.known).index(own)
        return Decision.CONTINUE if rank < self._promoted(len(others) + 1) else Decision.STOP

    def _just_reached(self, losses: Sequence[float]) -> int | None:
        """The index of the rung whose end the latest loss is the first to reach; never the last.

        If not every epoch is validated, that loss may come later than the end.
        """
        level = bisect.bisect_right(self._ends[:-1], len(losses)) - 1
        if level < 0:
            return None
        before = losses[self._ends[level] - 1 : -1]
        return level if all(math.isnan(loss) for loss in before) else None

    def finished(self, history: TrialHistory, supply: Supply) -> list[int]:
        if self.stop or not history.paused:
            return []
        given_up: list[int] = []
        best = best_paused(history)
        for level, places in enumerate(self._places(history)[:-1]):
            for rank, place in enumerate(places):
                trial = history[place.number]
                if trial.status is not TrialStatus.PAUSED or trial is best:
                    continue
                if level_of(trial, self._ends) == level and self._hopeless(rank, len(places)):
                    given_up.append(place.number)
        return sorted(given_up)

    def _hopeless(self, rank: int, size: int) -> bool:
        """Whether the trial at `rank`, from 0, is very unlikely to be among the best of its rung.

        Its rank estimates the share of all possible trials that are better; the standard error of
        the estimate falls as the rung fills.
        """
        share = (rank + 1) / (size + 1)
        error = math.sqrt(share * (1 - share) / size)
        return share - 1 / self.factor > _ERRORS * error

    # ------------------------------------------------------------------ the current rungs

    def _places(self, history: TrialHistory, last: int | None = None) -> list[list[Place]]:
        """The trials that reached the end of each rung, up to index `last`; the best first."""
        ends = self._ends if last is None else self._ends[: last + 1]
        rungs: list[list[Place]] = [[] for _ in ends]
        # Those that a callback stopped before the last rung, by the highest rung they reached.
        ended: list[list[Place]] = [[] for _ in ends]
        for trial in history:
            if trial.status is TrialStatus.FAILED:
                continue
            curve = history.curve(trial.number)
            # Without a curve, only the current loss is known.
            known = curve or (place_of(trial).loss,)
            reached = self._reached(trial, len(curve))
            for places, end in zip(rungs[:reached], ends):
                places.append(place_at(history, trial.number, known, end))
            if 0 < reached < len(ends) and ended_itself(trial):
                ended[reached - 1].append(place_at(history, trial.number, known))
        carried: list[Place] = []
        for places, here in zip(rungs, ended):
            places[:] = in_order([*places, *carried])
            best = {each.number for each in places[: self._promoted(len(places))]}
            carried = [place for place in [*carried, *here] if place.number in best]
        return rungs

    def _promoted(self, size: int) -> int:
        """How many trials of a rung of this size may continue."""
        return max(1, size // self._factor) if self.stop else size // self._factor

    def _reached(self, trial: Trial, epochs: int) -> int:
        """The number of rungs whose end a trial has reached; its curve has `epochs` epochs."""
        running = trial.status is TrialStatus.RUNNING
        if not self.stop:
            return level_of(trial, self._ends) + (not running)
        reached = bisect.bisect_right(self._ends, epochs or trial.epochs)
        return reached if running else max(1, reached)

    def pausing(self, epochs: int) -> ASHA:
        return ASHA(self.max_epochs, self.factor, self.min_epochs, stop=False)

    def settings(self) -> dict[str, Value]:
        return {
            **super().settings(),
            "max_epochs": self.max_epochs,
            "factor": self.factor,
            "min_epochs": self.min_epochs,
            "stop": self.stop,
        }
