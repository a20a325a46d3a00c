"""The tuner: users construct it, search with it, and read results from it."""

from __future__ import annotations

import contextlib
import dataclasses
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from kerastune_lite._src.algorithms.oracles.bayesian import BayesianOracle
from kerastune_lite._src.algorithms.oracles.oracle import Oracle
from kerastune_lite._src.algorithms.schedulers.full import FullTraining
from kerastune_lite._src.algorithms.schedulers.scheduler import Scheduler
from kerastune_lite._src.algorithms.stopping.rule import StoppingRule
from kerastune_lite._src.compat_kerastuner.overrides import check_attribute, check_overrides
from kerastune_lite._src.compat_kerastuner.sums import tell_of_sums
from kerastune_lite._src.compat_kerastuner.tuner_names import TunerNames, takes_oracles
from kerastune_lite._src.core.goals import ObjectiveLike, create_objective, largest_model
from kerastune_lite._src.core.objective import Objective
from kerastune_lite._src.core.trial import Trial
from kerastune_lite._src.keras.building import ModelFactory
from kerastune_lite._src.keras.hypermodel import get_hypermodel
from kerastune_lite._src.keras.strategies import checked_strategy, maybe_distribute
from kerastune_lite._src.keras.tuned_data import TunedData
from kerastune_lite._src.search import settings as st
from kerastune_lite._src.search.confirming import Confirm
from kerastune_lite._src.search.execution.job import Job
from kerastune_lite._src.search.hooks import HOOKS_OF_TRAINING, Hooks
from kerastune_lite._src.search.limits import Limits, rules_of
from kerastune_lite._src.search.session import Known, opened
from kerastune_lite._src.search.warm_start import remembered_text
from kerastune_lite._src.space.domains import Value
from kerastune_lite._src.space.hyperparameters import HyperParameters
from kerastune_lite._src.space.parameters import Space
from kerastune_lite._src.store.checkpoints import Checkpoints
from kerastune_lite._src.store.project_folder import ProjectFolder
from kerastune_lite._src.store.store import Store
from kerastune_lite._src.tuner.call import SearchCall, takes_data
from kerastune_lite._src.tuner.confirming import confirm_of
from kerastune_lite._src.tuner.known_search import KnownSearch
from kerastune_lite._src.tuner.late_data import LateDataJob
from kerastune_lite._src.tuner.loggers import send_best, separated
from kerastune_lite._src.tuner.placement import Placement
from kerastune_lite._src.tuner.populations import prepared_scheduler
from kerastune_lite._src.tuner.probing import Probe
from kerastune_lite._src.tuner.searched import Searched
from kerastune_lite._src.tuner.training import Training
from kerastune_lite._src.tuner.user_trials import BY_HAND, UserTrials, takes_first_epoch
from kerastune_lite._src.util.public import public
from kerastune_lite._src.views.announcing import announce
from kerastune_lite._src.views.choose import search_views
from kerastune_lite._src.views.loggers.trial_logger import TrialLogger


@public("kerastune_lite")
class Tuner(TunerNames, KnownSearch, Hooks):
    """Finds the hyperparameters with which a model trains best.

    Args:
        hypermodel: a function `build(hp)` that returns a compiled Keras model, or a HyperModel.
            None if a subclass overrides `run_trial`.
        objective: the metric to optimise by its name in Keras's logs ("val_accuracy"), an
            Objective, or a list of these, for which `pareto_front()` has the results. Also
            "model_size", "train_time", "inference_time" and "peak_memory" (docs/several_goals.md).
            None: minimise the float that `run_trial` returns.
        max_trials: the total number of trials, including those of earlier runs. None: until the
            space is exhausted, or all that the scheduler plans is trained. "auto": 10; None with
            `PopulationBasedTraining`.
        constraints: what results must satisfy: bounds of metrics, such as "model_size <= 1e6", and
            functions of a trial, which return whether it is allowed, or a number that is at most 0
            if it is.
        oracle: proposes values. Default: Bayesian optimisation.
        scheduler: decides how long each trial trains. Default: for all its epochs.
        hyperparameters: parameters declared beforehand; they take precedence over the builder's.
        allow_new_entries: whether the builder may declare others.
        tune_new_entries: whether these are tuned; otherwise they keep their defaults.
        seed: makes the search reproducible. None: drawn once and stored in the project.
        executions_per_trial: how often each trial is trained; its score is the mean.
        max_retries_per_trial: how often a failed execution is repeated.
        max_consecutive_failed_trials: stop after this many failures in a row. Rejected trials
            (`max_model_size`, `FailedTrialError`) do not count.
        max_model_size: the largest number of parameters; trials with larger models are rejected.
        max_time: seconds per call of `search()`; a running trial is finished.
        max_total_epochs: the total number of epochs, including those of earlier runs and of all
            executions; running trials are finished. A training that reports none counts as one.
        stopping: a rule of `kerastune_lite.stopping`, or several, that end the search earlier.
        optimizer, loss, metrics: override those that the builder compiles with.
        distribution_strategy: a `tf.distribute.Strategy` of one machine, in whose scope models are
            made and trained, with `model.fit`. (With Keras 3.15, BatchNormalization makes weights
            NaN if the last batch has fewer samples than there are devices.)
        keep_checkpoints: how many of the best trials keep their weights on disk.
        warm_start_from: former projects that the search remembers: a list of their folders, or of
            tuners and opened projects; or "auto", all projects in `directory` that have the same
            objective and hyperparameters in common with this one. Their best points are among the
            first, and their results a prior of Bayesian searches, as long as the new results agree
            with them (docs/warm_start.md). Read once: the new project keeps a copy.
        directory, project_name: the project is the folder `directory/project_name`.
        overwrite: delete an earlier search there. Otherwise it is resumed.

    Raises:
        TypeError, ValueError: an argument is invalid.
        SettingsMismatchError: the project exists and its trials do not fit these settings.
        StoreError: the project exists and cannot be read.

    Example:
        >>> oracle = kt.oracles.GridOracle()  # with `build`, `x` and `y` as in `RandomSearch`
        >>> scheduler = kt.schedulers.ASHA(max_epochs=9)
        >>> tuner = kt.Tuner(build, "val_loss", 8, oracle=oracle, scheduler=scheduler)
        >>> tuner.search(x, y, validation_split=0.25, verbose=0)
        >>> model = tuner.get_best_models()[0]
    """

    @takes_oracles
    def __init__(
        self,
        hypermodel: Any = None,
        objective: ObjectiveLike = None,
        max_trials: int | str | None = "auto",
        *,
        constraints: Sequence[str | Callable[[Trial], Any]] | None = None,
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
        max_total_epochs: int | None = None,
        stopping: StoppingRule | Sequence[StoppingRule] | None = None,
        optimizer: Any = None,
        loss: Any = None,
        metrics: Any = None,
        distribution_strategy: Any = None,
        keep_checkpoints: int = 10,
        warm_start_from: Any = None,
        directory: Any = None,
        project_name: str | None = None,
        overwrite: bool = False,
    ) -> None:
        st.check_counts(max_model_size=max_model_size, keep_checkpoints=keep_checkpoints, seed=seed)
        self._limits = Limits(
            st.trials_of(max_trials, scheduler),
            max_time,
            executions_per_trial,
            max_retries_per_trial,
            max_consecutive_failed_trials,
            max_total_epochs,
            rules_of(stopping),
        )
        st.check_parts(oracle, scheduler, hyperparameters)
        check_overrides(type(self), type(oracle))
        goals = self._objective_of(objective, constraints)
        tell_of_sums(goals)
        self._limits.check_objectives(len(goals.parts))
        self.distribution_strategy = checked_strategy(distribution_strategy)
        self.hypermodel = get_hypermodel(hypermodel)
        trains_itself = self.overrides("run_trial", "_build_and_fit_model")
        st.check_trainable(self.hypermodel, trains_itself)
        self.tune_new_entries = tune_new_entries
        self._oracle_in_use = oracle or BayesianOracle()
        self.scheduler = scheduler or FullTraining()
        """Decides how long each trial trains."""
        st.check_goals(self.scheduler, goals)
        self._folder = ProjectFolder(directory or ".", project_name or "untitled_project")
        self._checkpoints = Checkpoints(self._folder.root, keep_checkpoints)
        if overwrite:
            self._folder.clear()
        instead = self._build_hypermodel if self.overrides("_build_hypermodel") else None
        models = ModelFactory(
            self.hypermodel,
            optimizer,
            loss,
            metrics,
            largest_model(max_model_size, goals),
            build_instead=instead,
            strategy=self.distribution_strategy,
        )
        probe = Probe(models, trains_itself, not allow_new_entries)
        given = Space() if hyperparameters is None else hyperparameters.space
        given = given.marked_as_given(given.names)
        probed = probe.read(given, goals)
        if probed.missing is not None and self._folder.exists:
            # The hyperparameters of earlier data are in the project.
            probed = probe.read(given, probed.objective, self._folder.load().space)
        self._training = Training(probe, probed, self._checkpoints)
        self._user_trials = None
        self._waiting: list[dict[str, Value]] = []
        self._store: Store | None = None
        space = probed.space if tune_new_entries else probed.given
        self._known = Known(space, None if seed is None else int(seed))
        if probed.missing is None:
            Tuner.reload(self)  # not a subclass's own
        self._remember(warm_start_from, directory or ".")
        self._made = True

    def __setattr__(self, name: str, value: Any) -> None:
        if self._made:
            check_attribute(self, name)
        super().__setattr__(name, value)

    def search(
        self,
        *fit_args: Any,
        callbacks: Any = None,
        verbose: Any = "auto",
        fast: bool = True,
        workers: int | str | None = None,
        runner: str | None = None,
        resources_per_worker: Mapping[str, float] | None = None,
        trial_timeout: float | None = None,
        checkpoint_interval: float | None = 60.0,
        data_fn: Callable[[], Any] | None = None,
        data: Any = None,
        confirm: bool | str = "auto",
        **fit_kwargs: Any,
    ) -> None:
        """Search until `max_trials` are done, `max_time` has passed, or the space is exhausted.

        An interrupted search is resumed, also if its process was killed.

        Args:
            *fit_args, **fit_kwargs: as for `model.fit`: data, epochs, validation_data or
                validation_split, class_weight, ... If `x` is a function, it is called for each
                execution and returns the data. A HyperModel with its own `fit` receives the
                arguments unchanged.
            callbacks: Keras callbacks, copied for each execution, or a function of the trial
                that returns a list of them. Also loggers of `kerastune_lite.callbacks`.
            verbose: 0 silent; 1 (the same as "auto") a live line, or a block in a notebook; 2 a
                line per trial; 3 also Keras's line per epoch.
            fast: train on the fastest path that gives the result of `model.fit`; False: use
                `model.fit` itself for every trial (docs/training.md).
            workers: how many processes train trials side by side; "auto": as many as cores and
                memory allow. None: train in this process (docs/scaling.md).
            runner: "ray" has the workers of a Ray cluster train. None: processes of this machine.
            resources_per_worker: what each worker may use: "cpu", "gpu" (may be a part of one) and
                "memory" in bytes. By default the workers share the machine evenly.
            trial_timeout: seconds that one training may take in a worker; then it has failed.
            checkpoint_interval: seconds of training after which its state is kept on disk, so that
                it continues there if its process dies. None: never.
            data_fn: loads the data: it is called once in each process that trains, instead of
                sending the data there. Returns the same as `data`, without hyperparameters.
            data: data with hyperparameters: a function `make_data(hp)` that returns (x, y),
                (x, y, validation), a dataset, or a dict of arguments of `fit`. `build(hp)` runs
                after it, and sees what it declared. Data is kept and used again by trials with the
                same hyperparameters of the data (docs/tuned_data.md).
            confirm: whether, after the search, the best five trials and the starting configuration
                are trained again in up to ten rounds, each with another seed and other validation
                samples, so that the winner is no accident; `confirmation()` has the result. "auto":
                if that takes less than a tenth of the time of the search (docs/results.md).

        Raises:
            ValueError: an argument is invalid; raised before any training.
            ProjectInUseError: another process is searching this project.
            RuntimeError: too many trials failed in a row, or all trials failed.
        """
        self._bind_oracle()
        receiver, before = self._training.receiver(self.run_trial)
        own = data is not None and takes_data(receiver, data)
        if own:
            fit_kwargs, data = {**fit_kwargs, "data": data}, None
        tuned = TunedData(data, self._folder.root)
        callbacks, loggers = separated(callbacks)
        call = SearchCall(
            fit_args, fit_kwargs, callbacks, verbose, fast, checkpoint_interval, tuned
        )
        call.check_one_source(data_fn)
        strategy = self.distribution_strategy
        placement = Placement(workers, runner, resources_per_worker, trial_timeout, strategy)
        with contextlib.closing(tuned):
            self._take_data(tuned, own)
            told = call.with_default_data(self.space).described(receiver, before)
            confirming = confirm_of(confirm, self._training, self.scheduler)
            self._search(call, placement, data_fn, told, loggers, confirming)
        send_best(loggers, self)

    def _search(
        self,
        call: SearchCall,
        placement: Placement,
        data_fn: Callable[[], Any] | None,
        told: Mapping[str, Any],
        loggers: Sequence[TrialLogger],
        confirm: Confirm | None,
    ) -> None:
        """Search with checked arguments; `told` describes them for the project."""
        source = getattr(self, "source", f"{type(self).__name__}.run_trial()")
        scheduler = prepared_scheduler(self.scheduler, self._training, self.max_trials, source)
        views = search_views(call.verbose, self._folder.tensorboard, call.tensorboard_directories())
        views += loggers
        job = self._job(call) if data_fn is None else self._late_job(call, data_fn)
        definition = dataclasses.replace(self._definition(), scheduler=scheduler)
        with opened(self._folder, definition, self._known) as session:
            self._known = session.known
            for logger in loggers:
                logger.open(self._folder.root)
            session.warn_of_changes(told)
            if session.newly_remembered:
                announce(remembered_text(session.newly_remembered), call.verbose)
            interrupted = bool(self._known.history.running)
            place = placement.runner_for(self._folder.root, interrupted, data_fn is not None)
            search = session.search(
                job, place, self, self._checkpoints, views, self._waiting, confirm
            )
            self._waiting.clear()
            self._store = session.store
            self._searched = Searched.of(call, data_fn, self._training)
            try:
                self.on_search_begin()
                search.run(self._folder.name, session.settings(told))
            finally:
                self._known = dataclasses.replace(
                    self._known, space=search.space, rounds=tuple(search.rounds)
                )
                self._store = None
            self.on_search_end()

    def run_trial(self, trial: Trial, *fit_args: Any, **fit_kwargs: Any) -> Any:
        """Train a trial. Override it to tune other things than models, or to change arguments.

        Args:
            trial: `trial.hyperparameters` is its `hp`: it declares and returns hyperparameters.
            *fit_args, **fit_kwargs: the arguments of `search()`.

        Returns:
            The objective as a float, a dict of metrics, a History, or a list of these, one for
            each execution.
        """
        if not self.overrides("_build_and_fit_model"):
            return self._train(trial, fit_args, fit_kwargs)
        return [
            self._build_and_fit_model(trial, *fit_args, **fit_kwargs)
            for _ in range(self.executions_per_trial)
        ]

    def _build_and_fit_model(self, trial: Trial, *fit_args: Any, **fit_kwargs: Any) -> Any:
        """Train one execution, and return the result of `fit`; KerasTuner's scripts override it."""
        return self._train(trial, fit_args, fit_kwargs, only_one=True)[0]

    def _build_hypermodel(self, hp: HyperParameters) -> Any:
        """A trial's model, before it is checked; KerasTuner's scripts override it."""
        with maybe_distribute(self.distribution_strategy):
            return self.hypermodel.build(hp)

    def _try_build(self, hp: HyperParameters) -> Any:
        """A trial's model, checked; KerasTuner's scripts call it in `run_trial`."""
        return self._training.models.build(hp)

    def save_model(self, trial_id: str | int, model: Any, step: int = 0) -> None:
        """Store the weights of `model` for the trial `trial_id`; for use in your own `run_trial`.

        The latest call counts, whatever `step` is.
        """
        name = self._training.save(model, int(trial_id))
        if self._user_trials is not None:
            self._user_trials.note_saved(name, model)

    # ------------------------------------------------------------------ inside

    def _objective_of(self, given: ObjectiveLike, constraints: Any) -> Objective:
        """The objective, from the arguments of the constructor."""
        return create_objective(given, constraints)

    def _job(self, call: SearchCall) -> Job:
        """The job of a search, with checked arguments."""
        scheduled, gradients = self.scheduler.decides_epochs, self._oracle_in_use.reads_gradients
        if not self._training.in_run_trial:
            watches = self.overrides(*HOOKS_OF_TRAINING)
            return self._training.job(call, scheduled, self if watches else None, gradients)
        source = getattr(self, "source", f"{type(self).__name__}.run_trial()")
        if gradients:
            st.refuse_gradients(source)
        training, enter = self._training, self._enter
        return UserTrials(self.run_trial, source, training, call, scheduled, self, enter)

    def _late_job(self, call: SearchCall, data_fn: Callable[[], Any]) -> Job:
        """The job of a search whose data is loaded where it trains."""
        user_trials = self._training.in_run_trial
        resumable = user_trials and takes_first_epoch(self.run_trial)
        return LateDataJob(data_fn, call, self._job, user_trials, resumable)

    def _enter(self, job: UserTrials | None) -> None:
        self._user_trials = job
        if job is not None:
            self._training = job.training

    def __getstate__(self) -> dict[str, Any]:
        # For workers: what belongs to a search that is under way stays in its process.
        return {**vars(self), "_store": None, "_user_trials": None, "_searched": None}

    def _train(
        self, trial: Trial, args: Sequence[Any], kwargs: Mapping[str, Any], only_one: bool = False
    ) -> list[Any]:
        """Train executions of `trial`; `args` and `kwargs` are those of `fit`."""
        if self._user_trials is None:
            raise RuntimeError(BY_HAND)
        return self._user_trials.train(trial, args, kwargs, self.executions_per_trial, only_one)
