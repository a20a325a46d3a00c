"""Schedulers decide for how many epochs each trial trains, and which trials stop early."""

from typing import TYPE_CHECKING

from kerastune_lite._src.util.lazy import lazy_names

if TYPE_CHECKING:
    from kerastune_lite._src.algorithms.schedulers.asha import ASHA
    from kerastune_lite._src.algorithms.schedulers.full import FullTraining
    from kerastune_lite._src.algorithms.schedulers.hyperband import Hyperband
    from kerastune_lite._src.algorithms.schedulers.median import MedianStopping
    from kerastune_lite._src.algorithms.schedulers.scheduler import (
        Decision,
        Scheduler,
        Supply,
        TrainingRequest,
    )

__all__ = [
    "ASHA",
    "Decision",
    "FullTraining",
    "Hyperband",
    "MedianStopping",
    "Scheduler",
    "Supply",
    "TrainingRequest",
]

__getattr__, __dir__ = lazy_names(
    __name__,
    {
        "ASHA": "_src.algorithms.schedulers.asha",
        "Decision": "_src.algorithms.schedulers.scheduler",
        "FullTraining": "_src.algorithms.schedulers.full",
        "Hyperband": "_src.algorithms.schedulers.hyperband",
        "MedianStopping": "_src.algorithms.schedulers.median",
        "Scheduler": "_src.algorithms.schedulers.scheduler",
        "Supply": "_src.algorithms.schedulers.scheduler",
        "TrainingRequest": "_src.algorithms.schedulers.scheduler",
    },
)
