"""The tuner."""

from typing import TYPE_CHECKING

from kerastune_lite._src.util.lazy import lazy_names

if TYPE_CHECKING:
    from kerastune_lite._src.keras.strategies import maybe_distribute
    from kerastune_lite._src.tuner.tuner import Tuner

__all__ = [
    "Tuner",
    "maybe_distribute",
]

__getattr__, __dir__ = lazy_names(
    __name__,
    {
        "Tuner": "_src.tuner.tuner",
        "maybe_distribute": "_src.keras.strategies",
    },
)
