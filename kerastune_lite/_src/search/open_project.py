"""Projects of other scripts and processes, opened for reading."""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from kerastune_lite._src.core.confirmation import Round
from kerastune_lite._src.core.events import EpochEnded
from kerastune_lite._src.core.goals import ObjectiveLike, create_objective, objective_from_json
from kerastune_lite._src.core.history import TrialHistory
from kerastune_lite._src.core.objective import Objective, Sum
from kerastune_lite._src.search.confirming import settled
from kerastune_lite._src.search.results import Results
from kerastune_lite._src.space.parameters import Space
from kerastune_lite._src.store.kerastuner_reading import KerasTunerFolder
from kerastune_lite._src.store.project_folder import ProjectFolder, projects_below
from kerastune_lite._src.store.store import Folder, Session
from kerastune_lite._src.util.errors import StoreError
from kerastune_lite._src.util.public import public
from kerastune_lite._src.util.scratch_folder import ScratchFolder


class OpenedProject(Results):
    """A project on disk, finished or running, as it is now; nothing is written.

    Args:
        folder: of the project.

    Raises:
        StoreError: there is no project, or it cannot be read.
    """

    def __init__(self, folder: Folder) -> None:
        self._folder = folder
        self._runs: ScratchFolder | None = None
        self.refresh()

    def refresh(self) -> None:
        """Read the project again."""
        self._project = self._folder.load()
        self._history = TrialHistory(self._project.trials)
        if self._project.rounds:
            settled(self._history, self._project.space, self._project.rounds, self.objective)

    @property
    def objective(self) -> Objective:
        data = self._project.settings.get("objective")
        if data is None:
            raise StoreError(f"No search was recorded in {self.project_dir} yet.")
        return objective_from_json(data)

    @property
    def space(self) -> Space:
        return self._project.space

    def _trials(self) -> TrialHistory:
        return self._history

    def _rounds(self) -> Sequence[Round]:
        return self._project.rounds

    @property
    def settings(self) -> dict[str, Any]:
        """The settings of the search."""
        return dict(self._project.settings)

    @property
    def versions(self) -> dict[str, str]:
        """The package versions of the latest search."""
        return dict(self._project.versions)

    @property
    def session(self) -> Session | None:
        """The latest search: when it began, and when and why it ended."""
        return self._project.session

    def _log_directory(self) -> Path:
        """Where TensorBoard finds the trials; of a foreign search they are written first."""
        if isinstance(self._folder, ProjectFolder):
            return super()._log_directory()
        from kerastune_lite._src.views.tensorboard.replayed import write_runs

        if self._runs is None:
            self._runs = ScratchFolder()
        # One folder, so that a server that is already running shows what is new.
        folder = Path(self._runs.path)
        for run in folder.iterdir():
            shutil.rmtree(run)
        with self._reading() as store:

            def epochs(trial: int) -> list[EpochEnded]:
                rows = [] if store is None else store.epochs(trial)
                return [EpochEnded(**vars(row), trial=trial) for row in rows]

            write_runs(folder, self._name, self.objective, self.space, self.trials, epochs)
        return folder

    @property
    def being_searched(self) -> bool:
        """Whether a process is searching it now."""
        return self._folder.being_written


_NEAR = 3
"""How many levels of folders are searched for projects if there is none at the path."""


@public("kerastune_lite")
def open_project(path: Any, objective: ObjectiveLike = None) -> OpenedProject:
    """Open a project for reading, from any process, also while it is being searched.

    A project that KerasTuner has written can be opened, too. Its trials are numbered in the order
    in which they were started; `origin` has KerasTuner's id.

    Args:
        path: the folder `directory/project_name`, or the database in it.
        objective: of a project of KerasTuner, whose files do not name it. Default: the metric whose
            best values are the scores.

    Raises:
        StoreError: there is no project, or it cannot be read. The message lists those below.
        ValueError: `objective` was given for a project of kerastune_lite, which has its own.

    Example:
        >>> import kerastune_lite as kt
        >>> search = {"max_trials": 3, "directory": "runs", "project_name": "p", "verbose": 0}
        >>> tuner = kt.tune_function(lambda x: x**2, {"x": range(-5, 6)}, **search)
        >>> len(kt.open_project("runs/p").trials)
        3
    """
    return OpenedProject(_folder_of(path, objective))


def _folder_of(path: Any, objective: ObjectiveLike = None) -> Folder:
    """The files of an existing project."""
    folder = ProjectFolder.at(path)
    if folder.exists:
        if objective is not None:
            raise ValueError(
                "`objective` is only for projects of KerasTuner, whose files do not name it. The "
                f"project in {folder.root} is not one of them. Received: {objective!r}."
            )
        return folder
    if isinstance(objective, (list, tuple)):
        objective = Sum(objective)  # as KerasTuner reads a list
    named = None if objective is None else create_objective(objective)
    foreign = KerasTunerFolder(folder.root, named)
    if foreign.exists:
        return foreign
    found = [str(each) for each in projects_below(folder.root, _NEAR)]
    if not found:
        raise StoreError(
            f"There is no project in {folder.root}, nor up to {_NEAR} levels below it. A "
            "project's folder is `directory/project_name`, as they were given to the tuner."
        )
    if len(found) == 1:
        raise StoreError(
            f"{folder.root} is not the folder of a project, but there is one below it; use:\n  "
            f"{found[0]}"
        )
    listed = "\n  ".join(found)
    raise StoreError(f"{folder.root} contains {len(found)} projects; name one of them:\n  {listed}")
