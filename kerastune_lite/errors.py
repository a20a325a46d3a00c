"""The exceptions that users meet. Names follow KerasTuner where it has one."""

from typing import TYPE_CHECKING

from kerastune_lite._src.util.lazy import lazy_names

if TYPE_CHECKING:
    from kerastune_lite._src.util.errors import (
        FailedTrialError,
        FatalError,
        FatalRuntimeError,
        FatalTypeError,
        FatalValueError,
        ProjectInUseError,
        SettingsMismatchError,
        StoreError,
    )

__all__ = [
    "FailedTrialError",
    "FatalError",
    "FatalRuntimeError",
    "FatalTypeError",
    "FatalValueError",
    "ProjectInUseError",
    "SettingsMismatchError",
    "StoreError",
]

__getattr__, __dir__ = lazy_names(
    __name__,
    {
        "FailedTrialError": "_src.util.errors",
        "FatalError": "_src.util.errors",
        "FatalRuntimeError": "_src.util.errors",
        "FatalTypeError": "_src.util.errors",
        "FatalValueError": "_src.util.errors",
        "ProjectInUseError": "_src.util.errors",
        "SettingsMismatchError": "_src.util.errors",
        "StoreError": "_src.util.errors",
    },
)
