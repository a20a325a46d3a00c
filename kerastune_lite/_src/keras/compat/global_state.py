"""Keras's global state, which is not public: what it keeps for each thread, by name."""

from __future__ import annotations

import collections
import contextlib
import importlib
from collections.abc import Iterator, MutableMapping
from typing import Any

_NAMES = "object_name_uids"


def module() -> Any:
    """Where Keras keeps it."""
    return importlib.import_module("keras.src.backend.common.global_state")


def name_counters() -> MutableMapping[str, int]:
    """How many names of each kind Keras has given."""
    counters: MutableMapping[str, int] = module().get_global_attribute(
        _NAMES, default=collections.defaultdict(int), set_to_default=True
    )
    return counters


def put_name_counters(counters: MutableMapping[str, int]) -> None:
    """Have Keras count on in them."""
    module().set_global_attribute(_NAMES, counters)


@contextlib.contextmanager
def names_given_back() -> Iterator[None]:
    """After it, Keras counts as if no name had been given within it, if it counts as known here."""
    try:
        counters = name_counters()
        before = dict(counters)
    except (AttributeError, ImportError, TypeError):
        yield
        return
    try:
        yield
    finally:
        counters.clear()
        counters.update(before)
        put_name_counters(counters)
