"""What a user's `run_trial` reports through `self.oracle`, instead of returning it."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from kerastune_lite._src.core.events import EpochEnded
from kerastune_lite._src.core.trial import Segment, Trial
from kerastune_lite._src.search.execution.job import Emit
from kerastune_lite._src.search.execution.returned import Streamed, scalars
from kerastune_lite._src.util.errors import FailedTrialError

_MOST_STEPS = 100_000
"""Steps above are no epochs; their order counts alone."""


class Reported:
    """The metrics that a running trial has reported by step, and how it said that it ended.

    Args:
        segment: of the trial.
        emit: receives each new step as an epoch.
    """

    def __init__(self, segment: Segment, emit: Emit) -> None:
        self._segment = segment
        self._emit = emit
        self._steps: dict[int, list[dict[str, float]]] = {}
        self._status = "COMPLETED"

    @property
    def trial(self) -> Trial:
        """The running trial."""
        return self._segment.trial

    def metrics(self, metrics: Mapping[str, Any], step: int) -> None:
        """Metrics at a step; of several reports at one step the mean counts."""
        known = scalars(metrics)
        latest = max(self._steps, default=-1)
        self._steps.setdefault(int(step), []).append(known)
        if step > latest and step < _MOST_STEPS:
            segment = self._segment
            epoch = segment.start_epoch + int(step)
            self._emit(EpochEnded(segment.trial.number, 0, segment.attempt, epoch, known))

    def in_order(self) -> Iterator[tuple[int, Mapping[str, float]]]:
        """The step and the metrics of each report, by step."""
        for step in sorted(self._steps):
            for metrics in self._steps[step]:
                yield step, metrics

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
        return Streamed(self._history()) if self._steps else returned

    def _history(self) -> dict[str, Sequence[float]]:
        steps = sorted(self._steps)
        are_epochs = steps[0] >= 0 and steps[-1] < _MOST_STEPS
        places = {step: step if are_epochs else place for place, step in enumerate(steps)}
        length = max(places.values()) + 1
        names = {name for reports in self._steps.values() for each in reports for name in each}
        history: dict[str, list[float]] = {name: [math.nan] * length for name in names}
        for step, reports in self._steps.items():
            for name in names:
                values = [report[name] for report in reports if name in report]
                if values:
                    history[name][places[step]] = sum(values) / len(values)
        return dict(history)
