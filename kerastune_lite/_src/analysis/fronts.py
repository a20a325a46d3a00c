"""What a search with several objectives has found so far."""

from __future__ import annotations

import math
import numbers
from collections.abc import Sequence

import numpy as np

from kerastune_lite._src.core.goals import Goals
from kerastune_lite._src.core.objective import Objective
from kerastune_lite._src.core.pareto import extended, hypervolume
from kerastune_lite._src.core.trial import Trial


def hypervolumes(
    trials: Sequence[Trial], objective: Objective, reference: Sequence[float] | None = None
) -> list[float]:
    """The hypervolume of the front after each trial, `(n,)`.

    Args:
        trials: in the order of their numbers.
        objective: of the search.
        reference: a value of each objective, worse than the front; trials that are not better in
            all of them do not count. Default: the worst of all trials that satisfy the constraints.

    Raises:
        ValueError: `reference` has another length, or there is one objective.
    """
    parts = objective.parts
    if len(parts) < 2 or not isinstance(objective, Goals):
        raise ValueError(
            "A hypervolume is that of several objectives. Received a search with one: "
            f"{objective.name!r}."
        )
    known = {t.number: t.losses for t in trials if t.losses and t.violation == 0.0}
    if reference is not None:
        if len(reference) != len(parts):
            names = ", ".join(part.name for part in parts)
            raise ValueError(
                f"`reference` must have a value for each objective: {names}. Received: "
                f"{list(reference)}."
            )
        if not all(isinstance(each, numbers.Real) and math.isfinite(each) for each in reference):
            raise ValueError(
                "`reference` must be a list of finite numbers, in the order of the objectives. "
                f"Received: {reference!r}."
            )
        pairs = zip(parts, reference, strict=True)
        worst = np.array([part.loss_of(float(value)) for part, value in pairs])
    elif known:
        worst = np.max(list(known.values()), axis=0)
    volume, front, volumes = 0.0, list[tuple[float, ...]](), list[float]()
    for trial in trials:
        losses = known.get(trial.number)
        larger = None if losses is None else extended(front, losses)
        if larger is not None:
            front, volume = larger, hypervolume(larger, worst)
        volumes.append(volume)
    return volumes
