"""The tuner, under the name of KerasTuner's base class."""

from typing import TYPE_CHECKING

from kerastune_lite._src.util.lazy import lazy_names

if TYPE_CHECKING:
    from kerastune_lite._src.tuner.tuner import Tuner as BaseTuner

__all__ = [
    "BaseTuner",
]

__getattr__, __dir__ = lazy_names(
    __name__,
    {
        "BaseTuner": "_src.tuner.tuner:Tuner",
    },
)
