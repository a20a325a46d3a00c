"""Schedulers decide for how many epochs each trial trains, and which trials stop early."""

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
