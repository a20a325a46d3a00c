"""One execution: build the model, fit it, keep the best epoch's weights."""

from __future__ import annotations

import contextlib
import dataclasses
import logging
import time
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from kerastune_lite._src.algorithms.schedulers.scheduler import Decision
from kerastune_lite._src.core.events import EpochEnded
from kerastune_lite._src.core.trial import Execution, Outcome, Segment, Trial
from kerastune_lite._src.keras import automatic_names as names
from kerastune_lite._src.keras import session
from kerastune_lite._src.keras.build_configs import build_config_of
from kerastune_lite._src.keras.building import check_compiled
from kerastune_lite._src.keras.callbacks import (
    EpochReporter,
    SizeLimit,
    fresh_callbacks,
    hook_callers,
    redirect_tensorboard,
)
from kerastune_lite._src.keras.fast.dispatcher import Dispatcher, Fit, Taken
from kerastune_lite._src.keras.fast.member import Member, NotStacked
from kerastune_lite._src.keras.goal_metrics import known_during, with_measured
from kerastune_lite._src.keras.hypermodel import accepts
from kerastune_lite._src.keras.inheriting import beginning_of, inherited
from kerastune_lite._src.keras.live_models import Built, Live
from kerastune_lite._src.keras.loading import load_keras
from kerastune_lite._src.keras.midway import Midway
from kerastune_lite._src.keras.prepared import Prepared, Trained
from kerastune_lite._src.keras.resuming import TrainingState, make_resumable
from kerastune_lite._src.keras.scored import Scored
from kerastune_lite._src.keras.state_files import keep_state, read_state
from kerastune_lite._src.keras.training_spec import TrainingSpec
from kerastune_lite._src.keras.weights import save_weights
from kerastune_lite._src.search.execution.guard import check_frozen, report_late
from kerastune_lite._src.search.execution.job import Emit
from kerastune_lite._src.search.execution.returned import (
    Result,
    combined,
    finite,
    from_history,
    read_results,
)
from kerastune_lite._src.search.hooks import Hooks
from kerastune_lite._src.space.hyperparameters import HyperParameters
from kerastune_lite._src.store.checkpoints import weights_name
from kerastune_lite._src.util.errors import FatalRuntimeError, StoreError
from kerastune_lite._src.util.threads import in_turn, lent_turn
from kerastune_lite._src.util.windows import discard

keras = load_keras()
logger = logging.getLogger(__name__)


class Trainer:
    """Trains executions of one segment's trial.

    Args:
        spec: that of all executions of the search.
        segment: what to train.
        hp: the trial's hyperparameters, for the builder.
        emit: called for each epoch.
        dispatcher: chooses how models are trained.
        hooks: the tuner's, for epochs and batches.
        open_result: whether the final result may differ from that of `fit`.
        live: the model of the segment before, to be used once instead of a new one.
    """

    def __init__(
        self,
        spec: TrainingSpec,
        segment: Segment,
        hp: HyperParameters,
        emit: Emit,
        dispatcher: Dispatcher,
        hooks: Hooks | None = None,
        open_result: bool = False,
        live: Live | None = None,
    ) -> None:
        self._open_result = open_result
        self._live = live
        self._spec = spec
        self._fit_arguments = spec.fit
        self._dispatcher = dispatcher
        self._hooks = hooks
        self._segment = segment
        self._hp = hp
        self._emit = emit

    def train(self, trial: Trial, execution: int) -> Trained:
        """Train one execution for the segment's epochs.

        Args:
            trial: bound to this trainer's hyperparameters; passed to the user's callbacks.
            execution: the index of the repeat.
        """
        return self.run(self.prepare(trial, execution))

    @in_turn
    def run(self, prepared: Prepared) -> Trained:
        """Train a prepared execution alone."""
        seed = self._segment.seed + prepared.execution
        session.collections.failed = True  # until the end is reached
        # Other executions may have been prepared meanwhile, and each draws random numbers.
        session.seed_all(seed)
        whole = self._needs_all(prepared)
        with (
            session.traced_functions(),
            self._dispatcher.in_place_of_fit(
                prepared.model, seed, whole, prepared.built.programs
            ) as taken,
        ):
            returned = self._fit(prepared)
        trained = self.finish(prepared, returned, taken)
        session.collections.failed = False
        return trained

    def _fit(self, prepared: Prepared) -> Any:
        fit = self._spec.models.hypermodel.fit
        # A user's own `fit` may train in threads and wait for them (a cross-validation).
        lent = lent_turn() if self._spec.fit.overridden else contextlib.nullcontext()
        with lent:
            return fit(self._hp, prepared.model, *prepared.args, **prepared.kwargs)

    def _needs_all(self, prepared: Prepared) -> bool:
        """Whether the model must receive the state of the optimizer, too."""
        overridden = self._spec.fit.overridden
        return overridden or prepared.keeper is not None or "initial_epoch" in prepared.kwargs

    def member(self, prepared: Prepared) -> Member:
        """The same as a training side by side with others.

        Raises:
            NotStacked: it must be trained alone.
        """
        if self._spec.fit.overridden:
            raise NotStacked("HyperModel.fit() is the user's own")
        seed = [self._segment.seed + prepared.execution, 0]
        whole = self._needs_all(prepared)
        return self._dispatcher.member(
            Fit(prepared.model, prepared.args, prepared.kwargs, seed, whole)
        )

    @in_turn
    def prepare(self, trial: Trial, execution: int) -> Prepared:
        """Build the model and everything that its training needs."""
        segment = self._segment
        try:
            return self._prepare(trial, execution)
        except StoreError as error:
            if segment.otherwise is None or segment.resume_from is None:
                raise
            logger.warning(
                "Trial %s is trained from epoch %d, not from epoch %d, where its process died: %s",
                trial.trial_id,
                segment.otherwise.start_epoch,
                segment.start_epoch,
                error,
            )
            discard(self._spec.folder / segment.resume_from)
            self._segment = segment.otherwise
        return self._prepare(trial, execution)

    def _prepare(self, trial: Trial, execution: int) -> Prepared:
        spec, segment = self._spec, self._segment
        started = time.perf_counter()
        state = self._state_before()
        # Before the model, whose shapes may depend on the data.
        self._fit_arguments = fit = spec.fit.made(self._hp)
        built = self._built(segment.seed + execution)
        model = built.model
        self._check_space()
        if not fit.overridden:
            check_compiled(model)
        reporter = EpochReporter(
            spec.objective,
            lambda epoch, metrics: self._report(
                execution, epoch, metrics, known_during(spec.objective, reporter.model, started)
            ),
            # The result of a user's own fit() may not be from the best epoch: keep weights anyway.
            None if fit.overridden else segment.keep_below,
            strict=not fit.overridden and fit.validates_every_epoch,
            keep_each=fit.overridden or self._open_result,
        )
        callbacks = fresh_callbacks(spec.callbacks, trial)
        args, kwargs = self._arguments(trial, execution, callbacks, reporter, built.complete)
        stateful = [*callbacks, reporter]
        midway = Midway(spec, segment, execution)
        if segment.otherwise is not None and state is not None:
            midway.check(state, stateful, model, args, kwargs)
        keep = segment.keep_state is not None
        with spec.models.scope():  # restoring makes the variables that are missing
            beginning = beginning_of(built.rates, stateful)
            if state is not None and segment.inherits:
                state = inherited(state, model, beginning)
            keeper = make_resumable(kwargs, model, stateful, state, keep, beginning)
        before = 0.0
        if state is not None:
            # What a parent took is part of its own training.
            before = 0.0 if segment.inherits else state.extra.get("seconds", 0.0)
            started -= before
            if self._open_result:
                midway.report_before(state, self._emit)
        midway.keep(stateful, model, args, kwargs, started)
        return Prepared(execution, built, args, kwargs, reporter, keeper, started, before)

    def _built(self, seed: int) -> Built:
        collect = session.collections.is_due()
        live, self._live = self._live, None
        if live is not None:
            session.begin(seed, collect)
            live.built.set_generators()
            return live.built
        model = names.built_from_one(
            lambda: self._spec.models.build(self._hp), lambda: session.begin(seed, collect)
        )
        return Built.of(model, self._may_be_kept())

    def _may_be_kept(self) -> bool:
        fit = self._fit_arguments
        paused = self._segment.keep_state is not None
        return paused and self._spec.fast and not fit.overridden and not fit.makes_data

    def _state_before(self) -> TrainingState | None:
        segment = self._segment
        if segment.resume_from is not None:
            return read_state(self._spec.folder / segment.resume_from)
        if segment.start_epoch:
            raise FatalRuntimeError(
                "A training that starts in mid-trial needs a file with its state. Received: "
                f"start_epoch={segment.start_epoch} without `resume_from`."
            )
        return None

    @in_turn
    def finish(
        self,
        prepared: Prepared,
        returned: Any,
        taken: Sequence[Taken],
        seconds: float | None = None,
        keep_below: float | None = None,
    ) -> Trained:
        """Record the result of the training, and store its best weights and its state.

        Args:
            returned: the result of `fit`.
            taken: the paths of the training.
            seconds: the duration of this segment; by default the time since its preparation began.
            keep_below: the loss of an earlier repeat whose weights are stored: only those of a
                trial's best execution are.
        """
        spec, segment = self._spec, self._segment
        reporter, execution = prepared.reporter, prepared.execution
        self._check_space()
        result = self._result(returned, reporter)
        if not reporter.epochs:
            report_late(result, segment, execution, self._emit)
        model = prepared.model if reporter.model is None else reporter.model
        now = time.perf_counter()
        taken_in = now - prepared.started if seconds is None else prepared.before + seconds
        state = keep_state(prepared.keeper, spec.folder, segment.keep_state, taken_in)
        scored = Scored(reporter, model, spec.objective)
        best_epoch = reporter.best_epoch if result.best_epoch is None else result.best_epoch
        if spec.fit.overridden and reporter.epochs:
            best_epoch = scored.put(scored.epoch(result))
        done = Execution(
            index=execution,
            attempt=segment.attempt,
            outcome=Outcome.COMPLETED,
            score=result.score,
            loss=spec.objective.loss_of(result.score),
            metrics=with_measured(result.metrics, self._measured, model, prepared.kwargs, taken_in),
            best_epoch=best_epoch,
            epochs=reporter.epochs or result.epochs,
            seconds=taken_in,
            weights=self._keep_weights(scored, result, execution, keep_below),
            build_config=None if prepared.built.complete else build_config_of(model),
            path=_joined(path.path for path in taken),
            path_reason=_joined(path.reason for path in taken),
            **state,
        )
        return Trained(dict(result.history) if returned is None else returned, done, scored)

    @property
    def _measured(self) -> Sequence[str]:
        """What is measured after the training; in a race the smallest of equal models is named."""
        measured = self._spec.objective.measured
        return (*measured, "model_size") if self._segment.race else measured

    def _check_space(self) -> None:
        if self._spec.frozen_space:
            check_frozen(self._hp.space, self._segment.trial.space)

    def _arguments(
        self,
        trial: Trial,
        execution: int,
        callbacks: Sequence[Any],
        reporter: EpochReporter,
        complete: bool,
    ) -> tuple[tuple[Any, ...], dict[str, Any]]:
        spec, segment = self._spec, self._segment
        retry = f"_retry{segment.attempt}" if segment.attempt else ""
        run = "round" if segment.race else "execution"
        redirect_tensorboard(callbacks, f"trial_{trial.trial_id}/{run}{execution}{retry}")
        listed = list(callbacks)
        if spec.models.max_model_size is not None and not complete:
            listed.insert(0, SizeLimit(spec.models.max_model_size))
        # The hooks are for the epochs of trials.
        listed += hook_callers(None if segment.race else self._hooks, trial)
        # Last, so that it sees what the user's callbacks add to the logs.
        listed.append(reporter)
        args, kwargs = self._fit_arguments.for_execution(self._hp, segment.end_epoch, segment.place)
        kwargs["callbacks"] = listed
        if not spec.fit.overridden or accepts(spec.models.hypermodel.fit, "verbose"):
            kwargs.setdefault("verbose", spec.verbose)
        return args, kwargs

    def _report(
        self, execution: int, epoch: int, metrics: Mapping[str, float], known: Mapping[str, float]
    ) -> bool:
        segment = self._segment
        event = EpochEnded(segment.trial.number, execution, segment.attempt, epoch, metrics, known)
        return self._emit(event) is Decision.CONTINUE

    def _result(self, returned: Any, reporter: EpochReporter) -> Result:
        objective, fit = self._spec.objective, self._fit_arguments
        source = "HyperModel.fit()" if fit.overridden else "model.fit()"
        if reporter.epochs and (
            not fit.overridden or returned is None or _covers(returned, reporter.epochs)
        ):
            # A History omits epochs without validation; the reporter has an entry for each.
            best = from_history(reporter.history, objective, source)
            return finite(best, objective, fit.why_not_finite)
        result = combined(read_results(returned, objective, source))
        if not result.history:
            seen = {**reporter.metrics_at_best(), **result.metrics}
            result = dataclasses.replace(result, metrics=seen)
        return finite(result, objective, fit.why_not_finite)

    def _keep_weights(
        self,
        scored: Scored,
        result: Result,
        execution: int,
        keep_below: float | None,
    ) -> str | None:
        spec = self._spec
        for below in (self._segment.keep_below, keep_below):
            if below is not None and not spec.objective.loss_of(result.score) < below:
                return None
        if not scored.model.weights or scored.lost:
            return None
        scored.settle()
        name = weights_name(self._segment.trial.number, execution)
        save_weights(scored.model, spec.folder / name)
        return name


def _joined(texts: Iterable[str | None]) -> str | None:
    """The distinct texts in one."""
    return ", ".join(dict.fromkeys(filter(None, texts))) or None


def _covers(returned: Any, epochs: int) -> bool:
    """Whether `returned` is the History of all epochs that were reported."""
    return isinstance(returned, keras.callbacks.History) and len(returned.epoch) == epochs
