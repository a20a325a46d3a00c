"""Projects and trials as JSON.

NaN and infinities, which JSON lacks, are words if they are hyperparameters, otherwise null.
"""

from __future__ import annotations

import dataclasses
import json
from typing import Any

from kerastune_lite._src.cli.projects import counts_of, last_change, objective_names, status_of
from kerastune_lite._src.core.trial import Execution, Trial
from kerastune_lite._src.search.open_project import OpenedProject
from kerastune_lite._src.store.text import finite


def to_json(value: Any) -> str:
    """ASCII text, which every terminal and pipe can show."""
    return json.dumps(finite(value, lambda _: None), indent=2, allow_nan=False) + "\n"


def spelled(value: Any) -> Any:
    """Hyperparameters with "Infinity", "-Infinity" and "NaN" as words, which float() reads."""
    return finite(value, json.dumps)


def overview(project: OpenedProject) -> dict[str, Any]:
    """A project as a row of `kerastune list`; times are seconds since 1970.

    The best trial is that by the first objective; with several, "front" is how many trials no other
    one dominates, otherwise null.
    """
    status, ending = status_of(project)
    objectives = objective_names(project)
    best = next(iter(project.get_best_trials()), None)
    return {
        "directory": project.project_dir,
        "status": status,
        "ending": ending,
        "objective": objectives[0] if objectives else None,
        "objectives": objectives,
        "front": len(project.pareto_front()) if len(objectives) > 1 else None,
        "trials": counts_of(project),
        "best_score": None if best is None else best.score,
        "best_trial": None if best is None else best.number,
        "last_change": last_change(project),
    }


def details(project: OpenedProject) -> dict[str, Any]:
    """A project without its trials."""
    return {
        **overview(project),
        "space": spelled(project.space.to_json()),
        "settings": project.settings,
        "versions": project.versions,
    }


def trial_data(trial: Trial) -> dict[str, Any]:
    """A trial with the names of `to_dataframe()`; `best_step` counts epochs from 0."""
    return {
        "trial": trial.number,
        "status": trial.status.value,
        "rejected": trial.rejected,
        "origin": trial.origin,
        "parent": None if trial.parent is None else dataclasses.asdict(trial.parent),
        "score": trial.score,
        "best_step": trial.best_step,
        "started": trial.started,
        "seconds": trial.seconds,
        "path": trial.path,
        "failure": trial.failure,
        "values": spelled(trial.values),
        "metrics": trial.metrics,
        "executions": [_execution(each) for each in trial.executions],
    }


def _execution(execution: Execution) -> dict[str, Any]:
    return {
        "execution": execution.index,
        "attempt": execution.attempt,
        "outcome": execution.outcome.value,
        "score": execution.score,
        "best_step": execution.best_epoch,
        "epochs": execution.epochs,
        "seconds": execution.seconds,
        "path": execution.path,
        "message": execution.message,
        "metrics": execution.metrics,
        "weights": execution.weights,
        "log": execution.log,
    }
