"""Tells scripts that were written for KerasTuner that a list of objectives is not added up."""

from __future__ import annotations

import functools
import logging

from kerastune_lite._src.core.goals import MEASURED, Goals
from kerastune_lite._src.core.objective import Objective

logger = logging.getLogger(__name__)


def tell_of_sums(objective: Objective) -> None:
    """Log a warning, once in a process, if KerasTuner would have added these objectives up."""
    if not isinstance(objective, Goals) or objective.constraints or len(objective.parts) < 2:
        return
    if not any(part.name in MEASURED for part in objective.parts):
        _tell()


@functools.cache
def _tell() -> None:
    logger.warning(
        "Several objectives are compared without weights, and tuner.pareto_front() has the "
        "results. KerasTuner adds them up, and subtracts those that are maximised: for that, write "
        "objective=kerastune_lite.objectives.Sum([...])."
    )
