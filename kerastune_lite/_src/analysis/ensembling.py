"""Which networks are averaged: greedy selection with replacement, on many parts of the rows.

R. Caruana, A. Niculescu-Mizil, G. Crew, A. Ksikes: Ensemble selection from libraries of models.
ICML 2004. There, bags are parts of the networks; here, of the rows, since a search may have few
networks.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence

import numpy as np

ROUNDS = 10
"""How many networks are drawn for a bag, if the caller does not say."""
BAGS = 20
"""How often it is done anew, with other rows; the weights are the means."""

_ROWS = 1000
"""A bag has half of the rows, at most so many."""
_LEAST = 0.02
"""Networks of smaller weights are left out."""

Loss = Callable[[np.ndarray, np.ndarray], float]
"""The loss of predictions for some rows: of the rows' indices, and of their predictions."""


def select(
    predictions: Sequence[np.ndarray], loss: Loss, seed: int, rounds: int = ROUNDS
) -> dict[int, float]:
    """The weights with which predictions are averaged.

    On few rows the best average is partly the luckiest one. So it is looked for on random halves of
    the rows, and the weights are averaged.

    Args:
        predictions: of each network, `(n, outputs)`, on rows that it was not trained on; the best
            network first, as of equals the first is chosen.
        loss: smaller is better.
        seed: of the choice of rows.
        rounds: how many networks are drawn for a bag, the same ones several times.

    Returns:
        place in `predictions` -> weight, in the order of the weights; their sum is 1.

    Raises:
        ValueError: there are no predictions.
    """
    if not predictions:
        raise ValueError("An ensemble needs at least one network. Received: no predictions.")
    rng = np.random.default_rng(seed)
    rows = len(predictions[0])
    share = min(max(rows // 2, 1), _ROWS)
    weights = np.zeros(len(predictions))
    for _ in range(BAGS):
        bag = rng.choice(rows, share, replace=False)
        drawn = greedy([each[bag] for each in predictions], functools.partial(loss, bag), rounds)
        weights += np.bincount(drawn, minlength=len(weights)) / len(drawn) / BAGS
    weights[weights < _LEAST] = 0.0
    weights /= weights.sum()
    heaviest = np.argsort(-weights, kind="stable")
    return {int(place): float(weights[place]) for place in heaviest if weights[place] > 0.0}


def greedy(
    predictions: Sequence[np.ndarray], loss: Callable[[np.ndarray], float], rounds: int = ROUNDS
) -> list[int]:
    """The networks whose mean has the smallest loss, of those found by adding one after the other.

    Args:
        predictions: of each network.
        loss: of predictions.
        rounds: how many are drawn.

    Returns:
        Places in `predictions`, some of them several times; the first is the best single network.
    """
    chosen: list[int] = []
    best, length = np.inf, 1
    total = np.zeros(predictions[0].shape)
    for drawn in range(1, rounds + 1):
        losses = [loss((total + each) / drawn) for each in predictions]
        added = int(np.argmin(losses))
        chosen.append(added)
        total += predictions[added]
        # A rounding error is no reason to draw more.
        if drawn == 1 or losses[added] < best - 1e-9 * abs(best):
            best, length = losses[added], drawn
    return chosen[:length]
