"""The tuner, under a name of KerasTuner 1.0."""

from typing import TYPE_CHECKING

from kerastune_lite._src.util.lazy import lazy_names

if TYPE_CHECKING:
    from kerastune_lite._src.tuner.tuner import Tuner as MultiExecutionTuner

__all__ = [
    "MultiExecutionTuner",
]

__getattr__, __dir__ = lazy_names(
    __name__,
    {
        "MultiExecutionTuner": "_src.tuner.tuner:Tuner",
    },
)
