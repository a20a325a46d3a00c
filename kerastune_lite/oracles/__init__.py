"""What to try: random and exhaustive search. Each oracle is a function of the history."""

from kerastune_lite.oracles.base import Oracle
from kerastune_lite.oracles.grid import GridOracle
from kerastune_lite.oracles.random import RandomOracle

__all__ = ["GridOracle", "Oracle", "RandomOracle"]
