"""The modules that scripts for KerasTuner import from."""

from typing import TYPE_CHECKING

from kerastune_lite._src.util.lazy import lazy_names

if TYPE_CHECKING:
    from kerastune_lite.engine import (
        base_tuner,
        hypermodel,
        hyperparameters,
        metrics_tracking,
        multi_execution_tuner,
        objective,
        oracle,
        trial,
        tuner,
    )

__all__ = [
    "base_tuner",
    "hypermodel",
    "hyperparameters",
    "metrics_tracking",
    "multi_execution_tuner",
    "objective",
    "oracle",
    "trial",
    "tuner",
]

__getattr__, __dir__ = lazy_names(
    __name__,
    {
        "base_tuner": "engine.base_tuner",
        "hypermodel": "engine.hypermodel",
        "hyperparameters": "engine.hyperparameters",
        "metrics_tracking": "engine.metrics_tracking",
        "multi_execution_tuner": "engine.multi_execution_tuner",
        "objective": "engine.objective",
        "oracle": "engine.oracle",
        "trial": "engine.trial",
        "tuner": "engine.tuner",
    },
)
