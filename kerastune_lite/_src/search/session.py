"""One call of `search()`, and the project that it opens."""

from __future__ import annotations

import contextlib
import dataclasses
import secrets
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any

from kerastune_lite._src.algorithms.oracles.oracle import Oracle
from kerastune_lite._src.algorithms.schedulers.scheduler import Scheduler
from kerastune_lite._src.core.confirmation import Round
from kerastune_lite._src.core.events import Remembered, SpaceGrown
from kerastune_lite._src.core.former import Former
from kerastune_lite._src.core.history import TrialHistory
from kerastune_lite._src.core.objective import Objective
from kerastune_lite._src.search import settings as st
from kerastune_lite._src.search.confirming import Confirm, settled
from kerastune_lite._src.search.execution.job import Job
from kerastune_lite._src.search.execution.runner import Runner
from kerastune_lite._src.search.hooks import Hooks
from kerastune_lite._src.search.limits import Limits
from kerastune_lite._src.search.loop import Search
from kerastune_lite._src.search.parts import Parts
from kerastune_lite._src.search.planner import recorded_queue
from kerastune_lite._src.space.domains import Value
from kerastune_lite._src.space.parameters import Space
from kerastune_lite._src.store.checkpoints import Checkpoints
from kerastune_lite._src.store.project_folder import ProjectFolder
from kerastune_lite._src.store.store import Project, Store
from kerastune_lite._src.util.describing import described
from kerastune_lite._src.views.view import View


@dataclasses.dataclass(frozen=True)
class Known:
    """What is known of a search between two calls of `search()`.

    Attributes:
        space: all parameters that were met so far.
        seed: None until a search has begun without one given.
        history: of its trials.
        former: what it remembers of former projects.
        rounds: the trainings of races.
        has_scores: whether a trial was completed.
    """

    space: Space
    seed: int | None
    history: TrialHistory = dataclasses.field(default_factory=TrialHistory)
    former: tuple[Former, ...] = ()
    rounds: tuple[Round, ...] = ()

    @property
    def has_scores(self) -> bool:
        return bool(self.history.best(1))


@dataclasses.dataclass(frozen=True)
class Definition:
    """What a search is; a project that exists must agree with it.

    Attributes:
        objective: with its direction.
        tune_new_entries: whether parameters met on the way join the space.
        compiled: what the models are compiled with, as JSON, if that is not the builder's business.
    """

    objective: Objective
    oracle: Oracle
    scheduler: Scheduler
    limits: Limits
    tune_new_entries: bool
    compiled: Any = None

    def settings(self, seed: int | None) -> dict[str, Any]:
        """As JSON, for the project."""
        return {
            "objective": self.objective.to_json(),
            "oracle": described(self.oracle.settings()),
            "scheduler": described(self.scheduler.settings()),
            "executions_per_trial": self.limits.executions_per_trial,
            "seed": seed,
            "compile": self.compiled,
            "max_trials": self.limits.max_trials,
            "max_total_epochs": self.limits.max_total_epochs,
            "stopping": [described(rule.settings()) for rule in self.limits.rules],
            "versions": st.versions(),
        }

    def taken_over(self, project: Project, known: Known, where: str) -> Known:
        """What is known of the search with all that the project holds.

        Args:
            known: before.
            where: the project lies.

        Raises:
            SettingsMismatchError: the project's trials do not fit this search.
        """
        facts = self.scheduler.facts
        trials = (dataclasses.replace(each, facts=facts(each)) for each in project.trials)
        # What the project holds stays, also if the former projects have changed since.
        former = project.former or known.former
        history = TrialHistory(trials, not self.tune_new_entries, former)
        stored, seed = dict(project.settings), known.seed
        if seed is None and stored:
            seed = stored["seed"]
        found = Known(known.space, seed, history, former, project.rounds)
        st.check_settings(stored, self.settings(seed), where, found.has_scores)
        changed = st.check_space(project.space, known.space, where, found.has_scores)
        given = [parameter.name for parameter in known.space if parameter.given]
        space = project.space.merged(changed, overwrite=True).marked_as_given(given)
        settled(history, space, project.rounds, self.objective)
        return dataclasses.replace(found, space=space)


@dataclasses.dataclass(frozen=True)
class Session:
    """A project that is open, and that no other process may search meanwhile.

    Attributes:
        where: the project is.
        project: as it was found.
        known: that, and what was known before; with a seed.
    """

    definition: Definition
    where: str
    store: Store
    project: Project
    known: Known

    def search(
        self,
        job: Job,
        runner: Runner,
        hooks: Hooks,
        checkpoints: Checkpoints,
        views: Sequence[View],
        waiting: Iterable[Mapping[str, Value]] = (),
        confirm: Confirm | None = None,
    ) -> Search:
        """A search that can run; its space is recorded.

        Args:
            waiting: points that were enqueued since the last search.
            confirm: how the best trials race afterwards. None: not at all.
        """
        definition, known = self.definition, self.known
        assert known.seed is not None
        self.store.record([SpaceGrown(tuple(known.space), None)])
        if self.newly_remembered:
            self.store.record([Remembered(self.newly_remembered)])
        checkpoints.tidy(known.history)
        parts = Parts(
            oracle=definition.oracle.seeded(known.seed),
            scheduler=definition.scheduler,
            runner=runner,
            store=self.store,
            checkpoints=checkpoints,
            views=list(views),
            job=job,
            hooks=hooks,
        )
        return Search(
            parts,
            definition.limits,
            definition.objective,
            known.seed,
            known.history,
            known.space,
            recorded_queue(self.store, self.project, waiting, known.history),
            definition.tune_new_entries,
            confirm=confirm,
            rounds=known.rounds,
        )

    @property
    def newly_remembered(self) -> tuple[Former, ...]:
        """The former projects that the project does not hold yet."""
        return () if self.project.former else self.known.former

    def warn_of_changes(self, told: Mapping[str, Any]) -> None:
        """Warn if the project was searched with other data or arguments.

        Args:
            told: what is known of them.
        """
        if self.known.has_scores:
            st.warn_of_fit_arguments(dict(self.project.settings), told, self.where)

    def settings(self, told: Mapping[str, Any]) -> dict[str, Any]:
        """For the record: what is searched, and what is known of the data and arguments."""
        return {**self.definition.settings(self.known.seed), **told}


@contextlib.contextmanager
def opened(
    folder: ProjectFolder,
    definition: Definition,
    known: Known,
    check: Callable[[Project], None] = lambda project: None,
) -> Iterator[Session]:
    """Open a project to search in it; it is made if there is none.

    Args:
        known: of the search so far.
        check: raises if the project does not fit for reasons of the caller's.

    Raises:
        SettingsMismatchError: the project's trials do not fit this search.
        ProjectInUseError: another process is searching it.
        StoreError: it cannot be read or written.
    """
    with folder.writing(), contextlib.closing(folder.open()) as store:
        project = store.load()
        check(project)
        folder.discard_made_data()
        where = str(folder.root)
        known = definition.taken_over(project, known, where)
        if known.seed is None:
            known = dataclasses.replace(known, seed=secrets.randbelow(2**31))
        yield Session(definition, where, store, project, known)
