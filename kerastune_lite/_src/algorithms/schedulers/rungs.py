"""What schedulers with rungs have in common: the ends of rungs, and requests for the next one."""

from __future__ import annotations

import bisect
import math
import numbers
import operator
from collections.abc import Sequence
from fractions import Fraction

from kerastune_lite._src.algorithms.schedulers.scheduler import TrainingRequest
from kerastune_lite._src.core.history import TrialHistory
from kerastune_lite._src.core.trial import Trial, TrialStatus


def whole_number(name: str, value: int, least: int) -> int:
    """`value` as an int.

    Raises:
        TypeError: it is not a whole number.
        ValueError: it is below `least`.
    """
    try:
        if isinstance(value, bool):
            raise TypeError
        number = operator.index(value)
    except TypeError:
        raise TypeError(
            f"`{name}` must be a whole number, {least} or more. Received: {value!r} of type "
            f"{type(value).__name__}; write an int, such as {name}={max(least, 3)}."
        ) from None
    if number < least:
        raise ValueError(f"`{name}` must be {least} or more. Received: {number}; raise or omit it.")
    return number


def exact_factor(factor: float) -> Fraction:
    """`factor` as an exact fraction, because its powers are compared with whole numbers.

    Raises:
        TypeError: it is not a number.
        ValueError: it is below 2.
    """
    is_number = isinstance(factor, numbers.Real) and not isinstance(factor, bool)
    if not is_number or not math.isfinite(factor):
        raise TypeError(
            f"`factor` must be a number, 2 or more. Received: {factor!r} of type "
            f"{type(factor).__name__}; write factor=3."
        )
    exact = Fraction(repr(factor) if type(factor) is float else str(factor))
    if exact < 2:
        raise ValueError(f"`factor` must be 2 or more. Received: {factor}; raise or omit it.")
    return exact


def plain_factor(factor: Fraction) -> float:
    """A factor as an int if it is whole, otherwise as a float."""
    return int(factor) if factor.denominator == 1 else float(factor)


def rung_ends(max_epochs: int, min_epochs: int, factor: float) -> list[int]:
    """The epochs at which rungs end: `max_epochs` divided by powers of `factor`, ascending.

    Rounded to whole epochs, half up; none is below `min_epochs`.

    Raises:
        TypeError: an argument is not a number, or not whole.
        ValueError: an argument is out of range.
    """
    longest = whole_number("max_epochs", max_epochs, 1)
    shortest = whole_number("min_epochs", min_epochs, 1)
    exact = exact_factor(factor)
    if shortest > longest:
        raise ValueError(
            f"`min_epochs` must not be above `max_epochs`. Received: min_epochs={shortest}, "
            f"max_epochs={longest}; lower `min_epochs` or raise `max_epochs`."
        )
    ends, divisor = [], Fraction(1)
    # With fractions, because log(243, 3) is 4.999... as a float.
    while shortest * divisor <= longest:
        ends.append((2 * longest + divisor) // (2 * divisor))
        divisor *= exact
    return ends[::-1]


def level_of(trial: Trial, ends: Sequence[int]) -> int:
    """The index of the latest rung of a trial."""
    last = len(ends) - 1
    return last if trial.goal is None else min(bisect.bisect_left(ends, trial.goal), last)


def ended_itself(trial: Trial) -> bool:
    """Whether a callback ended the trial, not the scheduler."""
    completed = trial.status is TrialStatus.COMPLETED
    return completed and any(each.stopped for each in trial.completed_executions)


def next_rung(trial: Trial, ends: Sequence[int], level: int) -> TrainingRequest:
    """A request to train a paused trial to the end of the rung with index `level`."""
    return TrainingRequest(
        trial.number, trial.epochs, ends[level], trial.bracket, resumable=level < len(ends) - 1
    )


def best_paused(history: TrialHistory) -> Trial | None:
    """The best trial of all, if it is paused."""
    best = history.best(1)
    return best[0] if best and best[0].status is TrialStatus.PAUSED else None


def last_rung(history: TrialHistory, ends: Sequence[int]) -> list[TrainingRequest]:
    """The last request of a search: the best trial of all is trained to its end."""
    best = best_paused(history)
    if best is None or history.running:
        return []
    return [next_rung(best, ends, len(ends) - 1)]
