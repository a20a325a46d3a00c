"""KerasTuner's trials."""

from typing import TYPE_CHECKING

from kerastune_lite._src.util.lazy import lazy_names

if TYPE_CHECKING:
    from kerastune_lite._src.compat_kerastuner.trials import Trial, TrialStatus

__all__ = [
    "Trial",
    "TrialStatus",
]

__getattr__, __dir__ = lazy_names(
    __name__,
    {
        "Trial": "_src.compat_kerastuner.trials",
        "TrialStatus": "_src.compat_kerastuner.trials",
    },
)
