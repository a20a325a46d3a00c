"""What a user's `run_trial` reports through `self.oracle`, instead of returning it."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

from kerastune_lite._src.compat_kerastuner.trials import Trial
from kerastune_lite._src.core.events import EpochEnded
from kerastune_lite._src.core.objective import Objective
from kerastune_lite._src.core.trial import Segment
from kerastune_lite._src.search.execution.job import Emit
from kerastune_lite._src.search.execution.returned import Streamed, scalars
from kerastune_lite._src.space.hyperparameters import HyperParameters
from kerastune_lite._src.util.errors import FailedTrialError

_MOST_STEPS = 100_000
"""Steps above are no epochs; their order counts alone."""


class Reported:
    """The metrics that a running trial has reported by step, and how it said that it ended.

    Args:
        segment: of the trial.
        hp: its hyperparameters.
        objective: of the search.
        emit: receives each new step as an epoch.

    Attributes:
        trial: the running trial, with what it has reported.
    """

    def __init__(
        self, segment: Segment, hp: HyperParameters, objective: Objective, emit: Emit
    ) -> None:
        self.trial = Trial(hp, segment.trial.trial_id)
        self._segment = segment
        self._objective = objective
        self._emit = emit
        self._latest = -1
        self._status = "COMPLETED"

    def metrics(self, metrics: Mapping[str, Any], step: int) -> None:
        """Metrics at a step; of several reports at one step the mean counts."""
        known, step = scalars(metrics), int(step)
        self.trial.record(known, step, self._objective)
        if self._latest < step < _MOST_STEPS:
            segment = self._segment
            epoch = segment.start_epoch + step
            self._emit(EpochEnded(segment.trial.number, 0, segment.attempt, epoch, known))
        self._latest = max(self._latest, step)

    def end(self, status: str) -> None:
        """The status with which the trial said that it ended."""
        self._status = str(status)

    def result(self, returned: Any) -> Any:
        """The result of `run_trial`: what was reported, or else what it returned.

        Raises:
            FailedTrialError: it said that it failed, and that it is not to be retried.
            RuntimeError: it said that it is INVALID.
        """
        if self._status in ("FAILED", "INVALID"):
            kind = FailedTrialError if self._status == "FAILED" else RuntimeError
            raise kind(f"run_trial() ended this trial with the status {self._status}.")
        return Streamed(self._history()) if self.trial.metrics else returned

    def _history(self) -> dict[str, Sequence[float]]:
        observed = {name: each.get_history() for name, each in self.trial.metrics.metrics.items()}
        steps = sorted({each.step for history in observed.values() for each in history})
        are_epochs = steps[0] >= 0 and steps[-1] < _MOST_STEPS
        places = {step: step if are_epochs else place for place, step in enumerate(steps)}
        length = max(places.values()) + 1
        curves: dict[str, list[float]] = {name: [math.nan] * length for name in observed}
        for name, history in observed.items():
            for each in history:
                curves[name][places[each.step]] = each.mean()
        return dict(curves)
