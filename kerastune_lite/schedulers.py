"""Schedulers decide for how many epochs each trial trains, and which trials stop early."""

from typing import TYPE_CHECKING

from kerastune_lite._src.util.lazy import lazy_names

if TYPE_CHECKING:
    from kerastune_lite._src.algorithms.schedulers.asha import ASHA
    from kerastune_lite._src.algorithms.schedulers.freeze_thaw import FreezeThaw
    from kerastune_lite._src.algorithms.schedulers.full import FullTraining
    from kerastune_lite._src.algorithms.schedulers.hyperband import Hyperband
    from kerastune_lite._src.algorithms.schedulers.median import MedianStopping
    from kerastune_lite._src.algorithms.schedulers.population import PopulationBasedTraining
    from kerastune_lite._src.algorithms.schedulers.scheduler import (
        Decision,
        Scheduler,
        Supply,
        TrainingRequest,
    )
    from kerastune_lite._src.core.lineage import Piece
    from kerastune_lite._src.core.parent import Parent

__all__ = [
    "ASHA",
    "Decision",
    "FreezeThaw",
    "FullTraining",
    "Hyperband",
    "MedianStopping",
    "Parent",
    "Piece",
    "PopulationBasedTraining",
    "Scheduler",
    "Supply",
    "TrainingRequest",
]

__getattr__, __dir__ = lazy_names(
    __name__,
    {
        "ASHA": "_src.algorithms.schedulers.asha",
        "Decision": "_src.algorithms.schedulers.scheduler",
        "FreezeThaw": "_src.algorithms.schedulers.freeze_thaw",
        "FullTraining": "_src.algorithms.schedulers.full",
        "Hyperband": "_src.algorithms.schedulers.hyperband",
        "MedianStopping": "_src.algorithms.schedulers.median",
        "Parent": "_src.core.parent",
        "Piece": "_src.core.lineage",
        "PopulationBasedTraining": "_src.algorithms.schedulers.population",
        "Scheduler": "_src.algorithms.schedulers.scheduler",
        "Supply": "_src.algorithms.schedulers.scheduler",
        "TrainingRequest": "_src.algorithms.schedulers.scheduler",
    },
)
