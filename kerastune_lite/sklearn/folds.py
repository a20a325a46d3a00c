"""Cross-validation as the job of a search: a fold is an execution of a trial."""

from __future__ import annotations

import contextlib
import dataclasses
import gc
import math
import time
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import joblib
import numpy as np
from sklearn.base import clone
from sklearn.model_selection._validation import _fit_and_score

from kerastune_lite.events import EpochEnded
from kerastune_lite.hyperparameters import HyperParameters, Parameter, Value
from kerastune_lite.objective import Objective
from kerastune_lite.sklearn.assignment import Assignment
from kerastune_lite.sklearn.candidates import Candidates, Hyperparameters, built_step, keras_step
from kerastune_lite.sklearn.seeding import kept_generators
from kerastune_lite.training.base import Emit, Job
from kerastune_lite.training.job import hyperparameters_of
from kerastune_lite.trial import Execution, Outcome, Report, Segment

TEST, TRAIN = "test_", "train_"
"""What the names of scores begin with among the metrics of an execution."""

_COLLECT_EVERY = 8
"""Trainings between garbage collections; dead Keras models are full of reference cycles."""


@dataclasses.dataclass(frozen=True)
class Folds:
    """All that one fold's evaluation needs; processes are sent it.

    Attributes:
        estimator: not fitted.
        X, y: all samples and targets.
        splits: the rows to train on and to test on, by fold.
        scorer: as scikit-learn's `_fit_and_score` takes it.
        fit_params, score_params: for `fit` and the scorers; arrays are cut as the samples are.
        error_score: the score of a fit that raises, NaN, or "raise".
        train_scores: whether the rows that were trained on are scored, too.
        candidates: what a point of the space means.
        objective: the metric that counts.
        folder: where states are kept.
    """

    estimator: Any
    X: Any
    y: Any
    splits: Sequence[tuple[np.ndarray, np.ndarray]]
    scorer: Any
    fit_params: Mapping[str, Any]
    score_params: Mapping[str, Any]
    error_score: Any
    train_scores: bool
    candidates: Candidates
    objective: Objective
    folder: Path


@dataclasses.dataclass(frozen=True)
class Evaluated:
    """What came of a fold.

    Attributes:
        execution: with the scores among its metrics.
        logs: of the epochs that were trained now, by metric.
        values, added: of the hyperparameters that were asked for, and those that were not known.
        raised: what is to be raised, where that is wanted.
    """

    execution: Execution
    logs: Mapping[str, Sequence[float]]
    values: Mapping[str, Value]
    added: tuple[Parameter, ...]
    raised: Exception | None = None


class FoldJob(Job):
    """Evaluates folds, one after the other or in several processes.

    Args:
        folds: see there.
        n_jobs: as scikit-learn has it.
    """

    def __init__(self, folds: Folds, n_jobs: int | None) -> None:
        self._folds = folds
        self._n_jobs = n_jobs
        self._opened = contextlib.ExitStack()
        self.processes: int = joblib.effective_n_jobs(n_jobs)

    def open(self) -> None:
        # Keras is loaded for estimators that need it only.
        if keras_step(self._folds.estimator) is not None:
            from kerastune_lite.training import session

            self._opened.enter_context(session.short_collections())

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
            # One fold at a time: what has ended is recorded before the next one begins.
            for segment in segments:
                yield segment, [evaluate(self._folds, segment)]
            return
        wanted = [(segment, *segment.along) for segment in segments]
        calls = (joblib.delayed(evaluate)(self._folds, each) for group in wanted for each in group)
        results = iter(joblib.Parallel(n_jobs=self._n_jobs)(calls))
        for segment, group in zip(segments, wanted):
            yield segment, [next(results) for _ in group]


def _tell(segment: Segment, evaluated: Evaluated, emit: Emit) -> None:
    """Report the epochs of a fold; the scores go with the last one."""
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


# ---------------------------------------------------------------------- one fold

_evaluated = 0
"""In this process."""


def evaluate(folds: Folds, segment: Segment) -> Evaluated:
    """Fit the estimator of a trial on one fold, and score it.

    Args:
        segment: which trial, fold and epochs.
    """
    if keras_step(folds.estimator) is None:
        return _evaluate(folds, segment)
    # Keras is seeded through generators that are the user's as well.
    with kept_generators():
        return _evaluate(folds, segment)


def _evaluate(folds: Folds, segment: Segment) -> Evaluated:
    hp = hyperparameters_of(segment)
    from_hp = isinstance(folds.candidates, Hyperparameters)
    started = time.perf_counter()
    try:
        estimator = _prepared(folds, segment, hp if from_hp else None)
        train, test = folds.splits[segment.execution]
        found = _fit_and_score(
            estimator,
            folds.X,
            folds.y,
            scorer=folds.scorer,
            train=train,
            test=test,
            verbose=0,
            parameters=None,
            fit_params=folds.fit_params,
            score_params=folds.score_params,
            return_train_score=folds.train_scores,
            return_times=True,
            error_score=folds.error_score,
        )
        metrics = _metrics(found, segment, folds.objective)
    except Exception as error:
        failed = Execution(segment.execution, Outcome.FAILED, segment.attempt, message=str(error))
        return Evaluated(failed, {}, {}, (), error)
    execution = _execution(folds, segment, found, metrics, estimator)
    execution = dataclasses.replace(execution, seconds=time.perf_counter() - started)
    values = hp.used_values() if from_hp else dict(segment.trial.values)
    known = segment.trial.space
    added = tuple(p for p in hp.space if known.find(*p.identity) is None) if from_hp else ()
    return Evaluated(execution, _logs(estimator, segment), values, added)


def _prepared(folds: Folds, segment: Segment, hp: HyperParameters | None) -> Any:
    """The estimator of a trial, told what is asked of it."""
    global _evaluated
    estimator = clone(folds.estimator)
    if hp is None:
        params = folds.candidates.params(segment.trial.values)
        estimator.set_params(**clone(params, safe=False))
    step = built_step(estimator)
    if step is None:
        return estimator
    if keras_step(estimator) is not None:
        if _evaluated % _COLLECT_EVERY == 0:
            gc.collect()
        _evaluated += 1
        if step[1].random_state is None:
            from kerastune_lite.training import session

            session.seed_all(segment.seed)
    state = None
    if segment.resume_from is not None:
        from kerastune_lite.training.state_files import read_state

        state = read_state(folds.folder / segment.resume_from)
    step[1]._assignment = Assignment(
        hp, segment.seed, segment.end_epoch, state, segment.keep_state is not None
    )
    return estimator


def _metrics(found: Mapping[str, Any], segment: Segment, objective: Objective) -> dict[str, float]:
    """Scores and seconds of a fold; those of earlier rungs are counted in.

    Raises:
        ValueError: the score that counts is not among them.
    """
    earlier = next(
        (e for e in segment.trial.completed_executions if e.index == segment.execution), None
    )
    before = {} if earlier is None else earlier.metrics
    metrics = {name: found[name] + before.get(name, 0.0) for name in ("fit_time", "score_time")}
    failed = found["fit_error"] is not None and not _is_finite(found["test_scores"])
    for kind, prefix in () if failed else (("test_scores", TEST), ("train_scores", TRAIN)):
        scores = found.get(kind, {})
        named = scores if isinstance(scores, Mapping) else {"score": scores}
        metrics.update((f"{prefix}{name}", float(score)) for name, score in named.items())
    if not failed and objective.missing(metrics):
        names = [name.removeprefix(TEST) for name in metrics if name.startswith(TEST)]
        raise ValueError(
            "With several scores `refit` says which one counts. Received: "
            f"refit={objective.name.removeprefix(TEST)!r}, and the scores {names}."
        )
    return metrics


def _is_finite(scores: Any) -> bool:
    """Whether a fit that raised has a score all the same, by `error_score`."""
    values = scores.values() if isinstance(scores, Mapping) else [scores]
    return all(math.isfinite(value) for value in values)


def _execution(
    folds: Folds,
    segment: Segment,
    found: Mapping[str, Any],
    metrics: Mapping[str, float],
    estimator: Any,
) -> Execution:
    message = found["fit_error"]
    score = metrics.get(folds.objective.name, math.nan)
    if message is None and math.isnan(score):
        message = f"The score {folds.objective.name.removeprefix(TEST)!r} is not a number."
    execution = Execution(
        segment.execution,
        Outcome.COMPLETED if math.isfinite(score) else Outcome.FAILED,
        segment.attempt,
        metrics=metrics,
        message=message,
    )
    if execution.outcome is Outcome.FAILED:
        return execution
    execution = dataclasses.replace(execution, score=score, loss=folds.objective.loss_of(score))
    step = keras_step(estimator)
    if found["fit_error"] is not None or step is None:
        return execution
    net = step[1]
    epochs = len(net.history_["loss"])
    return dataclasses.replace(
        execution,
        epochs=epochs,
        best_epoch=epochs - 1,
        path=net.training_path_,
        **_state(folds, segment, net._assignment),
    )


def _state(folds: Folds, segment: Segment, assignment: Assignment | None) -> dict[str, Any]:
    """What an execution says of the state it ended in, which is written if it is wanted."""
    keeper = None if assignment is None else assignment.keeper
    if keeper is None or keeper.state is None or segment.keep_state is None:
        return {}
    if keeper.state.stopped:
        return {"stopped": True}
    from kerastune_lite.training.state_files import write_state

    write_state(keeper.state, folds.folder / segment.keep_state)
    return {"state": segment.keep_state}


def _logs(estimator: Any, segment: Segment) -> Mapping[str, Sequence[float]]:
    step = keras_step(estimator)
    if step is None or not hasattr(step[1], "history_"):
        return {}
    return {name: values[segment.start_epoch :] for name, values in step[1].history_.items()}
