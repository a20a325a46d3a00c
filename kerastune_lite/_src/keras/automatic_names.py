"""The names that Keras gives: counted from one in each model, whatever was made before."""

from __future__ import annotations

import collections
import contextlib
import importlib
import re
import sys
from collections.abc import Callable, Iterator, MutableMapping
from typing import Any, TypeVar

Built = TypeVar("Built")

_KEY = "object_name_uids"
_TWICE = (
    re.compile(r'The name "(?P<name>[^"]+)" is used \d+ times in the model'),
    re.compile(r"Name '(?P<name>[^']+)' is already the name of a layer"),
)
"""What Keras says of two layers of one name, in a functional and in a Sequential model."""


def _state() -> Any:
    """Keras's global state, which is not public; None where it is kept in another place."""
    with contextlib.suppress(ImportError):
        state = importlib.import_module("keras.src.backend.common.global_state")
        if hasattr(state, "get_global_attribute") and hasattr(state, "set_global_attribute"):
            return state
    return None


def _counters() -> MutableMapping[str, int]:
    """How many names of each kind Keras has given."""
    state = _state()
    if state is None:
        return {}
    counters: MutableMapping[str, int] = state.get_global_attribute(
        _KEY, default=collections.defaultdict(int), set_to_default=True
    )
    return counters


def from_one() -> None:
    """Let Keras count from one again."""
    state = _state()
    if state is not None:
        state.set_global_attribute(_KEY, collections.defaultdict(int))


@contextlib.contextmanager
def set_aside() -> Iterator[None]:
    """Within it, names may be counted anew; afterwards no name of before is given once more."""
    before = dict(_counters())
    try:
        yield
    finally:
        counters = _counters()
        for kind, count in before.items():
            counters[kind] = max(count, counters.get(kind, 0))


def built_from_one(build: Callable[[], Built], begin: Callable[[], None] = from_one) -> Built:
    """What `build` returns, its names counted from one.

    A layer that was made outside of `build` may have such a name already. Then the names of its
    kind are counted from behind it, as they would have been without the new beginning. Found out
    from each model alone, the names are the same whichever was built before, and in all processes.

    Args:
        begin: the new beginning; called again for another try.
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
                # The user's own names; or build() begins anew by itself.
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
    """Have the names of its kind begin behind this one."""
    counters = _counters()
    counters[name] = max(counters.get(name, 0), 1)
    numbered = re.fullmatch(r"(.+)_(\d+)", name)
    if numbered is not None:
        kind, number = numbered[1], int(numbered[2])
        counters[kind] = max(counters.get(kind, 0), number + 1)
