"""All trials of a project, with the indexes that make decisions cheap."""

from __future__ import annotations

import bisect
import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, overload

from kerastune_lite.hyperparameters import Value
from kerastune_lite.trial import Trial, TrialStatus
from kerastune_lite.visited import Visited


class History(Sequence[Trial]):
    """The trials in the order of their numbers, 0, 1, 2, ...

    Decisions are functions of it; whatever it holds besides the trials follows from them.

    Args:
        trials: in the order of their numbers.
        space_is_fixed: parameters outside a trial's space are not tuned; they always have the
            same value, and do not tell one point from another.
    """

    def __init__(self, trials: Iterable[Trial] = (), space_is_fixed: bool = False) -> None:
        self._space_is_fixed = space_is_fixed
        self._trials: list[Trial] = []
        self._ranking: list[tuple[float, int]] = []
        self._running: dict[int, None] = {}
        self.visited = Visited()
        """The points that were tried, are being tried, or failed."""
        self.failed = 0
        """How many trials failed."""
        for trial in trials:
            self.add(trial)

    @overload
    def __getitem__(self, index: int) -> Trial: ...
    @overload
    def __getitem__(self, index: slice) -> list[Trial]: ...
    def __getitem__(self, index: Any) -> Any:
        return self._trials[index]

    def __len__(self) -> int:
        return len(self._trials)

    def __iter__(self) -> Iterator[Trial]:
        return iter(self._trials)

    def add(self, trial: Trial) -> None:
        """Append the next trial.

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
        """Replace a running trial by its later state.

        Raises:
            ValueError: there is no trial of this number, or it has ended.
        """
        if not 0 <= trial.number < len(self._trials):
            raise ValueError(
                f"Only trials that were added can be updated: the {len(self._trials)} from 0 on. "
                f"Received: number {trial.number}."
            )
        earlier = self._trials[trial.number]
        if earlier.status is not TrialStatus.RUNNING:
            raise ValueError(f"Trial {trial.number} has ended; it cannot change any more.")
        self.visited.remove(self._point(earlier))
        del self._running[trial.number]
        self._trials[trial.number] = trial
        self._index(trial)

    def _point(self, trial: Trial) -> Mapping[str, Value]:
        if not self._space_is_fixed:
            return trial.values
        return {name: value for name, value in trial.values.items() if trial.space.named(name)}

    def _index(self, trial: Trial) -> None:
        failed, point = trial.status is TrialStatus.FAILED, self._point(trial)
        # What failed before it asked for anything says nothing about any point.
        if point or not failed:
            self.visited.add(point, failed)
        place = _place(trial)
        if trial.status is TrialStatus.RUNNING:
            self._running[trial.number] = None
        elif trial.status is TrialStatus.FAILED:
            self.failed += 1
        elif place is not None:
            bisect.insort(self._ranking, place)

    @property
    def running(self) -> list[Trial]:
        """Trials that were started and have not ended, in the order of their numbers."""
        # Sorted, so that a history that was updated equals one that was read back.
        return [self._trials[number] for number in sorted(self._running)]

    @property
    def ended(self) -> int:
        """How many trials are completed or failed."""
        return len(self._trials) - len(self._running)

    def best(self, count: int | None = None) -> list[Trial]:
        """The completed trials from the best on; of equal ones the earlier first."""
        return [self._trials[number] for _, number in self._ranking[:count]]

    def rank(self, trial: Trial) -> int | None:
        """The place of a completed trial, 0 for the best; None when it has no loss to rank."""
        place = _place(trial)
        return None if place is None else bisect.bisect_left(self._ranking, place)


def _place(trial: Trial) -> tuple[float, int] | None:
    """What a completed trial is ranked by."""
    if trial.status is not TrialStatus.COMPLETED or trial.loss is None:
        return None
    # NaN compares with nothing: one in a sorted list makes every later search in it wrong.
    return None if math.isnan(trial.loss) else (trial.loss, trial.number)
