"""What a project is searched with, as JSON, and what may change when it is reopened."""

from __future__ import annotations

import importlib.metadata
import logging
import platform
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from kerastune_lite._src.algorithms.oracles.oracle import Oracle
from kerastune_lite._src.algorithms.schedulers.scheduler import Scheduler
from kerastune_lite._src.space.hyperparameters import HyperParameters
from kerastune_lite._src.space.parameters import Parameter, Space
from kerastune_lite._src.util.checksums import changed
from kerastune_lite._src.util.describing import described
from kerastune_lite._src.util.errors import SettingsMismatchError

COMPARABLE = ("objective", "oracle", "scheduler", "executions_per_trial", "seed", "compile")
"""Settings on which the meaning of finished trials depends."""

_PACKAGES = ("kerastune_lite", "keras", "tensorflow", "numpy", "tensorboard")

logger = logging.getLogger(__name__)


def versions() -> dict[str, str]:
    """The versions of Python and of the packages that bear on results."""
    found = {"python": platform.python_version()}
    for package in _PACKAGES:
        try:
            found[package] = importlib.metadata.version(package)
        except importlib.metadata.PackageNotFoundError:
            continue
    return found


def check_counts(**counts: Any) -> None:
    """Refuse numbers of trials, retries, ... that mean nothing.

    Raises:
        TypeError: not a number.
        ValueError: too small.
    """
    at_least = {
        "max_retries_per_trial": 0,
        "keep_checkpoints": 0,
        "seed": 0,
        "max_time": 0,
    }
    for name, value in counts.items():
        if value is None:
            continue
        kinds = (int, float) if name == "max_time" else (int, np.integer)
        if isinstance(value, bool) or not isinstance(value, kinds):
            kind = "a number of seconds" if name == "max_time" else "a whole number"
            raise TypeError(f"`{name}` must be {kind}. Received: {value!r}.")
        if value < at_least.get(name, 1):
            raise ValueError(
                f"`{name}` must be at least {at_least.get(name, 1)}. Received: {name}={value}."
            )


def check_parts(oracle: Any, scheduler: Any, hyperparameters: Any) -> None:
    """Refuse what is no oracle, no scheduler, no HyperParameters; None is always right.

    Raises:
        TypeError: something else was given.
    """
    check_part("oracle", oracle, Oracle, "kerastune_lite.oracles.BayesianOracle()")
    example = "kerastune_lite.schedulers.Hyperband(max_epochs=27)"
    check_part("scheduler", scheduler, Scheduler, example)
    if not isinstance(hyperparameters, (HyperParameters, type(None))):
        raise TypeError(
            "`hyperparameters` must be a kerastune_lite.HyperParameters in which some were "
            "declared: hp = kerastune_lite.HyperParameters(); hp.Int('units', 8, 64). "
            f"Received: {hyperparameters!r} of type {type(hyperparameters).__name__}."
        )


def check_part(name: str, given: Any, kind: type, example: str) -> None:
    """Refuse what is no oracle or no scheduler.

    Args:
        name: of the argument.
        kind: what it must be an instance of, unless it is None.
        example: of a right one.

    Raises:
        TypeError: it is something else.
    """
    if given is None or isinstance(given, kind):
        return
    if isinstance(given, type) and issubclass(given, kind):
        raise TypeError(
            f"`{name}` must be an instance. Received the class {given.__name__}: write "
            f"{given.__name__}(...)."
        )
    what = f"{given!r} of type {type(given).__name__}"
    if isinstance(given, type):
        what = f"the class {given.__module__}.{given.__name__}"
    raise TypeError(
        f"`{name}` must be one of kerastune_lite.{name}s, such as {example}. Received: {what}."
    )


def check_trainable(hypermodel: Any, trains_itself: bool) -> None:
    """Refuse a tuner that has nothing to train.

    Args:
        trains_itself: whether its class overrides `run_trial`.

    Raises:
        ValueError: it has neither a hypermodel nor that.
    """
    if hypermodel is None and not trains_itself:
        raise ValueError(
            "A tuner needs a `hypermodel`, or a subclass that overrides run_trial(). Received "
            "neither: pass your function build(hp) as the first argument."
        )


def check_settings(
    stored: Mapping[str, Any], current: Mapping[str, Any], where: str, has_scores: bool
) -> None:
    """Refuse settings under which old and new trials could not be compared.

    Args:
        stored, current: as JSON.
        where: the project's folder, for the message.
        has_scores: whether any trial was completed; without one nothing can clash.

    Raises:
        SettingsMismatchError: with each setting that differs, and the ways out.
    """
    if not has_scores:
        return
    differences = [
        f"  {name}: {_shown(stored[name])} in the project, {_shown(current[name])} now"
        for name in COMPARABLE
        if name in stored and _as_before(stored[name]) != _as_before(current[name])
    ]
    if differences:
        raise SettingsMismatchError(_refusal(where, differences))


def _as_before(told: Any) -> Any:
    """A description as earlier versions wrote it: functions without those that they are within."""
    if isinstance(told, str):
        return told.rpartition("<locals>.")[2]
    if isinstance(told, list):
        return [_as_before(each) for each in told]
    if isinstance(told, Mapping):
        return {name: _as_before(each) for name, each in told.items()}
    return told


def check_space(stored: Space, current: Space, where: str, has_scores: bool) -> list[Parameter]:
    """The parameters of `current` that the project does not hold yet, or holds narrower.

    Raises:
        SettingsMismatchError: a domain was narrowed or changed, so that values which were tried
            are no longer possible.
    """
    adopted, differences = [], []
    for parameter in current:
        earlier = stored.find(*parameter.identity)
        if earlier is None or (
            parameter.domain != earlier.domain
            and (parameter.domain.covers(earlier.domain) or not has_scores)
        ):
            adopted.append(parameter)
        elif parameter.domain != earlier.domain:
            differences.append(
                f"  {parameter.name}: {earlier.domain.describe()} in the project, "
                f"{parameter.domain.describe()} now"
            )
    if differences:
        raise SettingsMismatchError(_refusal(where, differences))
    return adopted


def changed_fit_arguments(stored: Mapping[str, Any], current: Mapping[str, Any]) -> list[str]:
    """What differs between the arguments of two calls of `search()`, in words."""
    return [
        difference
        for name in [*stored, *(name for name in current if name not in stored)]
        for difference in _differences(
            name, stored.get(name, "not given"), current.get(name, "not given")
        )
    ]


def _differences(name: str, before: Any, now: Any) -> list[str]:
    """What differs, in the smallest parts that have names or places."""
    if before == now:
        return []
    old, new = _parts(before), _parts(now)
    if old and list(old) == list(new):
        return [each for key in old for each in _differences(f"{name}{key}", old[key], new[key])]
    return [f"{name}: {before} before, {now} now"]


def _parts(told: Any) -> dict[str, Any]:
    """The parameters of an object, as `described` tells it, or the members of a list of such."""
    if isinstance(told, Mapping) and set(told) == {"class", "parameters"}:
        parameters = told["parameters"]
        if isinstance(parameters, Mapping):
            # With the class in their names those of two classes are not compared.
            return {f" {told['class']}.{key}": each for key, each in parameters.items()}
    if isinstance(told, list) and any(isinstance(each, (list, Mapping)) for each in told):
        return {f"[{place}]": each for place, each in enumerate(told)}
    return {}


def warn_of_fit_arguments(
    stored: Mapping[str, Any], current: Mapping[str, Any], folder: str
) -> None:
    """Say in the log what differs between the arguments of two calls of `search()`.

    Args:
        stored, current: with the arguments as described under "fit" and their checksums under
            "data", which earlier versions did not keep.
        folder: of the project.
    """
    differences = changed_fit_arguments(stored.get("fit", {}), current["fit"])
    for difference in differences + changed(stored.get("data", {}), current["data"]):
        logger.warning(
            "%s: search() has other arguments than before: %s. Earlier trials keep their scores.",
            folder,
            difference,
        )


def described_fit_arguments(args: Sequence[Any], kwargs: Mapping[str, Any]) -> dict[str, Any]:
    """The arguments of `search()` as far as they can be told apart later: scalars and shapes."""
    named = {f"argument {i}": value for i, value in enumerate(args)}
    named.update(kwargs)
    return {
        name: described(value, values=False) for name, value in named.items() if name != "verbose"
    }


def _shown(value: Any) -> str:
    if isinstance(value, Mapping) and "name" in value:
        return f"{value['name']} ({value.get('direction')})"
    if isinstance(value, Mapping) and set(value) == {"type"}:
        return str(value["type"])
    return repr(value)


def _refusal(where: str, differences: Sequence[str]) -> str:
    return (
        f"The finished trials in {where} do not fit what this search would do:\n"
        + "\n".join(differences)
        + "\nGo back to the project's settings, choose another project_name, or start afresh with "
        "overwrite=True (which deletes the project's trials)."
    )
