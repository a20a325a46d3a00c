"""The folds of a trial side by side: each as far as to its training, then all trainings as one.

A fold's `fit` is left by an exception where its model would begin to train, and with it
scikit-learn's `_fit_and_score`. Once the models are trained, that is asked again, finds the
estimator fitted, and scores it. Nothing is interleaved but the training itself: each fold builds
and scores with the random generators, warnings and errors that it has alone.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence
from typing import Any

from kerastune_lite._src.core.trial import Segment
from kerastune_lite._src.keras.fast.dispatcher import Dispatcher
from kerastune_lite._src.keras.fast.member import NotStacked
from kerastune_lite._src.keras.side_by_side import groups, train_together
from kerastune_lite._src.sklearn.fold import Evaluated, Fold, Folds, evaluate

End = Callable[[], Evaluated]
"""What is left to do of a fold: in most cases to score it."""


class FoldStack:
    """Evaluates one fold after the other, and trains with it those that will be asked for next.

    Each is scored when it is asked for: what has been is on record before the next one is.

    Args:
        folds: of an estimator that ends in a Keras model.
    """

    def __init__(self, folds: Folds) -> None:
        self._folds = folds
        self._dispatcher = Dispatcher()
        self._left: dict[tuple[Any, ...], End] = {}
        self._begun: list[Fold] = []

    def evaluate(self, segment: Segment) -> Evaluated:
        """Evaluate a fold.

        Args:
            segment: which one, and those of its trial that come next.
        """
        end = self._left.pop(_place(segment), None)
        if end is not None:
            return end()
        self.give_up()
        if not segment.companions:
            return evaluate(self._folds, segment)
        first = self._fold(segment)
        evaluated = first.begin()
        if evaluated is not None:
            return evaluated
        self._train(first, segment.companions)
        return self._left.pop(_place(segment))()

    def give_up(self) -> None:
        """End what is left of a trial that has ended, with one of its folds."""
        self._left.clear()
        begun, self._begun = self._begun, []
        for fold in begun:
            fold.task.end()

    def _fold(self, segment: Segment) -> Fold:
        fold = Fold(self._folds, segment, beside=True)
        self._begun.append(fold)
        return fold

    def _train(self, first: Fold, companions: Sequence[Segment]) -> None:
        """Train a fold that waits for it, together with others."""
        waiting = [first]
        for segment in companions:
            fold = self._fold(segment)
            evaluated = fold.begin()
            if evaluated is None:
                waiting.append(fold)
            else:
                # It has failed; or its model is another one, that is trained alone.
                self._left[_place(segment)] = functools.partial(_known, evaluated)
        for group in groups(self._dispatcher, waiting):
            self._train_group(group)

    def _train_group(self, group: Sequence[Fold]) -> None:
        if len(group) == 1:  # No other one is of its shape: `batch_size=-1`, say.
            self._left[_place(group[0].segment)] = self._alone(group[0])
            return
        for fold, result, seconds in train_together(self._dispatcher, group):
            end = functools.partial(fold.end, result, seconds)
            alone = isinstance(result, NotStacked)
            self._left[_place(fold.segment)] = self._alone(fold) if alone else end

    def _alone(self, fold: Fold) -> End:
        return functools.partial(evaluate, self._folds, fold.segment, fold.task)


def _place(segment: Segment) -> tuple[Any, ...]:
    """What tells it from all others of a search."""
    number, execution, attempt = segment.trial.number, segment.execution, segment.attempt
    return number, execution, attempt, segment.start_epoch, segment.end_epoch


def _known(evaluated: Evaluated) -> Evaluated:
    return evaluated
