"""What to try: random, quasi-random, exhaustive, Bayesian and evolutionary search.

Each oracle is a function of the history. Names are loaded when they are first used: SciPy, which
some of them need, takes a while.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

_HOMES = {
    "BayesianOracle": "bayesian",
    "EvolutionaryOracle": "evolution",
    "GridOracle": "grid",
    "Oracle": "base",
    "RandomOracle": "random",
    "SobolOracle": "sobol",
}

if TYPE_CHECKING:
    from kerastune_lite.oracles.base import Oracle
    from kerastune_lite.oracles.bayesian import BayesianOracle
    from kerastune_lite.oracles.evolution import EvolutionaryOracle
    from kerastune_lite.oracles.grid import GridOracle
    from kerastune_lite.oracles.random import RandomOracle
    from kerastune_lite.oracles.sobol import SobolOracle

__all__ = [
    "BayesianOracle",
    "EvolutionaryOracle",
    "GridOracle",
    "Oracle",
    "RandomOracle",
    "SobolOracle",
]


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"kerastune_lite.oracles has no {name!r}. It offers: {__all__}.")
    value = getattr(importlib.import_module(f"kerastune_lite.oracles.{_HOMES[name]}"), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return __all__
