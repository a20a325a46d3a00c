"""Trials that the user's own `run_trial` trains."""

from __future__ import annotations

import contextlib
import dataclasses
import functools
import inspect
import sys
import time
from collections.abc import Callable, Generator, Mapping, Sequence
from typing import Any

from kerastune_lite.errors import FatalTypeError
from kerastune_lite.events import EpochEnded
from kerastune_lite.hypermodel import accepts
from kerastune_lite.hyperparameters import HyperParameters
from kerastune_lite.objective import Objective
from kerastune_lite.schedulers import Decision
from kerastune_lite.store import Checkpoints
from kerastune_lite.training.base import Emit
from kerastune_lite.training.job import GuardedJob, check_frozen, merge_returned, report_late
from kerastune_lite.training.not_finite import explanation
from kerastune_lite.training.results import Result, finite, read_results, scalars
from kerastune_lite.trial import Execution, Segment, Trial


@dataclasses.dataclass
class UnderWay:
    """What is known of a trial while `run_trial` runs.

    Attributes:
        trained: executions that were trained by us on its behalf.
        as_of: of each of these, see `training.execution.Trained`.
        saved, build_config: of the weights that it had saved.
    """

    segment: Segment
    hp: HyperParameters
    emit: Emit
    trained: list[Execution] = dataclasses.field(default_factory=list)
    as_of: list[Callable[[Result], Execution]] = dataclasses.field(default_factory=list)
    saved: str | None = None
    build_config: Mapping[str, Any] | None = None


class UserTrials:
    """Calls a tuner's own `run_trial` for each trial.

    Args:
        tuner: has `run_trial`.
        frozen_space: whether it may ask for nothing that was not given.
        checkpoints: names the files of states.
    """

    def __init__(self, tuner: Any, frozen_space: bool, checkpoints: Checkpoints) -> None:
        self.under_way: UnderWay | None = None
        self._tuner = tuner
        self._frozen_space = frozen_space
        self._checkpoints = checkpoints

    def job(
        self, args: Sequence[Any], kwargs: Mapping[str, Any], objective: Objective
    ) -> GuardedJob:
        """The job of a search.

        Args:
            args, kwargs: for `run_trial`, after the trial.
        """

        @functools.cache
        def why_not_finite() -> str:
            named = {f"argument {place}": value for place, value in enumerate(args)}
            found = explanation({**named, **kwargs})
            return f"{found}." if found else ""

        def train(
            trial: Trial, hp: HyperParameters, segment: Segment, emit: Emit
        ) -> list[Execution]:
            under_way = UnderWay(segment, hp, emit)
            return self._train(under_way, trial, args, kwargs, objective, why_not_finite)

        if self._tuner.scheduler.decides_epochs:
            self._check_takes_epochs()
        return GuardedJob(train, whole_trials=True, goes_on=self._is_told_where_to_begin)

    def part_of(self, segment: Segment, execution: int, goes_on: bool) -> Segment:
        """The part of a whole trial's segment that trains one of its executions.

        It begins where the execution ended in the rung before, if its state was kept.

        Args:
            goes_on: whether states may be used and kept.
        """
        trial = segment.trial
        reached = next((e for e in trial.completed_executions if e.index == execution), None)
        state = reached.state if reached is not None and goes_on else None
        keep = None
        if goes_on and trial.goes_on and trial.goal is not None:
            keep = self._checkpoints.state_name(trial.number, execution, trial.goal)
        first = reached.epochs if reached is not None and state is not None else 0
        return dataclasses.replace(segment, start_epoch=first, resume_from=state, keep_state=keep)

    @property
    def _source(self) -> str:
        """What messages call it that gave a result."""
        return getattr(self._tuner, "source", f"{type(self._tuner).__name__}.run_trial()")

    @property
    def _is_told_where_to_begin(self) -> bool:
        return "initial_epoch" in inspect.signature(self._tuner.run_trial).parameters

    def _train(
        self,
        under_way: UnderWay,
        trial: Trial,
        args: Sequence[Any],
        kwargs: Mapping[str, Any],
        objective: Objective,
        why_not_finite: Callable[[], str],
    ) -> list[Execution]:
        started = time.perf_counter()
        segment, executions = under_way.segment, list[Execution]()
        self.under_way = under_way
        try:
            with _traced_functions():
                returned = self._tuner.run_trial(trial, *args, **kwargs, **self._epochs(segment))
                if inspect.isgenerator(returned):
                    returned = self._drained(returned, under_way, objective)
            if self._frozen_space:
                check_frozen(under_way.hp.space, segment.trial.space)
            read = read_results(returned, objective, self._source)
            results = [finite(each, objective, why_not_finite) for each in read]
            if not under_way.trained and not isinstance(returned, _Yielded):
                for execution, result in enumerate(results):
                    report_late(result, segment, execution, under_way.emit)
            seconds = time.perf_counter() - started
            executions = merge_returned(
                results,
                objective,
                segment,
                under_way.trained,
                under_way.as_of,
                under_way.saved,
                under_way.build_config,
                seconds,
            )
            if not under_way.trained:
                executions = [_reached(e, segment) for e in executions]
            else:
                # A number that sums up several trainings does not tell of their epochs.
                longest = max(e.epochs for e in under_way.trained)
                executions = [
                    dataclasses.replace(e, epochs=e.epochs or longest) for e in executions
                ]
            return executions
        finally:
            self.under_way = None
            self._delete_unused(under_way, executions)

    def _epochs(self, segment: Segment) -> dict[str, int]:
        """What a scheduler wants to be trained."""
        if segment.end_epoch is None:
            return {}
        self._check_takes_epochs()
        told = {"epochs": segment.end_epoch}
        if self._is_told_where_to_begin:
            told["initial_epoch"] = segment.start_epoch
        return told

    def _check_takes_epochs(self) -> None:
        """Refuse a `run_trial` that cannot be told for how many epochs to train.

        Raises:
            FatalTypeError: this one.
        """
        if not accepts(self._tuner.run_trial, "epochs"):
            raise FatalTypeError(
                "This search trains trials for some epochs first, and the better ones for more, so "
                "run_trial() must be told for how many. Write def run_trial(self, trial, *args, "
                "epochs, **kwargs); with `initial_epoch` among the arguments it can go on where "
                "it stopped. Or take a tuner that trains each trial in one go."
            )

    def _drained(
        self, yielded: Generator[Any, Any, Any], under_way: UnderWay, objective: Objective
    ) -> _Yielded:
        """The epochs that a generator yields, reported one by one, until it is told to stop."""
        history: dict[str, list[float]] = {}
        segment = under_way.segment
        with contextlib.closing(yielded):
            for count, value in enumerate(yielded):
                epoch = segment.start_epoch + count
                if segment.end_epoch is not None and epoch >= segment.end_epoch:
                    break  # More than it was asked for.
                metrics = scalars(value) if isinstance(value, Mapping) else {}
                if not isinstance(value, Mapping):
                    metrics = dict(read_results(value, objective, self._source)[0].metrics)
                for name in {*metrics, *history}:
                    series = history.setdefault(name, [float("nan")] * count)
                    series.append(metrics.get(name, float("nan")))
                event = EpochEnded(segment.trial.number, 0, segment.attempt, epoch, metrics)
                if under_way.emit(event) is not Decision.CONTINUE:
                    break
        return _Yielded(history)

    def _delete_unused(self, under_way: UnderWay, executions: Sequence[Execution]) -> None:
        """Delete weights that were written on behalf of `run_trial` and that no execution names."""
        written = {under_way.saved, *(execution.weights for execution in under_way.trained)}
        for name in written - {None} - {execution.weights for execution in executions}:
            (self._checkpoints.folder / str(name)).unlink(missing_ok=True)


@dataclasses.dataclass(frozen=True)
class _Yielded:
    """What a generator yielded, by metric; looks like Keras's History."""

    history: Mapping[str, Sequence[float]]


def _reached(execution: Execution, segment: Segment) -> Execution:
    """An execution together with what it had reached before this segment.

    One that was told how many epochs to train for, and returned a number, has trained for these.
    """
    earlier = next(
        (e for e in segment.trial.completed_executions if e.index == execution.index), None
    )
    epochs = segment.start_epoch + execution.epochs if execution.epochs else segment.end_epoch
    best = execution.best_epoch if execution.epochs else epochs and epochs - 1
    if execution.epochs and best is not None:
        best += segment.start_epoch
    execution = dataclasses.replace(execution, epochs=epochs or 0, best_epoch=best)
    if not segment.start_epoch or earlier is None or earlier.loss is None:
        return execution
    if execution.loss is None or execution.loss < earlier.loss:
        return execution
    kept = {"epochs": execution.epochs, "seconds": execution.seconds, "attempt": execution.attempt}
    return dataclasses.replace(earlier, **kept)  # type: ignore[arg-type]


def _traced_functions() -> contextlib.AbstractContextManager[None]:
    """What is traced in a user's `run_trial` is let go of, if Keras is in use at all."""
    if "keras" not in sys.modules:
        return contextlib.nullcontext()
    from kerastune_lite.training.session import traced_functions

    return traced_functions()
