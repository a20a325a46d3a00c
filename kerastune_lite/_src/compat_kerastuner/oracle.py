"""KerasTuner's oracle: the settings of a search, and proposals one by one."""

from __future__ import annotations

import functools
import math
import threading
from collections.abc import Callable, Mapping
from typing import Any, TypeVar

import numpy as np

from kerastune_lite._src.algorithms.oracles import oracle as core
from kerastune_lite._src.algorithms.oracles.random import RandomOracle
from kerastune_lite._src.compat_kerastuner.oracle_reading import OracleReading
from kerastune_lite._src.compat_kerastuner.trials import Trial, TrialStatus
from kerastune_lite._src.core.history import TrialHistory
from kerastune_lite._src.core.trial import Trial as SearchTrial
from kerastune_lite._src.space.domains import Value
from kerastune_lite._src.space.hyperparameters import HyperParameters
from kerastune_lite._src.space.parameters import Space
from kerastune_lite._src.util.errors import FatalRuntimeError, FatalTypeError, FatalValueError
from kerastune_lite._src.util.public import public

_Method = TypeVar("_Method", bound=Callable[..., Any])

_ANSWERS = (TrialStatus.RUNNING, TrialStatus.IDLE, TrialStatus.STOPPED)

_DRAWS = 20
"""How many random points may repeat earlier ones before the space counts as exhausted."""


@public("kerastune_lite")
def synchronized(func: _Method) -> _Method:
    """Let only one thread at a time run the methods of an oracle that are decorated with it.

    Args:
        func: a method of a subclass of `Oracle`.

    Example:
        >>> class Counting(kt.oracles.RandomSearchOracle):
        ...     ended = 0
        ...     @kt.synchronized
        ...     def end_trial(self, trial):
        ...         super().end_trial(trial)
        ...         self.ended += 1
    """

    @functools.wraps(func)
    def locked(self: Oracle, *args: Any, **kwargs: Any) -> Any:
        with self.__dict__.setdefault("_lock", threading.RLock()):
            return func(self, *args, **kwargs)

    return locked  # type: ignore[return-value]


@public("kerastune_lite")
class Oracle(OracleReading):
    """KerasTuner's oracle: settings of a search, and proposals one by one.

    A subclass overrides `populate_space(trial_id)`, and may override `score_trial`, `create_trial`,
    `update_trial`, `end_trial`, `get_state` and `set_state`. New oracles are better derived from
    `kerastune_lite.oracles.Oracle`, whose proposals are functions of the history.

    Args:
        objective, max_trials, hyperparameters: as for `Tuner`.
        allow_new_entries, tune_new_entries, seed: as for `Tuner`.
        max_retries_per_trial, max_consecutive_failed_trials: as for `Tuner`.

    Raises:
        ValueError: new entries are excluded, and there are no `hyperparameters`.

    Example:
        >>> class DefaultsOnly(kt.Oracle):
        ...     def populate_space(self, trial_id):
        ...         values = {p.name: p.default for p in self.get_space().space}
        ...         return {"status": "STOPPED" if self.trials else "RUNNING", "values": values}
        >>> tuner = kt.Tuner(DefaultsOnly("val_loss", max_trials=3), build, directory="runs")
    """

    _algorithm: core.Oracle = RandomOracle()
    """Proposes the points, if `populate_space` is not overridden."""

    def propose(
        self, space: Space, history: TrialHistory, count: int, rng: np.random.Generator
    ) -> list[dict[str, Value]]:
        """Not of KerasTuner: a subclass that overrides it is an oracle of ours.

        Args:
            space, history, count, rng: as of `kerastune_lite.oracles.Oracle`.

        Raises:
            FatalTypeError: it is not overridden.
        """
        raise FatalTypeError(
            f"{type(self).__name__} holds the settings of a search, as KerasTuner's oracles do: "
            "only kerastune_lite.Tuner and SklearnTuner take it. Pass an algorithm, such as "
            "kerastune_lite.oracles.BayesianOracle()."
        )

    # ------------------------------------------------------------------ one trial after the other

    def populate_space(self, trial_id: str) -> dict[str, Any]:
        """The values of the next trial; a subclass overrides it.

        Args:
            trial_id: of the new trial.

        Returns:
            "status": RUNNING, IDLE to be asked again when a trial has ended, or STOPPED at the end
            of the search; and "values" by name, for RUNNING.
        """
        space, history, rng = self._search or (
            self.hyperparameters.space,
            self._own.history(self.objective),
            np.random.default_rng(self._next_seed()),
        )
        points = self._algorithm.seeded(self.seed).propose(space, history, 1, rng)
        if not points:
            return {"status": TrialStatus.STOPPED, "values": None}
        return {"status": TrialStatus.RUNNING, "values": points[0]}

    @synchronized
    def create_trial(self, tuner_id: str) -> SearchTrial:
        """The next trial.

        Args:
            tuner_id: of the tuner that will run it.

        Raises:
            RuntimeError: the oracle belongs to a tuner, which is not asking.
        """
        if self._tuner is None:
            return self._own.create(self._asked_for, tuner_id)
        if self._search is None:
            raise FatalRuntimeError(
                "create_trial() of a tuner's oracle is called by its search(). Instead of "
                "overriding search(), override run_trial(trial, ...), on_search_begin() and "
                "on_search_end(); or use the oracle without a tuner."
            )
        trial = self._asked_for(f"{len(self.trials):04d}")
        if trial.status == TrialStatus.RUNNING:
            self._proposed[trial.trial_id] = trial
        return trial

    def _asked_for(self, trial_id: str) -> Trial:
        """A new trial called `trial_id`, with the values of `populate_space` and its status."""
        hyperparameters = self.get_space()
        if self.max_trials is not None and len(self.trials) >= self.max_trials:
            return Trial(hyperparameters, trial_id, TrialStatus.STOPPED)
        answer = self.populate_space(trial_id)
        status = answer.get("status") if isinstance(answer, Mapping) else None
        running = status == TrialStatus.RUNNING
        values = (answer.get("values") or {}) if running else {}
        if status not in _ANSWERS or not isinstance(values, Mapping):
            raise FatalValueError(
                f"{type(self).__name__}.populate_space() must return a dict with a "
                "status, which is RUNNING, IDLE or STOPPED, and with values by name if it is "
                f"RUNNING. Received: {answer!r}."
            )
        if running:
            hyperparameters.values = dict(values)
            hyperparameters.ensure_active_values()
            self._tried_so_far.add(self._compute_values_hash(hyperparameters.values))
        return Trial(hyperparameters, trial_id, str(status))

    @synchronized
    def update_trial(
        self, trial_id: str, metrics: Mapping[str, float], step: int = 0
    ) -> SearchTrial:
        """Record metrics of a running trial.

        Args:
            trial_id: its id.
            metrics: by name, with the objective among them.
            step: usually the epoch, counted from 0.

        Raises:
            KeyError: it is not running.
            ValueError: the objective is missing.
        """
        missing = self.objective.missing(metrics)
        if missing:
            raise ValueError(
                f"Objective value missing in metrics reported to the oracle: there is no "
                f"{missing[0]!r}. Received: {', '.join(metrics) or 'none'}."
            )
        told = self._told.get(trial_id) or self._own.trials.get(trial_id)
        if told is not None:
            told.record(metrics, step, self.objective)
            return told
        reported = self._running(trial_id)
        reported.metrics(metrics, step)
        self._reports[trial_id] = reported.trial
        return reported.trial

    @synchronized
    def end_trial(self, trial: SearchTrial | str, status: str = "COMPLETED") -> None:
        """Note that a trial has ended.

        Args:
            trial: with its status and message; or only its id.
            status: COMPLETED, INVALID or FAILED, if only the id is given.
        """
        trial_id = trial if isinstance(trial, str) else trial.trial_id
        held = self._told.get(trial_id) or self._own.trials.get(trial_id)
        if isinstance(trial, str):
            # Earlier versions of KerasTuner wrote "COMPLETE".
            ended = "COMPLETED" if status == "COMPLETE" else status
            message = None if held is None else held.message
        else:
            ended, message = str(trial.status), trial.message
        if held is None:
            self._running(trial_id).end(ended)
            return
        held.mark(ended, message)
        if held.status == TrialStatus.COMPLETED:
            self.score_trial(held)
            if held.score is None or math.isnan(held.score):
                held.mark(TrialStatus.INVALID, held.message)
        if self._tuner is None:
            self.update_space(held.hyperparameters)
            most = self._arguments["max_retries_per_trial"] + 1
            self._own.end(held, most, self._arguments["max_consecutive_failed_trials"])

    def score_trial(self, trial: SearchTrial) -> None:
        """Set the score of a completed trial: the best value of the objective.

        Args:
            trial: with its metrics; `score` and `best_step` are set.
        """
        objective = self.objective
        held: Any = trial
        if trial.metrics.exists(objective.name):
            held.score = trial.metrics.get_best_value(objective.name)
            held.best_step = trial.metrics.get_best_step(objective.name)
        elif not objective.missing(trial.metrics):
            held.score = objective.score(trial.metrics)

    def update_space(self, hyperparameters: HyperParameters) -> None:
        """Add what `hyperparameters` declares to the space; a search does that by itself.

        Raises:
            RuntimeError: there is something new, and `allow_new_entries` is False.
        """
        if self._tuner is not None:
            return
        known = self._hyperparameters.space
        new = [each for each in hyperparameters.space if known.find(*each.identity) is None]
        if new and not self._arguments["allow_new_entries"]:
            raise FatalRuntimeError(
                "`allow_new_entries` is `False`, and these hyperparameters are not among the given "
                f"ones: {', '.join(each.name for each in new)}."
            )
        if self._arguments["tune_new_entries"]:
            self._hyperparameters.merge(new)

    # ------------------------------------------------------------------ state

    def get_state(self) -> dict[str, Any]:
        """What is to be kept on disk, as JSON; a subclass may add to it."""
        return {"seed": self.seed, "seed_state": self._seed_state}

    def set_state(self, state: Mapping[str, Any]) -> None:
        """Take over `state`, which `get_state` returned; the trials are those of the project."""
        self.seed = state["seed"]
        self._seed_state = state["seed_state"]

    def _save_trial(self, trial: SearchTrial) -> None:
        """Does nothing: the project on disk is always up to date."""

    def __getstate__(self) -> dict[str, Any]:
        state = {**vars(self), "_search": None, "_reports": {}}
        state.pop("_lock", None)
        return state

    def _next_seed(self) -> int:
        seed = self._seed_state
        self._seed_state = seed + 1
        return seed

    def _random_values(self) -> dict[str, Value] | None:
        """A random point that was not tried yet; None if several draws were tried before."""
        for _ in range(_DRAWS):
            values = self.hyperparameters.space.sample(np.random.default_rng(self._next_seed()))
            if not self._duplicate(values):
                return values
        return None

    def _compute_values_hash(self, values: Mapping[str, Value]) -> str:
        """A text that differs between different values."""
        return repr(sorted(values.items()))

    def _duplicate(self, values: Mapping[str, Value]) -> bool:
        """Whether a trial has these values."""
        return any(trial.hyperparameters.values == values for trial in self.trials.values())


def customised(oracle: Oracle, *names: str) -> bool:
    """Whether a user's subclass overrides one of these methods."""
    ours = Oracle.__module__, "kerastune_lite.oracles"
    for kind in type(oracle).__mro__:
        if kind.__module__ in ours:
            return False
        if any(name in vars(kind) for name in names):
            return True
    return False
