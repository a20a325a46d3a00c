"""What a tuner knows of its search between two calls of `search()`."""

from __future__ import annotations

import contextlib
import dataclasses
from collections.abc import Mapping, Sequence
from typing import Any

from kerastune_lite._src.algorithms.oracles.oracle import Oracle
from kerastune_lite._src.algorithms.schedulers.scheduler import Scheduler
from kerastune_lite._src.core.confirmation import Round
from kerastune_lite._src.core.events import StopReason
from kerastune_lite._src.core.history import TrialHistory
from kerastune_lite._src.core.objective import Objective
from kerastune_lite._src.keras.tuned_data import TunedData
from kerastune_lite._src.search.limits import Limits
from kerastune_lite._src.search.session import Definition, Known
from kerastune_lite._src.search.warm_start import former_projects, warn_of_other_projects
from kerastune_lite._src.space.domains import Value
from kerastune_lite._src.space.hyperparameters import HyperParameters
from kerastune_lite._src.space.parameters import Space
from kerastune_lite._src.space.points import complete_point
from kerastune_lite._src.store.store import Store
from kerastune_lite._src.tuner.best_models import BestModels


class KnownSearch(BestModels):
    """A search: its settings, its space, its trials so far."""

    _limits: Limits
    _oracle_in_use: Oracle
    _known: Known
    _store: Store | None
    _waiting: list[dict[str, Value]]
    scheduler: Scheduler
    tune_new_entries: bool

    _made = False
    """Whether the tuner has read its settings."""

    @property
    def max_trials(self) -> int | None:
        """The total number of trials; it can be set before a search."""
        return self._limits.max_trials

    @max_trials.setter
    def max_trials(self, count: int | None) -> None:
        self._limits = dataclasses.replace(self._limits, max_trials=count)

    @property
    def executions_per_trial(self) -> int:
        """How often each trial is trained; it can be set before a search."""
        return self._limits.executions_per_trial

    @executions_per_trial.setter
    def executions_per_trial(self, count: int) -> None:
        self._limits = dataclasses.replace(self._limits, executions_per_trial=count)

    @property
    def objective(self) -> Objective:
        return self._training.objective

    @property
    def space(self) -> Space:
        return self._known.space

    @property
    def seed(self) -> int | None:
        """The seed in use; None before the first search if none was given."""
        known = self._known.seed if self._made else None
        return vars(self).get("seed") if known is None else known

    @seed.setter
    def seed(self, seed: int | None) -> None:
        # KerasTuner's subclasses remember theirs before they call super().__init__().
        vars(self)["seed"] = seed

    @property
    def remaining_trials(self) -> int | None:
        """How many more trials `search()` would run; None without `max_trials`."""
        most = self.max_trials
        return None if most is None else max(most - self._known.history.ended, 0)

    def reload(self) -> None:
        """Read the project again, in case another process has searched in it."""
        if self._folder.exists:
            project = self._folder.load()
            self._known = self._definition().taken_over(project, self._known, self.project_dir)

    # ------------------------------------------------------------------ inside

    def _remember(self, warm_start_from: Any, directory: Any) -> None:
        """Read former projects, unless the project has a copy of some already."""
        if self._known.former:
            warn_of_other_projects(warm_start_from, self._known.former, self.project_dir)
            return
        where, objective, space = str(self._folder.root), self.objective, self.space
        former = former_projects(warm_start_from, directory, where, objective, space)
        self._known = dataclasses.replace(self._known, former=former)

    def _trials(self) -> TrialHistory:
        return self._known.history

    def _rounds(self) -> Sequence[Round]:
        return self._known.rounds

    def _reading(self) -> contextlib.AbstractContextManager[Store | None]:
        if self._store is not None or not self._folder.exists:
            return contextlib.nullcontext(self._store)
        return super()._reading()

    def _definition(self) -> Definition:
        return Definition(
            self.objective,
            self._oracle_in_use,
            self.scheduler,
            self._limits,
            self.tune_new_entries,
            self._training.models.described(),
        )

    def _take_data(self, data: TunedData, own: bool) -> None:
        """Learn the hyperparameters of data; `own` is as of `Training.with_data`."""
        self._training = self._training.with_data(data, own)
        if self.tune_new_entries:
            space = self._known.space.merged(self._training.probed.space)
            self._known = dataclasses.replace(self._known, space=space)
        if data.function is not None:
            # When they were enqueued, the hyperparameters of the data were not known.
            self._waiting = [self._completed(each) for each in self._waiting]

    def enqueue(self, values: Mapping[str, Value] | HyperParameters) -> None:
        """Try a point of your own, or a good one of another project, before those of the oracle.

        Args:
            values: by name, or an element of `get_best_hyperparameters()`; omitted hyperparameters
                have their defaults if you gave some, otherwise the middle of their ranges.

        Raises:
            ValueError: the builder does not declare a name, or a value is not allowed.
        """
        point = values.values if isinstance(values, HyperParameters) else values
        self._waiting.append(self._completed(point))

    def _completed(self, values: Mapping[str, Value]) -> dict[str, Value]:
        """A point that the user enqueues, checked and completed."""
        build = None if self.hypermodel is None else self._training.probe.build
        return complete_point(values, self.space, build)


def say_at_the_end(search: KnownSearch, words: Mapping[StopReason, str]) -> None:
    """Have a search say this of some reasons for its end; see `Limits`."""
    search._limits = dataclasses.replace(search._limits, words=words)
