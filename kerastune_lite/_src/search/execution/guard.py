"""The jobs of a search: training the user's model, or calling the user's own `run_trial`."""

from __future__ import annotations

import contextlib
import dataclasses
import math
import re
import time
import traceback
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

from kerastune_lite._src.core.events import EpochEnded
from kerastune_lite._src.core.goals import MEASURED
from kerastune_lite._src.core.objective import Objective
from kerastune_lite._src.core.trial import Execution, Outcome, Report, Segment, Trial
from kerastune_lite._src.search.execution.job import Emit, Job
from kerastune_lite._src.search.execution.returned import Result
from kerastune_lite._src.space.domains import Value
from kerastune_lite._src.space.hyperparameters import HyperParameters
from kerastune_lite._src.space.parameters import Parameter, Space, sample_of, start_of
from kerastune_lite._src.util.errors import (
    FailedTrialError,
    FatalError,
    FatalRuntimeError,
    FatalValueError,
    StoreError,
)

_OF_MEMORY = ("ResourceExhaustedError", "OutOfMemoryError")
"""Exceptions of TensorFlow and PyTorch, which need not be installed."""

Train = Callable[[Trial, HyperParameters, Segment, Emit], "list[Execution]"]


_ESCAPES = re.compile(r"\x1b\[[0-9;]*m")
"""The codes with which Keras makes messages bold; they are removed."""


class GuardedJob(Job):
    """Runs a function on one segment after the other, and turns its exceptions into reports.

    Args:
        train: (trial, hp, segment, emit) -> the executions; the trial is bound to `hp`.
        whole_trials: whether it trains all executions of a trial at once.
        resumable: whether it can resume a trial that it has trained before.
    """

    def __init__(self, train: Train, whole_trials: bool = False, resumable: bool = False) -> None:
        self._train = train
        self.whole_trials = whole_trials
        self.resumable = resumable

    def run(self, segments: Sequence[Segment], emit: Emit) -> Iterator[Report]:
        for segment in segments:
            hp = hyperparameters_of(segment)
            with guarded(segment) as outcome:
                trial = segment.trial.bound_to(hp)
                outcome.executions += self._train(trial, hp, segment, emit)
            yield outcome.report(hp)


@dataclasses.dataclass
class Guarded:
    """The result of a segment, up to the exception that ended it."""

    segment: Segment
    executions: list[Execution] = dataclasses.field(default_factory=list)
    fatal: Exception | None = None

    def report(self, hp: HyperParameters) -> Report:
        """The report of the segment.

        Args:
            hp: the object that `build` received.
        """
        known = self.segment.trial.space
        added = tuple(p for p in hp.space if known.find(*p.identity) is None)
        executions = tuple(self.executions)
        used = hp.used_values()
        return Report(self.segment, executions, used, added, self.fatal, dict(hp.redeclared))


@contextlib.contextmanager
def guarded(segment: Segment, outcome: Guarded | None = None) -> Iterator[Guarded]:
    """Turn an exception raised in this context into a failed execution of the segment.

    Args:
        outcome: where executions are added. Default: a new one.
    """
    outcome = Guarded(segment) if outcome is None else outcome
    started = time.perf_counter()
    try:
        yield outcome
    except (FatalError, StoreError) as error:
        outcome.fatal = error
    except FailedTrialError:
        outcome.executions.append(_failed(segment, Outcome.REJECTED, started))
    except Exception as error:
        # Any exception of the user's code fails only this trial.
        of_memory = isinstance(error, MemoryError) or type(error).__name__ in _OF_MEMORY
        kind = Outcome.OUT_OF_MEMORY if of_memory else Outcome.FAILED
        outcome.executions.append(_failed(segment, kind, started))


def hyperparameters_of(segment: Segment) -> HyperParameters:
    """The `hp` that `build` receives for a segment."""
    trial = segment.trial
    return HyperParameters(trial.space, trial.values, fill_of(segment), True, trial.facts)


def _failed(segment: Segment, outcome: Outcome, started: float) -> Execution:
    return Execution(
        index=segment.execution,
        attempt=segment.attempt,
        outcome=outcome,
        seconds=time.perf_counter() - started,
        message=_ESCAPES.sub("", traceback.format_exc()),
    )


def fill_of(segment: Segment) -> Callable[[Parameter], Value]:
    """The function that returns the value of a parameter that is declared for the first time."""
    if segment.unseen == "first":
        return lambda parameter: parameter.domain.grid()[0]
    if segment.unseen == "sample":
        # As if the oracle had known it, and not from the order of calls.
        return lambda parameter: sample_of(parameter, segment.fill_seed)
    if segment.unseen == "start":
        return start_of
    return lambda parameter: parameter.default


def merge_returned(
    results: Sequence[Result],
    objective: Objective,
    segment: Segment,
    trained: Sequence[Execution],
    saved: str | None,
    build_config: Mapping[str, Any] | None,
    seconds: float,
) -> list[Execution]:
    """Executions from the results that `run_trial` returned and the executions that we trained.

    The returned scores count. If there are as many results as trained executions, each keeps its
    weights and epochs; otherwise only the results are known.

    Args:
        results: one for each execution.
        trained: the executions that `super().run_trial(...)` trained.
        saved, build_config: of the weights that `save_model` wrote, if it was called.
        seconds: of the whole trial.
    """
    bases: Sequence[Execution]
    if len(results) == len(trained):
        bases = trained
    else:
        sizes = _means_of_measured(trained)
        bases = [
            Execution(
                index=index,
                outcome=Outcome.COMPLETED,
                attempt=segment.attempt,
                best_epoch=result.best_epoch,
                epochs=result.epochs,
                seconds=seconds / len(results),
                metrics=sizes,
            )
            for index, result in enumerate(results)
        ]
        with_weights = [e for e in trained if e.weights is not None and e.loss is not None]
        if with_weights:
            best = min(with_weights, key=lambda e: e.loss)  # type: ignore[arg-type, return-value]
            bases[0] = dataclasses.replace(
                bases[0], weights=best.weights, build_config=best.build_config
            )
    merged = [
        dataclasses.replace(
            base,
            score=result.score,
            loss=objective.loss_of(result.score),
            metrics=_merged(base, result),
        )
        for base, result in zip(bases, results, strict=True)
    ]
    if saved is not None:
        merged[0] = dataclasses.replace(merged[0], weights=saved, build_config=build_config)
    return merged


def _means_of_measured(trained: Sequence[Execution]) -> dict[str, float]:
    """What was measured of the models that were trained, but for times, which add up."""
    found: dict[str, float] = {}
    for name in MEASURED:
        values = [e.metrics[name] for e in trained if name in e.metrics]
        if values and name != "train_time":
            found[name] = sum(values) / len(values)
    return found


def with_goals(execution: Execution, objective: Objective, source: str) -> Execution:
    """An execution with all metrics that the search needs: with its time, if that was not returned.

    Args:
        source: the function that returned it, for messages.

    Raises:
        FatalValueError: the search needs a metric that is measured after trainings of ours, and it
            was not returned.
    """
    if not objective.measured:
        return execution
    metrics = dict(execution.metrics)
    if "train_time" in objective.measured:
        metrics.setdefault("train_time", execution.seconds)
    missing = [name for name in objective.measured if name not in metrics]
    if missing:
        raise FatalValueError(
            f"{source} must return {missing[0]!r} among its metrics: an objective or a constraint "
            "names it, and no model was trained of which it could be measured. Received: "
            f"{sorted(execution.metrics)}."
        )
    return dataclasses.replace(execution, metrics=metrics)


def _merged(base: Execution, result: Result) -> dict[str, float]:
    """All metrics of an execution; those that we recorded count if they are of the same epoch."""
    if base.score == result.score:
        return {**result.metrics, **base.metrics}
    return {**base.metrics, **result.metrics}


def reached(execution: Execution, segment: Segment) -> Execution:
    """An execution combined with its result before this segment.

    One that returned only a number has trained for the requested epochs.
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
    seconds = earlier.seconds + execution.seconds
    if execution.loss is None or execution.loss < earlier.loss:
        return dataclasses.replace(execution, seconds=seconds)
    # What is measured after a training is of no epoch.
    metrics = {name: value for name, value in earlier.metrics.items() if name not in MEASURED}
    metrics.update((name, v) for name, v in execution.metrics.items() if name in MEASURED)
    return dataclasses.replace(
        earlier,
        epochs=execution.epochs,
        seconds=seconds,
        attempt=execution.attempt,
        metrics=metrics,
    )


def report_late(result: Result, segment: Segment, execution: int, emit: Emit) -> None:
    """Report the epochs of a training that did not use our callbacks."""
    history, first = result.history, segment.start_epoch
    if not history and segment.end_epoch is not None:
        # Only the result of the last epoch is known.
        history = {name: [value] for name, value in result.metrics.items()}
        first = segment.end_epoch - 1
    for epoch in range(max(map(len, history.values()), default=0)):
        metrics = {
            name: values[epoch]
            for name, values in history.items()
            if len(values) > epoch and not math.isnan(values[epoch])
        }
        emit(EpochEnded(segment.trial.number, execution, segment.attempt, first + epoch, metrics))


def check_frozen(asked: Space, known: Space) -> None:
    """Check that the space `asked` has no parameters that are not in the space `known`.

    Raises:
        FatalRuntimeError: it has.
    """
    new = [p.name for p in asked if known.find(*p.identity) is None]
    if new:
        raise FatalRuntimeError(
            "With allow_new_entries=False only the given hyperparameters may be used: "
            f"{known.names}. Your code also asked for {new}. Add them to `hyperparameters`, or "
            "allow new entries."
        )
