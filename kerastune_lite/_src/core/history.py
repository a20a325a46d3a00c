"""All trials of a project, with indexes that make decisions fast."""

from __future__ import annotations

import bisect
import dataclasses
import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import overload

from kerastune_lite._src.core.former import FORMER, Former
from kerastune_lite._src.core.marks import Marks, mean_of
from kerastune_lite._src.core.ranked import Place, best_first, leading, place_of
from kerastune_lite._src.core.trial import Trial, TrialStatus
from kerastune_lite._src.core.visited import Visited
from kerastune_lite._src.space.domains import Value
from kerastune_lite._src.util.public import public


@public("kerastune_lite.oracles")
class TrialHistory(Sequence[Trial]):
    """The trials in the order of their numbers, 0, 1, 2, ...

    Oracles and schedulers decide by it alone. It is a function of the trials and their losses.

    Args:
        trials: in the order of their numbers.
        space_is_fixed: whether parameters outside the space of a trial are not tuned: they always
            have the same value, so they do not make points different.
        former: what the search remembers of former projects (`warm_start_from`).

    Example:
        >>> from kerastune_lite.oracles import Trial, TrialHistory, TrialStatus
        >>> history = TrialHistory()
        >>> for number, loss in enumerate([0.5, 0.2]):
        ...     values = {"units": 16 * (number + 1)}
        ...     history.add(Trial(number, values, status=TrialStatus.COMPLETED, loss=loss))
        >>> history.best(1)[0].values, {"units": 16} in history.visited
        ({'units': 32}, True)
    """

    def __init__(
        self,
        trials: Iterable[Trial] = (),
        space_is_fixed: bool = False,
        former: Iterable[Former] = (),
    ) -> None:
        self._space_is_fixed = space_is_fixed
        self.former = tuple(former)
        """Former projects, whose results are used as long as they agree with these."""
        self._trials: list[Trial] = []
        self._ranking: list[Place] = []
        self._several = False  # objectives
        self._ordered: list[Trial] | None = None  # with several objectives; None: to be sorted
        self._confirmed: int | None = None
        self._running: dict[int, None] = {}
        self._paused: dict[int, None] = {}
        self._curves: dict[int, dict[int, list[float]]] = {}
        self._marks: dict[int, dict[int, dict[int, Marks]]] = {}
        self.visited = Visited()
        """The points that were tried, are being tried, or failed."""
        self.failed = 0
        """The number of failed trials."""
        for trial in trials:
            self.add(trial)

    @overload
    def __getitem__(self, index: int) -> Trial: ...
    @overload
    def __getitem__(self, index: slice) -> list[Trial]: ...
    def __getitem__(self, index: int | slice) -> Trial | list[Trial]:
        return self._trials[index]

    def __len__(self) -> int:
        return len(self._trials)

    def __iter__(self) -> Iterator[Trial]:
        return iter(self._trials)

    def add(self, trial: Trial) -> None:
        """Append `trial`, the next one.

        Raises:
            ValueError: its number is not the next one.
        """
        if trial.number != len(self._trials):
            raise ValueError(
                f"Trials must be added in order. Expected number {len(self._trials)}, received "
                f"{trial.number}."
            )
        self._trials.append(trial)
        self._index(trial)

    def update(self, trial: Trial) -> None:
        """Replace a running or paused trial by `trial`, its new state.

        Raises:
            ValueError: there is no trial of this number, or it has ended.
        """
        if not 0 <= trial.number < len(self._trials):
            raise ValueError(
                f"Only the {len(self._trials)} trials that were added can be updated. "
                f"Received: number {trial.number}, counted from 0."
            )
        earlier = self._trials[trial.number]
        if earlier.status not in (TrialStatus.RUNNING, TrialStatus.PAUSED):
            raise ValueError(f"Trial {trial.number} has ended; it cannot be updated.")
        self.visited.remove(self._point(earlier))
        self._running.pop(trial.number, None)
        self._paused.pop(trial.number, None)
        place = place_of(earlier)
        if place is not None:
            del self._ranking[bisect.bisect_left(self._ranking, place)]
            self._ordered = None
        self._trials[trial.number] = trial
        self._index(trial)

    def _point(self, trial: Trial) -> Mapping[str, Value]:
        """The values that identify the point of a trial."""
        point = trial.space.as_proposed(trial.values)
        if self._space_is_fixed:
            return {name: value for name, value in point.items() if trial.space.named(name)}
        return point

    def _index(self, trial: Trial) -> None:
        failed, point = trial.status is TrialStatus.FAILED, self._point(trial)
        # A trial that failed before it asked for anything says nothing about any point.
        if point or not failed:
            self.visited.add(point, failed)
        place = place_of(trial)
        if trial.status is TrialStatus.RUNNING:
            self._running[trial.number] = None
            return
        if trial.status is TrialStatus.PAUSED:
            self._paused[trial.number] = None
        elif trial.status is TrialStatus.FAILED:
            self.failed += 1
        if place is not None:
            bisect.insort(self._ranking, place)
            self._several = self._several or bool(trial.losses)
            self._ordered = None

    @property
    def has_winner(self) -> bool:
        """Whether a trial comes first because it won a race."""
        return self._confirmed is not None

    def confirm(self, trial: Trial | None) -> None:
        """Have a trial come first, whatever its loss.

        Oracles and schedulers never see that: during a search, no trial is confirmed.

        Args:
            trial: the winner of a race; None: no trial comes first.
        """
        if self._confirmed is not None:
            self._replace(dataclasses.replace(self._trials[self._confirmed], confirmed=False))
        self._confirmed = None if trial is None else trial.number
        if trial is not None:
            self._replace(dataclasses.replace(trial, confirmed=True))

    def _replace(self, trial: Trial) -> None:
        """Put `trial`, which has a score, in the place of its former state."""
        places = place_of(self._trials[trial.number]), place_of(trial)
        self._trials[trial.number] = trial
        if places[0] is not None and places[1] is not None:
            del self._ranking[bisect.bisect_left(self._ranking, places[0])]
            bisect.insort(self._ranking, places[1])

    @property
    def running(self) -> list[Trial]:
        """The running trials, in the order of their numbers."""
        # Sorted, so that an updated history equals one that was read from a store.
        return [self._trials[number] for number in sorted(self._running)]

    @property
    def paused(self) -> list[Trial]:
        """The paused trials, in the order of their numbers."""
        return [self._trials[number] for number in sorted(self._paused)]

    @property
    def ended(self) -> int:
        """The number of completed and failed trials."""
        return len(self._trials) - len(self._running) - len(self._paused)

    @property
    def from_former(self) -> int:
        """The number of trials whose points come from former projects."""
        return sum(trial.origin == FORMER for trial in self._trials) if self.former else 0

    # ------------------------------------------------------------------ learning curves

    def note(
        self, trial: int, execution: int, epoch: int, loss: float, marks: Marks | None = None
    ) -> None:
        """Record the `loss` of an epoch, and forget those of later epochs.

        Args:
            trial, execution: their numbers.
            epoch: counted from 0. Epochs without validation are not recorded.
            marks: its results by each goal, if the search has several.
        """
        if marks is not None:
            # What was noted of later epochs is replaced when these are trained again.
            self._marks.setdefault(trial, {}).setdefault(epoch, {})[execution] = marks
        losses = self._curves.setdefault(trial, {}).setdefault(execution, [])
        del losses[epoch:]
        losses.extend([math.nan] * (epoch - len(losses)))
        losses.append(loss)

    def forget(self, trial: int, execution: int, epoch: int) -> None:
        """Remove the losses of `execution` of `trial` from `epoch` on, which is trained again."""
        del self._curves.get(trial, {}).get(execution, [])[epoch:]

    def losses(self, trial: int, execution: int) -> Sequence[float]:
        """The losses of `execution` of `trial` by epoch, NaN for epochs without validation."""
        return self._curves.get(trial, {}).get(execution, ())

    def curve(self, trial: int) -> tuple[float, ...]:
        """The losses of the epochs of `trial`, by number; smaller is better.

        Means over its executions, up to the last epoch that all of them reached; NaN for an epoch
        without validation. Only available if the oracle or the scheduler sets `reads_curves`.
        """
        executions = list(self._curves.get(trial, {}).values())
        if len(executions) == 1:
            return tuple(executions[0])
        return tuple(sum(losses) / len(losses) for losses in zip(*executions))

    def marks(self, trial: int, epochs: Iterable[int]) -> Marks:
        """The results of `trial` by each goal after `epochs`, counted from 0; for several goals.

        Means over epochs and executions. What is not known by epoch, as the size of a model or the
        result of a user's function, is that of its latest results; NaN if there are none. Empty if
        nothing was noted. Only available as `curve` is.
        """
        noted = self._marks.get(trial, {})
        found = [marks for epoch in epochs for marks in noted.get(epoch, {}).values()]
        return mean_of(found).completed_by(self._trials[trial]) if found else Marks()

    def best(self, count: int | None = None) -> list[Trial]:
        """The completed and paused trials, the best first; at most `count`, if that is given.

        Trials that satisfy all constraints come first. With several objectives, they come front by
        front (`core/pareto.py`), within a front by the first objective. Of trials with equal losses
        the earlier one is first.
        """
        if self._several:
            return self._in_order()[:count]
        return [self._trials[number] for _, _, number in self._ranking[:count]]

    def most_spread(self, count: int) -> list[Trial]:
        """The best `count`; with several objectives a front begins with its least crowded trials.

        For the selection of parents: they cover all of a front that has more trials than needed.
        """
        return best_first(self._trials, spread=True)[:count] if self._several else self.best(count)

    def front(self) -> list[Trial]:
        """The trials that satisfy all constraints and that no other one dominates.

        In the order of the first objective; with one objective the best trial.
        """
        return leading(self.best() if self._several else self.best(1))

    def rank(self, trial: Trial) -> int | None:
        """The rank of `trial`, 0 for the best; None if it has no score."""
        place = place_of(trial)
        if place is None:
            return None
        if self._several:
            return [each.number for each in self._in_order()].index(trial.number)
        return bisect.bisect_left(self._ranking, place)

    def _in_order(self) -> list[Trial]:
        """The trials with a score, the best first, for several objectives."""
        if self._ordered is None:
            self._ordered = best_first(self._trials)
        return self._ordered
