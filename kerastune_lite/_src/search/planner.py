"""Which trials start or are resumed: decided by oracle and scheduler, within the limits."""

from __future__ import annotations

import dataclasses
import logging
from collections.abc import Callable, Iterable, Mapping, Sequence

import numpy as np

from kerastune_lite._src.algorithms.oracles.former_points import former_point
from kerastune_lite._src.algorithms.oracles.oracle import Oracle
from kerastune_lite._src.algorithms.schedulers.scheduler import Scheduler, Supply, TrainingRequest
from kerastune_lite._src.core.events import Enqueued, StopReason
from kerastune_lite._src.core.former import FORMER
from kerastune_lite._src.core.history import TrialHistory
from kerastune_lite._src.core.parent import Parent
from kerastune_lite._src.core.trial import Trial, TrialStatus
from kerastune_lite._src.search.seeds import proposal_generator
from kerastune_lite._src.space.domains import Value
from kerastune_lite._src.space.parameters import Space
from kerastune_lite._src.store.store import Project, Store

logger = logging.getLogger(__name__)


@dataclasses.dataclass(frozen=True)
class Beginning:
    """A trial to train now, already in the history.

    Attributes:
        trial: the trial.
        queued: its position in the queue of enqueued points, if it comes from there.
        resumed: whether it was paused.
    """

    trial: Trial
    queued: int | None = None
    resumed: bool = False


def recorded_queue(
    store: Store, project: Project, waiting: Iterable[Mapping[str, Value]], history: TrialHistory
) -> dict[int, Mapping[str, Value]]:
    """The points to try first, by position: those of the project, then new ones.

    Args:
        store: where new points are recorded.
        waiting: new points; those that were tried, or are in the queue, are left out.
    """
    queue: dict[int, Mapping[str, Value]] = dict(project.queue)
    for values in waiting:
        if values not in queue.values() and values not in history.visited:
            queue[project.enqueued + len(queue) - len(project.queue)] = values
    new = {position: values for position, values in queue.items() if position >= project.enqueued}
    store.record([Enqueued(position, values) for position, values in new.items()])
    return queue


class Planner:
    """Asks the scheduler what to train, and the oracle with which values.

    Args:
        oracle, scheduler: of the search.
        history: of the search; trials that start are added.
        seed: of the project.
        queue: points to try first: position -> values.
        max_trials: the largest number of trials in the project.
        clock: returns seconds since 1970.
    """

    def __init__(
        self,
        oracle: Oracle,
        scheduler: Scheduler,
        history: TrialHistory,
        seed: int,
        queue: Mapping[int, Mapping[str, Value]],
        max_trials: int | None,
        clock: Callable[[], float],
    ) -> None:
        self._oracle = oracle
        self._scheduler = scheduler
        self._history = history
        self._seed = seed
        self._queue = dict(sorted(queue.items()))
        self._max_trials = max_trials
        self._clock = clock
        self._exhausted: Space | None = None

    def begin(self, space: Space, free: int, together: int) -> list[Beginning]:
        """The trials to train now.

        Args:
            space: the parameters known so far.
            free: how many trials can be trained now, at least 1.
            together: how many may start at once if they can be trained in one stack.
        """
        supply = self.supply(space)
        together = together if self._scheduler.fills_stacks else min(free, together)
        requests = self._scheduler.plan(self._history, max(free, together), supply)
        # Children first: their parents may be resumed afterwards.
        begun = self._children(space, [each for each in requests if each.parent is not None])
        begun += [self._resumed(request) for request in requests if request.trial is not None]
        new = [each for each in requests if each.trial is None and each.parent is None]
        new = new[: max(0, min(free - len(begun), self._left()))]
        found = self._new(space, new)
        if len(found) < len(new) and not self._oracle.is_waiting:
            self._exhausted = space
            if not begun and not found:
                return self.begin(space, free, together)
        begun += found
        if len(found) == len(begun) > 0:
            most = together - len(begun)
            if self._oracle.learns:
                begun += self._like_the_latest(space, new[-1], most)
            else:
                begun += self._alike(space, new[-1], most, supply)
        return begun

    def supply(self, space: Space) -> Supply:
        """Whether new trials can still begin."""
        # Any generator will do: whether there is an untried point does not depend on the draws.
        rng = np.random.default_rng(0)
        untried = self._oracle.proposes_again or self._history.visited.sample_untried(space, rng)
        all_tried = untried is None
        if all_tried:
            self._exhausted = space
        left = None if self._max_trials is None else self._left()
        return Supply(self._exhausted == space or left == 0, all_tried, left)

    def reason(self, space: Space) -> StopReason:
        """Why no more trials start."""
        if self._left() == 0:
            return StopReason.BUDGET
        return StopReason.EXHAUSTED if self._exhausted == space else StopReason.SCHEDULE

    def _left(self) -> int:
        """How many more trials may start."""
        if self._max_trials is None:
            return 2**31
        return max(0, self._max_trials - len(self._history))

    def _resumed(self, request: TrainingRequest) -> Beginning:
        trial = dataclasses.replace(
            self._history[request.trial or 0],
            status=TrialStatus.RUNNING,
            goal=request.end_epoch,
            resumable=request.resumable,
        )
        trial = dataclasses.replace(trial, facts=self._scheduler.facts(trial))
        self._history.update(trial)
        return Beginning(trial, resumed=True)

    def _children(self, space: Space, requests: Sequence[TrainingRequest]) -> list[Beginning]:
        """New trials that continue from the states of paused ones."""
        begun = []
        for request in requests[: self._left()]:
            parent = self._history[request.parent or 0]
            rng = proposal_generator(self._seed, len(self._history))
            values = self._scheduler.explore(space, parent, rng)
            begun.append(self._added(space, values, request, "parent"))
        return begun

    def _new(self, space: Space, requests: Sequence[TrainingRequest]) -> list[Beginning]:
        begun = []
        for place, request in enumerate(requests):
            queued = self._from_queue(space, request)
            former = None if queued is not None else former_point(space, self._history)
            if queued is not None:
                begun.append(queued)
            elif former is not None:
                begun.append(self._added(space, former, request, FORMER))
            elif self._oracle.learns:
                points = self._proposed(space, len(requests) - place)
                begun += [self._added(space, p, each) for p, each in zip(points, requests[place:])]
                break
            else:
                # Each has its own generator, however many start together.
                begun += [self._added(space, p, request) for p in self._proposed(space, 1)]
        return begun

    def _from_queue(self, space: Space, request: TrainingRequest) -> Beginning | None:
        """A trial of the first untried point of the queue."""
        for position in list(self._queue):
            values = self._queue.pop(position)
            if values not in self._history.visited:
                return self._added(space, values, request, "enqueued", position)
            logger.info("The enqueued point %s was already tried.", dict(values))
        return None

    def _proposed(self, space: Space, count: int) -> list[dict[str, Value]]:
        rng = proposal_generator(self._seed, len(self._history))
        return self._oracle.propose(space, self._history, count, rng)

    def _added(
        self,
        space: Space,
        values: Mapping[str, Value],
        request: TrainingRequest,
        origin: str = "oracle",
        queued: int | None = None,
    ) -> Beginning:
        trial = Trial(
            len(self._history),
            dict(values),
            space,
            origin=origin,
            started=self._clock(),
            bracket=request.bracket,
            goal=request.end_epoch,
            resumable=request.resumable,
            parent=None if request.parent is None else Parent(request.parent, request.start_epoch),
        )
        trial = dataclasses.replace(trial, facts=self._scheduler.facts(trial))
        self._history.add(trial)
        return Beginning(trial, queued)

    def _alike(
        self, space: Space, request: TrainingRequest, most: int, supply: Supply
    ) -> list[Beginning]:
        """The next trials, as long as they differ from the latest one only in floats.

        Learning rates and other floats do not change the network; numbers of units do.
        """
        begun: list[Beginning] = []
        latest = self._history[-1]
        while len(begun) < most and self._left() and not self._queue:
            planned = self._scheduler.plan(self._history, 1, supply)
            if latest.origin != "oracle" or planned != [request]:
                break
            points = [p for p in self._proposed(space, 1) if _alike(p, latest.values)]
            if not points:
                break
            begun.append(self._added(space, points[0], request))
        return begun

    def _like_the_latest(
        self, space: Space, request: TrainingRequest, most: int
    ) -> list[Beginning]:
        """Further trials that an oracle that learns proposes to train with the latest one."""
        most, latest = min(most, self._oracle.batch - 1, self._left()), self._history[-1]
        if most < 1 or self._queue or self._scheduler.decides_epochs:
            return []
        rng = proposal_generator(self._seed, len(self._history))
        points = self._oracle.propose_alike(space, self._history, latest.values, most, rng)
        return [self._added(space, p, request) for p in points if _alike(p, latest.values)]


def _alike(one: Mapping[str, Value], other: Mapping[str, Value]) -> bool:
    """Whether two points differ only in floating-point numbers."""
    return one.keys() == other.keys() and all(
        value == other[name] or (type(value) is float and type(other[name]) is float)
        for name, value in one.items()
    )
