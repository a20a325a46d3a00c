"""Hyperparameter tuning for Keras 3.

Importing this package is cheap: names are loaded when they are first used, and TensorFlow when
a model is first built.
"""

from typing import TYPE_CHECKING

from kerastune_lite._src.util.lazy import lazy_names
from kerastune_lite._src.util.version import __version__

if TYPE_CHECKING:
    from kerastune_lite import (
        applications,
        callbacks,
        engine,
        errors,
        hyperparameters,
        objectives,
        oracles,
        prior,
        schedulers,
        sklearn,
        stopping,
        tuners,
    )
    from kerastune_lite._src.automl.estimators import AutoClassifier, AutoRegressor
    from kerastune_lite._src.automl.tune import TuneResult, tune
    from kerastune_lite._src.compat_kerastuner.oracle import Oracle, synchronized
    from kerastune_lite._src.core.objective import Objective
    from kerastune_lite._src.keras.hypermodel import HyperModel
    from kerastune_lite._src.search.from_optuna import from_optuna
    from kerastune_lite._src.search.open_project import open_project
    from kerastune_lite._src.space.hyperparameters import HyperParameters
    from kerastune_lite._src.tuner.freeze_thaw import FreezeThaw
    from kerastune_lite._src.tuner.gradient_search import GradientSearch
    from kerastune_lite._src.tuner.presets import (
        ASHA,
        BOHB,
        BayesianOptimization,
        EvolutionarySearch,
        GridSearch,
        Hyperband,
        RandomSearch,
    )
    from kerastune_lite._src.tuner.sklearn_tuner import SklearnTuner
    from kerastune_lite._src.tuner.tune_function import tune_function
    from kerastune_lite._src.tuner.tuner import Tuner
    from kerastune_lite._src.tuner.tuner import Tuner as BaseTuner

__all__ = [
    "ASHA",
    "BOHB",
    "AutoClassifier",
    "AutoRegressor",
    "BaseTuner",
    "BayesianOptimization",
    "EvolutionarySearch",
    "FreezeThaw",
    "GradientSearch",
    "GridSearch",
    "HyperModel",
    "HyperParameters",
    "Hyperband",
    "Objective",
    "Oracle",
    "RandomSearch",
    "SklearnTuner",
    "TuneResult",
    "Tuner",
    "__version__",
    "applications",
    "callbacks",
    "engine",
    "errors",
    "from_optuna",
    "hyperparameters",
    "objectives",
    "open_project",
    "oracles",
    "prior",
    "schedulers",
    "sklearn",
    "stopping",
    "synchronized",
    "tune",
    "tune_function",
    "tuners",
]

__getattr__, __dir__ = lazy_names(
    __name__,
    {
        "ASHA": "_src.tuner.presets",
        "AutoClassifier": "_src.automl.estimators",
        "AutoRegressor": "_src.automl.estimators",
        "BOHB": "_src.tuner.presets",
        "BaseTuner": "_src.tuner.tuner:Tuner",
        "BayesianOptimization": "_src.tuner.presets",
        "EvolutionarySearch": "_src.tuner.presets",
        "FreezeThaw": "_src.tuner.freeze_thaw",
        "GradientSearch": "_src.tuner.gradient_search",
        "GridSearch": "_src.tuner.presets",
        "HyperModel": "_src.keras.hypermodel",
        "HyperParameters": "_src.space.hyperparameters",
        "Hyperband": "_src.tuner.presets",
        "Objective": "_src.core.objective",
        "Oracle": "_src.compat_kerastuner.oracle",
        "RandomSearch": "_src.tuner.presets",
        "SklearnTuner": "_src.tuner.sklearn_tuner",
        "TuneResult": "_src.automl.tune",
        "Tuner": "_src.tuner.tuner",
        "applications": "applications",
        "callbacks": "callbacks",
        "engine": "engine",
        "errors": "errors",
        "from_optuna": "_src.search.from_optuna",
        "hyperparameters": "hyperparameters",
        "objectives": "objectives",
        "open_project": "_src.search.open_project",
        "oracles": "oracles",
        "prior": "prior",
        "schedulers": "schedulers",
        "sklearn": "sklearn",
        "stopping": "stopping",
        "synchronized": "_src.compat_kerastuner.oracle",
        "tune": "_src.automl.tune",
        "tune_function": "_src.tuner.tune_function",
        "tuners": "tuners",
    },
)
