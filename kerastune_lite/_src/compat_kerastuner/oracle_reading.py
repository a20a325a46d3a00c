"""What can be read from KerasTuner's oracle: its settings, and the trials of its search."""

from __future__ import annotations

import dataclasses
import math
from typing import Any

import numpy as np

from kerastune_lite._src.algorithms.oracles import oracle as core
from kerastune_lite._src.algorithms.schedulers.scheduler import Scheduler
from kerastune_lite._src.compat_kerastuner.own_trials import OwnTrials
from kerastune_lite._src.compat_kerastuner.reported import Reported
from kerastune_lite._src.compat_kerastuner.trials import Trial, TrialStatus
from kerastune_lite._src.core.goals import ObjectiveLike, create_objective
from kerastune_lite._src.core.history import TrialHistory
from kerastune_lite._src.core.metrics import Metrics, direction_of
from kerastune_lite._src.core.objective import Objective
from kerastune_lite._src.core.trial import Trial as SearchTrial
from kerastune_lite._src.keras.metric_directions import resolved
from kerastune_lite._src.space.hyperparameters import HyperParameters
from kerastune_lite._src.space.parameters import Space


class OracleReading(core.Oracle):
    """The settings and the trials of an oracle: of a tuner's search, or its own without a tuner.

    Args:
        objective, max_trials, hyperparameters, allow_new_entries, tune_new_entries, seed,
            max_retries_per_trial, max_consecutive_failed_trials: as for `Tuner`.

    Raises:
        ValueError: new entries are excluded, and there are no `hyperparameters`.
    """

    _scheduler: Scheduler | None = None
    """Decides how long trials train; None: all epochs."""

    _tuner: Any = None
    """Whose search it belongs to."""
    _search: tuple[Space, TrialHistory, np.random.Generator] | None = None
    """What `propose` was asked, while it runs."""

    def __init__(
        self,
        objective: ObjectiveLike = None,
        max_trials: int | None = None,
        hyperparameters: HyperParameters | None = None,
        allow_new_entries: bool = True,
        tune_new_entries: bool = True,
        seed: int | None = None,
        max_retries_per_trial: int = 0,
        max_consecutive_failed_trials: int = 3,
    ) -> None:
        if hyperparameters is None and not (tune_new_entries and allow_new_entries):
            name = "allow_new_entries" if tune_new_entries else "tune_new_entries"
            raise ValueError(
                f"{name}=False needs `hyperparameters`: without new entries they are the whole "
                "space. Received: hyperparameters=None."
            )
        self._arguments: dict[str, Any] = {
            "objective": create_objective(objective),
            "max_trials": max_trials,
            "hyperparameters": hyperparameters,
            "allow_new_entries": allow_new_entries,
            "tune_new_entries": tune_new_entries,
            "seed": seed,
            "max_retries_per_trial": max_retries_per_trial,
            "max_consecutive_failed_trials": max_consecutive_failed_trials,
        }
        self._hyperparameters = HyperParameters() if hyperparameters is None else hyperparameters
        self._know_no_trials()

    def _bind(self, tuner: Any) -> None:
        """Make it the oracle of `tuner`; of several tuners, it is that of the latest search."""
        if tuner is not self._tuner:
            self._tuner = tuner
            self._know_no_trials()

    def _know_no_trials(self) -> None:
        self._own = OwnTrials()
        self._proposed: dict[str, Trial] = {}
        self._told: dict[str, Trial] = {}
        self._reports: dict[str, Trial] = {}
        """What each running trial has reported itself, by its id."""
        self._tried_so_far = set[str]()
        """What `_compute_values_hash` returns for the values of all trials."""
        self._told_of: set[int] | None = None
        """The numbers of the trials whose end it was told of; None before its search begins."""

    @property
    def directory(self) -> Any:
        """The `directory` of its tuner; None without a tuner."""
        return None if self._tuner is None else self._tuner.directory

    @property
    def project_name(self) -> str | None:
        """The `project_name` of its tuner; None without a tuner."""
        return None if self._tuner is None else self._tuner.project_name

    def save(self) -> None:
        """Does nothing: the project on disk is always up to date."""

    def reload(self) -> None:
        """Read the project of its tuner again, in case another process has searched in it."""
        if self._tuner is not None:
            self._tuner.reload()

    def _of_tuner(self) -> dict[str, Any]:
        """The arguments of `Tuner` that it brings, by name."""
        return {**self._arguments, "scheduler": self._scheduler}

    @property
    def objective(self) -> Objective:
        """What the search optimises."""
        if self._tuner is not None:
            objective: Objective = self._tuner.objective
            return objective
        own = self._arguments["objective"] = resolved(self._arguments["objective"])
        return own

    @property
    def max_trials(self) -> int | None:
        """The total number of trials; it can be set before a search."""
        return self._arguments["max_trials"] if self._tuner is None else self._tuner.max_trials

    @max_trials.setter
    def max_trials(self, count: int | None) -> None:
        if self._tuner is None:
            self._arguments["max_trials"] = count
        else:
            self._tuner.max_trials = count

    @property
    def allow_new_entries(self) -> bool:
        """Whether the builder may declare hyperparameters that were not given."""
        return bool(self._arguments["allow_new_entries"])

    @property
    def tune_new_entries(self) -> bool:
        """Whether these are tuned."""
        return bool(self._arguments["tune_new_entries"])

    @property
    def max_retries_per_trial(self) -> int:
        """How often a failed execution is repeated."""
        return int(self._arguments["max_retries_per_trial"])

    @property
    def max_consecutive_failed_trials(self) -> int:
        """After how many failures in a row the search stops."""
        return int(self._arguments["max_consecutive_failed_trials"])

    @property
    def seed(self) -> int:
        """The seed of the search; if none was given, it is drawn when it is first needed."""
        if vars(self).get("seed") is not None:
            return int(vars(self)["seed"])
        seed = self._arguments["seed"] if self._tuner is None else self._tuner.seed
        if seed is None:
            seed = self._arguments["seed"] = int(np.random.SeedSequence().generate_state(1)[0])
        return int(seed)

    @seed.setter
    def seed(self, seed: int) -> None:
        # A subclass has its own use for it.
        vars(self)["seed"] = seed

    @property
    def _seed_state(self) -> int:
        """The seed of the next random point."""
        return int(vars(self)["_seed_state"]) if "_seed_state" in vars(self) else self.seed

    @_seed_state.setter
    def _seed_state(self, seed: int) -> None:
        vars(self)["_seed_state"] = seed

    @property
    def hyperparameters(self) -> HyperParameters:
        """The space, with its defaults as values."""
        if self._search is not None:
            return _with_defaults(self._search[0])
        return self._hyperparameters if self._tuner is None else _with_defaults(self._tuner.space)

    @hyperparameters.setter
    def hyperparameters(self, hyperparameters: HyperParameters) -> None:
        self._hyperparameters = hyperparameters

    def get_space(self) -> HyperParameters:
        """The space, with its defaults as values."""
        return self.hyperparameters.copy()

    @property
    def trials(self) -> dict[str, SearchTrial]:
        """All trials by their ids."""
        if self._tuner is None:
            own: Any = self._own.trials
            return own
        held = self._tuner.trials if self._search is None else self._search[1]
        return {**{trial.trial_id: trial for trial in held}, **self._proposed, **self._live()}

    @property
    def ongoing_trials(self) -> dict[str, SearchTrial]:
        """The running trials, by the ids of those that run them."""
        if self._tuner is None:
            return dict(self._own.ongoing)
        running = [t for t in self.trials.values() if t.status == TrialStatus.RUNNING]
        return {f"tuner{place}": trial for place, trial in enumerate(running)}

    @property
    def start_order(self) -> list[str]:
        """The ids of all trials in the order in which they started."""
        return list(self.trials) if self._tuner is not None else list(self._own.started)

    @property
    def end_order(self) -> list[str]:
        """The ids of the trials that have ended, in that order."""
        if self._tuner is None:
            return list(self._own.ended)
        ended = [trial for trial in self.trials.values() if trial.finished is not None]
        return [trial.trial_id for trial in sorted(ended, key=lambda t: t.finished or 0.0)]

    def get_trial(self, trial_id: str | int) -> SearchTrial:
        """The trial called `trial_id`.

        Raises:
            KeyError: there is no such trial.
        """
        if self._tuner is None:
            return self._own.trials[str(trial_id)]
        live = self._live().get(str(trial_id))
        return self._with_series(self._tuner.get_trial(trial_id)) if live is None else live

    def get_best_trials(self, num_trials: int = 1) -> list[SearchTrial]:
        """The best `num_trials` completed trials, the best first."""
        if self._tuner is not None:
            best: list[SearchTrial] = self._tuner.get_best_trials(num_trials)
            for place, trial in enumerate(best):
                best[place] = self._with_series(trial)
            return best
        done: list[SearchTrial] = [
            t for t in self._own.trials.values() if t.status == TrialStatus.COMPLETED
        ]
        return sorted(done, key=lambda t: self.objective.loss_of(t.score or 0.0))[:num_trials]

    def remaining_trials(self) -> int | None:
        """How many more trials there can be; None without `max_trials`."""
        return None if self.max_trials is None else max(self.max_trials - len(self.trials), 0)

    def _live(self) -> dict[str, SearchTrial]:
        """By its id, the trial whose `run_trial` runs here, or that has just ended."""
        reported: Reported | None = self._tuner._reported
        running = [] if reported is None else [reported.trial]
        return {**{trial.trial_id: trial for trial in running}, **self._told}

    def _running(self, trial_id: str) -> Reported:
        """What the running trial called `trial_id` reports.

        Raises:
            KeyError: another one is running, or the oracle has no tuner.
        """
        reported: Reported | None = None if self._tuner is None else self._tuner._running()
        if reported is None or str(trial_id) != reported.trial.trial_id:
            running = "is not there" if reported is None else "is not the running one"
            raise KeyError(f"The trial {trial_id!r} {running}.")
        return reported

    def _with_series(self, trial: SearchTrial) -> SearchTrial:
        """The trial; if its `run_trial` reported metrics at several steps, with all of these."""
        if trial.epochs < 2 or any(each.path is not None for each in trial.executions):
            return trial
        series: dict[str, dict[int, list[float]]] = {}
        for curves in self._tuner.history(trial):
            for name, curve in curves.items():
                for step, value in enumerate(curve):
                    if not math.isnan(value):
                        series.setdefault(name, {}).setdefault(step, []).append(value)
        directions = {name: direction_of(name, self.objective) for name in series}
        metrics = Metrics(trial.metrics, trial.best_step, series, directions)
        return dataclasses.replace(trial, metrics=metrics)


def _with_defaults(space: Space) -> HyperParameters:
    return HyperParameters(space, space.defaults())
