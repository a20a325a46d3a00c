"""How certain the best trial is: the spread over executions, and which trials are as good.

This needs trials with several executions (`executions_per_trial`, or the folds of a
cross-validation).
"""

from __future__ import annotations

import dataclasses
import statistics
from collections.abc import Iterable

import numpy as np

from kerastune_lite._src.analysis.unit_cube import Array
from kerastune_lite._src.core.objective import Objective
from kerastune_lite._src.core.ranked import best_first
from kerastune_lite._src.core.trial import Trial

COMPARED = 10
"""How many of the best trials are compared; worse ones often vary more."""

_CONFIDENCE = 0.95


@dataclasses.dataclass(frozen=True)
class Certainty:
    """The best trial, and those that are as good.

    Attributes:
        best: the number of the best trial.
        score: its mean score over executions.
        spread: the standard deviation of its score over executions.
        executions: the number of its executions.
        margin: the scores of two equally good trials differ by less in 95 of 100 cases; None if
            only one trial could be compared.
        rivals: the numbers of the trials within the margin of the best, the better first.
        compared: how many trials were compared, including the best.
    """

    best: int
    score: float
    spread: float
    executions: int
    margin: float | None
    rivals: tuple[int, ...]
    compared: int

    def result(self) -> str:
        """A sentence on the score of the best trial and its spread."""
        return (
            f"Trial {self.best} scored {self.score:#.4g} ± {self.spread:.2g} over "
            f"{self.executions} trainings (mean ± standard deviation)."
        )

    def warning(self) -> str | None:
        """A sentence on the trials that are as good as the best; None if there are none."""
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
    """The certainty of the best of these trials.

    The noise is the residual of the best trials' scores when the mean of each trial and of each
    execution is subtracted (two-way analysis of variance). So folds may differ in difficulty. The
    means of k executions of two equally good trials differ by less than
    t(0.975) * noise * sqrt(2 / k) in 95 of 100 cases. (This is rather too small for folds, which
    share most of their training data: Nadeau and Bengio, "Inference for the Generalization Error",
    2003.)

    Args:
        trials: of any status.
        objective: of the scores.

    Returns:
        None if there is no completed trial, if the best one had a single execution, and for
        several objectives, of which none has a best trial.
    """
    ranked = [trial for trial in best_first(trials) if trial.violation == 0.0]
    if not ranked or ranked[0].losses:
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
    """The scores of the completed executions."""
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
