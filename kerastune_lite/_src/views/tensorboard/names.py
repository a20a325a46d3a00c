"""The names of runs and tags, and which attempts of a trial count."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from kerastune_lite._src.core.goals import Goals
from kerastune_lite._src.core.objective import Objective
from kerastune_lite._src.core.trial import Execution, Outcome, Trial, TrialStatus

SEARCH = "_search"
"""The run of all trials together; the next names are its tags."""

RANKING = "ranking"
IMPORTANCES = "importances"
SHARES = "shares"
"""The importances as numbers, for `serve`. Their plugin is ours, so no page shows them."""

PLUGIN = "kerastune_lite"

OBJECTIVE_TAG = "objective"
"""The score, in the run of an execution; other goals are below it."""


def last_attempts(trial: Trial, seen: Iterable[Execution] = ()) -> list[Execution]:
    """The executions that count: the last attempt of each, by index.

    A trial that failed before its first execution has one failed execution.
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


def goal_scores(
    objective: Objective, metrics: Mapping[str, float], execution: Execution
) -> dict[str, float]:
    """The scores of an execution by their tags: a column of HParams for each goal.

    Args:
        metrics: of its trial, among which are the results of functions.
    """
    if execution.score is None:
        return {}
    if not isinstance(objective, Goals):
        return {OBJECTIVE_TAG: execution.score}
    known = {**metrics, **execution.metrics}
    tags = {objective.name: OBJECTIVE_TAG}
    tags |= {name: f"{OBJECTIVE_TAG}/{name}" for name in objective.further if name not in tags}
    return {tag: known[name] for name, tag in tags.items() if name in known}


def by_trial_tags(metric: str) -> tuple[str, str]:
    """The tags of each trial's score, and of the best so far."""
    return f"search/{metric}/objective", f"search/{metric}/best_so_far"


def fan_tags(metric: str) -> tuple[str, str, str]:
    """The tags of the quantiles of the learning curves."""
    of = f"search/{metric}"
    return f"{of}/10_percent", f"{of}/median", f"{of}/90_percent"


def tag(metric: str) -> str:
    """The tag of a metric: the run and the tag of Keras's callback."""
    if metric.startswith("val_"):
        return f"validation/epoch_{metric[len('val_') :]}"
    return f"train/epoch_{metric}"
