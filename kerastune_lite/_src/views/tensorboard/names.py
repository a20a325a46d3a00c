"""How runs and tags are called, and which attempts of a trial count."""

from __future__ import annotations

from collections.abc import Iterable

from kerastune_lite._src.core.trial import Execution, Outcome, Trial, TrialStatus

SEARCH = "_search"
"""The run of all trials together; the names below are its tags."""

RANKING = "ranking"
IMPORTANCES = "importances"
SHARES = "shares"
"""The importances as numbers, for `serve`: of the plugin below, so that no page shows them."""

PLUGIN = "kerastune_lite"


def last_attempts(trial: Trial, seen: Iterable[Execution] = ()) -> list[Execution]:
    """The executions that count: of each the last attempt, by index.

    A trial that failed before its first execution has a failed one all the same.
    """
    last: dict[int, Execution] = {}
    for execution in trial.executions or seen:
        known = last.get(execution.index)
        if known is None or known.attempt <= execution.attempt:
            last[execution.index] = execution
    if not last:
        done = trial.status is TrialStatus.COMPLETED
        outcome = Outcome.COMPLETED if done else Outcome.FAILED
        last[0] = Execution(0, outcome, score=trial.score, best_epoch=trial.best_step)
    return [last[index] for index in sorted(last)]


def trial_name(number: int) -> str:
    return f"trial_{number:04d}"


def run_name(number: int, execution: int, attempt: int, nested: bool) -> str:
    name = trial_name(number)
    if nested:
        name = f"{name}/execution{execution}"
    return f"{name}_retry{attempt}" if attempt else name


def by_trial_tags(metric: str) -> tuple[str, str]:
    """The score of each trial, and the best so far."""
    return f"search/{metric}/objective", f"search/{metric}/best_so_far"


def fan_tags(metric: str) -> tuple[str, str, str]:
    """The lower border, the middle and the upper border of the learning curves."""
    of = f"search/{metric}"
    return f"{of}/10_percent", f"{of}/median", f"{of}/90_percent"


def tag(metric: str) -> str:
    """Keras's tag for a metric: that of its callback, behind the name of the callback's run."""
    if metric.startswith("val_"):
        return f"validation/epoch_{metric[len('val_') :]}"
    return f"train/epoch_{metric}"
