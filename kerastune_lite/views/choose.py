"""Which view shows a search: a block in a notebook, a live line on a terminal, or plain lines."""

from __future__ import annotations

import operator
import os
import sys
from typing import Any, TextIO

from kerastune_lite.views.base import View


def progress_view(verbose: Any, stream: TextIO | None = None) -> View | None:
    """The view for a `verbose` argument.

    Args:
        verbose: 0 for none; 1 or "auto" for what suits where the program runs (a block in a
            notebook, a live line on a terminal, else a line per trial and a table at the end);
            2 or 3 for a line per trial.
        stream: where to write; default: `sys.stdout`, or the cell's output in a notebook.

    Raises:
        ValueError: `verbose` is none of these.
    """
    level = _level(verbose)
    if level == 0:
        return None
    if level == 1:
        if stream is None and in_notebook():
            from kerastune_lite.views.notebook import NotebookView

            return NotebookView()
        if is_live_terminal(sys.stdout if stream is None else stream):
            from kerastune_lite.views.console import LiveView

            return LiveView(stream)
    from kerastune_lite.views.console import LineView

    return LineView(stream, table=level == 1)


def in_notebook() -> bool:
    """Whether this is a Jupyter kernel, which can show HTML."""
    # Where a kernel runs IPython has been imported; elsewhere there is no need to.
    ipython = sys.modules.get("IPython")
    get_ipython = getattr(ipython, "get_ipython", None)
    shell = None if get_ipython is None else get_ipython()
    if shell is None:
        return False
    names = (kind.__name__ for kind in type(shell).__mro__)
    return "ZMQInteractiveShell" in names or getattr(shell, "kernel", None) is not None


def _level(verbose: Any) -> int:
    if isinstance(verbose, str):
        level = 1 if verbose == "auto" else -1
    else:
        try:
            level = operator.index(verbose)
        except TypeError:
            level = -1
    if not 0 <= level <= 3:
        raise ValueError(
            '`verbose` must be 0 (silent), 1 or "auto" (live progress), 2 or 3 (a line per '
            f"trial). Received: verbose={verbose!r}."
        )
    return level


def is_live_terminal(stream: TextIO | None) -> bool:
    """Whether a line there can be drawn again and again."""
    # A terminal that cannot move its cursor says so by its name.
    dumb = os.environ.get("TERM", "").lower() in ("dumb", "unknown")
    return stream is not None and stream.isatty() and not dumb
