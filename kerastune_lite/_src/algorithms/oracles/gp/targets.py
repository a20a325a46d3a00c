"""Losses as targets of a Gaussian process, which assumes a normal distribution."""

from __future__ import annotations

import numpy as np
from scipy import special

from kerastune_lite._src.algorithms.oracles.gp.encoding import Array, Indices


class Targets:
    """A monotone map from losses to targets, fitted to a sample of losses.

    The better half keeps its shape. The worse half is compressed where it is wider than that of a
    normal distribution, because the losses of diverged trainings span orders of magnitude and would
    hide all other differences. It is never stretched: there is nothing to learn from losses that
    hardly differ. A loss that is not finite counts as the worst finite loss.

    Args:
        losses: `(n,)`, smaller is better.
    """

    def __init__(self, losses: Array) -> None:
        finite = losses[np.isfinite(losses)]
        levels, counts = np.unique(finite if len(finite) else np.zeros(1), return_counts=True)
        # Failures count as observations of the worst loss.
        counts[-1] += len(losses) - len(finite)
        self._levels = levels
        self._worst = float(levels[-1])
        targets = _compressed(levels, counts)
        targets -= np.average(targets, weights=counts)
        spread = float(np.sqrt(np.average(targets**2, weights=counts)))
        self._targets = targets / spread if spread > 0.0 else targets

    def __call__(self, losses: Array) -> Array:
        """The targets of losses, of the same shape; interpolated linearly in the sample."""
        finite = np.where(np.isfinite(losses), losses, self._worst)
        return np.interp(finite, self._levels, self._targets)


def _compressed(levels: Array, counts: Indices) -> Array:
    """Targets of ascending levels, `(m,)`, the median at 0."""
    ranks = (np.cumsum(counts) - 0.5 * counts) / counts.sum()
    middle = max(int(np.searchsorted(ranks, 0.5, side="right")) - 1, 0)
    good = slice(0, middle + 1)
    # Not by squares, which overflow if losses are huge.
    offsets = levels / max(float(np.abs(levels).max()), 1e-300)
    offsets = offsets - offsets[middle]
    scores = special.ndtri(ranks)
    scores -= scores[middle]
    spread = float(np.sqrt((counts[good] * offsets[good] ** 2).sum()))
    normal = float(np.sqrt((counts[good] * scores[good] ** 2).sum()))
    if spread == 0.0 or normal == 0.0:
        return scores
    linear = offsets * (normal / spread)
    steps = np.minimum(np.diff(linear), np.diff(scores))
    targets = linear
    targets[middle + 1 :] = np.cumsum(steps[middle:])
    return targets
