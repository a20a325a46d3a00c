"""When a search ends."""

from __future__ import annotations

import dataclasses

from kerastune_lite._src.core.events import StopReason
from kerastune_lite._src.search.settings import check_counts


@dataclasses.dataclass(frozen=True)
class Limits:
    """When to stop.

    Raises:
        TypeError, ValueError: one of them means nothing.

    Attributes:
        max_trials: None: until the space is exhausted.
        max_time: wall clock of this call, in seconds; running trials are finished.
        executions_per_trial: how often each trial is trained.
        max_retries_per_trial: how often a failed execution is retried.
        max_consecutive_failed_trials: this many failures in a row stop the search.
    """

    max_trials: int | None = None
    max_time: float | None = None
    executions_per_trial: int = 1
    max_retries_per_trial: int = 0
    max_consecutive_failed_trials: int = 3

    def __post_init__(self) -> None:
        check_counts(**vars(self))
        # NumPy's integers are as good as Python's, but not in the settings of a project.
        for name in ("max_trials", "executions_per_trial"):
            value = getattr(self, name)
            object.__setattr__(self, name, None if value is None else int(value))

    def message(self, reason: StopReason) -> str:
        """Why the search ended; shown after the number of trials."""
        seconds = self.max_time and round(self.max_time, 1)
        return {
            StopReason.BUDGET: f"max_trials={self.max_trials} reached",
            StopReason.EXHAUSTED: "every point of the space was tried",
            StopReason.TIME: f"max_time={seconds} s reached; call search() again to continue",
            StopReason.SCHEDULE: "all that was planned is trained",
            StopReason.INTERRUPTED: "interrupted; call search() again to continue",
        }[reason]
