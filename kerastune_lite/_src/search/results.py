"""Reading a project: what a tuner and an opened project have in common."""

from __future__ import annotations

import contextlib
import itertools
import os
from abc import ABC, abstractmethod
from collections.abc import Iterable, Sequence
from contextlib import AbstractContextManager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from kerastune_lite._src.analysis.confirming import confirmation
from kerastune_lite._src.core.best_trials import BestTrials, why_none
from kerastune_lite._src.core.confirmation import Confirmation, Round
from kerastune_lite._src.core.history import TrialHistory
from kerastune_lite._src.core.lineage import Piece, first_epoch, schedule
from kerastune_lite._src.core.objective import Objective, Sum
from kerastune_lite._src.core.trial import Trial
from kerastune_lite._src.search.confirming import settled
from kerastune_lite._src.space.hyperparameters import HyperParameters
from kerastune_lite._src.space.parameters import Space
from kerastune_lite._src.store.store import Epoch, Folder, Store
from kerastune_lite._src.util.errors import StoreError

if TYPE_CHECKING:
    from kerastune_lite._src.analysis.importances import Importances
    from kerastune_lite._src.views.plots.plots import Plots
    from kerastune_lite._src.views.tensorboard.server import TensorBoardServer


class Results(ABC):
    """The results of a search: trials, tables, figures."""

    _folder: Folder

    @property
    @abstractmethod
    def objective(self) -> Objective:
        """What the search optimises."""

    @property
    @abstractmethod
    def space(self) -> Space:
        """All parameters known so far."""

    @property
    def project_dir(self) -> str:
        """The project's folder."""
        return str(self._folder.root)

    @abstractmethod
    def _trials(self) -> TrialHistory: ...

    @abstractmethod
    def _rounds(self) -> Sequence[Round]: ...

    def _reading(self) -> AbstractContextManager[Store | None]:
        """The store, open for reading; None before the first search."""
        # It is open only while it is read, so the user need not close it.
        return contextlib.closing(self._folder.open(read_only=True))

    @property
    def trials(self) -> list[Trial]:
        """All trials in the order of their numbers, as plain data."""
        return list(self._trials())

    def get_trial(self, trial_id: str | int) -> Trial:
        """A trial by its id or number: `trial_id` is "0007" or 7.

        Raises:
            KeyError: there is no such trial.
        """
        trials = self._trials()
        number = int(trial_id)
        if not 0 <= number < len(trials):
            raise KeyError(
                f"There is no trial {trial_id!r}; there are {len(trials)}, counted from 0."
            )
        return trials[number]

    def get_best_trials(self, num_trials: int = 1) -> list[Trial]:
        """The best trials, the best first; failed trials are not included.

        Nor are those that violate a constraint. With several objectives, the trials that no other
        one dominates come first, by the first objective (`pareto_front`).

        There may be fewer than `num_trials`; the IndexError of a missing one gives the reason.
        """
        trials = self._trials()
        allowed = (trial for trial in trials.best() if trial.violation == 0.0)
        return BestTrials(list(itertools.islice(allowed, num_trials)), trials)

    def confirmation(self) -> Confirmation | None:
        """What the race after the search says of its winner; it prints as a text.

        The winner is the first of `get_best_trials()`. None: there was no race, or it was
        interrupted before it could say anything, or other trials were better since
        (docs/results.md; `search(confirm=...)`).
        """
        if not self._rounds():
            return None
        return confirmation(self._trials(), self.space, self._rounds(), self.objective)

    def pareto_front(self) -> list[Trial]:
        """The trials that no other one dominates, the best of the first objective first.

        A trial dominates another one if it is worse in no objective and better in one. Trials that
        violate a constraint are not included. With a single objective it is the best trial.
        """
        trials = self._trials()
        return BestTrials(trials.front(), trials)

    def hypervolumes(self, reference: Sequence[float] | None = None) -> list[float]:
        """How much of the objectives' space the front covers after each trial, in their order.

        The volume between the front and a reference point: it grows whenever a trial improves the
        front. Trials that violate a constraint do not count.

        Args:
            reference: a value of each objective that is worse than the front. Default: the worst
                of all trials, so that the volumes of two searches cannot be compared.

        Raises:
            ValueError: `reference` has another length, or there is one objective.
        """
        from kerastune_lite._src.analysis.fronts import hypervolumes

        return hypervolumes(self._trials(), self.objective, reference)

    def get_best_hyperparameters(self, num_trials: int = 1) -> list[HyperParameters]:
        """The hyperparameters of the best `num_trials` trials, the best first, for `build(hp)`.

        Raises:
            ValueError: no trial was completed; the message gives the reason.
        """
        best = self._best_or_why(num_trials)
        return [trial.hyperparameters.copy() for trial in best]

    def history(self, trial: Trial | str | int) -> list[dict[str, list[float]]]:
        """The learning curves of `trial`: one dict per execution, one list per metric.

        The lists have one number per epoch, NaN for epochs without a value. Of an execution that
        was retried, only the last attempt is included.
        """
        number = trial.number if isinstance(trial, Trial) else int(trial)
        return self.histories([number])[number]

    def histories(
        self, trials: Iterable[int] | None = None
    ) -> dict[int, list[dict[str, list[float]]]]:
        """`history` of several `trials`, or of all, by number."""
        known = self._trials()
        numbers = range(len(known)) if trials is None else trials
        with self._reading() as store:
            return {
                number: _curves_of(
                    [] if store is None else store.epochs(number),
                    first_epoch(known[number]) if number < len(known) else 0,
                )
                for number in numbers
            }

    def to_dataframe(self) -> Any:
        """The trials as a pandas DataFrame: one row per trial, hyperparameters as `hp_<name>`.

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
        """The rows of `to_dataframe`, one dict per trial, without pandas."""
        rows: list[dict[str, Any]] = []
        with_parents = any(trial.parent is not None for trial in self._trials())
        for trial in self._trials():
            parent = {"parent": None if trial.parent is None else trial.parent.trial}
            rows.append(
                {
                    "trial": trial.trial_id,
                    "status": trial.status.value,
                    "rejected": trial.rejected,
                    "score": trial.score,
                    "executions": len(trial.completed_executions),
                    "best_step": trial.best_step,
                    **(parent if with_parents else {}),
                    "seconds": trial.seconds,
                    "path": trial.path,
                    "failure": trial.failure,
                    **{f"hp_{name}": value for name, value in trial.values.items()},
                    **dict(trial.metrics),
                }
            )
        return rows

    def schedule(self, trial: Trial | None = None) -> list[Piece]:
        """The values with which a model was trained, from the first epoch to its best one.

        In a search with `PopulationBasedTraining` values change during a training: a piece for each
        of the ancestors of `trial`, and one for itself. Other trials have one piece.

        Args:
            trial: default: the best one.

        Raises:
            ValueError: no trial was completed.
        """
        return schedule(self._trials(), self._best_unless(trial, "describe"))

    def results_summary(self, num_trials: int = 10) -> None:
        """Print the best `num_trials` as a table, how they were trained, and the failures."""
        from kerastune_lite._src.views.tables import print_results

        told = self.confirmation()
        print_results(self._trials(), self.objective, num_trials, self.project_dir, told=told)

    def search_space_summary(self, extended: bool = False) -> None:
        """Print the hyperparameters, their domains and conditions.

        Args:
            extended: whether to print the number of values of each.
        """
        from kerastune_lite._src.views.tables import print_space

        print_space(self.space, extended)

    def importances(self, seed: int = 0) -> Importances:
        """On which hyperparameters the score depends, alone and in pairs, and how certain that is.

        Prints as a table. A random forest learns from all trials with a score (functional ANOVA;
        Hutter et al., 2014).

        Args:
            seed: of the forest.

        Raises:
            ValueError: there are too few completed trials, or they are all equal.
        """
        from kerastune_lite._src.analysis.comparable_losses import in_rungs
        from kerastune_lite._src.analysis.importances import importances

        curves = self.histories() if in_rungs(self.trials) else None
        return importances(self.trials, self.objective, seed=seed, curves=curves)

    @property
    def plot(self) -> Plots:
        """Figures: `plot.history()`, `plot.learning_curves()`, `plot.importances()`, ..."""
        from kerastune_lite._src.views.plots.plots import Plots

        return Plots(self.trials, self.objective, self.histories, self._name)

    def to_optuna(self, storage: str | os.PathLike[str] | None = None) -> Any:
        """The search as an `optuna.Study`, with all of its objectives; trials keep their numbers.

        Trials that did not reach the last rung are PRUNED, failed ones FAIL. Scores by epoch are
        intermediate values; the first epoch is step 1.

        Args:
            storage: a new file for optuna-dashboard: a journal if its name ends in ".log",
                otherwise a SQLite database, which takes about 0.1 s per trial. None: the study is
                in memory.

        Raises:
            ImportError: Optuna is not installed.
            FileExistsError: the file exists.
        """
        from kerastune_lite._src.analysis.study import to_study

        further = {
            part: {t.number: t.metrics[part.name] for t in self.trials if t.losses}
            for part in self.objective.parts[1:]
            if not isinstance(self.objective, Sum)
        }
        return to_study(self.trials, self.objective, self.histories(), self._name, storage, further)

    def report(self, path: str | os.PathLike[str] = "report.html") -> None:
        """Write a report of the search as a single file of HTML.

        The space, the result and its certainty, curves, importances, failures, versions, settings,
        and the next steps.

        Args:
            path: the file to write; an existing file is replaced.

        Raises:
            StoreError: no search was recorded yet.
        """
        from kerastune_lite._src.search.remembered import use_of
        from kerastune_lite._src.views.report.page import write_report
        from kerastune_lite._src.views.report.searched import Searched

        with self._reading() as store:
            project = None if store is None else store.load()
        if project is None or not project.settings:
            raise StoreError(f"No search was recorded in {self.project_dir} yet.")
        history = TrialHistory(project.trials)
        searched = Searched(
            name=self._name,
            folder=os.path.abspath(self.project_dir),
            confirmation=settled(history, project.space, project.rounds, self.objective),
            trials=list(history),
            space=project.space,
            objective=self.objective,
            curves=self.histories(range(len(project.trials))),
            settings=project.settings,
            versions=project.versions,
            remembered=tuple(use_of(each, project.space) for each in project.former),
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
        from kerastune_lite._src.views.notebook import results_html

        trials, best = self._trials(), self.get_best_trials(5)
        title = f"{type(self).__name__} {self.project_dir}"
        return results_html(title, trials, best, self.objective if best else None)

    def tensorboard(self, height: int = 800, port: int = 0) -> TensorBoardServer:
        """Show the project in TensorBoard, at its HParams page.

        The server is a separate process, which ends with this one. The address is printed; in a
        notebook the page is also shown in a frame. If `TENSORBOARD_PROXY_URL` is set, the address
        goes through that proxy. A server that is already running is used again. The trials of
        Optuna and KerasTuner are written to a temporary folder first, as they are then.

        Args:
            height: of the frame, in pixels.
            port: on 127.0.0.1; 0 means a free one.

        Returns:
            The server, with `url`, `pid` and `stop()`.

        Raises:
            RuntimeError: TensorBoard did not start; the message contains its output.
        """
        from kerastune_lite._src.views.tensorboard.server import show

        return show(str(self._log_directory()), height, port)

    def _log_directory(self) -> Path:
        """Where TensorBoard finds the trials."""
        return Path(self.project_dir, "tensorboard")

    def _best_unless(self, trial: Trial | None, purpose: str) -> Trial:
        """`trial`, or the best one if it is None."""
        if trial is not None:
            return trial
        best = self.get_best_trials()
        if not best:
            why = why_none(self._trials())
            raise ValueError(f"There is no completed trial to {purpose}. {why}")
        return best[0]

    def _best_or_why(self, count: int) -> list[Trial]:
        best = self.get_best_trials(count)
        if not best and count:
            raise ValueError(why_none(self._trials()))
        return best


def _curves_of(rows: Sequence[Epoch], first: int) -> list[dict[str, list[float]]]:
    latest: dict[int, int] = {}
    for row in rows:
        latest[row.execution] = max(row.attempt, latest.get(row.execution, 0))
    curves: dict[int, dict[str, list[float]]] = {execution: {} for execution in latest}
    # A trial with a parent has no values for the epochs that it has inherited.
    lengths = dict.fromkeys(latest, first)
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
