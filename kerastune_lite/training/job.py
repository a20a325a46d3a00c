"""The jobs of a search: training the user's model, or calling the user's own `run_trial`."""

from __future__ import annotations

import contextlib
import dataclasses
import math
import re
import time
import traceback
import zlib
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from kerastune_lite.errors import FailedTrialError, FatalError, FatalRuntimeError, StoreError
from kerastune_lite.events import EpochEnded
from kerastune_lite.hyperparameters import HyperParameters, Parameter, Space, Value
from kerastune_lite.objective import Objective
from kerastune_lite.training.base import Emit, Job
from kerastune_lite.training.results import Result
from kerastune_lite.trial import Execution, Outcome, Report, Segment, Trial

Train = Callable[[Trial, HyperParameters, Segment, Emit], "list[Execution]"]


_ESCAPES = re.compile(r"\x1b\[[0-9;]*m")
"""What Keras makes messages bold with; it has no place in a database."""


class GuardedJob(Job):
    """Runs a function on a segment, and turns what it raises into a report.

    Args:
        train: (trial, hp, segment, emit) -> the executions; the trial is bound to `hp`.
        whole_trials: whether it trains all executions of a trial at once.
        around: a context for the time in which it is open.
    """

    def __init__(
        self,
        train: Train,
        whole_trials: bool = False,
        around: Callable[[], contextlib.AbstractContextManager[Any]] = contextlib.nullcontext,
    ) -> None:
        self._train = train
        self.whole_trials = whole_trials
        self._around = around
        self._opened = contextlib.ExitStack()

    def open(self) -> None:
        self._opened.enter_context(self._around())

    def close(self) -> None:
        self._opened.close()

    def run(self, segment: Segment, emit: Emit) -> Report:
        hp = HyperParameters(segment.trial.space, segment.trial.values, fill_of(segment))
        started = time.perf_counter()
        fatal: Exception | None = None
        try:
            executions = self._train(segment.trial.bound_to(hp), hp, segment, emit)
        except (FatalError, StoreError) as error:
            fatal, executions = error, []
        except FailedTrialError:
            executions = [_failed(segment, Outcome.REJECTED, started)]
        except Exception:
            # Whatever the user's code raises, out-of-memory included, fails this trial alone.
            executions = [_failed(segment, Outcome.FAILED, started)]
        known = segment.trial.space
        added = tuple(p for p in hp.space if known.find(*p.identity) is None)
        return Report(segment, tuple(executions), hp.used_values(), added, fatal)


def _failed(segment: Segment, outcome: Outcome, started: float) -> Execution:
    return Execution(
        index=segment.execution,
        attempt=segment.attempt,
        outcome=outcome,
        seconds=time.perf_counter() - started,
        message=_ESCAPES.sub("", traceback.format_exc()),
    )


def fill_of(segment: Segment) -> Callable[[Parameter], Value]:
    """How a parameter that the oracle did not know of gets its value in this trial."""
    if segment.unseen == "first":
        return lambda parameter: parameter.domain.grid()[0]
    if segment.unseen == "sample":

        def sample(parameter: Parameter) -> Value:
            # From the name, not from the order of calls: the same in every execution.
            name = zlib.crc32(parameter.name.encode())
            rng = np.random.default_rng([segment.fill_seed, name])
            return parameter.domain.sample(rng)

        return sample
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
    """Executions from what `run_trial` returned and what was trained by us on its behalf.

    The returned scores count. Where as many executions were trained as results came back, each
    keeps its weights and epochs; otherwise only the results are known.

    Args:
        results: one for each execution.
        trained: by `super().run_trial(...)`.
        saved, build_config: of the weights that `save_model` wrote, if it was called.
        seconds: of the whole trial.
    """
    bases: Sequence[Execution]
    if len(results) == len(trained):
        bases = trained
    else:
        bases = [
            Execution(
                index=index,
                outcome=Outcome.COMPLETED,
                attempt=segment.attempt,
                best_epoch=result.best_epoch,
                epochs=result.epochs,
                seconds=seconds / len(results),
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


def _merged(base: Execution, result: Result) -> dict[str, float]:
    """All that is known of an execution's metrics; for the score's own epoch what we saw counts."""
    if base.score == result.score:
        return {**result.metrics, **base.metrics}
    return {**base.metrics, **result.metrics}


def report_late(
    history: Mapping[str, Sequence[float]], segment: Segment, execution: int, emit: Emit
) -> None:
    """Tell of the epochs of a training that was not given our callbacks."""
    for epoch in range(max(map(len, history.values()), default=0)):
        metrics = {
            name: values[epoch]
            for name, values in history.items()
            if len(values) > epoch and not math.isnan(values[epoch])
        }
        emit(EpochEnded(segment.trial.number, execution, segment.attempt, epoch, metrics))


def check_frozen(asked: Space, known: Space) -> None:
    """Raise if `asked` holds more than the space that was given.

    Raises:
        FatalRuntimeError: it does.
    """
    new = [p.name for p in asked if known.find(*p.identity) is None]
    if new:
        raise FatalRuntimeError(
            "With allow_new_entries=False only the given hyperparameters may be used: "
            f"{known.names}. Your code asked for {new}, too. Add them to `hyperparameters`, or "
            "allow new entries."
        )
