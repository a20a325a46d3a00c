"""Which observations are used, if all of them would take too long."""

from __future__ import annotations

import numpy as np

from kerastune_lite._src.algorithms.oracles.gp.encoding import Array, Indices


def chosen(losses: Array, limit: int) -> Indices:
    """The indices, ascending, of at most `limit` observations: the best, the latest, some others.

    A function of the losses.

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
    """To how many of `count` observations the settings of the process are fitted.

    To all while there are few; later they are fitted less often, because they hardly change. A
    function of the count, so that a resumed search fits to the same observations.
    """
    step = max(count // 20, 1)
    return count - count % step
