"""Trials that the user's own `run_trial` trains."""

from __future__ import annotations

import contextlib
import dataclasses
import functools
import inspect
import logging
import sys
import time
from collections.abc import Callable, Generator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from kerastune_lite._src.algorithms.schedulers.scheduler import Decision
from kerastune_lite._src.compat_kerastuner.reported import Reported
from kerastune_lite._src.core.events import EpochEnded
from kerastune_lite._src.core.trial import Execution, Segment, Trial, TrialStatus
from kerastune_lite._src.keras.hypermodel import accepts
from kerastune_lite._src.keras.not_finite import explanation
from kerastune_lite._src.search.execution.guard import (
    GuardedJob,
    check_frozen,
    merge_returned,
    reached,
    report_late,
    with_goals,
)
from kerastune_lite._src.search.execution.job import Emit
from kerastune_lite._src.search.execution.returned import (
    Result,
    Streamed,
    finite,
    read_results,
    scalars,
)
from kerastune_lite._src.search.hooks import Hooks
from kerastune_lite._src.search.segments import from_midway
from kerastune_lite._src.space.hyperparameters import HyperParameters
from kerastune_lite._src.store.checkpoints import Checkpoints, state_name
from kerastune_lite._src.tuner.call import SearchCall, process_settings, reduced_dataset
from kerastune_lite._src.tuner.training import Training
from kerastune_lite._src.util.errors import FatalError
from kerastune_lite._src.util.warn_once import once

if TYPE_CHECKING:
    from kerastune_lite._src.keras.fast.dispatcher import Dispatcher

logger = logging.getLogger(__name__)

BY_HAND = "run_trial() may only be called by search(), for each trial."


@dataclasses.dataclass
class UnderWay:
    """A trial while its `run_trial` runs.

    Attributes:
        trained: the executions that `super().run_trial(...)` trained.
        scored: for each of them, selects the weights of one of its epochs.
        saved, build_config: see `note_saved`.
    """

    segment: Segment
    hp: HyperParameters
    emit: Emit
    trained: list[Execution] = dataclasses.field(default_factory=list)
    scored: list[Any] = dataclasses.field(default_factory=list)
    saved: str | None = None
    build_config: Mapping[str, Any] | None = None


class UserTrials(GuardedJob):
    """The job of a search whose trials are trained by the user's own `run_trial`.

    Args:
        run_trial: called with each trial and the arguments of `search()`.
        source: its name in messages.
        training: for its calls of `super().run_trial(...)`.
        call: the call of `search()`.
        scheduled: whether a scheduler decides how long trials train.
        hooks: the tuner's, for epochs and batches.
        enter: tells the tuner that its trials belong to this job, or (None) to none.
    """

    def __init__(
        self,
        run_trial: Callable[..., Any],
        source: str,
        training: Training,
        call: SearchCall,
        scheduled: bool,
        hooks: Hooks,
        enter: Callable[[UserTrials | None], None],
    ) -> None:
        self._run_trial = run_trial
        self._source = source
        self.training = training
        self._objective = training.objective.guide
        self._hooks = hooks
        self._enter = enter
        self._dispatcher: Dispatcher | None = None
        self._under_way: UnderWay | None = None
        self.reported: Reported | None = None
        """What the running trial reports through `self.oracle`."""
        self._takes_epochs = accepts(run_trial, "epochs")
        self._takes_first = takes_first_epoch(run_trial)
        super().__init__(self._train, whole_trials=True, resumable=self._takes_first)
        self._call = call
        self.settings = process_settings()
        self._kwargs = dict(call.kwargs)
        if call.callbacks is not None:
            self._kwargs["callbacks"] = call.callbacks
        if call.verbose != "auto" and accepts(run_trial, "verbose"):
            self._kwargs["verbose"] = call.verbose_of_fit
        if scheduled and not self._takes_epochs:
            logger.warning(
                "This search trains trials for a few epochs first, and the better ones for more. "
                "%s does not take `epochs`, so it trains the whole trial each time. Write "
                "def run_trial(self, trial, *args, epochs, **kwargs) and train for this many; with "
                "a parameter `initial_epoch`, too, it can resume a training.",
                source,
            )

    def open(self) -> None:
        self._enter(self)

    def close(self) -> None:
        self._enter(None)
        self._dispatcher = None  # also releases the data on the device
        self._call.data.close()

    def relocated(self, folder: Path) -> UserTrials:
        # It has just arrived on that machine: nobody else has it.
        checkpoints = Checkpoints(folder, self.training.checkpoints.keep)
        self.training = dataclasses.replace(self.training, checkpoints=checkpoints)
        self._call = dataclasses.replace(self._call, data=self._call.data.relocated(folder))
        return self

    def reduced(self, value: Any) -> tuple[Any, ...] | None:
        return reduced_dataset(value)

    @functools.cached_property
    def _why_not_finite(self) -> str:
        named = {f"argument {place}": value for place, value in enumerate(self._call.args)}
        found = explanation({**named, **self._kwargs})
        return f"{found}." if found else ""

    # ------------------------------------------------------------------ for super().run_trial()

    def train(
        self,
        trial: Trial,
        args: Sequence[Any],
        kwargs: Mapping[str, Any],
        wanted: int,
        only_one: bool = False,
    ) -> list[Any]:
        """Train executions of the running trial, for `super().run_trial(...)`.

        Args:
            args, kwargs: the arguments of `fit` that `run_trial` passes on.
            wanted: how many executions a trial has.
            only_one: whether to train only the next one.

        Returns:
            The result of `fit` for each.

        Raises:
            RuntimeError: no trial is under way.
            FatalError: an argument is invalid.
        """
        from kerastune_lite._src.keras import automatic_names
        from kerastune_lite._src.keras.fast.dispatcher import Dispatcher
        from kerastune_lite._src.keras.trainer import Trainer

        under_way = self._under_way
        if under_way is None:
            raise RuntimeError(BY_HAND)
        kwargs = dict(kwargs)
        callbacks = kwargs.pop("callbacks", None)
        verbose = kwargs.pop("verbose", self._call.verbose_of_fit)
        kwargs.pop("initial_epoch", None)
        # run_trial may declare hyperparameters and pass them on under any names.
        call = self._call
        spec = self.training.spec(
            args, kwargs, callbacks, verbose, call.fast, call.checkpoint_interval
        )
        spec.fit.check(under_way.hp.space, spec.objective)
        self._dispatcher = self._dispatcher or Dispatcher(spec.fast)
        # A second call in the same trial trains something else (a fold, perhaps).
        before = len(under_way.trained)
        resumable = before < (wanted if only_one else 1) and can_resume(callbacks, trial)
        first = before % wanted if only_one else 0
        returned = []
        for execution in range(first, first + (1 if only_one else wanted)):
            trainer = Trainer(
                spec,
                self._part_of(under_way.segment, execution, resumable),
                under_way.hp,
                under_way.emit,
                self._dispatcher,
                self._hooks,
                open_result=True,
            )
            with automatic_names.set_aside():
                trained = trainer.train(trial, execution)
            under_way.trained.append(trained.execution)
            under_way.scored.append(trained.scored)
            returned.append(trained.returned)
        return returned

    def as_trained(self, trial: Trial) -> Trial:
        """The `trial`; if it is running, as if it ended with what is trained by now."""
        done = self._under_way
        if done is None or done.segment.trial.number != trial.number or not done.trained:
            return trial
        return dataclasses.replace(
            trial, status=TrialStatus.COMPLETED, executions=tuple(done.trained)
        )

    def note_saved(self, name: str, model: Any) -> None:
        """Note that the running trial has stored the weights of `model` in the file `name`."""
        from kerastune_lite._src.keras.build_configs import build_config_of

        if self._under_way is not None:
            self._under_way.saved = name
            self._under_way.build_config = build_config_of(model)

    def _part_of(self, segment: Segment, execution: int, resumable: bool) -> Segment:
        """The part of a whole trial's segment that trains one of its executions.

        It begins where the execution ended in the rung before, if its state was stored.

        Args:
            resumable: whether states may be used and stored.
        """
        trial = segment.trial
        reached = next((e for e in trial.completed_executions if e.index == execution), None)
        state = reached.state if reached is not None and resumable else None
        keep = None
        if resumable and trial.resumable and trial.goal is not None:
            keep = state_name(trial.number, execution, trial.goal)
        first = reached.epochs if reached is not None and state is not None else 0
        part = dataclasses.replace(
            segment,
            start_epoch=first,
            resume_from=state,
            keep_state=keep,
            midway=resumable,
            # The result of run_trial may be better than that of this part.
            keep_below=None,
        )
        return from_midway(part, execution, self.training.checkpoints) if resumable else part

    # ------------------------------------------------------------------ one trial

    def _train(
        self, trial: Trial, hp: HyperParameters, segment: Segment, emit: Emit
    ) -> list[Execution]:
        under_way, started = UnderWay(segment, hp, emit), time.perf_counter()
        executions = list[Execution]()
        self._under_way, self.reported = under_way, Reported(segment, hp, self._objective, emit)
        try:
            with _traced_functions(), once(self.training.probe.shown):
                args, kwargs = self._arguments(hp, segment)
                returned = self._run_trial(trial, *args, **kwargs)
                if inspect.isgenerator(returned):
                    returned = self._drained(returned, under_way)
                returned = self.reported.result(returned)
            if self.training.frozen_space:
                check_frozen(under_way.hp.space, segment.trial.space)
            read = read_results(returned, self._objective, self._source)
            results = [finite(each, self._objective, lambda: self._why_not_finite) for each in read]
            if not under_way.trained and not isinstance(returned, Streamed):
                for execution, result in enumerate(results):
                    report_late(result, segment, execution, under_way.emit)
            seconds = time.perf_counter() - started
            executions = merge_returned(
                results,
                self._objective,
                segment,
                self._as_returned(under_way, results),
                under_way.saved,
                under_way.build_config,
                seconds,
            )
            if not under_way.trained:
                if segment.end_epoch is not None and not self._takes_epochs:
                    # The scheduler takes its result for that of the requested epochs.
                    executions = [dataclasses.replace(e, epochs=0) for e in executions]
                executions = [reached(e, segment) for e in executions]
            else:
                # A score of several trainings does not say how many epochs they had.
                longest = max(e.epochs for e in under_way.trained)
                done = (dataclasses.replace(e, epochs=e.epochs or longest) for e in executions)
                executions = list(done)
            return [with_goals(each, self._objective, self._source) for each in executions]
        except FatalError:
            # It is trained anew, by a script that was corrected.
            self.training.checkpoints.forget_midway(trial.number)
            raise
        finally:
            self._under_way = self.reported = None
            self._delete_unused(under_way, executions)

    def _as_returned(self, under_way: UnderWay, results: Sequence[Result]) -> list[Execution]:
        """The trained executions, with the weights of the epochs that the results are from.

        If a single result of several trainings is that of one of them, the weights of that one are
        kept.
        """
        pairs = list(zip(under_way.trained, under_way.scored))
        if len(results) == len(pairs):
            return [self._with_weights(*pair, each) for pair, each in zip(pairs, results)]
        if len(results) != 1:
            return under_way.trained
        for chosen, scored in sorted(pairs, key=lambda pair: pair[0].loss or 0.0):
            if scored.epoch(results[0]) is not None:
                return [
                    self._with_weights(each, scored, results[0])
                    if each is chosen
                    else dataclasses.replace(each, weights=None)
                    for each in under_way.trained
                ]
        return under_way.trained

    def _with_weights(self, execution: Execution, scored: Any, result: Result) -> Execution:
        from kerastune_lite._src.keras.weights import save_weights

        epoch = None if result.score == execution.score else scored.epoch(result)
        if epoch is None or epoch == execution.best_epoch or execution.weights is None:
            return execution
        scored.put(epoch)
        save_weights(scored.model, self.training.checkpoints.folder / execution.weights)
        return dataclasses.replace(execution, best_epoch=epoch)

    def _arguments(
        self, hp: HyperParameters, segment: Segment
    ) -> tuple[tuple[Any, ...], dict[str, Any]]:
        """What `run_trial` receives: a scheduler decides, whatever `epochs` was given."""
        args, kwargs = self._call.data.made(hp)
        told = {**self._kwargs, **kwargs}
        if segment.end_epoch is not None and self._takes_epochs:
            told["epochs"] = segment.end_epoch
            if self._takes_first:
                told["initial_epoch"] = segment.start_epoch
        return (*self._call.args, *args), told

    def _drained(self, yielded: Generator[Any, Any, Any], under_way: UnderWay) -> Streamed:
        """Report the epochs that a generator yields, one by one, until the scheduler stops it."""
        history: dict[str, list[float]] = {}
        segment = under_way.segment
        with contextlib.closing(yielded):
            for count, value in enumerate(yielded):
                epoch = segment.start_epoch + count
                if segment.end_epoch is not None and epoch >= segment.end_epoch:
                    break  # More epochs than requested.
                metrics = scalars(value) if isinstance(value, Mapping) else {}
                if not isinstance(value, Mapping):
                    metrics = dict(read_results(value, self._objective, self._source)[0].metrics)
                for name in {*metrics, *history}:
                    series = history.setdefault(name, [float("nan")] * count)
                    series.append(metrics.get(name, float("nan")))
                event = EpochEnded(segment.trial.number, 0, segment.attempt, epoch, metrics)
                if under_way.emit(event) is not Decision.CONTINUE:
                    break
        return Streamed(history)

    def _delete_unused(self, under_way: UnderWay, executions: Sequence[Execution]) -> None:
        """Delete weights that were written for `run_trial` and that no execution names."""
        written = {under_way.saved, *(execution.weights for execution in under_way.trained)}
        for name in written - {None} - {execution.weights for execution in executions}:
            self.training.checkpoints.delete(name)


def _traced_functions() -> contextlib.AbstractContextManager[None]:
    """Release what a user's `run_trial` traces, if Keras is loaded."""
    if "keras" not in sys.modules:
        return contextlib.nullcontext()
    from kerastune_lite._src.keras.session import traced_functions

    return traced_functions()


def takes_first_epoch(run_trial: Callable[..., Any]) -> bool:
    """Whether it can resume a training."""
    return "initial_epoch" in inspect.signature(run_trial).parameters


def can_resume(callbacks: Any, trial: Trial) -> bool:
    """Whether the state of all callbacks can be stored from one rung to the next."""
    from kerastune_lite._src.keras.callback_state import cannot_resume
    from kerastune_lite._src.keras.callbacks import fresh_callbacks

    reason = cannot_resume(fresh_callbacks(callbacks, trial))
    if reason is not None and trial.resumable:
        logger.info("Trials are trained from the start in each rung: %s.", reason)
    return reason is None
