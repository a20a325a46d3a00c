"""One fold of a trial: the estimator is fitted and scored by scikit-learn's own code."""

from __future__ import annotations

import contextlib
import dataclasses
import functools
import gc
import math
import re
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from sklearn.base import BaseEstimator
from sklearn.pipeline import Pipeline

from kerastune_lite._src.core.objective import Objective
from kerastune_lite._src.core.trial import Execution, Outcome, Segment
from kerastune_lite._src.search.execution.guard import hyperparameters_of
from kerastune_lite._src.sklearn.assignment import Assignment, HandedOver
from kerastune_lite._src.sklearn.callback_tasks import FoldTask, FoldTasks
from kerastune_lite._src.sklearn.candidates import (
    Candidates,
    Hyperparameters,
    built_step,
    keras_step,
)
from kerastune_lite._src.sklearn.compat import fit_and_score
from kerastune_lite._src.sklearn.keras_wrappers import configured, wrappers_in
from kerastune_lite._src.space.domains import Value
from kerastune_lite._src.space.hyperparameters import HyperParameters
from kerastune_lite._src.space.parameters import Parameter
from kerastune_lite._src.util.generators import (
    kept_generators,
    set_generators,
    state_of_generators,
)

if TYPE_CHECKING:
    from kerastune_lite._src.keras.fast.member import Member

_REJECTED = re.compile(r"^[\w.]*\bFailedTrialError\b", re.MULTILINE)
"""Found in the traceback: scikit-learn keeps nothing else of an exception."""

TEST, TRAIN = "test_", "train_"
"""Prefixes of the scores among the metrics of an execution."""


@dataclasses.dataclass(frozen=True)
class Folds:
    """Everything that the evaluation of a fold needs; it is sent to other processes.

    Attributes:
        estimator: not fitted.
        X, y: all samples and targets.
        splits: the training rows and the test rows of each fold.
        scorer: as `fit_and_score` takes it.
        fit_params, score_params: for `fit` and the scorers; arrays are cut like the samples.
        error_score: the score of a fit that raises, NaN, or "raise".
        train_scores: whether the training rows are scored, too.
        candidates: maps a point of the space to parameters.
        objective: the metric that counts.
        folder: where states are stored.
        tasks: tells scikit-learn's callbacks.
    """

    estimator: BaseEstimator
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
    tasks: FoldTasks


@dataclasses.dataclass(frozen=True)
class Evaluated:
    """The result of a fold.

    Attributes:
        execution: with the scores among its metrics.
        logs: of the epochs that were trained now, by metric.
        values, added: the hyperparameters that were asked for, and the new ones among them.
        raised: the exception, if one is to be raised.
    """

    execution: Execution
    logs: Mapping[str, Sequence[float]]
    values: Mapping[str, Value]
    added: tuple[Parameter, ...]
    raised: Exception | None = None


def evaluate(folds: Folds, segment: Segment, task: FoldTask | None = None) -> Evaluated:
    """Fit the estimator of a trial on one fold, and score it.

    Args:
        task: if it has begun.
    """
    evaluated = Fold(folds, segment, task=task).begin()
    assert evaluated is not None
    return evaluated


class Fold:
    """One fold of a trial, which is evaluated completely, or whose training is handed over.

    Args:
        segment: which trial, fold and epochs.
        beside: hand the training over, if it can be trained side by side with other folds.
        task: what callbacks are told of; None: one that has not begun.

    Attributes:
        member: the training that was handed over.
    """

    def __init__(
        self,
        folds: Folds,
        segment: Segment,
        beside: bool = False,
        task: FoldTask | None = None,
    ) -> None:
        self.segment = segment
        self.task = folds.tasks.of(segment) if task is None else task
        self.member: Member | None = None
        self._folds = folds
        self._beside = beside
        self._is_keras = keras_step(folds.estimator) is not None or bool(
            wrappers_in(folds.estimator)
        )
        self._hp = hyperparameters_of(segment)
        self._estimator: BaseEstimator = None
        self._drawn: Any = None
        self._fit_began = 0.0
        self._fitted_in = self._spent = 0.0

    def begin(self) -> Evaluated | None:
        """Evaluate the fold; or prepare it, if its training is handed over.

        Returns:
            None if it is handed over; then call `end`.
        """
        # Keras is seeded through generators that the user's code uses, too.
        with kept_generators() if self._is_keras else contextlib.nullcontext():
            started = time.perf_counter()
            try:
                return self._evaluated()
            except HandedOver as handed:
                self.member = handed.member
                self._drawn = state_of_generators()
                self._fitted_in = time.perf_counter() - self._fit_began
                self._spent = time.perf_counter() - started
        return None

    def end(self, result: Any, seconds: float) -> Evaluated:
        """Evaluate the fold after its training.

        Args:
            result: the History, or the exception that ended it.
            seconds: the duration of the training.
        """
        self._fitted_in += seconds
        self._spent += seconds
        # scikit-learn is called again: `fit` only takes over the result, then the fold is scored.
        vars(self._estimator)["fit"] = functools.partial(self._fitted, result)
        with kept_generators():
            set_generators(self._drawn)
            return self._evaluated()

    def _fitted(self, result: Any, *args: Any, **kwargs: Any) -> Any:
        """The end of a `fit` whose training was handed over."""
        del vars(self._estimator)["fit"]
        if isinstance(result, Exception):
            raise result
        from kerastune_lite._src.keras.fast.dispatcher import STACKED, Taken

        step = keras_step(self._estimator)
        assert step is not None
        step[1]._note_training(result.history, Taken(STACKED))
        return self._estimator

    def _evaluated(self) -> Evaluated:
        folds, segment, hp = self._folds, self.segment, self._hp
        from_hp = isinstance(folds.candidates, Hyperparameters)
        started = time.perf_counter()
        try:
            if self._estimator is None:
                self._estimator = _prepared(folds, segment, hp if from_hp else None, self._beside)
                self.task.begin_with(self._estimator)
            found = self._fitted_and_scored()
            metrics = _metrics(found, segment, folds.objective)
        except Exception as error:
            failed = Outcome.FAILED
            execution = Execution(segment.execution, failed, segment.attempt, message=str(error))
            return Evaluated(execution, {}, {}, (), error)
        estimator = self._estimator
        execution = _execution(folds, segment, found, metrics, estimator)
        seconds = self._spent + time.perf_counter() - started
        execution = dataclasses.replace(execution, seconds=seconds)
        values = hp.used_values() if from_hp else dict(segment.trial.values)
        known = segment.trial.space
        added = tuple(p for p in hp.space if known.find(*p.identity) is None) if from_hp else ()
        return Evaluated(execution, _logs(estimator, segment), values, added)

    def _fitted_and_scored(self) -> dict[str, Any]:
        folds = self._folds
        train, test = folds.splits[self.segment.execution]
        self._fit_began = time.perf_counter()
        with self.task.going_on():
            found = fit_and_score(
                self._estimator,
                folds.X,
                folds.y,
                scorer=folds.scorer,
                train=train,
                test=test,
                fit_params=folds.fit_params,
                score_params=folds.score_params,
                train_scores=folds.train_scores,
                error_score=folds.error_score,
            )
        found["fit_time"] += self._fitted_in
        return found


_OURS = tuple(f"{__package__}.{name}" for name in ("wrapper", "wrappers"))
"""Modules in which `fit` does nothing with a model after its training."""


def _prepared(folds: Folds, segment: Segment, hp: HyperParameters | None, beside: bool) -> Any:
    """The estimator of a trial, with its assignment."""
    params = {} if hp is not None else folds.candidates.params(segment.trial.values)
    estimator = configured(folds.estimator, params)
    step = built_step(estimator)
    if step is None:
        if wrappers_in(estimator):
            _seed(segment.seed)
        return estimator
    if keras_step(estimator) is not None:
        from kerastune_lite._src.keras import session

        if session.collections.is_due():
            gc.collect()
        if step[1].random_state is None:
            _seed(segment.seed)
    state = None
    if segment.resume_from is not None:
        from kerastune_lite._src.keras.state_files import read_state

        state = read_state(folds.folder / segment.resume_from)
    keep, alone = segment.keep_state is not None, None
    if beside and not _fits_as_known(estimator):
        beside, alone = False, "a fit() of the estimator's own"
    if beside and folds.tasks.reach_into(estimator):
        beside, alone = False, "callbacks of scikit-learn in a Pipeline"
    step[1]._assignment = Assignment(
        hp, segment.seed, segment.end_epoch, state, keep, False, beside, alone, folds.y
    )
    return estimator


def _seed(seed: int) -> None:
    from kerastune_lite._src.keras import session

    session.seed_all(seed)


def _fits_as_known(estimator: BaseEstimator) -> bool:
    """Whether its `fit` has nothing left to do once the Keras model is trained."""
    while isinstance(estimator, Pipeline):
        if not type(estimator).fit.__module__.startswith("sklearn."):
            return False
        estimator = estimator.steps[-1][1]
    names = ("fit", "_fit", "_fit_keras_model", "_trained")
    return all(getattr(type(estimator), name).__module__ in _OURS for name in names)


def _metrics(found: Mapping[str, Any], segment: Segment, objective: Objective) -> dict[str, float]:
    """The scores and seconds of a fold; seconds include earlier rungs.

    Raises:
        ValueError: the score that counts is missing.
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
    """Whether a fit that raised has a score nevertheless, from `error_score`."""
    values = scores.values() if isinstance(scores, Mapping) else [scores]
    return all(math.isfinite(value) for value in values)


def _execution(
    folds: Folds,
    segment: Segment,
    found: Mapping[str, Any],
    metrics: Mapping[str, float],
    estimator: BaseEstimator,
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
    if execution.outcome.failed:
        rejected = _REJECTED.search(message or "") is not None
        return dataclasses.replace(execution, outcome=Outcome.REJECTED) if rejected else execution
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
        path_reason=net.training_path_reason_ or net._assignment.alone_because,
        **_state(folds, segment, net._assignment),
    )


def _state(folds: Folds, segment: Segment, assignment: Assignment | None) -> dict[str, Any]:
    """The fields of an execution about its last state, which is written if it is wanted."""
    if assignment is None or assignment.keeper is None:
        return {}
    from kerastune_lite._src.keras.state_files import keep_state

    return keep_state(assignment.keeper, folds.folder, segment.keep_state)


def _logs(estimator: BaseEstimator, segment: Segment) -> Mapping[str, Sequence[float]]:
    step = keras_step(estimator)
    if step is None or not hasattr(step[1], "history_"):
        return {}
    return {name: values[segment.start_epoch :] for name, values in step[1].history_.items()}
