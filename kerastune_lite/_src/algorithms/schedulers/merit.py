"""The order of trials in a rung: by one loss, or by several objectives and constraints."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from kerastune_lite._src.core.history import TrialHistory
from kerastune_lite._src.core.marks import Marks, marks_of
from kerastune_lite._src.core.pareto import Array, fronts, ranking
from kerastune_lite._src.core.trial import Trial


class Place(NamedTuple):
    """What decides about the place of a trial in a rung.

    Attributes:
        violation: how far constraints are known to be violated.
        loss: of the first objective; infinite if there is none.
        number: of the trial.
        losses: of all objectives, if there are several; NaN for those that are not known.
    """

    violation: float
    loss: float
    number: int
    losses: tuple[float, ...] = ()

    @property
    def known(self) -> list[int]:
        """Which of the objectives are known."""
        return [i for i, loss in enumerate(self.losses) if math.isfinite(loss)]


def place_of(trial: Trial) -> Place:
    """The place of a trial in its latest rung; without a loss it is last."""
    loss = best_of([] if trial.loss is None else [trial.loss])
    return Place(trial.violation, loss, trial.number, trial.losses)


def place_at(
    history: TrialHistory, number: int, losses: Sequence[float], end: int | None = None
) -> Place:
    """The place of a trial by its best epoch.

    Args:
        losses: of the trial, by epoch.
        end: of a rung: only the epochs before it count, unless they have no loss; None: all do.
    """
    epoch = _best_epoch(losses, len(losses) if end is None else end)
    loss = math.inf if epoch is None else losses[epoch]
    marks = Marks() if epoch is None else history.marks(number, [epoch])
    trial = history[number]
    if not marks.losses and trial.losses:
        marks = marks_of(trial)  # of its latest rung: nothing was noted by epoch
    return _placed(number, loss, marks)


def latest_place(history: TrialHistory, number: int, end: int) -> Place:
    """The place of a trial by its last epoch before `end` that has a loss."""
    losses = history.curve(number)[:end]
    known = [epoch for epoch, loss in enumerate(losses) if not math.isnan(loss)]
    if not known:
        return place_of(history[number])
    marks = history.marks(number, [known[-1]])
    if not marks.losses and history[number].losses:
        marks = marks_of(history[number])  # of its latest rung: nothing was noted by epoch
    return _placed(number, losses[known[-1]], marks)


def average_place(history: TrialHistory, number: int, loss: float, epochs: int) -> Place:
    """The place of a trial by the means over its first `epochs`; `loss` is that of its losses."""
    return _placed(number, loss, history.marks(number, range(epochs)))


def _placed(number: int, loss: float, marks: Marks) -> Place:
    # The epochs of a training may be compared by another metric than the first objective.
    if marks.losses and math.isfinite(loss) and not math.isnan(marks.losses[0]):
        loss = marks.losses[0]
    several = marks.losses if len(marks.losses) > 1 else ()
    return Place(marks.violation, loss, number, several)


def best_of(losses: Sequence[float]) -> float:
    """The smallest loss; infinity if there is none."""
    if math.isnan(sum(losses)):
        # NaN compares with nothing.
        losses = [loss for loss in losses if not math.isnan(loss)]
    return min(losses, default=math.inf)


def _best_epoch(losses: Sequence[float], end: int) -> int | None:
    """The epoch with the best of the first `end` losses; without any, the first loss after them."""
    best = best_of(losses[:end])
    if not math.isinf(best):
        return list(losses[:end]).index(best)
    later = range(end, len(losses))
    return next((epoch for epoch in later if not math.isnan(losses[epoch])), None)


def in_order(places: Sequence[Place], known: Sequence[int] | None = None) -> list[Place]:
    """The best first: trials that satisfy the constraints, front by front.

    A front begins with the trials that are least crowded, as parents are selected by NSGA-II; that
    is the order of multi-objective ASHA, too (Schmucker et al., "Multi-objective asynchronous
    successive halving", 2021). With one objective, by loss. Equal trials by number; those without a
    loss come last.

    Args:
        known: the objectives that count. Default: all.
    """
    ordered = sorted(places)
    columns = _columns(ordered, known)
    if len(columns) < 2:
        return ordered
    complete, others = _parted(ordered, columns)
    order = ranking(_table(complete, columns), [each.violation for each in complete], True)
    return [*(complete[i] for i in order), *others]


def certain(ordered: Sequence[Place], count: int, to_come: int) -> list[Place]:
    """Those of the trials in a rung that will be among its best `count`, whoever comes.

    Args:
        ordered: the best first.
        to_come: how many trials can still come.
    """
    if not to_come or not _columns(ordered):
        return list(ordered[: max(0, count - to_come)])
    beaten = _surely_ahead(ordered).sum(1)
    ahead = len(ordered) - 1 - beaten + to_come  # at most
    return [place for place, rivals in zip(ordered, ahead, strict=True) if rivals < count]


def possible(ordered: Sequence[Place], count: int, to_come: int) -> list[Place]:
    """Those that can be among the best `count` of a rung. The arguments are those of `certain`."""
    if not to_come or not _columns(ordered):
        return list(ordered[: max(0, count)])
    ahead = _surely_ahead(ordered).sum(0)  # at least
    return [place for place, rivals in zip(ordered, ahead, strict=True) if rivals < count]


def tiers(places: Sequence[Place], known: Sequence[int]) -> list[tuple[float, float]]:
    """How good each place is; equal for those of which none is better, the smallest is the best.

    Args:
        known: the objectives that count.
    """
    if len(known) < 2:
        return [(each.violation, each.loss) for each in places]
    found = [(math.inf, math.inf)] * len(places)
    complete = [i for i, each in enumerate(places) if _is_complete(each, known)]
    allowed = [i for i in complete if places[i].violation == 0.0]
    for i, front in zip(allowed, fronts(_table([places[i] for i in allowed], known)), strict=True):
        found[i] = 0.0, float(front)
    for i in set(complete).difference(allowed):
        found[i] = places[i].violation, 0.0
    return found


def _surely_ahead(ordered: Sequence[Place]) -> np.ndarray:
    """Whether the trial of the row is ahead of that of the column in every order, `(n, n)`.

    That is so if it dominates the other one. Places in a front can change as trials come.
    """
    count = len(ordered)
    table = np.array([each.losses for each in ordered], dtype=float)
    violation = np.array([each.violation for each in ordered])
    no_worse = (table[:, None] <= table).all(2)
    dominates = no_worse & (table[:, None] < table).any(2)
    both = (violation[:, None] == violation) & (violation > 0.0)
    before = np.arange(count)[:, None] < np.arange(count)
    allowed = (violation[:, None] == 0.0) & (violation == 0.0)
    return (violation[:, None] < violation) | (allowed & dominates) | (both & before)


def _columns(places: Sequence[Place], known: Sequence[int] | None = None) -> list[int]:
    if known is not None:
        return list(known)
    return list(range(max((len(each.losses) for each in places), default=0)))


def _is_complete(place: Place, columns: Sequence[int]) -> bool:
    return math.isfinite(place.loss) and set(columns) <= set(place.known)


def _parted(places: Sequence[Place], columns: Sequence[int]) -> tuple[list[Place], list[Place]]:
    complete = [each for each in places if _is_complete(each, columns)]
    return complete, [each for each in places if not _is_complete(each, columns)]


def _table(places: Sequence[Place], columns: Sequence[int]) -> Array:
    table = [[each.losses[i] for i in columns] for each in places]
    return np.array(table, dtype=float).reshape(len(places), len(columns))
