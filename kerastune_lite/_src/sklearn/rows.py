"""`cv_results_`: the trials of a search as scikit-learn's columns."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from kerastune_lite._src.core.trial import Execution, Outcome, Trial, TrialStatus
from kerastune_lite._src.sklearn.fold import TEST, TRAIN


def finished(trials: Sequence[Trial]) -> list[Trial]:
    """The trials that have a row: scored at least once, or failed."""
    return [t for t in trials if t.status is TrialStatus.FAILED or t.score is not None]


def outcomes(
    trials: Sequence[Trial],
    folds: int,
    error_score: float | str,
    train_scores: bool,
    multiple: bool,
) -> list[dict[str, Any]]:
    """The input of scikit-learn's `_format_results`: one dict per trial and fold, trial by trial.

    Args:
        multiple: whether there are several scores, by name.
    """
    missing = math.nan if error_score == "raise" else float(error_score)
    known = {name for t in trials for e in t.executions for name in e.metrics}
    names = sorted(name.removeprefix(TEST) for name in known if name.startswith(TEST))
    found = []
    for trial in trials:
        latest = {execution.index: execution for execution in trial.executions}
        for fold in range(folds):
            execution = latest.get(fold)
            metrics = {} if execution is None else execution.metrics
            row = {
                "fit_time": metrics.get("fit_time", 0.0),
                "score_time": metrics.get("score_time", 0.0),
                "fit_error": _fit_error(trial, execution),
                "test_scores": _scores(metrics, TEST, names, missing, multiple),
            }
            if train_scores:
                row["train_scores"] = _scores(metrics, TRAIN, names, missing, multiple)
            found.append(row)
    return found


def _fit_error(trial: Trial, execution: Execution | None) -> str | None:
    """What `fit` raised; None if the fold has a score of its own."""
    if execution is None:
        # It was not trained because an earlier fold failed.
        errors = [_fit_error(trial, each) for each in trial.executions]
        return next((error for error in errors if error is not None), None)
    scored = any(name.startswith(TEST) for name in execution.metrics)
    given_up = execution.outcome is not Outcome.COMPLETED
    return None if scored and given_up else execution.message


def _scores(
    metrics: Mapping[str, float], kind: str, names: Sequence[str], missing: float, multiple: bool
) -> Any:
    if not multiple:
        return metrics.get(f"{kind}score", missing)
    return {name: metrics.get(f"{kind}{name}", missing) for name in names}


def has_several_scores(trials: Sequence[Trial]) -> bool:
    """Whether there are several scores, by name."""
    tests = [n for t in trials for e in t.executions for n in e.metrics if n.startswith(TEST)]
    return any(name != f"{TEST}score" for name in tests)


def more_columns(trials: Sequence[Trial]) -> dict[str, list[Any]]:
    """Columns that scikit-learn does not have.

    They are `trial_id`, the `epochs` of each fold (0 for estimators without epochs), and
    `start_time` in seconds since 1970.
    """
    return {
        "trial_id": [trial.trial_id for trial in trials],
        "epochs": [max((e.epochs for e in trial.executions), default=0) for trial in trials],
        "start_time": [math.nan if t.started is None else t.started for t in trials],
    }


def best_of(trials: Sequence[Trial], ranks: np.ndarray) -> int:
    """The best row among those that were trained in full, or that callbacks ended.

    Args:
        ranks: of the score that counts, `(rows,)`, 1 for the best.
    """
    scored = [t.status is not TrialStatus.FAILED for t in trials]
    goals = [t.goal or 0 for t in trials]
    furthest = max((goal for goal, ok in zip(goals, scored) if ok), default=0)
    in_full = [
        ok and (goal == furthest or _ended_itself(t)) for t, goal, ok in zip(trials, goals, scored)
    ]
    return int(np.where(in_full, ranks, np.inf).argmin()) if any(in_full) else int(ranks.argmin())


def _ended_itself(trial: Trial) -> bool:
    """Whether callbacks ended all folds, so that more epochs would not change them."""
    folds = trial.completed_executions
    return bool(folds) and all(fold.stopped for fold in folds)
