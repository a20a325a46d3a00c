"""Probabilities that scikit-learn's scores accept."""

from __future__ import annotations

import numpy as np

_ROUNDING = 1e-5
"""By how much a probability in single precision may be above 1."""


def at_most_one(probabilities: np.ndarray) -> np.ndarray:
    """Probabilities without the rounding that puts some slightly above 1, which scores refuse."""
    rounded = (probabilities > 1.0) & (probabilities < 1.0 + _ROUNDING)
    return np.where(rounded, probabilities.dtype.type(1.0), probabilities)
