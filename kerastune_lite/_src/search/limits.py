"""When a search ends."""

from __future__ import annotations

import dataclasses
import time
from collections.abc import Mapping, Sequence
from typing import Any

from kerastune_lite._src.algorithms.stopping.rule import StoppingRule
from kerastune_lite._src.core.events import EpochEnded, StopReason
from kerastune_lite._src.core.history import TrialHistory
from kerastune_lite._src.core.lineage import first_epoch
from kerastune_lite._src.search.settings import check_counts, check_part


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
        max_total_epochs: of all trials of the project together; running trials are finished.
        rules: no trial begins when one of them applies; running trials are finished.
        words: what to say of some reasons, where the user calls something else than `search()`.
    """

    max_trials: int | None = None
    max_time: float | None = None
    executions_per_trial: int = 1
    max_retries_per_trial: int = 0
    max_consecutive_failed_trials: int = 3
    max_total_epochs: int | None = None
    rules: Sequence[StoppingRule] = ()
    words: Mapping[StopReason, str] = dataclasses.field(default_factory=dict)

    def __post_init__(self) -> None:
        counts = {n: value for n, value in vars(self).items() if n not in ("rules", "words")}
        check_counts(**counts)
        # NumPy's integers are as good as Python's, but not in the settings of a project.
        for name in ("max_trials", "executions_per_trial", "max_total_epochs"):
            value = getattr(self, name)
            object.__setattr__(self, name, None if value is None else int(value))

    def check_objectives(self, count: int) -> None:
        """Refuse rules that are not for so many objectives.

        Raises:
            ValueError: there is one.
        """
        for rule in self.rules:
            if rule.one_objective and count > 1:
                raise ValueError(
                    f"{type(rule).__name__} is only for searches with one objective. Received: "
                    f"{count} objectives. For several there is "
                    "kerastune_lite.stopping.NoImprovement."
                )

    def message(self, reason: StopReason) -> str:
        """Why the search ended; shown after the number of trials."""
        seconds = self.max_time and round(self.max_time, 1)
        usual = {
            StopReason.BUDGET: f"max_trials={self.max_trials} reached",
            StopReason.EXHAUSTED: "every point of the space was tried",
            StopReason.TIME: f"max_time={seconds} s reached; call search() again to continue",
            StopReason.EPOCHS: f"max_total_epochs={self.max_total_epochs} reached",
            StopReason.SCHEDULE: "all that was planned is trained",
            StopReason.INTERRUPTED: "interrupted; call search() again to continue",
        }
        return self.words.get(reason, usual[reason])


def rules_of(given: Any) -> tuple[StoppingRule, ...]:
    """The rules in an argument of a user's: one, a list of them, or None.

    Raises:
        TypeError: there is something else.
    """
    listed = given if isinstance(given, (list, tuple)) else [given]
    rules = tuple(rule for rule in listed if rule is not None)
    for rule in rules:
        check_part("stopping", rule, StoppingRule, "kerastune_lite.stopping.NoImprovement(20)")
    return rules


class Ending:
    """Says when one call of `search()` begins no more trials, and why.

    Args:
        limits: of the search.
        history: of the search, kept up to date by it.
    """

    def __init__(self, limits: Limits, history: TrialHistory) -> None:
        self._limits = limits
        self._history = history
        self._deadline: float | None = None
        self._judged = 0  # how many trials had ended when the rules were asked
        self._rule: str | None = None
        self._epochs = sum(
            max(0, execution.epochs - first_epoch(trial))
            for trial in history
            for execution in trial.completed_executions
        )

    def begin(self) -> None:
        """Count the time from now on."""
        if self._limits.max_time is not None:
            self._deadline = time.monotonic() + self._limits.max_time

    def note(self, event: EpochEnded) -> None:
        """Count an epoch that was trained."""
        self._epochs += 1

    def reason(self) -> StopReason | None:
        """Why no more trials begin; None if they do."""
        if self._deadline is not None and time.monotonic() >= self._deadline:
            return StopReason.TIME
        most = self._limits.max_total_epochs
        if most is not None and self._epochs + self._without_epochs() >= most:
            return StopReason.EPOCHS
        return StopReason.STOPPED if self._applies() else None

    def _without_epochs(self) -> int:
        """How many trainings reported no epochs; each counts as one, so that searches end."""
        done = (e for trial in self._history for e in trial.completed_executions)
        return sum(execution.epochs == 0 for execution in done)

    def _applies(self) -> bool:
        if self._limits.rules and self._judged != self._history.ended:
            self._judged = self._history.ended
            said = (_said(rule, self._history) for rule in self._limits.rules)
            self._rule = next(filter(None, said), None)
        return self._rule is not None

    def message(self, reason: StopReason) -> str:
        """Why the search ended; shown after the number of trials."""
        if self._rule is not None and reason is StopReason.STOPPED:
            return self._rule
        return self._limits.message(reason)


def _said(rule: StoppingRule, history: TrialHistory) -> str | None:
    """What a rule says, which may be a user's.

    Raises:
        RuntimeError: it raised an exception.
        TypeError: it said something else than a text or None.
    """
    try:
        said = rule.reason(history)
    except Exception as error:
        raise RuntimeError(
            f"The stopping rule {type(rule).__name__} failed after {history.ended} trials with "
            f"{type(error).__name__}: {error}. What was trained is kept."
        ) from error
    if said is not None and not isinstance(said, str):
        raise TypeError(
            f"{type(rule).__name__}.reason() must return why the search should end as a text, or "
            f"None. Received: {said!r} of type {type(said).__name__}."
        )
    return said
