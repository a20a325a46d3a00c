"""Figures of a search, for matplotlib and plotly: Optuna's, and what it lacks."""
