"""What Keras looks for in a model when it saves weights."""

from __future__ import annotations

import contextlib
import functools
import importlib
from collections.abc import Iterator
from typing import Any

from kerastune_lite._src.keras.compat import global_state
from kerastune_lite._src.keras.compat.parts import Part

_KINDS = ("Functional", "Layer", "Loss", "Metric", "Operation", "Optimizer", "Sequential")

_KEPT_AS = ("saving_attr_skiplist_", "saving_attr_skipset_")
"""Where Keras looks for what it has found, and where it puts it: it does not find it again."""


@contextlib.contextmanager
def quick_walks() -> Iterator[None]:
    """Within it, Keras knows which attributes of its classes hold no weights.

    To find out it makes an object of the class, for each layer that it saves, which takes half of
    the time of `save_weights` for a small network. Without the part it does so.
    """
    if not SKIPPED.is_there:
        yield
        return
    with _known(_skipped()):
        yield


@contextlib.contextmanager
def _known(skipped: dict[str, Any]) -> Iterator[None]:
    module = global_state.module()
    names = {prefix + kind: kind for prefix in _KEPT_AS for kind in skipped}
    before = {name: module.get_global_attribute(name) for name in names}
    for name, kind in names.items():
        module.set_global_attribute(name, skipped[kind])
    try:
        yield
    finally:
        for name, value in before.items():
            module.set_global_attribute(name, value)


@functools.cache
def _skipped() -> dict[str, Any]:
    """The names of the attributes by the kind of the object, as Keras finds them."""
    with global_state.names_given_back():
        return {kind: _find(kind) for kind in _KINDS}


def _find(kind: str) -> Any:
    return importlib.import_module("keras.src.saving.saving_lib").get_attr_skipset(kind)


def _attributes_are_known() -> bool:
    known = {"Loss": frozenset(("anything",))}
    with _known(known):
        found = _find("Loss")
    return found is known["Loss"] and "name" in _find("Loss")


SKIPPED = Part(
    "Weights are saved more slowly",
    {"how attributes without weights are kept": _attributes_are_known},
)
