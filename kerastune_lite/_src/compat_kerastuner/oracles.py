"""KerasTuner's oracles: its settings of a search, with the algorithms of this package."""

from __future__ import annotations

from kerastune_lite._src.algorithms.oracles.bayesian import BayesianOracle
from kerastune_lite._src.algorithms.oracles.grid import GridOracle
from kerastune_lite._src.algorithms.schedulers.hyperband import Hyperband
from kerastune_lite._src.compat_kerastuner.oracle import Oracle
from kerastune_lite._src.core.goals import ObjectiveLike
from kerastune_lite._src.space.hyperparameters import HyperParameters
from kerastune_lite._src.util.public import public


@public("kerastune_lite.oracles")
class RandomSearchOracle(Oracle):
    """Random search, for `kerastune_lite.Tuner`.

    The arguments are those of `RandomSearch`, in KerasTuner's order.

    Example:
        >>> oracle = kt.oracles.RandomSearchOracle("val_loss", max_trials=3, seed=0)
        >>> tuner = kt.Tuner(oracle, build, directory="runs")
    """

    def __init__(
        self,
        objective: ObjectiveLike = None,
        max_trials: int | None = 10,
        seed: int | None = None,
        hyperparameters: HyperParameters | None = None,
        allow_new_entries: bool = True,
        tune_new_entries: bool = True,
        max_retries_per_trial: int = 0,
        max_consecutive_failed_trials: int = 3,
    ) -> None:
        super().__init__(
            objective,
            max_trials,
            hyperparameters,
            allow_new_entries,
            tune_new_entries,
            seed,
            max_retries_per_trial,
            max_consecutive_failed_trials,
        )


@public("kerastune_lite.oracles")
class GridSearchOracle(Oracle):
    """Grid search, for `kerastune_lite.Tuner`.

    The arguments are those of `GridSearch`, in KerasTuner's order.

    Example:
        >>> oracle = kt.oracles.GridSearchOracle("val_loss", max_trials=3)
        >>> tuner = kt.Tuner(oracle, build, directory="runs")
    """

    _algorithm = GridOracle()

    def __init__(
        self,
        objective: ObjectiveLike = None,
        max_trials: int | None = None,
        seed: int | None = None,
        hyperparameters: HyperParameters | None = None,
        allow_new_entries: bool = True,
        tune_new_entries: bool = True,
        max_retries_per_trial: int = 0,
        max_consecutive_failed_trials: int = 3,
    ) -> None:
        super().__init__(
            objective,
            max_trials,
            hyperparameters,
            allow_new_entries,
            tune_new_entries,
            seed,
            max_retries_per_trial,
            max_consecutive_failed_trials,
        )


@public("kerastune_lite.oracles")
class BayesianOptimizationOracle(Oracle):
    """Bayesian optimisation, for `kerastune_lite.Tuner`.

    The arguments are those of `BayesianOptimization`, in KerasTuner's order.

    Example:
        >>> oracle = kt.oracles.BayesianOptimizationOracle("val_loss", max_trials=3)
        >>> tuner = kt.Tuner(oracle, build, directory="runs")
    """

    def __init__(
        self,
        objective: ObjectiveLike = None,
        max_trials: int | None = 10,
        num_initial_points: int | None = None,
        alpha: float | None = None,
        beta: float | None = None,
        seed: int | None = None,
        hyperparameters: HyperParameters | None = None,
        allow_new_entries: bool = True,
        tune_new_entries: bool = True,
        max_retries_per_trial: int = 0,
        max_consecutive_failed_trials: int = 3,
    ) -> None:
        super().__init__(
            objective,
            max_trials,
            hyperparameters,
            allow_new_entries,
            tune_new_entries,
            seed,
            max_retries_per_trial,
            max_consecutive_failed_trials,
        )
        self._algorithm = BayesianOracle(num_initial_points, alpha, beta)
        self.num_initial_points, self.alpha, self.beta = num_initial_points, alpha, beta


@public("kerastune_lite.oracles")
class HyperbandOracle(Oracle):
    """Hyperband, for `kerastune_lite.Tuner`.

    The arguments are those of `Hyperband`, in KerasTuner's order.

    Example:
        >>> oracle = kt.oracles.HyperbandOracle("val_loss", max_epochs=9)
        >>> tuner = kt.Tuner(oracle, build, directory="runs")
    """

    def __init__(
        self,
        objective: ObjectiveLike = None,
        max_epochs: int = 100,
        factor: float = 3,
        hyperband_iterations: int = 1,
        seed: int | None = None,
        hyperparameters: HyperParameters | None = None,
        allow_new_entries: bool = True,
        tune_new_entries: bool = True,
        max_retries_per_trial: int = 0,
        max_consecutive_failed_trials: int = 3,
    ) -> None:
        super().__init__(
            objective,
            None,
            hyperparameters,
            allow_new_entries,
            tune_new_entries,
            seed,
            max_retries_per_trial,
            max_consecutive_failed_trials,
        )
        self._scheduler = Hyperband(max_epochs, factor, 1, hyperband_iterations)
        self.max_epochs, self.factor, self.min_epochs = max_epochs, factor, 1
        self.hyperband_iterations = hyperband_iterations
