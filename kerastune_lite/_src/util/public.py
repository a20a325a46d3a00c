"""The public modules of classes and functions."""

from __future__ import annotations

import importlib
from collections.abc import Callable
from typing import Any, TypeVar

_Named = TypeVar("_Named", bound=Callable[..., Any])


def public(module: str) -> Callable[[_Named], _Named]:
    """Set `__module__` of a class or function to the module that users import it from.

    Tracebacks, documentation and pickles name that module, so the private file may move.
    """
    # cloudpickle stores a class by reference only if the module that it names is imported.
    importlib.import_module(module)

    def named(value: _Named) -> _Named:
        value.__module__ = module
        return value

    return named
