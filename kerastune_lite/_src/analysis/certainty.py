"""How sure the winner is: the spread over repeats or folds, and who is as good as the best.

All that is computed here needs trials with several executions (`executions_per_trial`, or the folds
of a cross-validation). One training says nothing about how another would have ended.
"""

from __future__ import annotations

import dataclasses
import statistics
from collections.abc import Iterable

import numpy as np

from kerastune_lite._src.analysis.unit_cube import Array, scored
from kerastune_lite._src.core.objective import Objective
from kerastune_lite._src.core.trial import Trial

COMPARED = 10
"""How many of the best are compared with the best; worse ones often vary by more."""

_CONFIDENCE = 0.95


@dataclasses.dataclass(frozen=True)
class Certainty:
    """The winner among those that were compared with it.

    Attributes:
        best: its number.
        score: its mean over executions.
        spread: the standard deviation of its score over executions.
        executions: how many it had.
        margin: a difference of scores between two trials that is smaller than this is what chance
            alone brings about in 95 of 100 cases; None when only one trial could be judged.
        rivals: the numbers of the trials within that margin of the best, the better first.
        compared: how many trials were compared, the best included.
    """

    best: int
    score: float
    spread: float
    executions: int
    margin: float | None
    rivals: tuple[int, ...]
    compared: int

    def result(self) -> str:
        """The winner's score and spread, in a sentence."""
        return (
            f"Trial {self.best} scored {self.score:#.4g} ± {self.spread:.2g} over "
            f"{self.executions} trainings (mean ± standard deviation)."
        )

    def warning(self) -> str | None:
        """What is not sure about the winner, in a sentence; None when nothing is in doubt."""
        if not self.rivals or self.margin is None:
            return None
        numbers = ", ".join(map(str, self.rivals[:5])) + (", …" if len(self.rivals) > 5 else "")
        others = len(self.rivals)
        which = f"Trial {numbers} is" if others == 1 else f"{others} others ({numbers}) are"
        if others == self.compared - 1 and others > 1:
            which = f"All {self.compared} best ({self.best}, {numbers}) are"
        return (
            f"{which} within the noise of it: two trials that are equally good differ by up to "
            f"{self.margin:.2g} by chance. Choose among them by size or speed, or compare them "
            "over more repeats or folds."
        )


def certainty(trials: Iterable[Trial], objective: Objective) -> Certainty | None:
    """What can be said of the winner of these trials.

    The noise is what is left of the best trials' scores when each trial's mean and each execution's
    mean are taken away (two-way analysis of variance). So it does not matter whether executions are
    repeats, or folds of which some are harder than others. Two means of k executions that come
    from equally good trials differ by less than t(0.975) * noise * sqrt(2 / k) in 95 of 100 cases.
    (Folds share most of their training data; for them this is rather too little than too much:
    Nadeau and Bengio, "Inference for the Generalization Error", 2003.)

    Args:
        trials: of any status.
        objective: what the scores are of.

    Returns:
        None if there is no completed trial, or the best one had a single execution.
    """
    ranked = sorted(scored(trials), key=lambda trial: (trial.loss, trial.number))
    if not ranked:
        return None
    best = ranked[0]
    scores = scores_of(best)
    if len(scores) < 2:
        return None
    compared = [trial for trial in ranked[:COMPARED] if len(scores_of(trial)) == len(scores)]
    margin = _margin(np.array([scores_of(trial) for trial in compared]))
    winner = objective.loss_of(statistics.fmean(scores))
    rivals = [
        trial.number
        for trial in compared[1:]
        if margin is not None
        and objective.loss_of(statistics.fmean(scores_of(trial))) - winner <= margin
    ]
    return Certainty(
        best.number,
        statistics.fmean(scores),
        statistics.stdev(scores),
        len(scores),
        margin,
        tuple(rivals),
        len(compared),
    )


def scores_of(trial: Trial) -> list[float]:
    """The score of each completed execution."""
    return [each.score for each in trial.completed_executions if each.score is not None]


def spread(trial: Trial) -> float | None:
    """The standard deviation of the score over the completed executions; None for one."""
    scores = scores_of(trial)
    return statistics.stdev(scores) if len(scores) > 1 else None


def _margin(scores: Array) -> float | None:
    """Half the width of the confidence interval of a difference; `scores` is (trials, k)."""
    rows, executions = scores.shape
    freedom = (rows - 1) * (executions - 1)
    if freedom < 1:
        return None
    from scipy import special

    rest = scores - scores.mean(axis=1, keepdims=True) - scores.mean(axis=0) + scores.mean()
    noise = float(np.sqrt((rest**2).sum() / freedom))
    t = float(special.stdtrit(freedom, (1 + _CONFIDENCE) / 2))
    return t * noise * (2 / executions) ** 0.5
