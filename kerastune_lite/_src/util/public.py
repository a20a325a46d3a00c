"""Where users find what is public."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

_Named = TypeVar("_Named", bound=Callable[..., Any])


def public(module: str) -> Callable[[_Named], _Named]:
    """Have a class or function say that it lives in the module that users import it from.

    Tracebacks, documentation and pickles name that module; the file it is written in may move.
    """

    def named(value: _Named) -> _Named:
        value.__module__ = module
        return value

    return named
