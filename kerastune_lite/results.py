"""Reading a project: the part that a tuner and an opened project have in common."""

from __future__ import annotations

import contextlib
import os
from abc import ABC, abstractmethod
from collections.abc import Iterable, Sequence
from contextlib import AbstractContextManager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from kerastune_lite.best_trials import BestTrials, why_none
from kerastune_lite.errors import StoreError
from kerastune_lite.history import History
from kerastune_lite.hyperparameters import HyperParameters, Space
from kerastune_lite.objective import Objective, objective_from_json
from kerastune_lite.store import Epoch, Project, ProjectFolder, Session, Store, projects_below
from kerastune_lite.trial import Trial

if TYPE_CHECKING:
    from kerastune_lite.insight.importances import Importances
    from kerastune_lite.views.plots import Plots
    from kerastune_lite.views.tensorboard.server import TensorBoardServer


class Results(ABC):
    """Trials and what they tell. Subclasses say where they come from."""

    @property
    @abstractmethod
    def objective(self) -> Objective:
        """What the search optimises."""

    @property
    @abstractmethod
    def space(self) -> Space:
        """All parameters known so far."""

    @property
    @abstractmethod
    def project_dir(self) -> str:
        """The project's folder."""

    @abstractmethod
    def _trials(self) -> History: ...

    @abstractmethod
    def _reading(self) -> AbstractContextManager[Store | None]:
        """The store, open for reading; None where nothing was searched yet."""

    @property
    def trials(self) -> list[Trial]:
        """All trials in the order of their numbers, as plain data."""
        return list(self._trials())

    def get_trial(self, trial_id: str | int) -> Trial:
        """A trial by its id ("0007") or number (7).

        Raises:
            KeyError: there is none.
        """
        trials = self._trials()
        number = int(trial_id)
        if not 0 <= number < len(trials):
            raise KeyError(f"There is no trial {trial_id!r}; there are {len(trials)}, from 0 on.")
        return trials[number]

    def get_best_trials(self, num_trials: int = 1) -> list[Trial]:
        """The completed trials from the best on; failed ones are never among them.

        There may be fewer than were asked for; a place that is not there says why.
        """
        trials = self._trials()
        return BestTrials(trials.best(num_trials), trials)

    def get_best_hyperparameters(self, num_trials: int = 1) -> list[HyperParameters]:
        """The hyperparameters of the best trials, from the best on, ready for `build(hp)`.

        Raises:
            ValueError: no trial was completed; with the reason.
        """
        best = self._best_or_why(num_trials)
        return [trial.hyperparameters.copy() for trial in best]

    def history(self, trial: Trial | str | int) -> list[dict[str, list[float]]]:
        """The learning curves of a trial: one dict per execution, one list per metric.

        The lists have one number per epoch, NaN where a metric was not measured. Of an
        execution that was retried, the last attempt.
        """
        number = trial.number if isinstance(trial, Trial) else int(trial)
        return self.histories([number])[number]

    def histories(
        self, trials: Iterable[int] | None = None
    ) -> dict[int, list[dict[str, list[float]]]]:
        """`history` of several trials, or of all, by their numbers."""
        numbers = range(len(self._trials())) if trials is None else trials
        with self._reading() as store:
            return {
                number: _curves_of([] if store is None else store.epochs(number))
                for number in numbers
            }

    def to_dataframe(self) -> Any:
        """The trials as a pandas DataFrame: one row each, hyperparameters as `hp_<name>`.

        Raises:
            ImportError: pandas is not installed.
        """
        try:
            import pandas
        except ImportError as error:
            raise ImportError(
                "to_dataframe() needs pandas. Install it with: pip install pandas"
            ) from error
        return pandas.DataFrame.from_records(self.rows())

    def rows(self) -> list[dict[str, Any]]:
        """What `to_dataframe` makes its table of: one dict per trial, without pandas."""
        rows: list[dict[str, Any]] = []
        for trial in self._trials():
            rows.append(
                {
                    "trial": trial.trial_id,
                    "status": trial.status.value,
                    "rejected": trial.rejected,
                    "score": trial.score,
                    "executions": len(trial.completed_executions),
                    "best_step": trial.best_step,
                    "seconds": trial.seconds,
                    "path": trial.path,
                    "failure": trial.failure,
                    **{f"hp_{name}": value for name, value in trial.values.items()},
                    **dict(trial.metrics),
                }
            )
        return rows

    def results_summary(self, num_trials: int = 10) -> None:
        """Print the best trials as a table, how the trials were trained, and what failed."""
        from kerastune_lite.views.tables import print_results

        print_results(self._trials(), self.objective, num_trials, self.project_dir)

    def search_space_summary(self, extended: bool = False) -> None:
        """Print the hyperparameters, their domains and conditions.

        Args:
            extended: say as well how many values each has.
        """
        from kerastune_lite.views.tables import print_space

        print_space(self.space, extended)

    def importances(self, seed: int = 0) -> Importances:
        """Which hyperparameters the score depends on, alone and in pairs, and how sure that is.

        Prints as a table. A forest learns from all trials (functional ANOVA; Hutter et al., 2014);
        failed ones are not among them.

        Args:
            seed: of the forest.

        Raises:
            ValueError: there are too few completed trials, or they do not differ.
        """
        from kerastune_lite.insight.importances import importances
        from kerastune_lite.insight.rungs import in_rungs

        curves = self.histories() if in_rungs(self.trials) else None
        return importances(self.trials, self.objective, seed=seed, curves=curves)

    @property
    def plot(self) -> Plots:
        """Figures: `plot.history()`, `plot.learning_curves()`, `plot.importances()`, ..."""
        from kerastune_lite.views.plots import Plots

        return Plots(self.trials, self.objective, self.histories, self._name)

    def to_optuna(self, storage: str | os.PathLike[str] | None = None) -> Any:
        """The search as an `optuna.Study`, with the same numbers of trials.

        Trials that did not come to the last rung are PRUNED, failed ones FAIL. Scores by epoch are
        intermediate values, of which the first epoch's has step 1.

        Args:
            storage: a new file to write for optuna-dashboard: a journal if its name ends in ".log",
                else a SQLite database, which takes about 0.1 s a trial. None: the study is in
                memory.

        Raises:
            ImportError: Optuna is not installed.
            FileExistsError: there is such a file.
        """
        from kerastune_lite.insight.study import to_study

        return to_study(self.trials, self.objective, self.histories(), self._name, storage)

    def report(self, path: str | os.PathLike[str] = "report.html") -> None:
        """Write the search as one page of HTML that needs nothing else.

        What was searched, the result and how sure it is, curves, importances, failures, versions
        and settings, and how to go on from here.

        Args:
            path: the file to write; one of this name is replaced.

        Raises:
            StoreError: no search was recorded yet.
        """
        from kerastune_lite.views.report import Searched, write_report

        with self._reading() as store:
            project = None if store is None else store.load()
        if project is None or not project.settings:
            raise StoreError(f"No search was recorded in {self.project_dir} yet.")
        searched = Searched(
            name=self._name,
            folder=os.path.abspath(self.project_dir),
            trials=project.trials,
            space=project.space,
            objective=self.objective,
            curves=self.histories(range(len(project.trials))),
            settings=project.settings,
            versions=project.versions,
        )
        write_report(path, searched)

    @property
    def _name(self) -> str:
        return os.path.basename(os.path.abspath(self.project_dir))

    def __repr__(self) -> str:
        best = self.get_best_trials()
        score = f", best {self.objective.name} {best[0].score:.4g}" if best else ""
        held = len(self._trials())
        return f"<{type(self).__name__} {self.project_dir}: {held} trials{score}>"

    def _repr_html_(self) -> str:
        from kerastune_lite.views.notebook import results_html

        trials, best = self._trials(), self.get_best_trials(5)
        title = f"{type(self).__name__} {self.project_dir}"
        return results_html(title, trials, best, self.objective if best else None)

    def tensorboard(self, height: int = 800, port: int = 0) -> TensorBoardServer:
        """Show the project in TensorBoard, at its HParams page.

        It runs in a process of its own, which ends with this one. In a notebook it appears in a
        frame; its address is printed there and elsewhere, and goes through
        `TENSORBOARD_PROXY_URL` where that is set. Called again, it shows the one that is running.

        Args:
            height: of the frame, in pixels.
            port: on 127.0.0.1; 0 takes one that is free.

        Returns:
            It: with `url`, `pid` and `stop()`.

        Raises:
            RuntimeError: TensorBoard did not start; with what it said.
        """
        from kerastune_lite.views.tensorboard.server import show

        return show(str(Path(self.project_dir, "tensorboard")), height, port)

    def _best_unless(self, trial: Trial | None, purpose: str) -> Trial:
        """`trial`, or the best one where none was named."""
        if trial is not None:
            return trial
        best = self._trials().best(1)
        if not best:
            why = why_none(self._trials())
            raise ValueError(f"There is no completed trial to {purpose}. {why}")
        return best[0]

    def _best_or_why(self, count: int) -> list[Trial]:
        best = self.get_best_trials(count)
        if not best and count:
            raise ValueError(why_none(self._trials()))
        return best


def _curves_of(rows: Sequence[Epoch]) -> list[dict[str, list[float]]]:
    latest: dict[int, int] = {}
    for row in rows:
        latest[row.execution] = max(row.attempt, latest.get(row.execution, 0))
    curves: dict[int, dict[str, list[float]]] = {execution: {} for execution in latest}
    lengths = dict.fromkeys(latest, 0)
    for row in rows:
        if row.attempt != latest[row.execution]:
            continue
        for name, value in row.metrics.items():
            curve = curves[row.execution].setdefault(name, [])
            curve.extend([float("nan")] * (lengths[row.execution] - len(curve)))
            curve.append(value)
        lengths[row.execution] += 1
    for execution, curve_set in curves.items():
        for curve in curve_set.values():
            curve.extend([float("nan")] * (lengths[execution] - len(curve)))
    return [curves[execution] for execution in sorted(curves)]


class OpenedProject(Results):
    """A project on disk, finished or running, as it is at this moment; nothing is written.

    Args:
        folder: where it lies.

    Raises:
        StoreError: there is none, or it cannot be read.
    """

    def __init__(self, folder: ProjectFolder) -> None:
        self._folder = folder
        self.refresh()

    def refresh(self) -> None:
        """Read what has happened since."""
        with contextlib.closing(self._folder.open(read_only=True)) as store:
            self._project: Project = store.load()
        self._history = History(self._project.trials)

    @property
    def objective(self) -> Objective:
        data = self._project.settings.get("objective")
        if data is None:
            raise StoreError(f"No search was recorded in {self.project_dir} yet.")
        return objective_from_json(data)

    @property
    def space(self) -> Space:
        return self._project.space

    @property
    def project_dir(self) -> str:
        return str(self._folder.root)

    def _trials(self) -> History:
        return self._history

    def _reading(self) -> AbstractContextManager[Store | None]:
        # The database is open only while it is read: there is nothing for the user to close.
        return contextlib.closing(self._folder.open(read_only=True))

    @property
    def settings(self) -> dict[str, Any]:
        """What the project was searched with."""
        return dict(self._project.settings)

    @property
    def versions(self) -> dict[str, str]:
        """The package versions of the latest search."""
        return dict(self._project.versions)

    @property
    def session(self) -> Session | None:
        """The latest search: when it began, and when and why it ended."""
        return self._project.session

    @property
    def being_searched(self) -> bool:
        """Whether some process is searching it right now."""
        return self._folder.being_written


_NEAR = 3
"""How many folders down projects are looked for when one is named that is not there."""


def open_project(path: Any) -> OpenedProject:
    """Read a project from its folder, from any process, also while it is being searched.

    Args:
        path: the folder `directory/project_name`, or the database in it.

    Raises:
        StoreError: there is no project, or it cannot be read. Those that lie below are named.
    """
    folder = ProjectFolder.at(path)
    if folder.exists:
        return OpenedProject(folder)
    found = [str(each) for each in projects_below(folder.root, _NEAR)]
    if not found:
        raise StoreError(
            f"There is no project in {folder.root}, nor up to {_NEAR} folders below it. A "
            "project's folder is `directory/project_name`, as they were given to the tuner."
        )
    if len(found) == 1:
        raise StoreError(
            f"{folder.root} is no project's folder, but there is one below it; name that:\n  "
            f"{found[0]}"
        )
    listed = "\n  ".join(found)
    raise StoreError(
        f"{folder.root} is a folder of {len(found)} projects; name one of them:\n  {listed}"
    )
