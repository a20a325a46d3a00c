"""Losses of trials that were trained for different numbers of epochs, made comparable.

In a search with rungs the worse trials end early. So two rungs differ because of the additional
epochs, and because only the better trials continued. The effect of the epochs is measured on the
learning curves of the trials that reached both rungs.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Mapping, Sequence

import numpy as np

from kerastune_lite._src.analysis.curves import Curves, mean_curve
from kerastune_lite._src.analysis.unit_cube import Array
from kerastune_lite._src.core.objective import Objective
from kerastune_lite._src.core.scored_trials import at_the_end, scored
from kerastune_lite._src.core.trial import Trial


def in_rungs(trials: Sequence[Trial]) -> bool:
    """Whether some of the trials with a score were trained for fewer epochs than others."""
    return len(at_the_end(trials)) < len(scored(trials))


def losses_at_the_end(
    trials: Sequence[Trial], objective: Objective, curves: Mapping[int, Curves]
) -> dict[int, float]:
    """The expected losses at the end of the last rung, by the number of the trial.

    A trial that ended earlier is assumed to improve like the median of those that continued.

    Args:
        trials: of any status; those without a score are left out.
        objective: of the scores.
        curves: by the number of the trial. Between rungs without curves the medians are made
            equal, which hides part of the differences between trials.
    """
    rows = scored(trials)
    ended = at_the_end(rows)
    losses = {row.number: float(row.loss) for row in rows if row.loss is not None}
    if len(ended) == len(rows):
        return losses
    bests = [_best_so_far(row, objective, curves) for row in rows]
    by_length: dict[int, list[float]] = {}
    for row in rows:
        by_length.setdefault(_length(row), []).append(losses[row.number])
    lengths = sorted(by_length)
    still_to_come = {lengths[-1]: 0.0}
    for earlier, later in reversed(list(itertools.pairwise(lengths))):
        gains = [best[later - 1] - best[earlier - 1] for best in bests if len(best) >= later]
        known = [gain for gain in gains if math.isfinite(gain)]
        between = np.median(by_length[later]) - np.median(by_length[earlier])
        gain = float(np.median(known)) if known else float(between)
        still_to_come[earlier] = still_to_come[later] + gain
    return {
        row.number: losses[row.number]
        + (0.0 if row.number in ended else still_to_come[_length(row)])
        for row in rows
    }


def _length(trial: Trial) -> int:
    """The number of epochs of its rung, at least 1."""
    return max(trial.epochs if trial.goal is None else trial.goal, 1)


def _best_so_far(trial: Trial, objective: Objective, curves: Mapping[int, Curves]) -> Array:
    """(epochs,): the smallest loss up to each epoch."""
    scores = mean_curve(curves.get(trial.number, ()), objective)
    losses = np.array([objective.loss_of(score) for score in scores.tolist()])
    best: Array = np.fmin.accumulate(losses) if len(losses) else losses
    return best
