"""`tuner.oracle`, as KerasTuner's scripts use it."""

from __future__ import annotations

from typing import Any

from kerastune_lite._src.core.objective import Objective
from kerastune_lite._src.core.trial import Trial
from kerastune_lite._src.search.results import Results
from kerastune_lite._src.space.hyperparameters import HyperParameters
from kerastune_lite._src.tuner.overrides import check_attribute


class TunerOracle:
    """A tuner's trials under KerasTuner's names.

    Args:
        tuner: the tuner.
    """

    def __init__(self, tuner: Any) -> None:
        self._results: Results = tuner
        self._tuner = tuner

    @property
    def max_trials(self) -> int | None:
        """The total number of trials; it can be set before a search."""
        count: int | None = self._tuner.max_trials
        return count

    @max_trials.setter
    def max_trials(self, count: int | None) -> None:
        self._tuner.max_trials = count

    def __setattr__(self, name: str, value: Any) -> None:
        if name not in ("max_trials", "_results", "_tuner"):
            check_attribute(self._tuner, name)
            raise AttributeError(
                f"{name!r} of tuner.oracle cannot be set: it only shows the tuner's trials. "
                "Only max_trials can be set, before a search."
            )
        super().__setattr__(name, value)

    @property
    def objective(self) -> Objective:
        """What the search optimises."""
        return self._results.objective

    @property
    def trials(self) -> dict[str, Trial]:
        """All trials by their ids."""
        return {trial.trial_id: trial for trial in self._results.trials}

    @property
    def hyperparameters(self) -> HyperParameters:
        """The space, with its defaults as values."""
        return self.get_space()

    def get_space(self) -> HyperParameters:
        """The space, with its defaults as values."""
        space = self._results.space
        return HyperParameters(space, space.defaults())

    def get_trial(self, trial_id: str | int) -> Trial:
        """A trial by its id.

        Raises:
            KeyError: there is no such trial.
        """
        return self._results.get_trial(trial_id)

    def get_best_trials(self, num_trials: int = 1) -> list[Trial]:
        """The completed trials, best first."""
        return self._results.get_best_trials(num_trials)

    def __getattr__(self, name: str) -> Any:
        raise AttributeError(
            f"tuner.oracle has no {name!r}. It has get_best_trials, get_trial, get_space, "
            "trials, hyperparameters, objective and max_trials; use the tuner itself for the rest."
        )
