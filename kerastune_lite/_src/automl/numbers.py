"""Columns of numbers without gaps, in units that single precision can hold."""

from __future__ import annotations

import dataclasses

import numpy as np

_NORMAL = 1.349
"""The distance of a normal distribution's quartiles, in standard deviations."""
_FARTHEST = 1e6
"""Values are cut off at so many units."""


@dataclasses.dataclass(frozen=True)
class Numbers:
    """Missing values are filled with the median, and marked; then columns are scaled robustly.

    The centre is the median, the unit a normal distribution's standard deviation by the distance of
    its quartiles. Numbers such as times in seconds would lose their differences in single
    precision. What to do with outliers is left to the networks.

    Attributes:
        centre, unit: per column.
        marked: whether a further column says where values are missing.
    """

    centre: np.ndarray
    unit: np.ndarray
    marked: np.ndarray

    @staticmethod
    def fitted(values: np.ndarray) -> Numbers:
        """Learn from `(n, columns)` of float64; each column has a value."""
        low, centre, high = np.nanpercentile(values, [25, 50, 75], axis=0)
        unit = (high - low) / _NORMAL
        narrow = unit == 0.0
        unit[narrow] = np.nanstd(values[:, narrow], axis=0)
        unit[unit == 0.0] = 1.0
        return Numbers(centre, unit, np.isnan(values).any(axis=0))

    def transform(self, values: np.ndarray) -> np.ndarray:
        """`(n, columns)` as float32 `(n, columns + marked columns)`."""
        missing = np.isnan(values)
        scaled = np.where(missing, 0.0, (values - self.centre) / self.unit)
        scaled = np.clip(scaled, -_FARTHEST, _FARTHEST)
        return np.hstack([scaled, missing[:, self.marked]]).astype(np.float32)
