"""`tuner.oracle`: what KerasTuner's scripts read off there."""

from __future__ import annotations

from typing import Any

from kerastune_lite.hyperparameters import HyperParameters
from kerastune_lite.objective import Objective
from kerastune_lite.results import Results
from kerastune_lite.trial import Trial


class TunerOracle:
    """A tuner's trials under KerasTuner's names.

    Args:
        results: where they come from.
        max_trials: of the search.
    """

    def __init__(self, results: Results, max_trials: int | None) -> None:
        self._results = results
        self.max_trials = max_trials

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
            KeyError: there is none.
        """
        return self._results.get_trial(trial_id)

    def get_best_trials(self, num_trials: int = 1) -> list[Trial]:
        """The completed trials from the best on."""
        return self._results.get_best_trials(num_trials)

    def __getattr__(self, name: str) -> Any:
        raise AttributeError(
            f"tuner.oracle has no {name!r}. It holds get_best_trials, get_trial, get_space, "
            "trials, hyperparameters, objective and max_trials; the rest is on the tuner itself."
        )
