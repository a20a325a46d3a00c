"""End a search when nothing has improved for some trials."""

from __future__ import annotations

import math
import numbers
from collections.abc import Iterator

from kerastune_lite._src.algorithms.stopping.rule import StoppingRule
from kerastune_lite._src.core.history import TrialHistory
from kerastune_lite._src.core.pareto import extended
from kerastune_lite._src.core.ranked import place_of
from kerastune_lite._src.core.trial import Trial, TrialStatus
from kerastune_lite._src.space.domains import Value
from kerastune_lite._src.util.public import public


@public("kerastune_lite.stopping")
class NoImprovement(StoppingRule):
    """End the search if the last `trials` trials have not improved its result.

    Failed trials count, paused and running ones do not. With several objectives a trial improves
    the result if no earlier one is as good in all of them.

    Args:
        trials: how many in a row.
        min_delta: a smaller change of the score is no improvement. Only for one objective.

    Raises:
        ValueError: an argument is invalid.

    Example:
        >>> import kerastune_lite as kt
        >>> search = {"max_trials": 500, "verbose": 0, "seed": 0}
        >>> rule = kt.stopping.NoImprovement(20)
        >>> tuner = kt.tune_function(lambda x: x**2, {"x": range(-50, 51)}, stopping=rule, **search)
        >>> len(tuner.trials) < 101
        True
    """

    def __init__(self, trials: int = 20, min_delta: float = 0.0) -> None:
        if not isinstance(trials, numbers.Integral) or isinstance(trials, bool) or trials < 1:
            raise ValueError(
                f"`trials` must be a whole number, 1 or more. Received: {trials!r}; 20 is usual."
            )
        if not isinstance(min_delta, numbers.Real) or not 0.0 <= float(min_delta) < math.inf:
            raise ValueError(
                "`min_delta` must be a number, 0 or more: the smallest change of the score that "
                f"counts. Received: {min_delta!r}."
            )
        self.trials: int = int(trials)
        self.min_delta: float = float(min_delta)

    def settings(self) -> dict[str, Value]:
        return {**super().settings(), "trials": self.trials, "min_delta": self.min_delta}

    def reason(self, history: TrialHistory) -> str | None:
        ended = [t for t in history if t.status in (TrialStatus.COMPLETED, TrialStatus.FAILED)]
        # In the order of their ends: a slow trial, or one that was resumed, ends late.
        ended.sort(key=lambda trial: (trial.finished or 0.0, trial.number))
        if len(ended) <= self.trials:
            return None
        improved = list(self._improvements(ended))
        if not any(improved) or any(improved[-self.trials :]):
            return None
        return f"no improvement in the last {self.trials} trials"

    def _improvements(self, trials: list[Trial]) -> Iterator[bool]:
        """Whether each trial improved the result of those before it."""
        best: tuple[float, float] | None = None
        front: list[tuple[float, ...]] = []
        for trial in trials:
            place = place_of(trial)
            if place is None or (trial.losses and trial.violation > 0.0):
                yield False
            elif trial.losses:
                larger = extended(front, trial.losses)
                front = front if larger is None else larger
                yield larger is not None
            else:
                violation, loss, _ = place
                better = best is None or (violation, loss + self.min_delta) < best
                best = (violation, loss) if better or best is None else best
                yield better
