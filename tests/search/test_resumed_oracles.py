"""Searches that are interrupted and continued propose what they would have proposed anyway."""

import warnings

import optuna
import pytest

import kerastune_lite as kt
from kerastune_lite.oracles import CMAESOracle, OptunaOracle

ORACLES = {
    "CMA-ES": lambda: CMAESOracle(5),
    "TPE": lambda: OptunaOracle(optuna.samplers.TPESampler(n_startup_trials=5)),
    "Optuna CMA-ES": lambda: OptunaOracle(optuna.samplers.CmaEsSampler(popsize=5)),
    "NSGA-II": lambda: OptunaOracle(optuna.samplers.NSGAIISampler(population_size=5)),
    "QMC": lambda: OptunaOracle(optuna.samplers.QMCSampler()),
}
SCHEDULERS = {
    "full": kt.schedulers.FullTraining,
    "ASHA": lambda: kt.schedulers.ASHA(max_epochs=9),
}


def searched(oracle, scheduler, directory, interrupted):
    """A space that grows with plain `if`s, and failures."""
    left = set(interrupted)

    class Search(kt.Tuner):
        def run_trial(self, trial, epochs=3):
            hp = trial.hyperparameters
            value = (hp.Float("x", 0.0, 1.0) - 0.3) ** 2
            for layer in range(hp.Int("layers", 1, 3)):
                value += abs(hp.Int(f"units_{layer}", 8, 256, sampling="log") - 40) / 100
            if hp.Choice("activation", ["relu", "leaky", None]) == "leaky":
                value += hp.Float("alpha", 1e-3, 1.0, sampling="log")
            if trial.number in left:
                left.remove(trial.number)
                raise KeyboardInterrupt
            if trial.number % 7 == 5:
                raise ValueError("cannot be trained")
            for epoch in range(epochs):
                yield value + 1 / (epoch + 1)

    for _ in range(len(interrupted) + 1):
        tuner = Search(
            oracle=oracle(),
            scheduler=scheduler(),
            max_trials=24,
            seed=3,
            directory=directory,
            project_name="p",
        )
        tuner.search(verbose=0)
    assert not left
    return [dict(trial.values) for trial in tuner.trials]


@pytest.mark.parametrize("scheduler", SCHEDULERS)
@pytest.mark.parametrize("oracle", ORACLES)
def test_interrupted_is_as_never_interrupted(oracle, scheduler, tmp_path):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", optuna.exceptions.ExperimentalWarning)
        search = ORACLES[oracle], SCHEDULERS[scheduler]
        whole = searched(*search, tmp_path / "whole", ())
        assert searched(*search, tmp_path / "again", (4, 11, 18)) == whole
    assert len(whole) == 24
