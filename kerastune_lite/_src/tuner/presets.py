"""Tuners under well-known names, each with an oracle and a scheduler."""

from __future__ import annotations

from typing import Any

from kerastune_lite._src.algorithms.oracles.bayesian import BayesianOracle
from kerastune_lite._src.algorithms.oracles.evolution import EvolutionaryOracle
from kerastune_lite._src.algorithms.oracles.grid import GridOracle
from kerastune_lite._src.algorithms.oracles.oracle import Oracle
from kerastune_lite._src.algorithms.oracles.random import RandomOracle
from kerastune_lite._src.algorithms.schedulers.asha import ASHA as ASHAScheduler
from kerastune_lite._src.algorithms.schedulers.hyperband import Hyperband as HyperbandScheduler
from kerastune_lite._src.core.goals import ObjectiveLike
from kerastune_lite._src.space.hyperparameters import HyperParameters
from kerastune_lite._src.tuner.tuner import Tuner
from kerastune_lite._src.util.public import public


def refuse_part(part: str, kwargs: dict[str, Any], name: str) -> None:
    """Raise if an argument would replace the oracle or scheduler of a preset.

    Raises:
        TypeError: it would.
    """
    if part in kwargs:
        raise TypeError(
            f"{name} has its own {part}. Received: {part}={kwargs[part]!r}. Omit it, or use "
            "kerastune_lite.Tuner(build, objective, oracle=..., scheduler=...), which combines any "
            "of them."
        )


@public("kerastune_lite")
class RandomSearch(Tuner):
    """Random search: each trial draws its values independently, and no point is drawn twice.

    The arguments are those of `Tuner`, in KerasTuner's order.

    Example:
        >>> import keras, numpy as np
        >>> import kerastune_lite as kt
        >>> x = np.random.default_rng(0).normal(size=(80, 4))
        >>> y = (x[:, 0] > x[:, 1]).astype("int32")
        >>> def build(hp):
        ...     units = hp.Int("units", 4, 32, sampling="log")
        ...     layers = [keras.layers.Dense(units, "relu"), keras.layers.Dense(1, "sigmoid")]
        ...     model = keras.Sequential([keras.Input((4,)), *layers])
        ...     optimizer = keras.optimizers.Adam(hp.Float("lr", 1e-4, 1e-1, sampling="log"))
        ...     model.compile(optimizer, "binary_crossentropy", metrics=["accuracy"])
        ...     return model
        >>> tuner = kt.RandomSearch(build, "val_accuracy", max_trials=5, directory="runs")
        >>> tuner.search(x, y, validation_split=0.25, epochs=3, verbose=0)
        >>> sorted(tuner.get_best_hyperparameters()[0].values)
        ['lr', 'units']
    """

    def __init__(
        self,
        hypermodel: Any = None,
        objective: ObjectiveLike = None,
        max_trials: int | None = 10,
        seed: int | None = None,
        hyperparameters: HyperParameters | None = None,
        tune_new_entries: bool = True,
        allow_new_entries: bool = True,
        max_retries_per_trial: int = 0,
        max_consecutive_failed_trials: int = 3,
        **kwargs: Any,
    ) -> None:
        refuse_part("oracle", kwargs, "RandomSearch")
        super().__init__(
            hypermodel,
            objective,
            max_trials,
            oracle=RandomOracle(),
            seed=seed,
            hyperparameters=hyperparameters,
            tune_new_entries=tune_new_entries,
            allow_new_entries=allow_new_entries,
            max_retries_per_trial=max_retries_per_trial,
            max_consecutive_failed_trials=max_consecutive_failed_trials,
            **kwargs,
        )


@public("kerastune_lite")
class GridSearch(Tuner):
    """Exhaustive search: each combination once, in a stable order, including conditional ones.

    A `Float` without a step, and an `Int` on a logarithmic scale, have ten points. The arguments
    are those of `Tuner`, in KerasTuner's order; `max_trials=None` means all combinations.

    Example:
        >>> space = kt.HyperParameters()
        >>> units = space.Choice("units", [8, 16])
        >>> lr = space.Choice("lr", [0.01, 0.1])
        >>> tuner = kt.GridSearch(build, "val_loss", hyperparameters=space, directory="runs")
        >>> tuner.search(x, y, validation_split=0.25, epochs=2, verbose=0)
        >>> [tuple(trial.values.values()) for trial in tuner.trials]
        [(8, 0.01), (8, 0.1), (16, 0.01), (16, 0.1)]
    """

    def __init__(
        self,
        hypermodel: Any = None,
        objective: ObjectiveLike = None,
        max_trials: int | None = None,
        seed: int | None = None,
        hyperparameters: HyperParameters | None = None,
        tune_new_entries: bool = True,
        allow_new_entries: bool = True,
        max_retries_per_trial: int = 0,
        max_consecutive_failed_trials: int = 3,
        **kwargs: Any,
    ) -> None:
        refuse_part("oracle", kwargs, "GridSearch")
        super().__init__(
            hypermodel,
            objective,
            max_trials,
            oracle=GridOracle(),
            seed=seed,
            hyperparameters=hyperparameters,
            tune_new_entries=tune_new_entries,
            allow_new_entries=allow_new_entries,
            max_retries_per_trial=max_retries_per_trial,
            max_consecutive_failed_trials=max_consecutive_failed_trials,
            **kwargs,
        )


@public("kerastune_lite")
class BayesianOptimization(Tuner):
    """Bayesian optimisation: a Gaussian process proposes the points.

    The start comes first (the defaults that you gave, and the middle of all other ranges), then
    quasi-random points, then the model's proposals. A plain `Tuner` does the same.

    Args:
        num_initial_points: the number of trials before the model is used, including the start.
        alpha: the variance of the noise in the objective. None: learned.
        beta: the weight of the uncertainty in the confidence bound. None: expected improvement.

    The other arguments are those of `Tuner`, in KerasTuner's order.

    Example:
        >>> tuner = kt.BayesianOptimization(build, "val_loss", max_trials=12, directory="runs")
        >>> tuner.search(x, y, validation_split=0.25, epochs=2, verbose=0)
        >>> best = tuner.get_best_models()[0]
    """

    def __init__(
        self,
        hypermodel: Any = None,
        objective: ObjectiveLike = None,
        max_trials: int | None = 10,
        num_initial_points: int | None = None,
        alpha: float | None = None,
        beta: float | None = None,
        seed: int | None = None,
        hyperparameters: HyperParameters | None = None,
        tune_new_entries: bool = True,
        allow_new_entries: bool = True,
        max_retries_per_trial: int = 0,
        max_consecutive_failed_trials: int = 3,
        **kwargs: Any,
    ) -> None:
        refuse_part("oracle", kwargs, "BayesianOptimization")
        super().__init__(
            hypermodel,
            objective,
            max_trials,
            oracle=BayesianOracle(num_initial_points, alpha, beta),
            seed=seed,
            hyperparameters=hyperparameters,
            tune_new_entries=tune_new_entries,
            allow_new_entries=allow_new_entries,
            max_retries_per_trial=max_retries_per_trial,
            max_consecutive_failed_trials=max_consecutive_failed_trials,
            **kwargs,
        )


@public("kerastune_lite")
class EvolutionarySearch(Tuner):
    """Evolutionary search: mating, mutation, and survival of the best trials so far.

    The start comes first (the defaults that you gave, and the middle of all other ranges), then
    quasi-random points until there is a population, then children of the better trials. Up to
    `population_size` trials there are no children.

    Args:
        population_size: the number of possible parents, and of trials before the first child.
        tournament_size: the number of trials in a tournament; larger is greedier.
        mutation_prob: the probability that a value is mutated. Default: 1 / number of values.

    The other arguments are those of `Tuner`.

    Example:
        >>> tuner = kt.EvolutionarySearch(
        ...     build, "val_loss", max_trials=20, population_size=8, directory="runs"
        ... )
        >>> tuner.search(x, y, validation_split=0.25, epochs=2, verbose=0)
        >>> tuner.get_best_trials()[0].values["units"] in range(4, 33)
        True
    """

    def __init__(
        self,
        hypermodel: Any = None,
        objective: ObjectiveLike = None,
        max_trials: int | None = 50,
        population_size: int = 16,
        tournament_size: int = 8,
        mutation_prob: float | None = None,
        **kwargs: Any,
    ) -> None:
        refuse_part("oracle", kwargs, "EvolutionarySearch")
        super().__init__(
            hypermodel,
            objective,
            max_trials,
            oracle=EvolutionaryOracle(population_size, tournament_size, mutation_prob),
            **kwargs,
        )


@public("kerastune_lite")
class Hyperband(Tuner):
    """Hyperband (Li et al., 2018): many trials for a few epochs, the better ones for more.

    Trials are resumed with their weights, optimizer and callbacks. `search(epochs=...)` is accepted
    and ignored, as in KerasTuner. `tuner.scheduler.describe()` lists the brackets.

    Args:
        max_epochs: the epochs of the best trials.
        factor: the ratio of the epochs, and of the numbers of trials, of neighbouring rungs.
        hyperband_iterations: how often to run all brackets.
        min_epochs: the smallest number of epochs of the first rung.
        oracle: proposes values. Default: random. With a Bayesian one it is `BOHB`.

    The other arguments are those of `Tuner`, in KerasTuner's order.

    Example:
        >>> tuner = kt.Hyperband(build, "val_loss", max_epochs=9, directory="runs")
        >>> tuner.search(x, y, validation_split=0.25, verbose=0)
        >>> max(trial.epochs for trial in tuner.trials)
        9
    """

    def __init__(
        self,
        hypermodel: Any = None,
        objective: ObjectiveLike = None,
        max_epochs: int = 100,
        factor: float = 3,
        hyperband_iterations: int = 1,
        seed: int | None = None,
        hyperparameters: HyperParameters | None = None,
        tune_new_entries: bool = True,
        allow_new_entries: bool = True,
        max_retries_per_trial: int = 0,
        max_consecutive_failed_trials: int = 3,
        min_epochs: int = 1,
        oracle: Oracle | None = None,
        **kwargs: Any,
    ) -> None:
        refuse_part("scheduler", kwargs, "Hyperband")
        kwargs.setdefault("max_trials", None)
        super().__init__(
            hypermodel,
            objective,
            oracle=oracle or RandomOracle(),
            scheduler=HyperbandScheduler(max_epochs, factor, min_epochs, hyperband_iterations),
            seed=seed,
            hyperparameters=hyperparameters,
            tune_new_entries=tune_new_entries,
            allow_new_entries=allow_new_entries,
            max_retries_per_trial=max_retries_per_trial,
            max_consecutive_failed_trials=max_consecutive_failed_trials,
            **kwargs,
        )


@public("kerastune_lite")
class BOHB(Hyperband):
    """Hyperband with trials that a model proposes, similar to BOHB (Falkner et al., 2018).

    The model is the Gaussian process of `BayesianOptimization`, with the training time as one more
    input, so that it learns from short trainings, too. The arguments are those of `Hyperband`.

    Example:
        >>> tuner = kt.BOHB(build, "val_loss", max_epochs=9, max_trials=12, directory="runs")
        >>> tuner.search(x, y, validation_split=0.25, verbose=0)
        >>> best = tuner.get_best_hyperparameters()[0]
    """

    def __init__(
        self,
        hypermodel: Any = None,
        objective: ObjectiveLike = None,
        max_epochs: int = 100,
        factor: float = 3,
        hyperband_iterations: int = 1,
        seed: int | None = None,
        **kwargs: Any,
    ) -> None:
        refuse_part("oracle", kwargs, "BOHB")
        refuse_part("scheduler", kwargs, "BOHB")
        super().__init__(
            hypermodel,
            objective,
            max_epochs,
            factor,
            hyperband_iterations,
            seed,
            oracle=BayesianOracle(),
            **kwargs,
        )


@public("kerastune_lite")
class ASHA(Tuner):
    """Asynchronous successive halving (Li et al., 2020) with a Gaussian process to propose trials.

    Every trial starts with a few epochs, and continues if it is among the best of those that
    trained as long. The search ends after `max_trials`. `search(epochs=...)` is accepted and
    ignored. Trials pause at the end of each rung and are resumed with their weights, optimizer and
    callbacks.

    Args:
        max_epochs: the epochs of the best trials.
        factor: the ratio of the epochs, and of the numbers of trials, of neighbouring rungs.
        min_epochs: the smallest number of epochs of the first rung.
        stop: whether to stop trials instead of pausing them; then their state is not stored.
        oracle: proposes values. Default: Bayesian.

    The other arguments are those of `Tuner`.

    Example:
        >>> tuner = kt.ASHA(build, "val_loss", max_trials=12, max_epochs=9, directory="runs")
        >>> tuner.search(x, y, validation_split=0.25, verbose=0)
        >>> len(tuner.trials)
        12
    """

    def __init__(
        self,
        hypermodel: Any = None,
        objective: ObjectiveLike = None,
        max_trials: int | None = 50,
        max_epochs: int = 100,
        factor: float = 3,
        min_epochs: int = 1,
        stop: bool = False,
        oracle: Oracle | None = None,
        **kwargs: Any,
    ) -> None:
        refuse_part("scheduler", kwargs, "ASHA")
        super().__init__(
            hypermodel,
            objective,
            max_trials,
            oracle=oracle or BayesianOracle(),
            scheduler=ASHAScheduler(max_epochs, factor, min_epochs, stop),
            **kwargs,
        )
