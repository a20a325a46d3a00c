"""Cross-validation as the job of a search: a fold is an execution of a trial."""

from __future__ import annotations

import contextlib
import dataclasses
import functools
import math
from collections.abc import Callable, Iterator, Sequence

import joblib

from kerastune_lite._src.core.events import EpochEnded
from kerastune_lite._src.core.trial import Execution, Outcome, Report, Segment
from kerastune_lite._src.search.execution.job import Emit, Job
from kerastune_lite._src.sklearn import compat
from kerastune_lite._src.sklearn.candidates import keras_step
from kerastune_lite._src.sklearn.fold import TEST, TRAIN, Evaluated, Folds, evaluate


class FoldJob(Job):
    """Evaluates folds: side by side, one after the other, or in several processes.

    Args:
        n_jobs: as in scikit-learn.

    Attributes:
        processes: how many processes `n_jobs` means.
        in_workers: whether workers run this job, each for whole trials. Otherwise joblib runs
            single folds in the processes.
    """

    def __init__(self, folds: Folds, n_jobs: int | None) -> None:
        self._folds = folds
        self._n_jobs = n_jobs
        self._opened = contextlib.ExitStack()
        self._evaluate: Callable[[Segment], Evaluated] = functools.partial(evaluate, folds)
        self.processes: int = joblib.effective_n_jobs(n_jobs)
        # Keras is only loaded for estimators that need it.
        self._is_keras = keras_step(folds.estimator) is not None
        # A worker trains the folds of a trial in one stack, and loads TensorFlow once for all.
        self.in_workers = self._is_keras and self.processes > 1 and compat.joblib_uses_processes()
        if self.in_workers:
            from kerastune_lite._src.keras.process_settings import ProcessSettings

            self.settings = ProcessSettings.of_this_process()

    def open(self) -> None:
        if self._is_keras:
            from kerastune_lite._src.keras import session
            from kerastune_lite._src.sklearn.fold_stack import FoldStack

            self._opened.enter_context(session.of_search())
            stack = FoldStack(self._folds)
            self._opened.callback(stack.give_up)
            self._evaluate = stack.evaluate

    def close(self) -> None:
        self._opened.close()

    def run(self, segments: Sequence[Segment], emit: Emit) -> Iterator[Report]:
        for segment, evaluated in self._evaluated(segments):
            for each in evaluated:
                _tell(segment, each, emit)
            raised = next((each.raised for each in evaluated if each.raised is not None), None)
            executions = tuple(each.execution for each in evaluated)
            first = evaluated[0]
            yield Report(segment, executions, first.values, first.added, raised)

    def _evaluated(
        self, segments: Sequence[Segment]
    ) -> Iterator[tuple[Segment, Sequence[Evaluated]]]:
        if self.in_workers:
            for segment in segments:
                yield segment, list(self._up_to_a_failure(_group(segment)))
            return
        if self.processes == 1:
            # One fold at a time: each is recorded before the next one is scored.
            for segment in segments:
                yield segment, [self._evaluate(segment)]
            return
        wanted = [_group(segment) for segment in segments]
        calls = (joblib.delayed(evaluate)(self._folds, each) for group in wanted for each in group)
        results = iter(joblib.Parallel(n_jobs=self._n_jobs)(calls))
        for segment, group in zip(segments, wanted):
            yield segment, [next(results) for _ in group]

    def _up_to_a_failure(self, group: Sequence[Segment]) -> Iterator[Evaluated]:
        for segment in group:
            evaluated = self._evaluate(segment)
            yield evaluated
            if evaluated.execution.outcome is not Outcome.COMPLETED:
                return


def _group(segment: Segment) -> list[Segment]:
    """The folds of a trial: each may be the first that is asked for, with the next ones."""
    folds = [segment, *segment.companions]
    return [
        dataclasses.replace(fold, companions=tuple(folds[place + 1 :]))
        for place, fold in enumerate(folds)
    ]


def _tell(segment: Segment, evaluated: Evaluated, emit: Emit) -> None:
    """Report the epochs of a fold, the last one with the scores."""
    execution = evaluated.execution
    count = max(map(len, evaluated.logs.values()), default=0)
    for place in range(count):
        metrics = {
            name: float(values[place])
            for name, values in evaluated.logs.items()
            if len(values) > place
        }
        if place == count - 1:
            metrics.update(_scores(execution))
        epoch = execution.epochs - count + place
        emit(EpochEnded(segment.trial.number, execution.index, execution.attempt, epoch, metrics))


def _scores(execution: Execution) -> dict[str, float]:
    return {
        name: value
        for name, value in execution.metrics.items()
        if name.startswith((TEST, TRAIN)) and math.isfinite(value)
    }
