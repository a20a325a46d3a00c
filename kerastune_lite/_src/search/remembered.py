"""How much of former projects a search uses."""

from __future__ import annotations

from kerastune_lite._src.algorithms.oracles.gp.former import relevant
from kerastune_lite._src.core.former import Former
from kerastune_lite._src.space.parameters import Space
from kerastune_lite._src.views.report.searched import Remembered


def use_of(former: Former, space: Space) -> Remembered:
    """How many trials of a former project are points of `space`, so that they are used."""
    return Remembered(former.name, len(former.points), len(relevant(space, former).points))
