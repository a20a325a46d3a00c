"""Gradients by hyperparameters, as they are recorded with trials."""

from __future__ import annotations

from kerastune_lite._src.core.trial import Trial
from kerastune_lite._src.space.domains import Domain
from kerastune_lite._src.space.numeric import Float

_PREFIX = "gradient/"


def is_continuous(domain: Domain) -> bool:
    """Whether there can be a derivative: a `Float` without a step, of more than one value."""
    return isinstance(domain, Float) and domain.step is None and domain.cardinality is None


def gradient_metric(name: str) -> str:
    """The metric of a trial that holds the derivative by the hyperparameter `name`.

    It is the derivative of the trial's loss by the position of the value in its domain, from 0 to 1
    on the scale of the domain.
    """
    return f"{_PREFIX}{name}"


def gradient_of(trial: Trial) -> dict[str, float]:
    """The derivatives that were recorded with a trial, by hyperparameter; empty without any."""
    return {
        name.removeprefix(_PREFIX): value
        for name, value in trial.metrics.items()
        if name.startswith(_PREFIX)
    }
