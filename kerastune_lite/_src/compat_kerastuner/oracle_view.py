"""`tuner.oracle` of a tuner that was given none of KerasTuner's oracles."""

from __future__ import annotations

from typing import Any

from kerastune_lite._src.compat_kerastuner.oracle import Oracle
from kerastune_lite._src.compat_kerastuner.overrides import check_attribute


class TunerOracle(Oracle):
    """A tuner's trials under KerasTuner's names; only `max_trials` can be set.

    Args:
        tuner: the tuner.
    """

    def __init__(self, tuner: Any) -> None:
        super().__init__()
        self._arguments |= tuner.of_oracle
        self._bind(tuner)
        self._made = True

    def __setattr__(self, name: str, value: Any) -> None:
        if "_made" in vars(self) and name != "max_trials":
            check_attribute(self._tuner, name)
            raise AttributeError(
                f"{name!r} of tuner.oracle cannot be set: it only shows the tuner's trials. "
                "Only max_trials can be set, before a search."
            )
        super().__setattr__(name, value)

    def __getattr__(self, name: str) -> Any:
        raise AttributeError(
            f"tuner.oracle has no {name!r}. It has get_best_trials, get_trial, get_space, "
            "trials, hyperparameters, objective and max_trials; use the tuner itself for the rest."
        )
