"""Hyperparameter tuning for Keras 3.

Importing this package is cheap: names are loaded when they are first used, and TensorFlow when
a model is first built.
"""

from typing import TYPE_CHECKING

from kerastune_lite._src.util.lazy import lazy_names
from kerastune_lite._src.util.version import __version__

if TYPE_CHECKING:
    from kerastune_lite import applications, errors, hyperparameters, oracles, schedulers, sklearn
    from kerastune_lite._src.algorithms.oracles.oracle import Oracle
    from kerastune_lite._src.core.objective import Objective
    from kerastune_lite._src.keras.hypermodel import HyperModel
    from kerastune_lite._src.search.open_project import open_project
    from kerastune_lite._src.space.hyperparameters import HyperParameters
    from kerastune_lite._src.tuner.presets import (
        ASHA,
        BOHB,
        BayesianOptimization,
        EvolutionarySearch,
        GridSearch,
        Hyperband,
        RandomSearch,
    )
    from kerastune_lite._src.tuner.tune_function import tune_function
    from kerastune_lite._src.tuner.tuner import Tuner

__all__ = [
    "ASHA",
    "BOHB",
    "BayesianOptimization",
    "EvolutionarySearch",
    "GridSearch",
    "HyperModel",
    "HyperParameters",
    "Hyperband",
    "Objective",
    "Oracle",
    "RandomSearch",
    "Tuner",
    "__version__",
    "applications",
    "errors",
    "hyperparameters",
    "open_project",
    "oracles",
    "schedulers",
    "sklearn",
    "tune_function",
]

__getattr__, __dir__ = lazy_names(
    __name__,
    {
        "ASHA": "_src.tuner.presets",
        "BOHB": "_src.tuner.presets",
        "BayesianOptimization": "_src.tuner.presets",
        "EvolutionarySearch": "_src.tuner.presets",
        "GridSearch": "_src.tuner.presets",
        "HyperModel": "_src.keras.hypermodel",
        "HyperParameters": "_src.space.hyperparameters",
        "Hyperband": "_src.tuner.presets",
        "Objective": "_src.core.objective",
        "Oracle": "_src.algorithms.oracles.oracle",
        "RandomSearch": "_src.tuner.presets",
        "Tuner": "_src.tuner.tuner",
        "applications": "applications",
        "errors": "errors",
        "hyperparameters": "hyperparameters",
        "open_project": "_src.search.open_project",
        "oracles": "oracles",
        "schedulers": "schedulers",
        "sklearn": "sklearn",
        "tune_function": "_src.tuner.tune_function",
    },
)
