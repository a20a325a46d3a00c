"""The settings of a project, as JSON, and what may change when it is reopened."""

from __future__ import annotations

import importlib.metadata
import logging
import platform
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from kerastune_lite._src.algorithms.oracles.oracle import Oracle
from kerastune_lite._src.algorithms.schedulers.scheduler import Scheduler
from kerastune_lite._src.core.goals import Goals, objective_from_json
from kerastune_lite._src.core.objective import Objective
from kerastune_lite._src.space.hyperparameters import HyperParameters
from kerastune_lite._src.space.parameters import Parameter, Space
from kerastune_lite._src.util.checksums import changed
from kerastune_lite._src.util.describing import described
from kerastune_lite._src.util.errors import SettingsMismatchError

COMPARABLE = ("objective", "oracle", "scheduler", "executions_per_trial", "seed", "compile")
"""Settings that must not change: finished trials depend on them."""

_PACKAGES = ("kerastune_lite", "keras", "tensorflow", "numpy", "tensorboard")

logger = logging.getLogger(__name__)


def versions() -> dict[str, str]:
    """The versions of Python and of the packages that influence results."""
    found = {"python": platform.python_version()}
    for package in _PACKAGES:
        try:
            found[package] = importlib.metadata.version(package)
        except importlib.metadata.PackageNotFoundError:
            continue
    return found


def check_counts(**counts: Any) -> None:
    """Refuse invalid numbers of trials, retries, ...

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


def trials_of(max_trials: Any, scheduler: Any) -> Any:
    """The total number of trials; "auto" is what the scheduler says."""
    if isinstance(max_trials, str) and max_trials == "auto":
        kind = scheduler if isinstance(scheduler, Scheduler) else Scheduler
        return kind.default_trials
    return max_trials


def check_parts(oracle: Any, scheduler: Any, hyperparameters: Any) -> None:
    """Refuse arguments that are not an oracle, a scheduler, HyperParameters; None is valid.

    Raises:
        TypeError: an argument has another type.
    """
    check_part("oracle", oracle, Oracle, "kerastune_lite.oracles.BayesianOracle()")
    example = "kerastune_lite.schedulers.Hyperband(max_epochs=27)"
    check_part("scheduler", scheduler, Scheduler, example)
    if not isinstance(hyperparameters, (HyperParameters, type(None))):
        raise TypeError(
            "`hyperparameters` must be a kerastune_lite.HyperParameters with some "
            "declarations: hp = kerastune_lite.HyperParameters(); hp.Int('units', 8, 64). "
            f"Received: {hyperparameters!r} of type {type(hyperparameters).__name__}."
        )


def check_goals(scheduler: Scheduler, goals: Objective) -> None:
    """Refuse several objectives, and constraints, if the scheduler has no use for them.

    Raises:
        ValueError: it has none.
    """
    if not scheduler.takes_several_goals and isinstance(goals, Goals):
        raise ValueError(
            f"{type(scheduler).__name__} has a model of one loss, so it takes one objective and no "
            f"constraints. Received: {_named(goals)}. Write a weighted sum as one objective, or "
            "take another scheduler, such as Hyperband or ASHA."
        )


def _named(goals: Goals) -> str:
    named = [each.name for each in goals.objectives]
    return ", ".join([*named, *(f"the constraint {each}" for each in goals.constraints)])


def refuse_gradients(received: str) -> None:
    """Say that there are no gradients.

    Args:
        received: what trains instead of `model.fit`.

    Raises:
        ValueError: always.
    """
    raise ValueError(
        "GradientOracle needs to know the steps of a training, which are those of model.fit(). "
        f"Received: {received}. Take another oracle, BayesianOracle() for example."
    )


def check_part(name: str, given: Any, kind: type, example: str) -> None:
    """Refuse an argument of the wrong type.

    Args:
        name: of the argument.
        kind: its type, unless it is None.
        example: a valid argument.

    Raises:
        TypeError: it has another type.
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
        f"`{name}` must be one of {example.rpartition('.')[0]}, such as {example}. Received: "
        f"{what}."
    )


def check_trainable(hypermodel: Any, trains_itself: bool) -> None:
    """Refuse a tuner that has nothing to train.

    Args:
        trains_itself: whether the class of the tuner overrides `run_trial`.

    Raises:
        ValueError: there is neither a hypermodel nor an own `run_trial`.
    """
    if hypermodel is None and not trains_itself:
        raise ValueError(
            "A tuner needs a `hypermodel`, or a subclass that overrides run_trial(). Received "
            "neither: pass your function build(hp) as the first argument."
        )


def check_settings(
    stored: Mapping[str, Any], current: Mapping[str, Any], where: str, has_scores: bool
) -> None:
    """Refuse settings with which old and new trials could not be compared.

    Args:
        stored, current: as JSON.
        where: the project's folder, for the message.
        has_scores: whether any trial was completed; otherwise all settings are valid.

    Raises:
        SettingsMismatchError: settings differ; the message lists them.
    """
    if not has_scores:
        return
    differences = [
        f"  {name}: {_shown(name, stored[name])} in the project, {_shown(name, current[name])} now"
        for name in COMPARABLE
        if name in stored and _as_before(stored[name]) != _as_before(current[name])
    ]
    if not differences:
        return
    if isinstance(stored.get("objective"), list) and "objectives" in current["objective"]:
        # Before there was `Sum`, a list was added up.
        differences.append(
            "  The project's objective is the sum: objective=kerastune_lite.objectives.Sum([...])."
        )
    raise SettingsMismatchError(_refusal(where, differences))


def _as_before(told: Any) -> Any:
    """A description as in earlier versions: names of functions without enclosing functions."""
    if isinstance(told, str):
        return told.rpartition("<locals>.")[2]
    if isinstance(told, list):
        return [_as_before(each) for each in told]
    if isinstance(told, Mapping):
        return {name: _as_before(each) for name, each in told.items()}
    return told


def check_space(stored: Space, current: Space, where: str, has_scores: bool) -> list[Parameter]:
    """The parameters of `current` that are new, or have a wider domain than in the project.

    Raises:
        SettingsMismatchError: a domain was narrowed or changed, so that values that were tried
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
    """Texts on how the arguments of two calls of `search()` differ."""
    return [
        difference
        for name in [*stored, *(name for name in current if name not in stored)]
        for difference in _differences(
            name, stored.get(name, "not given"), current.get(name, "not given")
        )
    ]


def _differences(name: str, before: Any, now: Any) -> list[str]:
    """Texts on how two descriptions differ, as detailed as possible."""
    if before == now:
        return []
    old, new = _parts(before), _parts(now)
    if old and list(old) == list(new):
        return [each for key in old for each in _differences(f"{name}{key}", old[key], new[key])]
    return [f"{name}: {before} before, {now} now"]


def _parts(told: Any) -> dict[str, Any]:
    """The parameters of a described object, or the members of a list of such objects."""
    if isinstance(told, Mapping) and set(told) == {"class", "parameters"}:
        parameters = told["parameters"]
        if isinstance(parameters, Mapping):
            # The name of the class prevents that parameters of two classes are compared.
            return {f" {told['class']}.{key}": each for key, each in parameters.items()}
    if isinstance(told, list) and any(isinstance(each, (list, Mapping)) for each in told):
        return {f"[{place}]": each for place, each in enumerate(told)}
    return {}


def warn_of_fit_arguments(
    stored: Mapping[str, Any], current: Mapping[str, Any], folder: str
) -> None:
    """Log how the arguments of two calls of `search()` differ.

    Args:
        stored, current: with the arguments as described under "fit" and their checksums under
            "data", which earlier versions did not keep.
        folder: of the project.
    """
    differences = changed_fit_arguments(stored.get("fit", {}), current["fit"])
    for difference in differences + changed(stored.get("data", {}), current["data"]):
        logger.warning(
            "%s: the arguments of search() have changed: %s. Earlier trials keep their scores.",
            folder,
            difference,
        )


def described_fit_arguments(args: Sequence[Any], kwargs: Mapping[str, Any]) -> dict[str, Any]:
    """The arguments of `search()` as JSON: scalars and shapes."""
    named = {f"argument {i}": value for i, value in enumerate(args)}
    named.update(kwargs)
    return {
        name: described(value, values=False) for name, value in named.items() if name != "verbose"
    }


def _shown(name: str, value: Any) -> str:
    if name == "objective" and value is not None:
        from kerastune_lite._src.views.tables import objective_text

        return objective_text(objective_from_json(value))
    if isinstance(value, Mapping) and set(value) == {"type"}:
        return str(value["type"])
    return repr(value)


def _refusal(where: str, differences: Sequence[str]) -> str:
    return (
        f"The finished trials in {where} do not fit the settings of this search:\n"
        + "\n".join(differences)
        + "\nUse the project's settings, choose another project_name, or start again with "
        "overwrite=True (which deletes the project's trials)."
    )
