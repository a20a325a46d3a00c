"""What a report tells of."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from typing import Any

from kerastune_lite._src.analysis.curves import Curves
from kerastune_lite._src.core.objective import Objective
from kerastune_lite._src.core.trial import Trial
from kerastune_lite._src.space.parameters import Space


@dataclasses.dataclass(frozen=True)
class Searched:
    """All that a report tells of.

    Attributes:
        name: of the project.
        folder: where it lies.
        trials: in the order of their numbers.
        space: what was searched.
        objective: what was optimised.
        curves: by the trial's number.
        settings: what it was searched with.
        versions: of the packages, at the latest search.
    """

    name: str
    folder: str
    trials: Sequence[Trial]
    space: Space
    objective: Objective
    curves: Mapping[int, Curves]
    settings: Mapping[str, Any]
    versions: Mapping[str, str]
