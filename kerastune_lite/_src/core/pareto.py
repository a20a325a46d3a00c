"""Trials with several losses: fronts, crowding, hypervolume. Smaller is better everywhere."""

from __future__ import annotations

import bisect
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]
Indices = NDArray[np.intp]


def fronts(losses: Array) -> Indices:
    """The front of each point, `(n,)`, 0 for those that no other point dominates.

    A point dominates another one if it is nowhere worse and somewhere better. Without the points of
    the earlier fronts no other point dominates those of a front (Deb et al., "A fast and elitist
    multiobjective genetic algorithm: NSGA-II", 2002, section III.A).

    Args:
        losses: `(n, m)`, finite.
    """
    if losses.shape[1:] == (2,):
        return _fronts_of_two(losses)
    count = len(losses)
    no_worse = np.ones((count, count), dtype=bool)  # the point of the row, than that of the column
    better = np.zeros((count, count), dtype=bool)
    for column in losses.T:
        no_worse &= column[:, None] <= column
        better |= column[:, None] < column
    dominates = no_worse & better
    dominated_by = dominates.sum(0)
    found = np.zeros(count, dtype=np.intp)
    left = np.ones(count, dtype=bool)
    front = 0
    while left.any():
        members = left & (dominated_by == 0)
        found[members] = front
        left &= ~members
        dominated_by = dominated_by - dominates[members].sum(0)
        front += 1
    return found


def _fronts_of_two(losses: Array) -> Indices:
    """The same for two losses, in n log n steps."""
    found = np.zeros(len(losses), dtype=np.intp)
    lowest: list[float] = []  # the second loss of the latest point of each front, ascending
    previous, front = None, 0
    for place in np.lexsort((losses[:, 1], losses[:, 0])):
        point = tuple(losses[place].tolist())
        if point != previous:
            # All points so far are at least as good in the first loss.
            front = bisect.bisect_right(lowest, point[1])
            lowest[front : front + 1] = [point[1]]
        found[place], previous = front, point
    return found


def extended(
    front: Sequence[tuple[float, ...]], point: tuple[float, ...]
) -> list[tuple[float, ...]] | None:
    """A front with one more point; None if a point of the front is as good everywhere.

    Args:
        front: points of which none is as good as another one everywhere.
    """
    if any(_as_good(known, point) for known in front):
        return None
    return [*(known for known in front if not _as_good(point, known)), point]


def _as_good(one: Sequence[float], other: Sequence[float]) -> bool:
    return all(a <= b for a, b in zip(one, other, strict=True))


def crowding(losses: Array) -> Array:
    """The crowding distance of each point of a front, `(n,)` (Deb et al. 2002, section III.B).

    The sum over objectives of the distance between the two neighbours of a point, relative to the
    range of the front; infinite for the ends. Large for points without neighbours.

    Args:
        losses: `(n, m)`, finite.
    """
    count = len(losses)
    if count < 3:
        return np.full(count, np.inf)
    distances = np.zeros(count)
    for column in losses.T:
        order = np.argsort(column, kind="stable")
        values = column[order]
        distances[order[[0, -1]]] = np.inf
        if values[-1] > values[0]:
            distances[order[1:-1]] += (values[2:] - values[:-2]) / (values[-1] - values[0])
    return distances


def ranking(losses: Array, violations: Sequence[float], crowded_last: bool = False) -> list[int]:
    """The indices of the points, the best first.

    Those that satisfy all constraints come front by front, then the others from the smallest
    violation on (Deb et al. 2002, section VI).

    Args:
        losses: `(n, m)`, finite.
        violations: `(n,)`, 0 for those that satisfy all constraints.
        crowded_last: whether the points of a front are ordered by crowding, the one with the most
            room first, as for the selection of parents. By default they are ordered by the first
            objective.
    """
    violated = np.asarray(violations, dtype=float)
    feasible = np.flatnonzero(violated == 0.0)
    places = np.zeros(len(losses))
    second = losses[:, 0].copy()
    found = fronts(losses[feasible])
    places[feasible] = found
    if crowded_last:
        for front in range(int(found.max(initial=-1)) + 1):
            members = feasible[found == front]
            second[members] = -crowding(losses[members])
    # The last key counts most; equal points keep their order.
    return [int(i) for i in np.lexsort((second, places, violated))]


def hypervolume(losses: Any, reference: Any) -> float:
    """The volume that points dominate, up to a reference point.

    Computed by slices along the last objective (Knowles, "Local-search and hybrid evolutionary
    algorithms for Pareto optimization", 2002, "hypervolume by slicing objectives").

    Args:
        losses: `(n, m)`; points that are anywhere worse than the reference do not count.
        reference: `(m,)`.
    """
    worst = np.asarray(reference, dtype=float)
    points = np.asarray(losses, dtype=float).reshape(-1, len(worst))
    points = points[(points < worst).all(1)]
    return _volume(points, worst)


def _volume(points: Array, worst: Array) -> float:
    if not len(points):
        return 0.0
    if len(worst) == 1:
        return float(worst[0] - points.min())
    points = points[fronts(points) == 0]
    points = points[np.argsort(points[:, -1], kind="stable")]
    if len(worst) == 2:
        lowest = np.minimum.accumulate(points[:, 0])
        heights = np.diff(np.append(points[:, 1], worst[1]))
        return float(((worst[0] - lowest) * heights).sum())
    ends = np.append(points[1:, -1], worst[-1])
    return sum(
        (float(end) - float(point[-1])) * _volume(points[: place + 1, :-1], worst[:-1])
        for place, (point, end) in enumerate(zip(points, ends, strict=True))
        if end > point[-1]
    )
