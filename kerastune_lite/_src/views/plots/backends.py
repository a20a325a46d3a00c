"""matplotlib or plotly: which one draws, and Optuna's figures with either."""

from __future__ import annotations

import contextlib
import importlib
import importlib.util
import warnings
from collections.abc import Iterator
from typing import Any

from kerastune_lite._src.analysis.study import PIP, load_optuna
from kerastune_lite._src.views.where import in_notebook

BACKENDS = ("matplotlib", "plotly")

_PANEL_ROWS = 2
"""matplotlib's size holds a square of panels with so many rows; larger ones need more room."""


def choose(backend: str | None) -> str:
    """The backend to draw with.

    Args:
        backend: "matplotlib" or "plotly". None: plotly in a notebook, where its figures can be
            pointed at, and matplotlib elsewhere; the other one where that is not installed.

    Raises:
        ValueError: there is no such backend.
        ImportError: it is not installed.
    """
    if backend is not None and backend not in BACKENDS:
        raise ValueError(f"`backend` must be one of {BACKENDS}. Received: backend={backend!r}.")
    preferred = BACKENDS[::-1] if in_notebook() else BACKENDS
    for name in preferred if backend is None else (backend,):
        if importlib.util.find_spec(name) is not None:
            return name
    missing = "matplotlib or plotly" if backend is None else backend
    raise ImportError(f"Figures need {missing}. Install it with: {PIP}")


def optuna_figure(kind: str, backend: str, *args: Any, **kwargs: Any) -> Any:
    """Optuna's `plot_<kind>` as a figure of the backend.

    Args:
        kind: "edf", "slice", ...
        *args, **kwargs: for that function, the study first.
    """
    optuna = load_optuna()
    module = "optuna.visualization" + (".matplotlib" if backend == "matplotlib" else "")
    draw = getattr(importlib.import_module(module), f"plot_{kind}")
    with warnings.catch_warnings():
        # Optuna calls all it draws with matplotlib experimental.
        warnings.simplefilter("ignore", optuna.exceptions.ExperimentalWarning)
        if backend == "plotly":
            return draw(*args, **kwargs)
        with own_style():
            return figure_of(draw(*args, **kwargs))


@contextlib.contextmanager
def own_style() -> Iterator[None]:
    """Draw with matplotlib without changing the user's settings, as Optuna does."""
    import matplotlib

    with matplotlib.rc_context():
        yield


def figure_of(axes: Any) -> Any:
    """The matplotlib figure of what was drawn; in a notebook it is shown once, as any result."""
    import numpy as np
    from matplotlib import pyplot

    figure = np.ravel(axes)[0].figure
    if np.ndim(axes) == 2 and len(axes) > _PANEL_ROWS:
        rows = len(axes)
        figure.set_size_inches(3.2 * rows, 2.6 * rows)
    if in_notebook():
        # An open figure is shown at the end of its cell, whether or not it is the cell's value.
        pyplot.close(figure)
    return figure
