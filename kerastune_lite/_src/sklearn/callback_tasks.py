"""What scikit-learn's callbacks (1.9 or later) are told of a search: what GridSearchCV tells them.

`fit` is a task with two parts. The first is "search", with one "candidate-split-evaluation" for
each fold of a trial; the second is "refit-with-best-params". With an earlier scikit-learn, which
has no callbacks, nothing is told.
"""

from __future__ import annotations

import contextlib
import functools
from collections.abc import Iterator, Mapping
from typing import Any

from sklearn.base import BaseEstimator
from sklearn.pipeline import Pipeline

from kerastune_lite._src.core.trial import Segment
from kerastune_lite._src.sklearn import compat
from kerastune_lite._src.sklearn.assignment import HandedOver


class FitTask:
    """The `fit` of a search. Its callbacks are set up, and told that it has begun.

    Args:
        search: whose callbacks they are.
        X, y, fit_params: the arguments of its `fit`.
    """

    def __init__(self, search: Any, X: Any, y: Any, fit_params: Mapping[str, Any]) -> None:
        compat.check_callbacks(search)
        self._search = search
        self._data = {"X": X, "y": y, "metadata": _metadata(fit_params)}
        # `refit` may be a name or a function, too.
        self._context = compat.context_of_fit(search, 1 + (search.refit is not False))
        if self._context is not None:
            self._context.call_on_fit_task_begin(estimator=search, **self._data)

    @contextlib.contextmanager
    def searching(self, folds: int, epochs: int | None, most: int | None) -> Iterator[FoldTasks]:
        """Tell of the search, unless it raises.

        Args:
            folds: of each trial.
            epochs: of the longest training, if folds are trained in parts; else None.
            most: how many folds will be evaluated at most; None: nobody knows.
        """
        if self._context is None:
            yield FoldTasks(self._search, None, folds, epochs)
            return
        context = self._context.subcontext("search", max_subtasks=most, sequential_subtasks=False)
        context.call_on_fit_task_begin(estimator=self._search)
        yield FoldTasks(self._search, context, folds, epochs)
        context.call_on_fit_task_end(estimator=self._search)

    @contextlib.contextmanager
    def refitting(self, estimator: BaseEstimator) -> Iterator[None]:
        """Tell of the fit of the best estimator, unless it raises."""
        if self._context is None:
            yield
            return
        context = self._context.subcontext("refit-with-best-params")
        with context.propagate_callback_context(estimator):
            context.call_on_fit_task_begin(estimator=self._search, **self._data)
            yield
        context.call_on_fit_task_end(estimator=self._search, **self._data)

    def end(self) -> None:
        """Tell that `fit` has done everything."""
        if self._context is not None:
            self._context.call_on_fit_task_end(estimator=self._search, **self._data)


class FoldTasks:
    """Makes the tasks of folds, in whichever process they are evaluated.

    Args:
        search: whose callbacks they are.
        context: of its part "search"; None: nothing is told.
        folds: of each trial.
        epochs: of the longest training, if folds are trained in parts; else None.
    """

    def __init__(self, search: Any, context: Any, folds: int, epochs: int | None) -> None:
        self._search = search
        self._context = context
        self._folds = folds
        self._epochs = epochs

    def of(self, segment: Segment) -> FoldTask:
        """The task of a fold, or of a part of its training.

        Folds that are trained at once have the numbers that they have in GridSearchCV.
        """
        if self._context is None:
            return FoldTask(self._search, None)
        number = segment.trial.number * self._folds + segment.execution
        if self._epochs is not None:
            number = number * self._epochs + segment.start_epoch
        context = self._context.subcontext("candidate-split-evaluation", task_id=number)
        return FoldTask(self._search, context)

    def reach_into(self, estimator: BaseEstimator) -> bool:
        """Whether callbacks are told of the steps of an estimator, so that it must fit at once."""
        if self._context is None or not isinstance(estimator, Pipeline):
            return False
        parts = [estimator, *estimator.get_params().values()]
        given = any(compat.callbacks_set(part) for part in parts)
        return given or any(map(compat.is_propagated, compat.callbacks_set(self._search)))


class FoldTask:
    """The evaluation of a fold: it begins with a `fit`, and ends with the scores.

    Args:
        search: whose callbacks they are.
        context: of the fold; None: nothing is told.
    """

    def __init__(self, search: Any, context: Any) -> None:
        self._search = search
        self._context = context
        self._begun = False
        self._data: dict[str, Any] = {}

    def begin_with(self, estimator: BaseEstimator) -> None:
        """Have the next `fit` of an estimator begin the task."""
        if self._context is not None:
            vars(estimator)["fit"] = functools.partial(self._fit, estimator)

    def _fit(self, estimator: BaseEstimator, X: Any, *y: Any, **params: Any) -> Any:
        # As in scikit-learn, what callbacks raise here is a failure of the fit.
        del vars(estimator)["fit"]
        if not self._begun:
            self._data = {"X": X, "y": y[0] if y else None, "metadata": _metadata(params)}
        with self._context.propagate_callback_context(estimator):
            if not self._begun:
                self._begun = True
                self._context.call_on_fit_task_begin(estimator=self._search, **self._data)
            return estimator.fit(X, *y, **params)

    @contextlib.contextmanager
    def going_on(self) -> Iterator[None]:
        """End the task with this context, unless the fold's training is done elsewhere."""
        try:
            yield
        except HandedOver:
            raise
        except BaseException:
            self.end()
            raise
        else:
            self.end()

    def end(self) -> None:
        """Tell that the fold is evaluated, or given up; once."""
        data, self._data = self._data, {}
        if data:
            self._context.call_on_fit_task_end(estimator=self._search, **data)


def _metadata(fit_params: Mapping[str, Any]) -> dict[str, Any] | None:
    weights = fit_params.get("sample_weight")
    return None if weights is None else {"sample_weight": weights}
