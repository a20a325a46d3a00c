"""Reading the search space from `build(hp)`: run it until every conditional scope was active."""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import Any

from kerastune_lite._src.space.domains import Value
from kerastune_lite._src.space.hyperparameters import HyperParameters
from kerastune_lite._src.space.parameters import Condition, Parameter, Space
from kerastune_lite._src.util.errors import FatalError, FatalRuntimeError
from kerastune_lite._src.util.public import public

logger = logging.getLogger(__name__)

MAX_BUILDS = 500
"""The largest number of builds."""

Scope = tuple[Condition, ...]
Demands = dict[str, list[Value]]
"""The values that make some scopes active, by parameter."""


@public("kerastune_lite.hyperparameters")
def read_space(
    build: Callable[[HyperParameters], Any],
    space: Space | None = None,
    max_builds: int = MAX_BUILDS,
) -> Space:
    """The search space that `build` declares.

    The first build uses the defaults. Each further build makes at least one conditional scope
    active that was not active before, and as many others as possible: a choice with six scopes
    takes at most six builds, and two such choices take no more.

    Args:
        build: a function of an `hp`; its result is ignored.
        space: known parameters; they take precedence over those that `build` declares.
        max_builds: the largest number of builds.

    Returns:
        The known parameters, followed by the new ones.

    Raises:
        FatalRuntimeError: some scopes were never active in `max_builds` builds.
        FatalError: `build` raised it.
        Exception: the first build raised it.

    Example:
        >>> from kerastune_lite.hyperparameters import read_space
        >>> def build(hp):
        ...     hp.Choice("optimizer", ["adam", "sgd"])
        ...     with hp.conditional_scope("optimizer", ["sgd"]):
        ...         hp.Float("momentum", 0.0, 0.9)
        >>> read_space(build).names
        ['optimizer', 'momentum']
    """
    known = Space() if space is None else space
    met: dict[Scope, None] = {}
    tried: set[Scope] = set()
    demands: Demands = {}
    latest: Condition | None = None
    for number in range(max_builds):
        hp = _hp_meeting(demands, known)
        try:
            build(hp)
        except Exception as error:
            if number == 0 or isinstance(error, FatalError):
                raise
            # The search reports a combination that cannot be built when it tries it.
            logger.warning("build(hp) failed while reading the space at %s: %r", hp, error)
        known = hp.space
        met.update(dict.fromkeys(hp.entered_scopes))
        tried.update(scope for scope, active in hp.entered_scopes.items() if active)
        target, demands = _plan([scope for scope in met if scope not in tried], known)
        if target is None:
            return known
        # One try for each target: `build` may never open it under its conditions. The other scopes
        # of the plan count as tried only once they were active, because a build may fail earlier.
        tried.add(target)
        latest = target[-1]
    raise FatalRuntimeError(
        f"The search space must be complete after {max_builds} builds, but build(hp) still opens "
        f"new conditional scopes, the latest on {latest}. Do the names or values in "
        "conditional_scope(...) change from call to call?"
    )


def _plan(waiting: list[Scope], space: Space) -> tuple[Scope | None, Demands]:
    """The first scope that can be active, and the values for it and all compatible scopes."""
    target: Scope | None = None
    demands: Demands = {}
    for scope in waiting:
        merged = _demand(scope, space, demands)
        if merged is not None:
            demands = merged
            target = target or scope
    return target, demands


def _demand(
    conditions: Scope, space: Space, demands: Demands, settled: frozenset[Condition] = frozenset()
) -> Demands | None:
    """`demands` narrowed so that `conditions` hold, or None if they exclude each other."""
    if not conditions:
        return demands
    first, rest = conditions[0], conditions[1:]
    if first in settled:
        return _demand(rest, space, demands, settled)
    allowed = [value for value in demands.get(first.name, first.values) if value in first.values]
    for parent in space.named(first.name):
        members = [value for value in allowed if parent.domain.contains(value)]
        if members:
            # The parent has to be active, too; any parameter of its name will do.
            narrowed = _demand(
                (*rest, *parent.conditions),
                space,
                {**demands, first.name: members},
                settled | {first},
            )
            if narrowed is not None:
                return narrowed
    return None


def _hp_meeting(demands: Demands, space: Space) -> HyperParameters:
    """An `hp` with the demanded values, and defaults for all others."""

    def choose(parameter: Parameter) -> Value:
        for value in demands.get(parameter.name, ()):
            if parameter.domain.contains(value):
                return value
        return parameter.default

    return HyperParameters(space, space.walk(choose), fill=choose)
