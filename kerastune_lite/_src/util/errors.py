"""The exceptions that users meet. Names follow KerasTuner where it has one."""

from __future__ import annotations

from kerastune_lite._src.util.public import public


@public("kerastune_lite.errors")
class FailedTrialError(Exception):
    """Raise it in `build` or `fit` to reject a trial whose values cannot work.

    The trial is FAILED and not tried again; it does not count as a failure in a row
    (`max_consecutive_failed_trials`).
    """


@public("kerastune_lite.errors")
class FatalError(Exception):
    """Raise it in `build` or `fit` to stop the whole search."""


@public("kerastune_lite.errors")
class FatalValueError(FatalError, ValueError):
    """Raise it in `build` or `fit` for a value with which no trial can work; the search stops."""


@public("kerastune_lite.errors")
class FatalTypeError(FatalError, TypeError):
    """Raise it in `build` or `fit` for a type with which no trial can work; the search stops."""


@public("kerastune_lite.errors")
class FatalRuntimeError(FatalError, RuntimeError):
    """Raise it in `build` or `fit` for a state in which no trial can work; the search stops."""


@public("kerastune_lite.errors")
class StoreError(RuntimeError):
    """The project on disk cannot be read or written; the message names the file."""


@public("kerastune_lite.errors")
class ProjectInUseError(StoreError):
    """Another process is writing the project; the message names its process id."""


@public("kerastune_lite.errors")
class SettingsMismatchError(StoreError, ValueError):
    """A project was reopened with settings that do not fit its finished trials."""
