"""Cross-validation as the job of a search: a fold is an execution of a trial."""

from __future__ import annotations

import contextlib
import functools
import math
from collections.abc import Callable, Iterator, Sequence

import joblib

from kerastune_lite._src.core.events import EpochEnded
from kerastune_lite._src.core.trial import Execution, Report, Segment
from kerastune_lite._src.search.execution.job import Emit, Job
from kerastune_lite._src.sklearn.candidates import keras_step
from kerastune_lite._src.sklearn.fold import TEST, TRAIN, Evaluated, Folds, evaluate


class FoldJob(Job):
    """Evaluates folds: side by side, one after the other, or in several processes.

    Args:
        n_jobs: as in scikit-learn.
    """

    def __init__(self, folds: Folds, n_jobs: int | None) -> None:
        self._folds = folds
        self._n_jobs = n_jobs
        self._opened = contextlib.ExitStack()
        self._evaluate: Callable[[Segment], Evaluated] = functools.partial(evaluate, folds)
        self.processes: int = joblib.effective_n_jobs(n_jobs)

    def open(self) -> None:
        # Keras is only loaded for estimators that need it.
        if keras_step(self._folds.estimator) is not None:
            from kerastune_lite._src.keras import session
            from kerastune_lite._src.sklearn.fold_stack import FoldStack

            self._opened.enter_context(session.short_collections())
            self._evaluate = FoldStack(self._folds).evaluate

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
        if self.processes == 1:
            # One fold at a time: each is recorded before the next one is scored.
            for segment in segments:
                yield segment, [self._evaluate(segment)]
            return
        wanted = [(segment, *segment.companions) for segment in segments]
        calls = (joblib.delayed(evaluate)(self._folds, each) for group in wanted for each in group)
        results = iter(joblib.Parallel(n_jobs=self._n_jobs)(calls))
        for segment, group in zip(segments, wanted):
            yield segment, [next(results) for _ in group]


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
