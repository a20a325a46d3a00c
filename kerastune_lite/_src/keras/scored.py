"""Finds the epoch, and its weights, that a returned result refers to."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from kerastune_lite._src.core.objective import DefaultObjective, Objective
from kerastune_lite._src.search.execution.returned import Result

_MEMORY = 256 * 2**20
"""Bytes of weights kept from one training until it is known which are wanted."""


class EpochWeights:
    """The weights of a model after each epoch; only the latest if all are too large."""

    def __init__(self, memory: int = _MEMORY) -> None:
        self._memory = memory
        self._kept: dict[int, Sequence[np.ndarray]] = {}

    def add(self, epoch: int, weights: Sequence[np.ndarray]) -> None:
        """Keep the weights of an epoch."""
        self._kept[epoch] = weights
        size = sum(each.nbytes for each in weights)
        while len(self._kept) > 1 and size * len(self._kept) > self._memory:
            del self._kept[next(iter(self._kept))]

    def clear(self) -> None:
        """Forget all weights: a new model is trained."""
        self._kept.clear()

    def of(self, epoch: int) -> Sequence[np.ndarray] | None:
        """The weights of an epoch, if they are kept."""
        return self._kept.get(epoch)

    def epoch_of(self, weights: Sequence[np.ndarray]) -> int | None:
        """The latest epoch after which the model had these weights."""
        for epoch, kept in reversed(self._kept.items()):
            if len(kept) == len(weights) and all(map(np.array_equal, kept, weights)):
                return epoch
        return None


def epochs_of(
    result: Result, objective: Objective, epochs: Mapping[int, Mapping[str, float]]
) -> list[int]:
    """The epochs whose metrics equal those of the result.

    Args:
        epochs: the metrics of each.

    Returns:
        Those that agree in all metrics, or, if there are none, in the objective.
    """
    scored = [e for e, metrics in epochs.items() if _same_score(result, objective, metrics)]
    exact = [
        epoch
        for epoch in scored
        if all(
            _same(value, epochs[epoch][name])
            for name, value in result.metrics.items()
            if name in epochs[epoch]
        )
    ]
    return exact or scored


def _same_score(result: Result, objective: Objective, metrics: Mapping[str, float]) -> bool:
    if isinstance(objective, DefaultObjective):
        # A number without a name, to be minimised: a metric, or the negative of one.
        return any(_same(result.score, sign * m) for m in metrics.values() for sign in (1, -1))
    if objective.missing(metrics):
        return False
    return _same(result.score, objective.score(metrics))


def _same(one: float, other: float) -> bool:
    # `evaluate` sums in another order than an epoch does.
    return math.isclose(one, other, rel_tol=1e-6, abs_tol=1e-9)


class Scored:
    """Chooses the weights to keep once the result of a training is known.

    Args:
        reporter: has seen its epochs.
        model: trained, as `fit` left it.
        objective: of the search.
    """

    def __init__(self, reporter: Any, model: Any, objective: Objective) -> None:
        self.model = model
        self._reporter = reporter
        self._objective = objective
        self._put = False

    def epoch(self, result: Result) -> int | None:
        """The epoch that the result refers to, if its weights are known; otherwise None.

        If several match: the best one by the objective, or else the latest.
        """
        reporter = self._reporter
        seen = {epoch: reporter.metrics_at(epoch) for epoch in reporter.of_this_model}
        found = [e for e in epochs_of(result, self._objective, seen) if self._weights(e)]
        if reporter.best_epoch in found:
            return int(reporter.best_epoch)
        return max(found, default=None)

    def put(self, epoch: int | None) -> int | None:
        """Give the model the weights of an epoch; with None it stays as `fit` left it.

        Returns:
            The epoch whose weights it has now; the last epoch if none matches.
        """
        reporter, self._put = self._reporter, True
        if epoch is None:
            held = reporter.weights.epoch_of(self.model.get_weights()) if reporter.weights else None
            last = reporter.epochs - 1 if reporter.epochs else None
            return last if held is None else held
        weights = self._weights(epoch)
        if weights is not None:
            self.model.set_weights(weights)
        return epoch

    def settle(self) -> None:
        """Give the model the weights of the best epoch, unless `put` has given it others.

        Also when the last epoch is the best: a callback may have restored others since.
        """
        if not self._put and self._reporter.best_weights is not None:
            self.model.set_weights(self._reporter.best_weights)

    def _weights(self, epoch: int) -> Sequence[np.ndarray] | None:
        reporter = self._reporter
        kept = None if reporter.weights is None else reporter.weights.of(epoch)
        return reporter.best_weights if kept is None and epoch == reporter.best_epoch else kept
