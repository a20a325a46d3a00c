"""Modules whose names are imported when they are first used."""

from __future__ import annotations

import importlib
import sys
from collections.abc import Callable, Mapping
from typing import Any


def lazy_names(
    module: str, homes: Mapping[str, str]
) -> tuple[Callable[[str], Any], Callable[[], list[str]]]:
    """The `__getattr__` and `__dir__` of a public module, which defines nothing itself.

    Args:
        module: its `__name__`.
        homes: for each name, the module below `kerastune_lite` that defines it, followed by a colon
            and the name there if that is another one; for a module the module itself.
    """

    def load(name: str) -> Any:
        if name not in homes:
            raise AttributeError(
                f"{module} has no {name!r}. It offers: {', '.join(sorted(homes))}."
            )
        home, _, known_as = f"kerastune_lite.{homes[name]}".partition(":")
        found = importlib.import_module(home)
        value = found if home == f"{module}.{name}" else getattr(found, known_as or name)
        setattr(sys.modules[module], name, value)
        return value

    def names() -> list[str]:
        return sorted({*vars(sys.modules[module]), *homes})

    return load, names
