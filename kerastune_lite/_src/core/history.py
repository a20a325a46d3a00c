"""All trials of a project, with the indexes that make decisions cheap."""

from __future__ import annotations

import bisect
import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import overload

from kerastune_lite._src.core.trial import Trial, TrialStatus
from kerastune_lite._src.core.visited import Visited
from kerastune_lite._src.space.domains import Value


class TrialHistory(Sequence[Trial]):
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
        self._paused: dict[int, None] = {}
        self._curves: dict[int, dict[int, list[float]]] = {}
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
    def __getitem__(self, index: int | slice) -> Trial | list[Trial]:
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
        """Replace a running or paused trial by its later state.

        Raises:
            ValueError: there is no trial of this number, or it has ended.
        """
        if not 0 <= trial.number < len(self._trials):
            raise ValueError(
                f"Only trials that were added can be updated: the {len(self._trials)} from 0 on. "
                f"Received: number {trial.number}."
            )
        earlier = self._trials[trial.number]
        if earlier.status not in (TrialStatus.RUNNING, TrialStatus.PAUSED):
            raise ValueError(f"Trial {trial.number} has ended; it cannot change any more.")
        self.visited.remove(self._point(earlier))
        self._running.pop(trial.number, None)
        self._paused.pop(trial.number, None)
        place = _place(earlier)
        if place is not None:
            del self._ranking[bisect.bisect_left(self._ranking, place)]
        self._trials[trial.number] = trial
        self._index(trial)

    def _point(self, trial: Trial) -> Mapping[str, Value]:
        """What tells the trial from others."""
        point = trial.space.as_proposed(trial.values)
        if self._space_is_fixed:
            return {name: value for name, value in point.items() if trial.space.named(name)}
        return point

    def _index(self, trial: Trial) -> None:
        failed, point = trial.status is TrialStatus.FAILED, self._point(trial)
        # What failed before it asked for anything says nothing about any point.
        if point or not failed:
            self.visited.add(point, failed)
        place = _place(trial)
        if trial.status is TrialStatus.RUNNING:
            self._running[trial.number] = None
            return
        if trial.status is TrialStatus.PAUSED:
            self._paused[trial.number] = None
        elif trial.status is TrialStatus.FAILED:
            self.failed += 1
        if place is not None:
            bisect.insort(self._ranking, place)

    @property
    def running(self) -> list[Trial]:
        """Trials that were started and have not ended, in the order of their numbers."""
        # Sorted, so that a history that was updated equals one that was read back.
        return [self._trials[number] for number in sorted(self._running)]

    @property
    def paused(self) -> list[Trial]:
        """Trials that are at the end of a rung and may go on, in the order of their numbers."""
        return [self._trials[number] for number in sorted(self._paused)]

    @property
    def ended(self) -> int:
        """How many trials are completed or failed."""
        return len(self._trials) - len(self._running) - len(self._paused)

    # ------------------------------------------------------------------ learning curves

    def note(self, trial: int, execution: int, epoch: int, loss: float) -> None:
        """Enter the loss of an epoch; what was known of it and of later ones is replaced.

        Args:
            epoch: counted from 0. Epochs without a loss (no validation) are left out by the caller.
        """
        losses = self._curves.setdefault(trial, {}).setdefault(execution, [])
        del losses[epoch:]
        losses.extend([math.nan] * (epoch - len(losses)))
        losses.append(loss)

    def forget(self, trial: int, execution: int, epoch: int) -> None:
        """Drop the losses from `epoch` on: they are trained again."""
        del self._curves.get(trial, {}).get(execution, [])[epoch:]

    def losses(self, trial: int, execution: int) -> Sequence[float]:
        """Those of one execution's epochs, from the first on."""
        return self._curves.get(trial, {}).get(execution, ())

    def curve(self, trial: int) -> tuple[float, ...]:
        """The losses of a trial's epochs from the first on, smaller is better.

        Means over its executions, as far as all that were begun have come; NaN for an epoch
        without validation, and wherever the loss was not a number. They are there for oracles and
        schedulers that say `reads_curves`.
        """
        executions = list(self._curves.get(trial, {}).values())
        if len(executions) == 1:
            return tuple(executions[0])
        return tuple(sum(losses) / len(losses) for losses in zip(*executions))

    def best(self, count: int | None = None) -> list[Trial]:
        """The trials with a score, completed or paused, from the best on; the earlier first."""
        return [self._trials[number] for _, number in self._ranking[:count]]

    def rank(self, trial: Trial) -> int | None:
        """The place of a trial with a score, 0 for the best; None when it has none."""
        place = _place(trial)
        return None if place is None else bisect.bisect_left(self._ranking, place)


def _place(trial: Trial) -> tuple[float, int] | None:
    """What a trial with a score is ranked by."""
    if trial.status not in (TrialStatus.COMPLETED, TrialStatus.PAUSED) or trial.loss is None:
        return None
    # NaN compares with nothing: one in a sorted list makes every later search in it wrong.
    return None if math.isnan(trial.loss) else (trial.loss, trial.number)
