"""A search over folds, kept in a project like any other."""

from __future__ import annotations

import contextlib
import dataclasses
import functools
import secrets
import sys
import tempfile
import zlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from kerastune_lite._src.algorithms.oracles.oracle import Oracle
from kerastune_lite._src.algorithms.schedulers.scheduler import Scheduler
from kerastune_lite._src.core.events import StopReason
from kerastune_lite._src.core.former import Former
from kerastune_lite._src.core.history import TrialHistory
from kerastune_lite._src.core.objective import Objective
from kerastune_lite._src.core.trial import TrialStatus
from kerastune_lite._src.search import settings as st
from kerastune_lite._src.search.execution.inline import InlineRunner
from kerastune_lite._src.search.execution.processes import ProcessRunner
from kerastune_lite._src.search.execution.runner import Runner
from kerastune_lite._src.search.execution.shares import Share
from kerastune_lite._src.search.hooks import Hooks
from kerastune_lite._src.search.limits import Limits
from kerastune_lite._src.search.loop import Search
from kerastune_lite._src.search.session import Definition, Known, opened
from kerastune_lite._src.search.warm_start import (
    AUTO,
    former_projects,
    remembered_text,
    warn_of_other_projects,
)
from kerastune_lite._src.sklearn.candidates import Candidates
from kerastune_lite._src.sklearn.folds import FoldJob
from kerastune_lite._src.store.checkpoints import Checkpoints
from kerastune_lite._src.store.project_folder import ProjectFolder
from kerastune_lite._src.store.store import Project
from kerastune_lite._src.util.checksums import changed, checksums
from kerastune_lite._src.util.errors import SettingsMismatchError, StoreError
from kerastune_lite._src.views.announcing import announce
from kerastune_lite._src.views.choose import search_views

_DATA = "{data}"
"""Stands in the name of a project for a checksum of its data."""


@dataclasses.dataclass(frozen=True)
class Wish:
    """What is searched for, and within which limits.

    Attributes:
        folds: how many.
        max_trials, max_time: None: no limit.
        known_by: what the estimator and its fit are known by, for a project that is reopened.
        data: checksums of samples, targets, folds and fit parameters, for the same.
        verbose: of the progress view.
        warm_start_from: former projects, as the user names them.
    """

    objective: Objective
    folds: int
    max_trials: int | None
    max_time: float | None
    known_by: Mapping[str, Any]
    data: Mapping[str, str]
    verbose: int
    warm_start_from: Any = None


class CVProject:
    """The folder of a search, and the seed that goes with it.

    Args:
        directory, name: where it lies; without a directory it is forgotten when it is closed.
            In the name, `{data}` stands for a checksum of the data.
        data: samples, targets and fit parameters.
        seed: None: that of the project, or a new one.

    Raises:
        StoreError: the folder holds a project that cannot be read.
    """

    def __init__(
        self, directory: Any, name: str | None, data: Mapping[str, Any], seed: int | None
    ) -> None:
        self._kept, self._directory = directory is not None, directory
        self._scratch = contextlib.ExitStack()
        if directory is None:
            scratch = tempfile.TemporaryDirectory(prefix="kerastune_")
            directory = self._scratch.enter_context(scratch)
        self._folder = ProjectFolder(directory, _named(name or "untitled_project", data))
        stored = self._folder.load() if self._folder.exists else None
        self._former = () if stored is None else stored.former
        self._stored = [] if stored is None else list(stored.trials)
        if seed is None and stored is not None:
            seed = stored.settings.get("seed")
        self.seed: int = secrets.randbelow(2**31) if seed is None else seed

    @property
    def root(self) -> Path:
        """Where files are kept."""
        return self._folder.root

    def folds_left(self, max_trials: int | None, folds: int) -> int | None:
        """How many folds may be evaluated until there are so many trials; None: no limit.

        Args:
            max_trials: None: no limit.
            folds: of each trial; each is evaluated once.
        """
        if max_trials is None:
            return None
        done = (
            len(trial.completed_executions) if trial.status is TrialStatus.RUNNING else folds
            for trial in self._stored
        )
        return max(0, max_trials * folds - sum(done))

    def trained(self, history: TrialHistory) -> int:
        """How many folds were evaluated that were not on record."""
        before = {(trial.number, e.index) for trial in self._stored for e in trial.executions}
        now = {(trial.number, e.index) for trial in history for e in trial.executions}
        return len(now - before)

    def __enter__(self) -> CVProject:
        return self

    def __exit__(self, *exception: object) -> None:
        self._scratch.close()

    def search(
        self, wish: Wish, job: FoldJob, candidates: Candidates, oracle: Oracle, scheduler: Scheduler
    ) -> tuple[TrialHistory, StopReason]:
        """Search until a limit is reached; a project that has trials goes on where it stood.

        Returns:
            All trials, and why it ended.

        Raises:
            SettingsMismatchError: the project's trials do not fit this search.
            ProjectInUseError: another process is searching it.
        """
        definition = Definition(
            wish.objective,
            oracle,
            scheduler,
            Limits(
                wish.max_trials,
                wish.max_time,
                wish.folds,
                max_consecutive_failed_trials=sys.maxsize,  # scikit-learn scores them NaN
                words=self._words(wish.max_time),
            ),
            tune_new_entries=candidates.grows,
        )
        views = search_views(wish.verbose, self._folder.tensorboard if self._kept else None)
        former = self._remembered(wish, candidates)
        known, check = (
            Known(candidates.space, self.seed, former=former),
            functools.partial(_check_data, wish, str(self.root)),
        )
        with opened(self._folder, definition, known, check) as session:
            if session.newly_remembered:
                announce(remembered_text(session.newly_remembered), wish.verbose)
            checkpoints = Checkpoints(self.root, keep=0)
            runner = self._runner(wish, job, interrupted=bool(session.known.history.running))
            search = session.search(job, runner, Hooks(), checkpoints, views)
            told = {"fit": dict(wish.known_by), "data": dict(wish.data)}
            return search.history, _run(search, self._folder.name, session.settings(told))

    def _words(self, max_time: float | None) -> dict[StopReason, str]:
        """How the end of a search is told: only one that is kept can be continued."""
        again = "; call fit() again to continue" if self._kept else ""
        return {
            StopReason.TIME: f"max_time={max_time} s reached{again}",
            StopReason.INTERRUPTED: f"interrupted{again}",
        }

    def _remembered(self, wish: Wish, candidates: Candidates) -> tuple[Former, ...]:
        """The former projects, of which a project that is resumed has a copy.

        Raises:
            TypeError, ValueError, StoreError: they cannot be used.
        """
        given = wish.warm_start_from
        if self._former:
            warn_of_other_projects(given, self._former, str(self.root))
            return self._former
        if given == AUTO and not self._kept:
            raise ValueError(
                '`warm_start_from="auto"` takes the projects under the same `directory`. Received: '
                "directory=None; name the directory, or list the projects."
            )
        return former_projects(
            given, self._directory, str(self.root), wish.objective, candidates.space
        )

    def _runner(self, wish: Wish, job: FoldJob, interrupted: bool) -> Runner:
        """Where folds are evaluated.

        Args:
            interrupted: whether an earlier search died in mid-trial: then not in this process.
        """
        if not job.in_workers:
            # Enough trials at once to keep all processes busy.
            return InlineRunner(max(1, -(-job.processes // wish.folds)))
        most = job.processes if wish.max_trials is None else min(job.processes, wish.max_trials)
        from kerastune_lite._src.keras.session import gpu_identifiers

        gpus = gpu_identifiers()
        share = Share.of_machine(most, gpus=gpus)
        return ProcessRunner(most, self.root, share, here=not (interrupted or gpus))


def _named(name: str, data: Mapping[str, Any]) -> str:
    if _DATA not in name:
        return name
    told = repr(sorted(checksums(data).items()))
    return name.replace(_DATA, f"{zlib.crc32(told.encode()):08x}")


def _run(search: Search, name: str, settings: Mapping[str, Any]) -> StopReason:
    try:
        return search.run(name, settings)
    except StoreError:
        raise
    except RuntimeError:
        # Every point of the space failed: what to say of that is scikit-learn's business.
        if all(trial.status is TrialStatus.FAILED for trial in search.history):
            return StopReason.EXHAUSTED
        raise


def _check_data(wish: Wish, where: str, project: Project) -> None:
    """Refuse to compare scores on other data.

    Raises:
        SettingsMismatchError: with what differs.
    """
    if not project.trials:
        return
    stored = project.settings
    # Earlier versions kept checksums of another kind, beside what is compared here, and the
    # parameters of an estimator beside its class.
    known = {name: value for name, value in stored.get("fit", {}).items() if name in wish.known_by}
    estimator = known.get("estimator", {})
    if len(estimator) > 1 and "parameters" not in estimator:
        del known["estimator"]
    now = {name: wish.known_by[name] for name in known}
    differences = st.changed_fit_arguments(known, now)
    differences += changed(stored.get("data", {}), wish.data, shapes=True)
    if differences:
        raise SettingsMismatchError(
            f"The project in {where} was searched with other data, folds or another estimator, so "
            "that old and new scores cannot be compared:\n  " + "\n  ".join(differences) + "\n"
            "Choose another `project_name`, or delete that folder. A cross-validation of the "
            "search has other data in each fold: leave out `directory`, or write {data} in the "
            "name, as in project_name='outer-{data}', and each fold has a project of its own."
        )


def seed_of(random_state: Any) -> int | None:
    """A seed for the search; of a generator its next number.

    Raises:
        ValueError: it is no random state.
    """
    if random_state is None:
        return None
    if isinstance(random_state, np.random.RandomState):
        return int(random_state.randint(2**31 - 1))
    if isinstance(random_state, (int, np.integer)) and 0 <= random_state < 2**32:
        return int(random_state)
    raise ValueError(
        "`random_state` must be None, a whole number from 0 to 2**32 - 1, or a RandomState. "
        f"Received: {random_state!r}."
    )
