"""A tuner for freeze-thaw optimisation."""

from __future__ import annotations

from typing import Any, Literal

from kerastune_lite._src.algorithms.oracles.freeze_thaw import FreezeThawOracle
from kerastune_lite._src.algorithms.schedulers.freeze_thaw import (
    FreezeThaw as FreezeThawScheduler,
)
from kerastune_lite._src.core.goals import ObjectiveLike
from kerastune_lite._src.tuner.presets import refuse_part
from kerastune_lite._src.tuner.tuner import Tuner
from kerastune_lite._src.util.public import public


@public("kerastune_lite")
class FreezeThaw(Tuner):
    """Freeze-thaw optimisation: a model of learning curves says which training goes on.

    After 1, 2, 3, 4, 6, 9, ... epochs a trial pauses, and the model chooses among all paused trials
    and new ones (Swersky, Snoek and Adams, 2014; the choice as in Rakotoarison and others, 2024).
    Most trials train for an epoch or two. So the usual limit is `max_total_epochs` or `max_time`;
    with one of them, `max_trials` is unlimited by default, otherwise 50. `search(epochs=...)` is
    accepted and ignored. Trials are resumed with their weights, optimizer and callbacks.

    Args:
        max_epochs: the largest number of epochs of a trial.

    The other arguments are those of `Tuner`. There can be one objective, and no constraints.

    Example:
        >>> tuner = kt.FreezeThaw(
        ...     build, "val_loss", max_epochs=9, max_total_epochs=30, directory="runs"
        ... )
        >>> tuner.search(x, y, validation_split=0.25, verbose=0)
        >>> 30 <= sum(trial.epochs for trial in tuner.trials) < 35  # the last piece is ended
        True
    """

    def __init__(
        self,
        hypermodel: Any = None,
        objective: ObjectiveLike = None,
        max_trials: int | Literal["auto"] | None = "auto",
        max_epochs: int = 100,
        **kwargs: Any,
    ) -> None:
        for part in ("oracle", "scheduler"):
            refuse_part(part, kwargs, "FreezeThaw")
        if max_trials == "auto" and any(
            kwargs.get(limit) is not None for limit in ("max_total_epochs", "max_time")
        ):
            max_trials = None
        super().__init__(
            hypermodel,
            objective,
            max_trials,
            oracle=FreezeThawOracle(max_epochs),
            scheduler=FreezeThawScheduler(max_epochs),
            **kwargs,
        )
