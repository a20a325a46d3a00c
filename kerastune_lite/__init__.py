"""Hyperparameter tuning for Keras 3.

Importing this package is cheap: names are loaded when they are first used, and TensorFlow when
a model is first built.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

__version__ = "0.1.0"

_HOMES = {
    "ASHA": "presets",
    "BOHB": "presets",
    "BayesianOptimization": "presets",
    "EvolutionarySearch": "presets",
    "GridSearch": "presets",
    "HyperModel": "hypermodel",
    "Hyperband": "presets",
    "HyperParameters": "hyperparameters",
    "Objective": "objective",
    "Oracle": "oracles",
    "RandomSearch": "presets",
    "Tuner": "tuner",
    "errors": "errors",
    "hyperparameters": "hyperparameters",
    "open_project": "results",
    "oracles": "oracles",
    "schedulers": "schedulers",
    "sklearn": "sklearn",
    "tune_function": "functions",
}

if TYPE_CHECKING:
    from kerastune_lite import errors, hyperparameters, oracles, schedulers, sklearn
    from kerastune_lite.functions import tune_function
    from kerastune_lite.hypermodel import HyperModel
    from kerastune_lite.hyperparameters import HyperParameters
    from kerastune_lite.objective import Objective
    from kerastune_lite.oracles import Oracle
    from kerastune_lite.presets import (
        ASHA,
        BOHB,
        BayesianOptimization,
        EvolutionarySearch,
        GridSearch,
        Hyperband,
        RandomSearch,
    )
    from kerastune_lite.results import open_project
    from kerastune_lite.tuner import Tuner

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
    "errors",
    "hyperparameters",
    "open_project",
    "oracles",
    "schedulers",
    "sklearn",
    "tune_function",
]


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(
            f"kerastune_lite has no {name!r}. It offers: {', '.join(sorted(_HOMES))}."
        )
    module = importlib.import_module(f"kerastune_lite.{_HOMES[name]}")
    value = module if name == _HOMES[name] else getattr(module, name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted([*globals(), *_HOMES])
