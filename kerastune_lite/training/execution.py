"""One execution: build the model, fit it, keep the best epoch's weights."""

from __future__ import annotations

import dataclasses
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from kerastune_lite.errors import FatalRuntimeError
from kerastune_lite.events import EpochEnded
from kerastune_lite.hypermodel import accepts
from kerastune_lite.hyperparameters import HyperParameters
from kerastune_lite.objective import Objective
from kerastune_lite.schedulers import Decision
from kerastune_lite.training import session
from kerastune_lite.training.base import Emit
from kerastune_lite.training.building import BuildOptions, build_model, check_compiled
from kerastune_lite.training.callbacks import (
    BatchHookCaller,
    EpochReporter,
    HookCaller,
    SizeLimit,
    fresh_callbacks,
    redirect_tensorboard,
)
from kerastune_lite.training.fitting import FitArguments
from kerastune_lite.training.job import check_frozen, report_late
from kerastune_lite.training.quiet import load_keras
from kerastune_lite.training.results import (
    Result,
    combined,
    finite,
    from_history,
    read_results,
)
from kerastune_lite.training.weights import build_config_of, save_weights
from kerastune_lite.trial import Execution, Outcome, Segment, Trial

keras = load_keras()

_COLLECT_EVERY = 8
"""Executions between garbage collections; dead Keras models are full of reference cycles."""


@dataclasses.dataclass(frozen=True)
class TrainingOptions:
    """What is the same for all executions of a search.

    Attributes:
        hypermodel: has `build(hp)` and `fit(hp, model, ...)`.
        objective: with its direction.
        callbacks: as the user gave them.
        verbose: passed to `fit` (0 silent, 2 a line per epoch).
        folder: the project's folder.
        weights_name: (trial, execution) -> file for the weights, relative to the folder.
        hooks: an object with KerasTuner's epoch hooks, or None.
        batch_hooks: whether it has batch hooks as well.
        frozen_space: refuse hyperparameters that the space does not hold.
    """

    hypermodel: Any
    objective: Objective
    build: BuildOptions
    callbacks: Any
    verbose: int
    folder: Path
    weights_name: Callable[[int, int], str]
    hooks: Any = None
    batch_hooks: bool = False
    frozen_space: bool = False


@dataclasses.dataclass(frozen=True)
class Trained:
    """What is left of an execution: what `fit` returned, and what we make of it."""

    returned: Any
    execution: Execution


class Trainer:
    """Trains executions of one segment's trial.

    Args:
        options: see there.
        segment: what to train.
        hp: the trial's hyperparameters, asked by the builder.
        emit: told of each epoch.
    """

    executed = 0
    """In this process, by all trainers."""
    failed = False
    """Whether the latest of them failed; its model may be what filled the memory."""

    def __init__(
        self, options: TrainingOptions, segment: Segment, hp: HyperParameters, emit: Emit
    ) -> None:
        self._options = options
        self._segment = segment
        self._hp = hp
        self._emit = emit

    def train(self, trial: Trial, execution: int, fit: FitArguments) -> Trained:
        """One execution from new weights on.

        Args:
            trial: bound to this trainer's hyperparameters; handed to the user's callbacks.
            execution: which repeat.
            fit: the arguments for `fit`.
        """
        options, segment = self._options, self._segment
        if segment.start_epoch:
            raise FatalRuntimeError(
                "Training cannot begin in mid-trial yet: only schedulers whose rungs start at "
                f"epoch 0 can be used. Received: start_epoch={segment.start_epoch}."
            )
        started = time.perf_counter()
        collect = Trainer.failed or Trainer.executed % _COLLECT_EVERY == 0
        session.begin(segment.seed + execution, collect)
        Trainer.executed += 1
        Trainer.failed = True  # until the end is reached
        model = build_model(options.hypermodel, self._hp, options.build)
        self._check_space()
        if not fit.overridden:
            check_compiled(model)
        built_by_builder = model.built
        reporter = EpochReporter(
            options.objective,
            lambda epoch, metrics: self._report(execution, epoch, metrics),
            # What a user's own fit() returns need not be the best epoch's: keep them in any case.
            None if fit.overridden else segment.keep_below,
            strict=not fit.overridden and fit.validates_every_epoch,
        )
        args, kwargs = self._arguments(trial, execution, fit, reporter, model)
        with session.traced_functions():
            returned = options.hypermodel.fit(self._hp, model, *args, **kwargs)
        self._check_space()
        source = "HyperModel.fit()" if fit.overridden else "model.fit()"
        result = self._result(returned, reporter, source, fit.overridden)
        if not reporter.epochs:
            report_late(result.history, segment, execution, self._emit)
        trained = model if reporter.model is None else reporter.model
        done = Trained(
            dict(result.history) if returned is None else returned,
            Execution(
                index=execution,
                attempt=segment.attempt,
                outcome=Outcome.COMPLETED,
                score=result.score,
                loss=options.objective.loss_of(result.score),
                metrics=result.metrics,
                best_epoch=reporter.best_epoch if result.best_epoch is None else result.best_epoch,
                epochs=reporter.epochs or result.epochs,
                seconds=time.perf_counter() - started,
                weights=self._keep_weights(trained, reporter, result, execution),
                build_config=None if built_by_builder else build_config_of(trained),
            ),
        )
        Trainer.failed = False
        return done

    def _check_space(self) -> None:
        if self._options.frozen_space:
            check_frozen(self._hp.space, self._segment.trial.space)

    def _arguments(
        self,
        trial: Trial,
        execution: int,
        fit: FitArguments,
        reporter: EpochReporter,
        model: Any,
    ) -> tuple[tuple[Any, ...], dict[str, Any]]:
        options, segment = self._options, self._segment
        callbacks = fresh_callbacks(options.callbacks, trial)
        retry = f"_retry{segment.attempt}" if segment.attempt else ""
        redirect_tensorboard(callbacks, f"trial_{trial.trial_id}/execution{execution}{retry}")
        if options.build.max_model_size is not None and not model.built:
            callbacks.insert(0, SizeLimit(options.build.max_model_size))
        if options.hooks is not None:
            caller = BatchHookCaller if options.batch_hooks else HookCaller
            callbacks.append(caller(options.hooks, trial))
        # Last, so that it sees what the user's callbacks add to the logs.
        callbacks.append(reporter)
        args, kwargs = fit.for_execution(self._hp, segment.end_epoch)
        kwargs["callbacks"] = callbacks
        if not fit.overridden or accepts(options.hypermodel.fit, "verbose"):
            kwargs.setdefault("verbose", options.verbose)
        return args, kwargs

    def _report(self, execution: int, epoch: int, metrics: Mapping[str, float]) -> bool:
        segment = self._segment
        event = EpochEnded(segment.trial.number, execution, segment.attempt, epoch, metrics)
        return self._emit(event) is Decision.CONTINUE

    def _result(
        self, returned: Any, reporter: EpochReporter, source: str, overridden: bool
    ) -> Result:
        objective = self._options.objective
        if reporter.epochs and (
            not overridden or returned is None or _covers(returned, reporter.epochs)
        ):
            # A History leaves out epochs without validation; what we saw has a place for each.
            return finite(from_history(reporter.history, objective, source), objective)
        result = combined(read_results(returned, objective, source))
        if not result.history:
            seen = {**reporter.metrics_at_best(), **result.metrics}
            result = dataclasses.replace(result, metrics=seen)
        return finite(result, objective)

    def _keep_weights(
        self, model: Any, reporter: EpochReporter, result: Result, execution: int
    ) -> str | None:
        options, below = self._options, self._segment.keep_below
        if below is not None and not options.objective.loss_of(result.score) < below:
            return None
        if not model.built:
            return None
        if reporter.best_weights is not None:
            # Also when the last epoch is the best: a callback may have restored others since.
            model.set_weights(reporter.best_weights)
        name = options.weights_name(self._segment.trial.number, execution)
        save_weights(model, options.folder / name)
        return name


def _covers(returned: Any, epochs: int) -> bool:
    """Whether `returned` is the History of all epochs that were reported."""
    return isinstance(returned, keras.callbacks.History) and len(returned.epoch) == epochs
