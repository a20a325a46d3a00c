"""The best trials, or the reason why there are none."""

from __future__ import annotations

from collections.abc import Sequence
from typing import SupportsIndex, overload

from kerastune_lite._src.core.trial import Trial, TrialStatus
from kerastune_lite._src.util.formatting import NO_REASON


class BestTrials(list[Trial]):
    """A list of trials whose IndexError says why it has no more of them.

    Args:
        best: the trials, the best first.
        trials: all trials of the project.
    """

    def __init__(self, best: Sequence[Trial], trials: Sequence[Trial]) -> None:
        super().__init__(best)
        self._of = trials

    @overload
    def __getitem__(self, place: SupportsIndex) -> Trial: ...
    @overload
    def __getitem__(self, place: slice) -> list[Trial]: ...
    def __getitem__(self, place: SupportsIndex | slice) -> Trial | list[Trial]:
        try:
            return super().__getitem__(place)
        except IndexError:
            if not self:
                raise IndexError(why_none(self._of)) from None
            raise IndexError(
                f"This list of the best trials has length {len(self)}. Received: index {place}. "
                f"The project has {len(self._of)} trials, with and without a score."
            ) from None


def why_none(trials: Sequence[Trial]) -> str:
    """Why none of these trials has a score, and what to do."""
    if not trials:
        return "No trial has been completed: search() has not been called yet. Call it first."
    failed = [trial for trial in trials if trial.status is TrialStatus.FAILED]
    judged = [trial for trial in trials if trial.violation > 0.0]
    if judged:
        nearest = min(judged, key=lambda trial: (trial.violation, trial.number))
        return (
            f"No trial satisfies the constraints: {len(judged)} of {len(trials)} were trained and "
            f"violate them, {len(failed)} failed. The nearest is trial {nearest.number}: "
            f"get_trial({nearest.number}).metrics has its values. Search on, or weaken a "
            "constraint in another project."
        )
    if not failed:
        return (
            f"No trial has been completed yet: {len(trials)} of {len(trials)} were cut off. "
            "Run the script again to resume them."
        )
    latest = failed[-1]
    return (
        f"No trial has been completed: {len(failed)} of {len(trials)} failed. The latest failure, "
        f"of trial {latest.number}: {latest.failure or NO_REASON}. results_summary() lists all "
        f"failures, get_trial({latest.number}).message has the whole traceback."
    )
