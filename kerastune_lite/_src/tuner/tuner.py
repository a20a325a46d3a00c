"""The tuner: what users construct, search with, and ask for results."""

from __future__ import annotations

import contextlib
import dataclasses
import secrets
from collections.abc import Mapping
from typing import Any

from kerastune_lite._src.algorithms.oracles.bayesian import BayesianOracle
from kerastune_lite._src.algorithms.oracles.oracle import Oracle
from kerastune_lite._src.algorithms.schedulers.full import FullTraining
from kerastune_lite._src.algorithms.schedulers.scheduler import Scheduler
from kerastune_lite._src.core.events import SpaceGrown
from kerastune_lite._src.core.history import TrialHistory
from kerastune_lite._src.core.objective import Objective, ObjectiveLike, create_objective
from kerastune_lite._src.core.trial import Trial
from kerastune_lite._src.keras.hypermodel import get_hypermodel
from kerastune_lite._src.search import settings as st
from kerastune_lite._src.search.execution.guard import check_frozen
from kerastune_lite._src.search.execution.inline import InlineRunner
from kerastune_lite._src.search.hooks import Hooks
from kerastune_lite._src.search.limits import Limits
from kerastune_lite._src.search.loop import Parts, Search
from kerastune_lite._src.search.planner import recorded_queue
from kerastune_lite._src.space.domains import Value
from kerastune_lite._src.space.hyperparameters import HyperParameters
from kerastune_lite._src.space.parameters import Space
from kerastune_lite._src.space.points import complete_point
from kerastune_lite._src.space.reading import read_space
from kerastune_lite._src.store.checkpoints import Checkpoints
from kerastune_lite._src.store.project_folder import ProjectFolder
from kerastune_lite._src.store.store import Project, Store
from kerastune_lite._src.tuner.models import Models
from kerastune_lite._src.tuner.oracle_view import TunerOracle
from kerastune_lite._src.tuner.overrides import check_attribute, check_overrides
from kerastune_lite._src.tuner.training_side import TrainingSide
from kerastune_lite._src.util.checksums import checksums
from kerastune_lite._src.util.describing import described
from kerastune_lite._src.util.public import public


@public("kerastune_lite")
class Tuner(Models, Hooks):
    """Finds the hyperparameters with which a model trains best.

    Args:
        hypermodel: a function `build(hp)` that returns a compiled Keras model, or a HyperModel.
            None when a subclass overrides `run_trial`.
        objective: the metric to optimise by its name in Keras's logs ("val_accuracy"), an
            Objective, or a list of these (their sum). None: a float that `run_trial` returns,
            to be minimised.
        max_trials: how many trials in all, those of earlier runs of the script included. None:
            until the space is exhausted.
        oracle: proposes values. Default: Bayesian optimisation.
        scheduler: says how long each trial trains. Default: to its end.
        hyperparameters: parameters given beforehand; they win over those of the builder.
        allow_new_entries: whether the builder may ask for others.
        tune_new_entries: whether those are tuned, or keep their defaults.
        seed: makes the search reproducible. None: drawn once and kept with the project.
        executions_per_trial: train each trial so often; its score is the mean.
        max_retries_per_trial: try a failed execution again, so often.
        max_consecutive_failed_trials: stop after so many failures in a row. Trials that are
            rejected (`max_model_size`, `FailedTrialError`) are no failures.
        max_model_size: in parameters; trials with larger models are rejected.
        max_time: seconds per call of `search()`; the trial under way is finished.
        optimizer, loss, metrics: override those that the builder compiles with.
        keep_checkpoints: how many of the best trials keep their weights on disk.
        directory, project_name: where the project lies: `directory/project_name`.
        overwrite: delete what an earlier search left there. Otherwise that search is resumed.

    Raises:
        TypeError, ValueError: an argument is invalid.
        SettingsMismatchError: the project exists and its trials do not fit these settings.
        StoreError: the project exists and cannot be read.
    """

    _made = False
    """Whether the tuner has read its settings."""

    def __init__(
        self,
        hypermodel: Any = None,
        objective: ObjectiveLike = None,
        max_trials: int | None = 10,
        *,
        oracle: Oracle | None = None,
        scheduler: Scheduler | None = None,
        hyperparameters: HyperParameters | None = None,
        allow_new_entries: bool = True,
        tune_new_entries: bool = True,
        seed: int | None = None,
        executions_per_trial: int = 1,
        max_retries_per_trial: int = 0,
        max_consecutive_failed_trials: int = 3,
        max_model_size: int | None = None,
        max_time: float | None = None,
        optimizer: Any = None,
        loss: Any = None,
        metrics: Any = None,
        keep_checkpoints: int = 10,
        directory: Any = None,
        project_name: str | None = None,
        overwrite: bool = False,
    ) -> None:
        st.check_counts(
            max_trials=max_trials,
            executions_per_trial=executions_per_trial,
            max_retries_per_trial=max_retries_per_trial,
            max_consecutive_failed_trials=max_consecutive_failed_trials,
            max_model_size=max_model_size,
            keep_checkpoints=keep_checkpoints,
            max_time=max_time,
            seed=seed,
        )
        st.check_parts(oracle, scheduler, hyperparameters)
        check_overrides(type(self), type(oracle))
        self.hypermodel = get_hypermodel(hypermodel)
        trains_itself = self.overrides("run_trial", "_build_and_fit_model")
        st.check_trainable(self.hypermodel, trains_itself)
        # NumPy's integers are as good as Python's here, and not in the project's settings.
        self.tune_new_entries = tune_new_entries
        self._limits = Limits(
            None if max_trials is None else int(max_trials),
            max_time,
            int(executions_per_trial),
            max_retries_per_trial,
            max_consecutive_failed_trials,
        )
        self._oracle_in_use = oracle or BayesianOracle()
        self.scheduler = scheduler or FullTraining()
        """Says how long each trial trains."""
        self._folder = ProjectFolder(directory or ".", project_name or "untitled_project")
        self._checkpoints = Checkpoints(self._folder.root, keep_checkpoints)
        self._training = TrainingSide(
            self,
            optimizer,
            loss,
            metrics,
            max_model_size,
            frozen_space=not allow_new_entries,
            trains_itself=trains_itself,
            checkpoints=self._checkpoints,
        )
        given = hyperparameters.space if hyperparameters is not None else Space()
        self._given = given.marked_as_given(given.names)
        self._allow_new_entries = allow_new_entries
        if overwrite:
            self._folder.clear()
        self._builders_space = self._read_space()
        self._objective = self._training.resolved(create_objective(objective))
        self._training.forget_probe()
        self._space = self._builders_space if tune_new_entries else self._given
        self._history = TrialHistory()
        self._waiting: list[dict[str, Value]] = []
        self._seed = None if seed is None else int(seed)
        self._store: Store | None = None
        if self._folder.exists:
            with contextlib.closing(self._folder.open(read_only=True)) as store:
                self._adopt(store.load())
        self._made = True

    def __setattr__(self, name: str, value: Any) -> None:
        if self._made:
            check_attribute(self, name)
        super().__setattr__(name, value)

    # ------------------------------------------------------------------ searching

    def search(
        self,
        *fit_args: Any,
        callbacks: Any = None,
        verbose: Any = "auto",
        fast: bool = True,
        **fit_kwargs: Any,
    ) -> None:
        """Search until `max_trials` are done, `max_time` is over, or the space is exhausted.

        A project that was interrupted, or whose process died, goes on where it stood.

        Args:
            *fit_args, **fit_kwargs: as for `model.fit`: data, epochs, validation_data or
                validation_split, class_weight, ... A function in place of `x` is called for each
                execution and makes the data. A HyperModel with its own `fit` gets them as they are.
            callbacks: Keras callbacks, copied for each execution, or a function of the trial
                that returns a list of them.
            verbose: 0 silent; 1 (the same as "auto") a live line, or a block in a notebook; 2 a
                line per trial; 3 the same, and Keras's own line per epoch.
            fast: train on the fastest path that gives the result of `model.fit`; False takes
                `model.fit` itself for every trial (docs/training.md).

        Raises:
            ValueError: the arguments cannot work; before anything is trained.
            ProjectInUseError: another process is searching this project.
            RuntimeError: too many trials failed in a row, or all of them did.
        """
        from kerastune_lite._src.views.choose import progress_view
        from kerastune_lite._src.views.tensorboard.tensorboard_view import TensorBoardView

        view = progress_view(verbose)
        job = self._training.job(
            fit_args, fit_kwargs, callbacks, verbose, self._builders_space, fast
        )
        told = {
            "fit": st.described_fit_arguments(fit_args, fit_kwargs),
            "data": checksums(self._training.named(fit_args, fit_kwargs), described=True),
        }
        with self._folder.writing(), contextlib.closing(self._folder.open()) as store:
            project = store.load()
            self._adopt(project, told)
            if self._seed is None:
                self._seed = secrets.randbelow(2**31)
            store.record([SpaceGrown(tuple(self._space), None)])
            self._checkpoints.tidy(self._history)
            extra = self._training.tensorboard_directories()
            tensorboard = TensorBoardView(self._folder.tensorboard, extra_hparams_dirs=extra)
            queue = recorded_queue(store, project, self._waiting, self._history)
            self._waiting.clear()
            parts = Parts(
                oracle=self._oracle_in_use.seeded(self._seed),
                scheduler=self.scheduler,
                runner=InlineRunner(),
                store=store,
                checkpoints=self._checkpoints,
                views=[tensorboard] if view is None else [view, tensorboard],
                job=job,
                hooks=self,
            )
            search = Search(
                parts,
                self._limits,
                self._objective,
                self._seed,
                self._history,
                self._space,
                queue,
                self.tune_new_entries,
            )
            self._store = store
            self.on_search_begin()
            try:
                search.run(self._folder.name, {**self._settings(), **told})
            finally:
                self._space, self._store = search.space, None
            self.on_search_end()

    def enqueue(self, values: Mapping[str, Value]) -> None:
        """Have a point of your own tried before those of the oracle.

        Args:
            values: by name; hyperparameters that are left out take their defaults.

        Raises:
            ValueError: a name is not one that the builder asks for, or a value is not allowed.
        """
        build = None if self.hypermodel is None else self._training.probe
        point = complete_point(values, self._space, build)
        self._waiting.append(point)

    def run_trial(self, trial: Trial, *fit_args: Any, **fit_kwargs: Any) -> Any:
        """Train a trial: override it to tune anything else, or to change the arguments.

        Args:
            trial: `trial.hyperparameters` is the `hp` to declare parameters with and to read.
            *fit_args, **fit_kwargs: what `search()` was given.

        Returns:
            The objective as a float, a dict of metrics, a History, or a list of these, one for
            each execution.
        """
        if not self.overrides("_build_and_fit_model"):
            return self._training.train_all(trial, fit_args, fit_kwargs)
        return [
            self._build_and_fit_model(trial, *fit_args, **fit_kwargs)
            for _ in range(self.executions_per_trial)
        ]

    def _build_and_fit_model(self, trial: Trial, *fit_args: Any, **fit_kwargs: Any) -> Any:
        """Train one execution of a trial; KerasTuner's scripts override it.

        Args:
            trial, *fit_args, **fit_kwargs: as for `run_trial`.

        Returns:
            What `fit` returned.
        """
        (returned,) = self._training.train_all(trial, fit_args, fit_kwargs, executions=1)
        return returned

    def _build_hypermodel(self, hp: HyperParameters) -> Any:
        """A trial's model, before it is checked; KerasTuner's scripts override it."""
        return self.hypermodel.build(hp)

    # ------------------------------------------------------------------ results

    @property
    def oracle(self) -> TunerOracle:
        """Best trials and the like, under the names that KerasTuner's scripts use."""
        return TunerOracle(self)

    @property
    def max_trials(self) -> int | None:
        """How many trials in all; it can be set before a search."""
        return self._limits.max_trials

    @max_trials.setter
    def max_trials(self, count: int | None) -> None:
        st.check_counts(max_trials=count)
        count = count if count is None else int(count)
        self._limits = dataclasses.replace(self._limits, max_trials=count)

    @property
    def executions_per_trial(self) -> int:
        """How often each trial is trained; it can be set before a search."""
        return self._limits.executions_per_trial

    @executions_per_trial.setter
    def executions_per_trial(self, count: int) -> None:
        st.check_counts(executions_per_trial=count)
        self._limits = dataclasses.replace(self._limits, executions_per_trial=int(count))

    @property
    def objective(self) -> Objective:
        return self._objective

    @property
    def space(self) -> Space:
        return self._space

    @property
    def project_dir(self) -> str:
        return str(self._folder.root)

    @property
    def seed(self) -> int | None:
        """The seed in use; None until a search has begun without one given."""
        return self._seed

    @property
    def remaining_trials(self) -> int | None:
        """How many more trials `search()` would run; None without `max_trials`."""
        if self.max_trials is None:
            return None
        return max(self.max_trials - self._history.ended, 0)

    # ------------------------------------------------------------------ inside

    def _trials(self) -> TrialHistory:
        return self._history

    def _reading(self) -> contextlib.AbstractContextManager[Store | None]:
        if self._store is not None or not self._folder.exists:
            return contextlib.nullcontext(self._store)
        return contextlib.closing(self._folder.open(read_only=True))

    def _read_space(self) -> Space:
        """The given parameters and those of the builder."""
        if self.hypermodel is None:
            return self._given
        hp = HyperParameters(self._given)
        if hasattr(self.hypermodel, "declare_hyperparameters"):
            self.hypermodel.declare_hyperparameters(hp)
        self._training.declared = hp.space
        space = read_space(self._training.probe, hp.space)
        if not self._allow_new_entries:
            check_frozen(space, self._given)
        return space

    def _settings(self) -> dict[str, Any]:
        return {
            "objective": self._objective.to_json(),
            "oracle": described(self._oracle_in_use.settings()),
            "scheduler": described(self.scheduler.settings()),
            "executions_per_trial": self.executions_per_trial,
            "seed": self._seed,
            "compile": self._training.described(),
            "max_trials": self.max_trials,
            "versions": st.versions(),
        }

    def _adopt(self, project: Project, told: Mapping[str, Any] | None = None) -> None:
        """Take over what the project holds, or refuse it.

        Args:
            told: what is known of the arguments of `search()`.
        """
        history = TrialHistory(project.trials, space_is_fixed=not self.tune_new_entries)
        has_scores = bool(history.best(1))
        stored = dict(project.settings)
        if self._seed is None and stored:
            self._seed = stored["seed"]
        st.check_settings(stored, self._settings(), self.project_dir, has_scores)
        changed = st.check_space(project.space, self._space, self.project_dir, has_scores)
        space = project.space.merged(changed, overwrite=True)
        self._space = space.marked_as_given(self._given.names)
        self._history = history
        if told is not None and has_scores:
            st.warn_of_fit_arguments(stored, told, self.project_dir)
