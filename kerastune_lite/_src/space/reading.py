"""Reading a space off `build(hp)`: run it, and enter every conditional branch at least once."""

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
"""How many builds reading may take before the builder counts as one that never settles."""

Scope = tuple[Condition, ...]
Demands = dict[str, list[Value]]
"""By parameter, the values that put some scopes in force."""


@public("kerastune_lite.hyperparameters")
def read_space(
    build: Callable[[HyperParameters], Any],
    space: Space | None = None,
    max_builds: int = MAX_BUILDS,
) -> Space:
    """The space that `build` declares, on top of `space`.

    The first build has the defaults. Each further one enters at least one conditional scope that
    was only met while inactive, and as many others as are compatible with it, so a switch with
    six scopes takes at most six builds, and two of them beside each other take no more. Scopes
    that no values of the known parameters can enter take none.

    Args:
        build: called with an `hp`; its result is not looked at.
        space: parameters given beforehand; their domains win.
        max_builds: where to give up.

    Raises:
        FatalRuntimeError: after `max_builds` builds there were still new scopes to enter.
        FatalError: whichever a build raises.
        Exception: whatever the first build, the one with the defaults, raises.
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
            # An impossible combination is the search's to report when it is tried in earnest.
            logger.warning("build(hp) failed while reading the space at %s: %r", hp, error)
        known = hp.space
        met.update(dict.fromkeys(hp.entered_scopes))
        tried.update(scope for scope, active in hp.entered_scopes.items() if active)
        target, demands = _plan([scope for scope in met if scope not in tried], known)
        if target is None:
            return known
        # One try each, or a scope that the builder never opens under its conditions would hold
        # up the reading. The others of the plan are not crossed out before they were entered: a
        # build that fails half-way does not reach them.
        tried.add(target)
        latest = target[-1]
    raise FatalRuntimeError(
        f"The space must be complete after a bounded number of builds. After {max_builds} builds, "
        f"build(hp) still opened new conditional scopes, the latest on {latest}. "
        "Do the names or values in conditional_scope(...) change from call to call?"
    )


def _plan(waiting: list[Scope], space: Space) -> tuple[Scope | None, Demands]:
    """The first scope that can be entered, and what enters it and those compatible with it."""
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
    """`demands` narrowed so that `conditions` hold, or None when they exclude one another."""
    if not conditions:
        return demands
    first, rest = conditions[0], conditions[1:]
    if first in settled:
        return _demand(rest, space, demands, settled)
    allowed = [value for value in demands.get(first.name, first.values) if value in first.values]
    for parent in space.named(first.name):
        members = [value for value in allowed if parent.domain.contains(value)]
        if members:
            # The parent has to be active, too; where it stands in several places, any will do.
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
    """An `hp` whose values meet the demands, and are defaults elsewhere."""

    def choose(parameter: Parameter) -> Value:
        for value in demands.get(parameter.name, ()):
            if parameter.domain.contains(value):
                return value
        return parameter.default

    return HyperParameters(space, space.walk(choose), fill=choose)
