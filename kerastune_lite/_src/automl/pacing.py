"""How many epochs a trial may take, if several trials are to fit in the time."""

from __future__ import annotations

import math
from typing import Any

from kerastune_lite._src.automl.rows import Rows
from kerastune_lite._src.space.hyperparameters import HyperParameters

_TRIALS = 4
"""So many trials of the default network should fit in the time of the search."""
_LEAST = 5
"""With fewer epochs the learning rate would hardly have time to fall."""
_MEASURED = 20_000
"""Rows that are trained on to measure, at most."""
_NUMBERS = 2_000_000
"""Numbers in these rows, at most: an image has many."""
_SMALL = 200_000
"""Below so many numbers in all epochs of a trial there is nothing to measure."""


def epochs_in_time(hypermodel: Any, train: Rows, seconds: float | None) -> int:
    """The epochs of a trial: as many as the hypermodel has, or fewer if they take long.

    The default network is trained on a part of the rows; an epoch after the first is measured.
    What it leaves behind, such as traced functions, is used by the search.

    Args:
        hypermodel: with `epochs`.
        train: encoded training rows.
        seconds: of the search; None: any number.
    """
    most: int = hypermodel.epochs
    numbers = math.prod(train.x.shape) * most
    if seconds is None or (train.x.ndim == 2 and numbers < _SMALL):
        return most
    from kerastune_lite._src.keras.fitting import seconds_per_epoch

    hp = HyperParameters()
    model = hypermodel.build(hp)
    part = train.first(min(_MEASURED, max(1, _NUMBERS // math.prod(train.x.shape[1:]))))
    batch = hp.values.get("batch_size")
    arguments = part.arguments() | ({} if batch is None else {"batch_size": batch})
    per_epoch = seconds_per_epoch(model, **arguments) * len(train) / len(part)
    allowed = seconds / _TRIALS / max(per_epoch, 1e-9)
    return int(min(most, max(allowed, _LEAST)))
