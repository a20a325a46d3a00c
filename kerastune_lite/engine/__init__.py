"""KerasTuner's package of this name, for scripts that were written for it."""

from typing import TYPE_CHECKING

from kerastune_lite._src.util.lazy import lazy_names

if TYPE_CHECKING:
    from kerastune_lite.engine import hyperparameters

__all__ = ["hyperparameters"]

__getattr__, __dir__ = lazy_names(__name__, {"hyperparameters": "engine.hyperparameters"})
