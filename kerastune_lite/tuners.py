"""The tuners, in the module that scripts for KerasTuner import them from."""

from typing import TYPE_CHECKING

from kerastune_lite._src.util.lazy import lazy_names

if TYPE_CHECKING:
    from kerastune_lite._src.tuner.presets import (
        BayesianOptimization,
        GridSearch,
        Hyperband,
        RandomSearch,
    )
    from kerastune_lite._src.tuner.sklearn_tuner import SklearnTuner
    from kerastune_lite._src.tuner.tuner import Tuner

__all__ = [
    "BayesianOptimization",
    "GridSearch",
    "Hyperband",
    "RandomSearch",
    "SklearnTuner",
    "Tuner",
]

__getattr__, __dir__ = lazy_names(
    __name__,
    {
        "BayesianOptimization": "_src.tuner.presets",
        "GridSearch": "_src.tuner.presets",
        "Hyperband": "_src.tuner.presets",
        "RandomSearch": "_src.tuner.presets",
        "SklearnTuner": "_src.tuner.sklearn_tuner",
        "Tuner": "_src.tuner.tuner",
    },
)
