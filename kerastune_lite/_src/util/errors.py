"""The exceptions that users meet. Names follow KerasTuner where it has one."""

from __future__ import annotations

from kerastune_lite._src.util.public import public


@public("kerastune_lite.errors")
class FailedTrialError(Exception):
    """Raise it in `build` or `fit` to reject a trial whose values cannot work.

    The trial is FAILED and not tried again; it does not count as a failure in a row
    (`max_consecutive_failed_trials`).

    Example:
        >>> def inverse(x):
        ...     if x == 0:
        ...         raise kt.errors.FailedTrialError("There is no inverse of 0.")
        ...     return 1 / x
        >>> tuner = kt.tune_function(inverse, {"x": [0, 1, 2]}, max_trials=3, verbose=0)
        >>> {trial.values["x"]: str(trial.status) for trial in tuner.trials}[0]
        'FAILED'
    """


@public("kerastune_lite.errors")
class FatalError(Exception):
    """Raise it in `build` or `fit` to stop the whole search.

    Example:
        >>> def measure(x):
        ...     raise kt.errors.FatalError("The instrument is switched off.")
        >>> try:
        ...     tuner = kt.tune_function(measure, {"x": [0, 1, 2]}, verbose=0)
        ... except kt.errors.FatalError as error:
        ...     print(error)
        The instrument is switched off.
    """


@public("kerastune_lite.errors")
class FatalValueError(FatalError, ValueError):
    """Raise it in `build` or `fit` for a value with which no trial can work; the search stops.

    Example:
        >>> issubclass(kt.errors.FatalValueError, (kt.errors.FatalError, ValueError))
        True
    """


@public("kerastune_lite.errors")
class FatalTypeError(FatalError, TypeError):
    """Raise it in `build` or `fit` for a type with which no trial can work; the search stops.

    Example:
        >>> issubclass(kt.errors.FatalTypeError, (kt.errors.FatalError, TypeError))
        True
    """


@public("kerastune_lite.errors")
class FatalRuntimeError(FatalError, RuntimeError):
    """Raise it in `build` or `fit` for a state in which no trial can work; the search stops.

    Example:
        >>> issubclass(kt.errors.FatalRuntimeError, (kt.errors.FatalError, RuntimeError))
        True
    """


@public("kerastune_lite.errors")
class StoreError(RuntimeError):
    """The project on disk cannot be read or written; the message names the file.

    Example:
        >>> try:
        ...     kt.open_project("no/such/folder")
        ... except kt.errors.StoreError as error:
        ...     print("There is nothing to open.")
        There is nothing to open.
    """


@public("kerastune_lite.errors")
class ProjectInUseError(StoreError):
    """Another process is writing the project; the message names its process id.

    Example:
        >>> def search(tuner):
        ...     try:
        ...         tuner.search(x, y, validation_split=0.25)
        ...     except kt.errors.ProjectInUseError as error:
        ...         print(f"Wait until it has ended: {error}")
    """


@public("kerastune_lite.errors")
class SettingsMismatchError(StoreError, ValueError):
    """A project was reopened with settings that do not fit its finished trials.

    Example:
        >>> settings = {"max_trials": 1, "directory": "runs", "project_name": "mismatch"}
        >>> kt.Tuner(build, "val_loss", **settings).search(x, y, validation_split=0.25, verbose=0)
        >>> try:
        ...     kt.Tuner(build, "loss", **settings)
        ... except kt.errors.SettingsMismatchError:
        ...     print("Take another project_name, or overwrite=True.")
        Take another project_name, or overwrite=True.
    """
