"""The names that Keras gives: counted from one in each model."""

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
"""What Keras says of two layers of one name, in a functional and in a Sequential model."""


@contextlib.contextmanager
def set_aside() -> Iterator[None]:
    """Within it, names may be counted anew; afterwards no earlier name is given again."""
    before = dict(counters())
    try:
        yield
    finally:
        given = counters()
        for kind, count in before.items():
            given[kind] = max(count, given.get(kind, 0))


def built_from_one(build: Callable[[], Built], begin: Callable[[], None] = count_from_one) -> Built:
    """What `build` returns, its names counted from one.

    A layer that was made outside of `build` may have such a name already. Then the names of its
    kind are counted on from that name, as they would have been without the new beginning. As only
    the model itself decides, its names do not depend on what was built before, or on the process.

    Args:
        begin: the new beginning; called again for another try.

    Raises:
        ValueError: `build` gives one name to two layers. Its other exceptions pass through.
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
                # The user's own names; or build() resets them itself.
                raise
            taken.append(twice)


def named_as_in_trials(build: Callable[[], Built]) -> Built:
    """What `build` returns, named as if nothing had been built before."""
    if "keras" not in sys.modules:
        return build()  # Nothing was, and this need be no Keras model.
    with set_aside():
        return built_from_one(build)


def _used_twice(error: ValueError) -> str | None:
    for pattern in _TWICE:
        found = pattern.search(str(error))
        if found is not None:
            return found["name"]
    return None


def _pass_over(name: str) -> None:
    """Have the names of its kind begin after this one."""
    given = counters()
    given[name] = max(given.get(name, 0), 1)
    numbered = re.fullmatch(r"(.+)_(\d+)", name)
    if numbered is not None:
        kind, number = numbered[1], int(numbered[2])
        given[kind] = max(given.get(kind, 0), number + 1)
