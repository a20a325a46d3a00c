"""The exceptions that users meet. Names follow KerasTuner where it has one."""

from __future__ import annotations

from kerastune_lite._src.util.public import public


@public("kerastune_lite.errors")
class FailedTrialError(Exception):
    """Raise it in `build` or `fit` to reject a trial, whose values cannot work.

    It is FAILED, with no retry, and does not count among failures in a row.
    """


@public("kerastune_lite.errors")
class FatalError(Exception):
    """Raise it in `build` or `fit` to stop the whole search."""


@public("kerastune_lite.errors")
class FatalValueError(FatalError, ValueError):
    """A value that no trial can work with."""


@public("kerastune_lite.errors")
class FatalTypeError(FatalError, TypeError):
    """A type that no trial can work with."""


@public("kerastune_lite.errors")
class FatalRuntimeError(FatalError, RuntimeError):
    """A condition that no trial can work with."""


@public("kerastune_lite.errors")
class StoreError(RuntimeError):
    """The project on disk cannot be read or written; the message names the file."""


@public("kerastune_lite.errors")
class ProjectInUseError(StoreError):
    """Another process is writing the project; the message holds its process id."""


@public("kerastune_lite.errors")
class SettingsMismatchError(StoreError, ValueError):
    """A project was reopened with settings that its finished trials do not fit."""
