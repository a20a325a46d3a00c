"""The exceptions that users meet. Names follow KerasTuner where it has one."""

from __future__ import annotations


class FailedTrialError(Exception):
    """Raise it in `build` or `fit` to reject a trial, whose values cannot work.

    It is FAILED, with no retry, and does not count among failures in a row.
    """


class FatalError(Exception):
    """Raise it in `build` or `fit` to stop the whole search."""


class FatalValueError(FatalError, ValueError):
    """A value that no trial can work with."""


class FatalTypeError(FatalError, TypeError):
    """A type that no trial can work with."""


class FatalRuntimeError(FatalError, RuntimeError):
    """A condition that no trial can work with."""


class StoreError(RuntimeError):
    """The project on disk cannot be read or written; the message names the file."""


class ProjectInUseError(StoreError):
    """Another process is writing the project; the message holds its process id."""


class SettingsMismatchError(StoreError, ValueError):
    """A project was reopened with settings that its finished trials do not fit."""
