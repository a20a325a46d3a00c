"""Searches in the services that track experiments: a run for each trial, below one for the search.

trial_logger.py                     what they have in common: events as runs
mlflow_logger.py wandb_logger.py    the services, extras that are loaded when a logger is made
"""
