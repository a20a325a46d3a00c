"""Warns of names that are declared with several ranges."""

from __future__ import annotations

import logging

from kerastune_lite._src.core.trial import Report

logger = logging.getLogger(__name__)


class Redeclared:
    """The names of one search that it was warned of."""

    def __init__(self) -> None:
        self._names: set[str] = set()

    def warn(self, report: Report) -> None:
        """Warn once of each name that is declared with several ranges."""
        for name, (holds, other) in report.redeclared.items():
            if name in self._names:
                continue
            self._names.add(name)
            logger.warning(
                "The hyperparameter %r is declared with several ranges: %s, and %s. A name is "
                "one hyperparameter, so the first range is used everywhere. Use "
                'different names, such as f"%s_{i}", to tune each in its own range.',
                name,
                holds.describe(),
                other.describe(),
                name,
            )
