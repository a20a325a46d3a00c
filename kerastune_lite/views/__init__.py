"""What we see: views are told what happens in a search and show it.

The views themselves are imported when they are first asked for, since they bring rich.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

from kerastune_lite.views.base import View
from kerastune_lite.views.choose import progress_view

if TYPE_CHECKING:
    from kerastune_lite.views.console import LineView, LiveView
    from kerastune_lite.views.notebook import NotebookView

_LAZY = {"LineView": "console", "LiveView": "console", "NotebookView": "notebook"}

__all__ = ["LineView", "LiveView", "NotebookView", "View", "progress_view"]


def __getattr__(name: str) -> Any:
    if name not in _LAZY:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(importlib.import_module(f"{__name__}.{_LAZY[name]}"), name)
