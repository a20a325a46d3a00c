"""What scripts for KerasTuner pass to a tuner, and read from it."""

from __future__ import annotations

import difflib
import functools
import inspect
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, TypeVar

from kerastune_lite._src.algorithms.oracles import oracle as core
from kerastune_lite._src.compat_kerastuner.adapted_oracle import AdaptedOracle
from kerastune_lite._src.compat_kerastuner.environment import check_environment
from kerastune_lite._src.compat_kerastuner.oracle import Oracle, customised
from kerastune_lite._src.compat_kerastuner.oracle_view import TunerOracle
from kerastune_lite._src.compat_kerastuner.overrides import OF_ORACLES
from kerastune_lite._src.compat_kerastuner.reported import Reported

_Init = TypeVar("_Init", bound=Callable[..., None])

IN_ITS_ORDER = (
    "oracle",
    "hypermodel",
    "max_model_size",
    "optimizer",
    "loss",
    "metrics",
    "distribution_strategy",
    "directory",
    "project_name",
    "logger",
    "tuner_id",
    "overwrite",
    "executions_per_trial",
)
"""The arguments of KerasTuner's `Tuner` by position."""

_READ = {
    "directory": ".",
    "project_name": "untitled_project",
    "optimizer": None,
    "loss": None,
    "metrics": None,
    "max_model_size": None,
    "logger": None,
    "tuner_id": "tuner0",
}
"""The arguments that can be read from a tuner, with their defaults."""

_OF_ORACLE = (
    "allow_new_entries",
    "max_consecutive_failed_trials",
    "max_retries_per_trial",
    "tune_new_entries",
)
"""The arguments of a tuner that can be read from its oracle."""


class TunerNames:
    """Attributes and methods of KerasTuner's tuners.

    Attributes:
        directory, project_name, optimizer, loss, metrics, max_model_size, logger, tuner_id: as
            they were given.
        of_oracle: the other arguments that were given and that its oracle shows, by name.
    """

    directory: Any
    project_name: str
    optimizer: Any
    loss: Any
    metrics: Any
    max_model_size: int | None
    logger: Any
    tuner_id: str
    project_dir: str
    of_oracle: Mapping[str, Any]

    _given_oracle: Oracle | None = None
    _user_trials: Any = None
    """The job of a search that is under way, if the user's own `run_trial` trains its trials."""

    @property
    def oracle(self) -> Oracle:
        """The trials and the space, under the names that KerasTuner's scripts use."""
        return TunerOracle(self) if self._given_oracle is None else self._given_oracle

    @oracle.setter
    def oracle(self, oracle: Oracle) -> None:
        # Scripts that do so pass it to super().__init__(), too.
        self._given_oracle = oracle

    def get_trial_dir(self, trial_id: str | int) -> str:
        """A folder for your own files about the trial `trial_id`; it is made."""
        name = trial_id if isinstance(trial_id, str) else f"{trial_id:04d}"
        folder = Path(self.project_dir, f"trial_{name}")
        folder.mkdir(parents=True, exist_ok=True)
        return str(folder)

    def save(self) -> None:
        """Does nothing: the project on disk is always up to date."""

    def get_state(self) -> dict[str, Any]:
        """The tuner's own state: none."""
        return {}

    def set_state(self, state: Mapping[str, Any]) -> None:
        """Does nothing with `state`; see `get_state`."""

    def pre_create_trial(self) -> None:
        """Does nothing; `on_trial_begin` is called before a trial."""

    # ------------------------------------------------------------------ from `run_trial`

    def _bind_oracle(self) -> None:
        if self._given_oracle is not None:
            self._given_oracle._bind(self)

    @property
    def _reported(self) -> Reported | None:
        """What the running trial reports."""
        reported: Reported | None = (
            None if self._user_trials is None else self._user_trials.reported
        )
        return reported

    def _running(self) -> Reported:
        if self._reported is None:
            raise RuntimeError(
                "update_trial() and end_trial() of tuner.oracle may only be called in run_trial(), "
                "for the trial that it received."
            )
        return self._reported


def takes_oracles(init: _Init) -> _Init:
    """Let the constructor of a tuner take KerasTuner's oracles and arguments, too.

    Args:
        init: the constructor.
    """

    known = list(inspect.signature(init).parameters)[1:]

    @functools.wraps(init)
    def constructed(self: Any, *args: Any, **kwargs: Any) -> None:
        check_environment()
        if args and isinstance(args[0], core.Oracle):
            kwargs |= _by_name(args, kwargs)
            args = ()
        read = {name: kwargs.get(name) or default for name, default in _READ.items()}
        for name in ("logger", "tuner_id"):
            kwargs.pop(name, None)
        _check(type(self).__name__, args, kwargs, known)
        oracle = kwargs.get("oracle")
        vars(self).pop("_given_oracle", None)
        if isinstance(oracle, Oracle) and not customised(oracle, "propose"):
            kwargs = _with_arguments_of(oracle, args, kwargs)
            vars(self)["_given_oracle"] = oracle
            oracle._bind(self)
        of_oracle = {name: kwargs[name] for name in _OF_ORACLE if name in kwargs}
        vars(self).update(read, of_oracle=of_oracle)
        init(self, *args, **kwargs)

    return constructed  # type: ignore[return-value]


def _check(
    tuner: str, args: tuple[Any, ...], kwargs: Mapping[str, Any], known: Sequence[str]
) -> None:
    """Raise for arguments that a tuner does not take, and for objects of KerasTuner itself.

    Args:
        tuner: the name of its class.
        known: the names of its arguments, in their order.

    Raises:
        TypeError: there are some.
    """
    for name, value in {**dict(zip(known, args)), **kwargs}.items():
        if name not in known:
            near = difflib.get_close_matches(name, known, 1)
            meant = f" Did you mean `{near[0]}`?" if near else ""
            raise TypeError(f"{tuner} has no argument `{name}`.{meant}")
        kind = type(value)
        # A HyperModel of KerasTuner's has a build and a fit, which is all that is needed.
        if kind.__module__.partition(".")[0] == "keras_tuner" and name != "hypermodel":
            raise TypeError(
                f"`{name}` is KerasTuner's {kind.__name__}: import it from kerastune_lite "
                "instead. The command `kerastune migrate SCRIPT --write` changes all imports of a "
                "script."
            )


def _by_name(args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> dict[str, Any]:
    """KerasTuner's arguments by name."""
    named = dict(zip(IN_ITS_ORDER, args))
    twice = [name for name in named if name in kwargs]
    if twice or len(args) > len(IN_ITS_ORDER):
        what = f"{twice[0]!r} twice" if twice else f"{len(args)} arguments by position"
        raise TypeError(
            "A tuner whose first argument is an oracle takes its arguments in the order "
            f"{', '.join(IN_ITS_ORDER)}. Received: {what}."
        )
    return named


def _with_arguments_of(
    oracle: Oracle, args: tuple[Any, ...], kwargs: Mapping[str, Any]
) -> dict[str, Any]:
    """The arguments of a tuner together with those that its oracle holds.

    Raises:
        TypeError: an argument of the oracle was given to the tuner.
    """
    brought = oracle._of_tuner()
    given = {**dict(zip(("hypermodel", "objective", "max_trials"), args)), **kwargs}
    twice = [name for name in brought if given.get(name) is not None]
    if twice:
        raise TypeError(
            f"{type(oracle).__name__} holds the settings of its search. Received: {twice[0]}= for "
            f"the tuner. Write {type(oracle).__name__}(..., {twice[0]}=...)."
        )
    plain = not customised(oracle, *OF_ORACLES) and type(oracle) is not Oracle
    return {**kwargs, **brought, "oracle": oracle._algorithm if plain else AdaptedOracle(oracle)}
