"""Keras's automatic names: numbered from one in each model, whatever was built before."""

from __future__ import annotations

import contextlib
import re
import sys
from collections.abc import Callable, Iterator
from typing import TypeVar

from kerastune_lite._src.keras.compat.names import count_from_one, counters

Built = TypeVar("Built")

_TWICE = (
    re.compile(r'The name "(?P<name>[^"]+)" is used \d+ times in the model'),
    re.compile(r"Name '(?P<name>[^']+)' is already the name of a layer"),
)
"""Keras's messages about two layers of one name, in functional and Sequential models."""


@contextlib.contextmanager
def set_aside() -> Iterator[None]:
    """Allow new numbering of names in the body; afterwards no earlier name is used again."""
    before = dict(counters())
    try:
        yield
    finally:
        given = counters()
        for kind, count in before.items():
            given[kind] = max(count, given.get(kind, 0))


def built_from_one(build: Callable[[], Built], begin: Callable[[], None] = count_from_one) -> Built:
    """The result of `build`, with names numbered from one.

    A layer that was made outside of `build` may already have such a name. Then the numbering of its
    kind continues after that name. The names depend only on the model itself: they are the same in
    all processes, whatever was built before.

    Args:
        begin: restarts the numbering; called again for each attempt.

    Raises:
        ValueError: `build` uses one name for two layers, or raises this itself.
    """
    taken: list[str] = []
    while True:
        begin()
        for name in taken:
            _pass_over(name)
        try:
            return build()
        except ValueError as error:
            twice = _used_twice(error)
            if twice is None or twice in taken:
                # The user's own names; or build() restarts the numbering itself.
                raise
            taken.append(twice)


def named_as_in_trials(build: Callable[[], Built]) -> Built:
    """The result of `build`, named as if nothing had been built before.

    Each attempt begins with the random generators as they are now.
    """
    if "keras" not in sys.modules:
        return build()  # Nothing was built, and this may not be a Keras model.
    from kerastune_lite._src.keras.compat.thread_state import Generators

    generators = Generators()

    def begin() -> None:
        generators.put_back()
        count_from_one()

    with set_aside():
        return built_from_one(build, begin)


def _used_twice(error: ValueError) -> str | None:
    for pattern in _TWICE:
        found = pattern.search(str(error))
        if found is not None:
            return found["name"]
    return None


def _pass_over(name: str) -> None:
    """Make the names of its kind start after this one."""
    given = counters()
    given[name] = max(given.get(name, 0), 1)
    numbered = re.fullmatch(r"(.+)_(\d+)", name)
    if numbered is not None:
        kind, number = numbered[1], int(numbered[2])
        given[kind] = max(given.get(kind, 0), number + 1)
