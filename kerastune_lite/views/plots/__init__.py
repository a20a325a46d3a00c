"""Figures of a search, for matplotlib and plotly: Optuna's, and what it lacks."""

from kerastune_lite.views.plots.plots import Plots

__all__ = ["Plots"]
