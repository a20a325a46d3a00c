"""Oracles propose values: random, quasi-random, grid, Bayesian and evolutionary search.

The classes of plain data, from `TrialHistory` to `Outcome`, are what oracles and schedulers read.
Names are loaded on first use, because SciPy, which some of them need, takes long to import.
"""

from typing import TYPE_CHECKING

from kerastune_lite._src.util.lazy import lazy_names

if TYPE_CHECKING:
    from kerastune_lite._src.algorithms.oracles.bayesian import BayesianOracle
    from kerastune_lite._src.algorithms.oracles.cmaes import CMAESOracle
    from kerastune_lite._src.algorithms.oracles.evolution import EvolutionaryOracle
    from kerastune_lite._src.algorithms.oracles.freeze_thaw import FreezeThawOracle
    from kerastune_lite._src.algorithms.oracles.gradient import GradientOracle
    from kerastune_lite._src.algorithms.oracles.grid import GridOracle
    from kerastune_lite._src.algorithms.oracles.optuna_oracle import OptunaOracle
    from kerastune_lite._src.algorithms.oracles.oracle import Oracle, draw_distinct
    from kerastune_lite._src.algorithms.oracles.random import RandomOracle
    from kerastune_lite._src.algorithms.oracles.sobol import SobolOracle
    from kerastune_lite._src.compat_kerastuner.oracles import (
        BayesianOptimizationOracle,
        GridSearchOracle,
        HyperbandOracle,
        RandomSearchOracle,
    )
    from kerastune_lite._src.compat_kerastuner.oracles import (
        BayesianOptimizationOracle as BayesianOptimization,
    )
    from kerastune_lite._src.compat_kerastuner.oracles import GridSearchOracle as GridSearch
    from kerastune_lite._src.compat_kerastuner.oracles import HyperbandOracle as Hyperband
    from kerastune_lite._src.compat_kerastuner.oracles import RandomSearchOracle as RandomSearch
    from kerastune_lite._src.core.history import TrialHistory
    from kerastune_lite._src.core.marks import Marks
    from kerastune_lite._src.core.trial import Execution, Outcome, Trial, TrialStatus

__all__ = [
    "BayesianOptimization",
    "BayesianOptimizationOracle",
    "BayesianOracle",
    "CMAESOracle",
    "EvolutionaryOracle",
    "Execution",
    "FreezeThawOracle",
    "GradientOracle",
    "GridOracle",
    "GridSearch",
    "GridSearchOracle",
    "Hyperband",
    "HyperbandOracle",
    "Marks",
    "OptunaOracle",
    "Oracle",
    "Outcome",
    "RandomOracle",
    "RandomSearch",
    "RandomSearchOracle",
    "SobolOracle",
    "Trial",
    "TrialHistory",
    "TrialStatus",
    "draw_distinct",
]

__getattr__, __dir__ = lazy_names(
    __name__,
    {
        "BayesianOptimization": "_src.compat_kerastuner.oracles:BayesianOptimizationOracle",
        "BayesianOptimizationOracle": "_src.compat_kerastuner.oracles",
        "BayesianOracle": "_src.algorithms.oracles.bayesian",
        "CMAESOracle": "_src.algorithms.oracles.cmaes",
        "EvolutionaryOracle": "_src.algorithms.oracles.evolution",
        "FreezeThawOracle": "_src.algorithms.oracles.freeze_thaw",
        "GradientOracle": "_src.algorithms.oracles.gradient",
        "Execution": "_src.core.trial",
        "GridOracle": "_src.algorithms.oracles.grid",
        "GridSearch": "_src.compat_kerastuner.oracles:GridSearchOracle",
        "GridSearchOracle": "_src.compat_kerastuner.oracles",
        "Hyperband": "_src.compat_kerastuner.oracles:HyperbandOracle",
        "HyperbandOracle": "_src.compat_kerastuner.oracles",
        "Marks": "_src.core.marks",
        "OptunaOracle": "_src.algorithms.oracles.optuna_oracle",
        "Oracle": "_src.algorithms.oracles.oracle",
        "Outcome": "_src.core.trial",
        "RandomOracle": "_src.algorithms.oracles.random",
        "RandomSearch": "_src.compat_kerastuner.oracles:RandomSearchOracle",
        "RandomSearchOracle": "_src.compat_kerastuner.oracles",
        "SobolOracle": "_src.algorithms.oracles.sobol",
        "Trial": "_src.core.trial",
        "TrialHistory": "_src.core.history",
        "TrialStatus": "_src.core.trial",
        "draw_distinct": "_src.algorithms.oracles.oracle",
    },
)
