"""Figures of a search with matplotlib and plotly: Optuna's, and our own."""
