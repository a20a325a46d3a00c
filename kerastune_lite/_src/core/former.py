"""What a search remembers of a former one: its space, its points, their losses."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Mapping
from typing import Any

from kerastune_lite._src.space.domains import Value
from kerastune_lite._src.space.parameters import Space

FORMER = "former"
"""The origin of a trial whose point comes from a former project."""


@dataclasses.dataclass(frozen=True, eq=False)
class Former:
    """The results of a former project, as they were when the new search began.

    Attributes:
        name: of the project, for messages.
        space: its space.
        points: the values of its trials with a result, in the order of their numbers.
        losses: of these trials; infinite for failed ones.
    """

    name: str
    space: Space
    points: tuple[Mapping[str, Value], ...]
    losses: tuple[float, ...]

    def to_json(self) -> dict[str, Any]:
        """This project as JSON; `Former.from_json` is the inverse."""
        return {
            "name": self.name,
            "space": self.space.to_json(),
            "points": [dict(point) for point in self.points],
            "losses": [loss if math.isfinite(loss) else None for loss in self.losses],
        }

    @staticmethod
    def from_json(data: Mapping[str, Any]) -> Former:
        """The project that `to_json` converted to `data`."""
        losses = (math.inf if loss is None else float(loss) for loss in data["losses"])
        points = tuple(dict(point) for point in data["points"])
        return Former(data["name"], Space.from_json(data["space"]), points, tuple(losses))
