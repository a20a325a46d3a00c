"""Several searches of the same objective side by side: what each has found, and for how much."""

from __future__ import annotations

import dataclasses
import itertools
import statistics
from collections.abc import Sequence

from kerastune_lite._src.analysis.certainty import scores_of
from kerastune_lite._src.analysis.fronts import hypervolumes
from kerastune_lite._src.core.objective import Objective
from kerastune_lite._src.core.trial import Trial

_ERRORS = 0.05
"""How often chance alone may make a difference that is called more than chance."""


@dataclasses.dataclass(frozen=True)
class Difference:
    """How far the best trial of a search is ahead of that of another one.

    Attributes:
        ahead: the difference of their mean scores, 0 or more, whatever the direction is.
        margin: by how much two equally good trials differ at most by chance, with an error in one
            of 20 comparisons of all searches; None if their trainings do not tell.
    """

    ahead: float
    margin: float | None

    @property
    def more_than_chance(self) -> bool | None:
        """None: unknown."""
        return None if self.margin is None else self.ahead > self.margin


def difference(first: Trial, second: Trial, objective: Objective, comparisons: int) -> Difference:
    """The difference of two trials that were trained several times each.

    Welch's t-test on the scores of their executions: the variances need not be equal. With several
    comparisons each has a smaller share of the errors (Bonferroni).

    Args:
        first: the better one.
        objective: of both.
        comparisons: how many differences are judged together.
    """
    ahead = objective.loss_of(_score(second)) - objective.loss_of(_score(first))
    return Difference(ahead, _margin(scores_of(first), scores_of(second), comparisons))


def _score(trial: Trial) -> float:
    assert trial.score is not None
    return trial.score


def _margin(first: Sequence[float], second: Sequence[float], comparisons: int) -> float | None:
    if min(len(first), len(second)) < 2:
        return None
    parts = [statistics.variance(scores) / len(scores) for scores in (first, second)]
    if sum(parts) == 0.0:  # Accuracies on few samples may be equal by chance.
        return None
    from scipy import special

    # Welch and Satterthwaite: the degrees of freedom of the sum.
    freedom = sum(parts) ** 2 / sum(
        part**2 / (len(scores) - 1) for part, scores in zip(parts, (first, second))
    )
    t = float(special.stdtrit(freedom, 1 - _ERRORS / comparisons / 2))
    return t * float(sum(parts)) ** 0.5


# ---------------------------------------------------------------------- by trials spent


def marks(counts: Sequence[int]) -> list[int]:
    """1, 2, 5, 10, 20, 50, ... up to the largest of these numbers of trials."""
    series = (digit * 10**power for power in itertools.count() for digit in (1, 2, 5))
    return list(itertools.takewhile(lambda mark: mark <= max(counts), series))


def best_after(
    trials: Sequence[Trial], objective: Objective, counts: Sequence[int]
) -> list[float | None]:
    """The best score of the first trials, for each of `counts`.

    None: there are not so many trials, or none of them has a score and satisfies the constraints.

    Args:
        trials: in the order of their numbers.
        objective: of the search.
    """
    found, best = list[float | None](), None
    for trial in trials:
        if trial.score is not None and trial.violation == 0.0:
            better = best is None or objective.better_than(trial.score, best)
            best = trial.score if better else best
        found.append(best)
    return [found[count - 1] if count <= len(found) else None for count in counts]


def volumes_after(
    searches: Sequence[Sequence[Trial]], objective: Objective, counts: Sequence[int]
) -> list[list[float | None]]:
    """The hypervolumes of the fronts after so many trials, `(searches, counts)`.

    All have the same reference point, the worst of all trials, so that they can be compared.

    Args:
        searches: the trials of each.
        objective: several ones.
        counts: how many trials. None among the results: there are not so many.
    """
    allowed = [t.losses for s in searches for t in s if t.losses and t.violation == 0.0]
    if not allowed:
        return [[None for _ in counts] for _ in searches]
    worst = [part.loss_of(max(losses)) for part, losses in zip(objective.parts, zip(*allowed))]
    grown = [hypervolumes(trials, objective, worst) for trials in searches]
    return [[each[n - 1] if n <= len(each) else None for n in counts] for each in grown]
