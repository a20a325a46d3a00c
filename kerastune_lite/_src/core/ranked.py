"""Trials in the order of merit, with one objective or several, with and without constraints."""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterable, Sequence

import numpy as np

from kerastune_lite._src.core.pareto import Array, fronts, ranking
from kerastune_lite._src.core.trial import Trial, TrialStatus

Place = tuple[float, float, int]
"""With one objective, trials are ranked by violation of constraints, by loss, then by number."""

_CONFIRMED = -1.0
"""The first number in the place of a trial that has won a race: it comes before all others."""


def place_of(trial: Trial, confirmed: bool = True) -> Place | None:
    """The place of a trial with a score, with one objective; None for others.

    Args:
        confirmed: whether the winner of a race after the search comes first.
    """
    if trial.status not in (TrialStatus.COMPLETED, TrialStatus.PAUSED) or trial.loss is None:
        return None
    # A single NaN would make every search in a sorted list wrong.
    if math.isnan(trial.loss):
        return None
    first = _CONFIRMED if confirmed and trial.confirmed else trial.violation
    return first, trial.loss, trial.number


def best_first(
    trials: Iterable[Trial], spread: bool = False, confirmed: bool = True
) -> list[Trial]:
    """The trials with a score, the best first.

    Those that satisfy all constraints come first. With several objectives they come front by front.
    Of equal trials the one with the smaller number is first.

    Args:
        spread: whether a front begins with the trials that are least crowded, rather than with the
            best ones by the first objective; for the selection of parents.
        confirmed: see `place_of`.
    """
    found = ((place_of(trial, confirmed), trial) for trial in trials)
    places = [(place, trial) for place, trial in found if place is not None]
    ordered = [trial for _, trial in sorted(places, key=lambda pair: pair[0])]
    if not any(trial.losses for trial in ordered):
        return ordered
    violations = [trial.violation for trial in ordered]
    return [ordered[i] for i in ranking(losses_of(ordered), violations, spread)]


def front_of(trials: Iterable[Trial]) -> list[Trial]:
    """The trials that satisfy all constraints and that no other one dominates.

    In the order of the first objective; with one objective the best trial.
    """
    return leading(best_first(trials))


def leading(ordered: Sequence[Trial]) -> list[Trial]:
    """The front of trials that are the best first already."""
    allowed = [*itertools.takewhile(lambda trial: trial.violation == 0.0, ordered)]
    if not allowed or not allowed[0].losses:
        return allowed[:1]
    return [t for t, front in zip(allowed, fronts(losses_of(allowed)), strict=True) if front == 0]


def losses_of(trials: Sequence[Trial]) -> Array:
    """The losses of all objectives, `(n, m)`."""
    return np.array([trial.losses for trial in trials], dtype=float)
