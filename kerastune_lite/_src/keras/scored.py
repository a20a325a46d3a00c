"""Finds the epoch that a returned result is from, and its weights."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from kerastune_lite._src.core.objective import DefaultObjective, Objective
from kerastune_lite._src.search.execution.returned import Result

_MEMORY = 256 * 2**20
"""How many bytes of weights are kept in a training until it is known which are needed."""


class EpochWeights:
    """The weights of a model after its epochs; only of the latest ones if all are too large."""

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
        """Delete all weights: the model is another one."""
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
        Those that agree in all metrics; if there are none, those that agree in the objective.
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
    """Finds the weights to keep once the result of a training is known.

    Args:
        reporter: the EpochReporter of the training.
        model: as `fit` left it.
        objective: that of the search.
    """

    def __init__(self, reporter: Any, model: Any, objective: Objective) -> None:
        self.model = model
        self._reporter = reporter
        self._objective = objective
        self._put = False

    def epoch(self, result: Result) -> int | None:
        """The epoch that the result is from, among those with known weights; None if there is none.

        If there are several, the best epoch of the search if it is one of them, else the latest.
        """
        reporter = self._reporter
        seen = {epoch: reporter.metrics_at(epoch) for epoch in reporter.of_this_model}
        found = [e for e in epochs_of(result, self._objective, seen) if self._weights(e)]
        if reporter.best_epoch in found:
            return int(reporter.best_epoch)
        return max(found, default=None)

    def put(self, epoch: int | None) -> int | None:
        """Set the weights of the model to those of an epoch; None leaves them as they are.

        Returns:
            The epoch whose weights the model has now; the last one if they are from no epoch.
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

    @property
    def lost(self) -> bool:
        """Whether the weights of the best epoch were not kept.

        As when a process died that needed fewer weights: `keep_checkpoints` was lower then.
        """
        reporter = self._reporter
        if self._put or reporter.model is None or reporter.best_epoch is None:
            return False
        return reporter.best_weights is None

    def settle(self) -> None:
        """Set the weights of the model to those of the best epoch, unless `put` was called.

        Also if the last epoch is the best: a callback may have restored other weights since.
        """
        if not self._put and self._reporter.best_weights is not None:
            self.model.set_weights(self._reporter.best_weights)

    def _weights(self, epoch: int) -> Sequence[np.ndarray] | None:
        reporter = self._reporter
        kept = None if reporter.weights is None else reporter.weights.of(epoch)
        return reporter.best_weights if kept is None and epoch == reporter.best_epoch else kept
