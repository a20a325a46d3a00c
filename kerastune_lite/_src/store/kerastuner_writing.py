"""A project as the files of KerasTuner 1.4.8, for programs that read those."""

from __future__ import annotations

import datetime
import hashlib
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from kerastune_lite._src.core.goals import Goals
from kerastune_lite._src.core.metrics import Metrics, direction_of
from kerastune_lite._src.core.objective import Objective
from kerastune_lite._src.core.trial import Trial, TrialStatus
from kerastune_lite._src.space.domains import Value
from kerastune_lite._src.space.kerastuner_json import entries_of
from kerastune_lite._src.space.parameters import Space
from kerastune_lite._src.store.kerastuner_reading import ORACLE, TRIAL
from kerastune_lite._src.util.formatting import counted

_RUNNING = (TrialStatus.RUNNING, TrialStatus.PAUSED)


def write_kerastuner_files(
    folder: Path, trials: Sequence[Trial], space: Space, objective: Objective, seed: int
) -> list[str]:
    """Write a project into `folder`, which is created.

    Returns:
        What KerasTuner's files cannot express, and is left out.

    Raises:
        FileExistsError: there is a project of KerasTuner.
        OSError: a file cannot be written.
    """
    if (folder / ORACLE).exists():
        raise FileExistsError(f"{folder} contains a project of KerasTuner")
    entries, lost = entries_of(space)
    for trial in trials:
        into = folder / f"trial_{trial.trial_id}"
        into.mkdir(parents=True, exist_ok=True)
        _write(into / TRIAL, _trial(trial, entries, objective))
    folder.mkdir(parents=True, exist_ok=True)
    _write(folder / "tuner0.json", {})
    # The last one, because it makes the folder a project.
    _write(folder / ORACLE, _oracle(trials, {"space": entries, "values": space.defaults()}, seed))
    if isinstance(objective, Goals):
        lost += _lost_goals(objective)
    paused = sum(trial.status is TrialStatus.PAUSED for trial in trials)
    if paused:
        lost.append(f"the status PAUSED of {counted(paused, 'trial')}, written as RUNNING")
    return lost


def _lost_goals(goals: Goals) -> list[str]:
    """KerasTuner knows one score, and no constraints."""
    others = [part.name for part in goals.parts[1:]]
    lost = [f"the objectives {', '.join(others)}: the score is {goals.name}"] if others else []
    if goals.constraints:
        lost.append(f"the constraints {', '.join(map(str, goals.constraints))}")
    return lost


def _write(path: Path, state: Mapping[str, Any]) -> None:
    # With NaN and Infinity where they are, as KerasTuner writes them.
    path.write_text(json.dumps(state), encoding="utf-8")


def _trial(trial: Trial, entries: list[dict[str, Any]], objective: Objective) -> dict[str, Any]:
    means = dict(trial.metrics)
    if trial.score is not None:
        means[objective.name] = trial.score  # of several objectives their sum
    directions = {name: direction_of(name, objective) for name in means}
    return {
        **trial.get_state(),
        "hyperparameters": {"space": entries, "values": dict(trial.values)},
        "metrics": Metrics(means, trial.best_step, None, directions).get_config(),
        "best_step": trial.best_step or 0,
        "status": "RUNNING" if trial.status in _RUNNING else trial.status.value,
    }


def _oracle(trials: Sequence[Trial], hyperparameters: dict[str, Any], seed: int) -> dict[str, Any]:
    running = [trial for trial in trials if trial.status is TrialStatus.RUNNING]
    ended = sorted(
        (trial for trial in trials if trial.status not in _RUNNING),
        key=lambda trial: (trial.finished or 0.0, trial.number),
    )
    tried = {trial.trial_id: _fingerprint(trial.values) for trial in trials}
    started = {
        trial.trial_id: _local_time(trial.started) for trial in trials if trial.started is not None
    }
    return {
        "ongoing_trials": {f"tuner{i}": trial.trial_id for i, trial in enumerate(running)},
        "hyperparameters": hyperparameters,
        "start_order": [trial.trial_id for trial in trials],
        "end_order": [trial.trial_id for trial in ended],
        "run_times": {trial.trial_id: 1 for trial in ended},
        "retry_queue": [],
        "seed": seed,
        "seed_state": seed,
        "tried_so_far": list(dict.fromkeys(tried.values())),
        "id_to_hash": tried,
        "display": {
            "search_start": min(started.values(), default=None),
            "trial_start": started,
            "trial_number": {trial.trial_id: trial.number + 1 for trial in trials},
        },
        # Its Bayesian search reads these as well; its other searches ignore them.
        "num_initial_points": None,
        "alpha": 1e-4,
        "beta": 2.6,
    }


def _fingerprint(values: Mapping[str, Value]) -> str:
    """What KerasTuner compares to propose no point twice."""
    text = "".join(f"{name}={values[name]}" for name in sorted(values))
    return hashlib.sha256(text.encode()).hexdigest()[:32]


def _local_time(seconds: float) -> str:
    return datetime.datetime.fromtimestamp(seconds).isoformat()
