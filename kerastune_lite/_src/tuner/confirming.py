"""The argument `confirm` of `search()`: whether the best trials race when the search has ended."""

from __future__ import annotations

from typing import Any

from kerastune_lite._src.algorithms.schedulers.scheduler import Scheduler
from kerastune_lite._src.core.objective import Objective, Sum
from kerastune_lite._src.keras.hypermodel import overrides_fit
from kerastune_lite._src.search.confirming import AUTO, Confirm
from kerastune_lite._src.tuner.training import Training


def confirm_of(confirm: Any, training: Training, scheduler: Scheduler) -> Confirm | None:
    """How the best trials race; None: not at all.

    Args:
        confirm: the argument of `search()`.
        training, scheduler: of the tuner.

    Raises:
        ValueError: it is none of the allowed values, or this search cannot be confirmed.
    """
    if confirm is False:
        return None
    if confirm is not True and confirm != "auto":
        raise ValueError(
            "`confirm` must be True (train the best trials again, to find out which is best), "
            '"auto" (if that takes less than a tenth of the time) or False. Received: '
            f"confirm={confirm!r}."
        )
    why_not = _why_not(training, scheduler)
    if why_not is None:
        return Confirm(None if confirm is True else AUTO)
    if confirm is True:
        raise ValueError(
            "confirm=True trains the best trials again by build(hp) and model.fit(), on other "
            f"splits of the data. {why_not} Leave `confirm` out, and compare the best trials with "
            "executions_per_trial, or with evaluate_best() on held-out data."
        )
    return None


def _why_not(training: Training, scheduler: Scheduler) -> str | None:
    """Why the trials of a search cannot race; None if they can."""
    if training.in_run_trial:
        return "Received a tuner whose run_trial() trains the trials itself."
    if overrides_fit(training.models.hypermodel):
        return "Received a HyperModel with a fit() of its own, which gets the arguments unchanged."
    if scheduler.copies_states:
        return f"Received {type(scheduler).__name__}: values changed while its models were trained."
    if not _is_single(training.objective):
        return f"Received several goals: {training.objective}. There is no single best trial."
    return None


def _is_single(objective: Objective) -> bool:
    """Whether trainings report the number by which trials are compared."""
    several = len(objective.parts) > 1 and not isinstance(objective, Sum)
    return not several and objective.guide.name == objective.name
