"""The exceptions that users meet. Names follow KerasTuner where it has one."""

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
