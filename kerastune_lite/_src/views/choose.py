"""Which view shows a search: a block in a notebook, a live line on a terminal, or plain lines."""

from __future__ import annotations

import operator
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import SupportsIndex, TextIO

from kerastune_lite._src.views.view import View
from kerastune_lite._src.views.where import in_notebook, is_live_terminal


def search_views(
    verbose: str | SupportsIndex, tensorboard: Path | None, extra_hparams_dirs: Sequence[Path] = ()
) -> list[View]:
    """All views of a search.

    Args:
        verbose: see `progress_view`.
        tensorboard: where the event files go; None: there are none.
        extra_hparams_dirs: where others write event files of the same trials.

    Raises:
        ValueError: `verbose` is invalid.
    """
    view = progress_view(verbose)
    views = [] if view is None else [view]
    if tensorboard is not None:
        from kerastune_lite._src.views.tensorboard.tensorboard_view import TensorBoardView

        views.append(TensorBoardView(tensorboard, extra_hparams_dirs=list(extra_hparams_dirs)))
    return views


def progress_view(verbose: str | SupportsIndex, stream: TextIO | None = None) -> View | None:
    """The view for a `verbose` argument.

    Args:
        verbose: 0: none; 1 or "auto": a block in a notebook, a live line on a terminal, otherwise
            a line per trial and a table at the end; 2 or 3: a line per trial.
        stream: default: `sys.stdout`, or the cell's output in a notebook.

    Raises:
        ValueError: `verbose` is none of these.
    """
    level = _level(verbose)
    if level == 0:
        return None
    if level == 1:
        if stream is None and in_notebook():
            from kerastune_lite._src.views.notebook import NotebookView

            return NotebookView()
        if is_live_terminal(sys.stdout if stream is None else stream):
            from kerastune_lite._src.views.console import LiveView

            return LiveView(stream)
    from kerastune_lite._src.views.console import LineView

    return LineView(stream, table=level == 1)


def _level(verbose: str | SupportsIndex) -> int:
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
