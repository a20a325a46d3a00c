"""The data of a report."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from typing import Any

from kerastune_lite._src.analysis.curves import Curves
from kerastune_lite._src.core.confirmation import Confirmation
from kerastune_lite._src.core.objective import Objective
from kerastune_lite._src.core.trial import Trial
from kerastune_lite._src.space.parameters import Space


@dataclasses.dataclass(frozen=True)
class Remembered:
    """A former project that the search remembers.

    Attributes:
        name: of the project.
        trials: that it had.
        used: how many of them have values that the space of the search allows.
    """

    name: str
    trials: int
    used: int


@dataclasses.dataclass(frozen=True)
class Searched:
    """The data of a report.

    Attributes:
        name, folder: of the project.
        trials: in the order of their numbers.
        curves: by the trial's number.
        settings: of the search.
        versions: of the packages, at the latest search.
        remembered: former projects (`warm_start_from`).
        confirmation: the result of the race after the search; None: there was none.
    """

    name: str
    folder: str
    trials: Sequence[Trial]
    space: Space
    objective: Objective
    curves: Mapping[int, Curves]
    settings: Mapping[str, Any]
    versions: Mapping[str, str]
    remembered: Sequence[Remembered] = ()
    confirmation: Confirmation | None = None
