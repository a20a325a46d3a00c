"""Where the program runs: in a notebook, or on a terminal."""

from __future__ import annotations

import os
import sys
from typing import TextIO


def in_notebook() -> bool:
    """Whether this is a Jupyter kernel, which can show HTML."""
    # In a kernel IPython is already imported; elsewhere it is not needed.
    ipython = sys.modules.get("IPython")
    get_ipython = getattr(ipython, "get_ipython", None)
    shell = None if get_ipython is None else get_ipython()
    if shell is None:
        return False
    names = (kind.__name__ for kind in type(shell).__mro__)
    return "ZMQInteractiveShell" in names or getattr(shell, "kernel", None) is not None


def is_live_terminal(stream: TextIO | None) -> bool:
    """Whether a line can be redrawn there."""
    # These are the names of terminals that cannot move their cursor.
    dumb = os.environ.get("TERM", "").lower() in ("dumb", "unknown")
    return stream is not None and stream.isatty() and not dumb
