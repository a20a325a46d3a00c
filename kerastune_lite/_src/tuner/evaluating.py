"""Evaluates the best models on data that the search has not seen."""

from __future__ import annotations

import functools
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from kerastune_lite._src.analysis.heldout import Evaluation, Evaluations
from kerastune_lite._src.core.objective import Objective
from kerastune_lite._src.core.trial import Trial
from kerastune_lite._src.keras.automatic_names import named_as_in_trials


def evaluated(
    trials: Sequence[Trial],
    objective: Objective,
    load: Callable[[Trial], Any],
    arguments: Callable[[Trial], tuple[tuple[Any, ...], Mapping[str, Any]]],
) -> Evaluations:
    """One row for each trial.

    Args:
        load: returns the trained model of a trial.
        arguments: returns what `model.evaluate` takes for a trial.

    Raises:
        ValueError: `evaluate` does not report the objective.
    """
    rows = []
    for trial in trials:
        # The objective may be named after an output or a metric that Keras numbered.
        model = named_as_in_trials(functools.partial(load, trial))
        args, kwargs = arguments(trial)
        reported = model.evaluate(*args, **{"verbose": 0, **kwargs, "return_dict": True})
        # Only the weights of the best execution are stored, and loaded here.
        losses = [each.loss for each in trial.completed_executions if each.loss is not None]
        own = objective.loss_of(min(losses))
        rows.append(Evaluation(trial.number, own, score_of(objective, reported, "evaluate_best")))
    return Evaluations(objective, tuple(rows))


def score_of(objective: Objective, reported: Mapping[str, Any], asked_by: str) -> float:
    """The objective, from what `evaluate` reports: "accuracy" for "val_accuracy".

    Args:
        asked_by: the method of the tuner that evaluates, for the message.

    Raises:
        ValueError: it is not reported.
    """
    reported_as = {name: name.removeprefix("val_") for name in objective.names}
    missing = [name for name, other in reported_as.items() if other not in reported]
    if missing:
        raise ValueError(
            f"{asked_by}() needs {missing} from model.evaluate(), which reports "
            f"{sorted(reported)}. Add the metric in compile(), or compute it yourself with "
            "load_model(trial)."
        )
    return objective.score({name: float(reported[other]) for name, other in reported_as.items()})
