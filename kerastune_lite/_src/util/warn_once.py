"""Python's warnings, each shown once in a search rather than once in a trial."""

from __future__ import annotations

import contextlib
import re
import sys
import threading
import warnings
from collections.abc import Callable, Iterator
from typing import Any

Shown = set[tuple[Any, ...]]
"""Warnings by category, text and place."""

_lock = threading.RLock()
"""Reentrant: the garbage collector may run while it is held, and cause another warning."""
_searches: list[Shown] = []
_before: Callable[..., None] = warnings.showwarning


@contextlib.contextmanager
def once(shown: Shown) -> Iterator[None]:
    """While it is open, a warning that was shown before is not shown again, in any thread.

    Python itself shows a warning once for each place in the code. But it forgets which it has
    shown whenever a filter changes, and Keras and TensorFlow change filters all the time. The
    user's filters stay in force: warnings that are ignored or errors never come here, and "always"
    still shows each one.

    Args:
        shown: the warnings shown so far; new ones are added.
    """
    global _before
    with _lock:
        _searches.append(shown)
        if warnings.showwarning is not _show:
            _before = warnings.showwarning
            warnings.showwarning = _show
    try:
        yield
    finally:
        with _lock:
            # By identity: sets with equal contents are equal.
            del _searches[next(i for i, each in enumerate(_searches) if each is shown)]
            if not _searches and warnings.showwarning is _show:
                warnings.showwarning = _before


def _show(
    message: Warning | str,
    category: type[Warning],
    filename: str,
    lineno: int,
    file: Any = None,
    line: str | None = None,
) -> None:
    key = (category, str(message), filename, lineno)
    with _lock:
        known = any(key in shown for shown in list(_searches))
        for shown in list(_searches):
            shown.add(key)
    if not known or _always(str(message), category, filename, lineno):
        _before(message, category, filename, lineno, file, line)


def _always(text: str, category: type[Warning], filename: str, lineno: int) -> bool:
    """Whether the filter that applies is "always"."""
    module = _module_of(filename)
    for action, message, kind, where, number in warnings.filters:
        if (
            _matches(message, text)
            and issubclass(category, kind)
            and _matches(where, module)
            and number in (0, lineno)
        ):
            return action == "always"
    return False


def _matches(pattern: Any, text: str) -> bool:
    # Python's own first filters have texts instead of patterns.
    if isinstance(pattern, str):
        return pattern == text
    return pattern is None or bool(re.match(pattern, text))


def _module_of(filename: str) -> str:
    for name, module in list(sys.modules.items()):
        if getattr(module, "__file__", None) == filename:
            return name
    return filename.removesuffix(".py")
