"""The best points of former projects, as the first ones of a new search, whatever its oracle."""

from __future__ import annotations

import functools
import itertools
from collections.abc import Mapping, Sequence

import numpy as np

from kerastune_lite._src.algorithms.oracles.gp.encoding import Array, encoding_of
from kerastune_lite._src.algorithms.oracles.gp.former import relevant, surface_of
from kerastune_lite._src.core.former import FORMER, Former
from kerastune_lite._src.core.history import TrialHistory
from kerastune_lite._src.core.trial import TrialStatus
from kerastune_lite._src.space.domains import Value
from kerastune_lite._src.space.parameters import Space

_MOST = 4
"""How many points of former projects are tried at most."""
_UNTIL = 12
"""Of so many trials."""
_APART = 0.5
"""The smallest distance between the rows of two of them."""


def former_point(space: Space, history: TrialHistory) -> dict[str, Value] | None:
    """The next of the first points; None if it is the oracle's turn.

    The first trial is one of them, and from the fourth on every other one, as long as one of them
    is the best trial so far, and their projects rank more pairs of the trials so far rightly than
    wrongly. It is a function of the history.
    """
    if not history.former or len(history) >= _UNTIL:
        return None
    tried = [trial.number for trial in history if trial.origin == FORMER]
    best = history.best(1)
    if len(tried) >= _MOST or _turn(len(tried)) > len(history):
        return None
    if tried and best and best[0].number not in tried:
        return None
    for former, point in _first_points(space, history.former):
        if point not in history.visited and _agrees(space, former, history):
            return dict(point)
    return None


def _turn(tried: int) -> int:
    """The number of the earliest trial for the next one of them."""
    # In between are trials of the oracle, which say whether the first one is good.
    return 2 * tried + 1 if tried else 0


@functools.lru_cache(maxsize=16)
def _first_points(
    space: Space, formers: tuple[Former, ...]
) -> tuple[tuple[Former, Mapping[str, Value]], ...]:
    """The best points of each project in turn, without those that are close to earlier ones."""
    rankings = [[(each, point) for point in relevant(space, each).ranking] for each in formers]
    in_turn = itertools.chain.from_iterable(itertools.zip_longest(*rankings))
    found: list[tuple[Former, Mapping[str, Value]]] = []
    rows = np.empty((0, len(encoding_of(space).groups)))
    for former, point in (each for each in in_turn if each is not None):
        row = _rows(space, [point])
        if (((rows - row) ** 2).sum(axis=1) > _APART**2).all():
            found.append((former, point))
            rows = np.concatenate([rows, row])
        if len(found) == _MOST * len(formers):
            break
    return tuple(found)


def _agrees(space: Space, former: Former, history: TrialHistory) -> bool:
    """Whether a project ranks more pairs of the trials so far rightly than wrongly."""
    ended = [trial for trial in history if trial.status is not TrialStatus.RUNNING and trial.values]
    surface = surface_of(space, former)
    if surface is None or len(ended) < 2:
        return True
    predicted = surface.mean(_rows(space, [trial.values for trial in ended]))
    losses = np.array([np.inf if trial.loss is None else trial.loss for trial in ended])
    worse = losses[:, None] > losses[None, :]
    right = np.sign(predicted[:, None] - predicted[None, :])[worse]
    return bool(right.sum() > 0.0)


def _rows(space: Space, points: Sequence[Mapping[str, Value]]) -> Array:
    """The rows of points, `(n, d)`."""
    encoding = encoding_of(space)
    known = [encoding.units(point) for point in points]
    units, active = (np.array(each) for each in zip(*known))
    return encoding.rows(units, active)
