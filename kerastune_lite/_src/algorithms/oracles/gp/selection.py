"""Which observations enter, where all of them would take too long."""

from __future__ import annotations

import numpy as np

from kerastune_lite._src.algorithms.oracles.gp.encoding import Array, Indices


def chosen(losses: Array, limit: int) -> Indices:
    """The indices, ascending, of at most `limit` observations: the best, the last, some others.

    Always the same for the same losses.

    Args:
        losses: `(n,)` in the order of the trials.
    """
    count = len(losses)
    if count <= limit:
        return np.arange(count)
    order = np.argsort(np.where(np.isfinite(losses), losses, np.inf), kind="stable")
    keep = np.zeros(count, dtype=bool)
    keep[order[: limit // 2]] = True
    keep[count - limit // 8 :] = True
    others = np.flatnonzero(~keep)
    rest = np.random.default_rng(count).permutation(others)[: limit - int(keep.sum())]
    keep[rest] = True
    return np.flatnonzero(keep)


def refitted_at(count: int) -> int:
    """How many of `count` observations the settings of the process are fitted to.

    All while there are few; then every so many, for they hardly change any more. It is a function
    of the count alone, so that a search that was resumed fits to the same.
    """
    step = max(count // 20, 1)
    return count - count % step
