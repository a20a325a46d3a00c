"""The choice between matplotlib and plotly, and Optuna's figures with either."""

from __future__ import annotations

import importlib
import importlib.util
import warnings
from typing import Any

from kerastune_lite._src.util.optuna_package import PLOTS, load_optuna
from kerastune_lite._src.views.where import in_notebook

BACKENDS = ("matplotlib", "plotly")

_PANEL_ROWS = 2
"""matplotlib's default size is enough for this many rows of panels; more need more room."""


def choose(backend: str | None) -> str:
    """The backend to draw with.

    Args:
        backend: "matplotlib" or "plotly". None: plotly in a notebook, where its figures are
            interactive, and matplotlib elsewhere; or else the one that is installed.

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
    raise ImportError(f"Figures need {missing}. Install it with: {PLOTS}")


def optuna_figure(kind: str, backend: str, *args: Any, **kwargs: Any) -> Any:
    """Optuna's `plot_<kind>(*args, **kwargs)` as a figure of the backend."""
    optuna = load_optuna()
    module = "optuna.visualization" + (".matplotlib" if backend == "matplotlib" else "")
    draw = getattr(importlib.import_module(module), f"plot_{kind}")
    with warnings.catch_warnings():
        # All of Optuna's figures with matplotlib are experimental.
        warnings.simplefilter("ignore", optuna.exceptions.ExperimentalWarning)
        if backend == "plotly":
            return draw(*args, **kwargs)
        import matplotlib

        with matplotlib.rc_context():  # Optuna changes the style
            return figure_of(draw(*args, **kwargs))


def figure_of(axes: Any) -> Any:
    """The matplotlib figure of the axes; in a notebook it is shown once, like any result."""
    import numpy as np
    from matplotlib import pyplot

    figure = np.ravel(axes)[0].figure
    if np.ndim(axes) == 2 and len(axes) > _PANEL_ROWS:
        rows = len(axes)
        figure.set_size_inches(3.2 * rows, 2.6 * rows)
    if in_notebook():
        # An open figure is shown at the end of its cell, even if it is not the cell's value.
        pyplot.close(figure)
    return figure
