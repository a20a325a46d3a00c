"""The names that `tuner=` takes, and their oracles and schedulers."""

from __future__ import annotations

from collections.abc import Callable
from typing import Union

from kerastune_lite._src.algorithms.oracles.bayesian import BayesianOracle
from kerastune_lite._src.algorithms.oracles.evolution import EvolutionaryOracle
from kerastune_lite._src.algorithms.oracles.grid import GridOracle
from kerastune_lite._src.algorithms.oracles.oracle import Oracle
from kerastune_lite._src.algorithms.oracles.random import RandomOracle
from kerastune_lite._src.algorithms.oracles.sobol import SobolOracle
from kerastune_lite._src.algorithms.schedulers.asha import ASHA
from kerastune_lite._src.algorithms.schedulers.full import FullTraining
from kerastune_lite._src.algorithms.schedulers.hyperband import Hyperband
from kerastune_lite._src.algorithms.schedulers.median import MedianStopping
from kerastune_lite._src.algorithms.schedulers.scheduler import Scheduler
from kerastune_lite._src.search.settings import refuse_gradients

TunerLike = Union[str, Oracle, Scheduler, tuple[Oracle, Scheduler]]
"""What `tuner=` takes."""

ORACLES: dict[str, Callable[[int], Oracle]] = {
    "random": lambda seed: RandomOracle(),
    "grid": lambda seed: GridOracle(),
    "sobol": lambda seed: SobolOracle(),
    "bayesian": lambda seed: BayesianOracle(seed=seed),
    "evolution": lambda seed: EvolutionaryOracle(),
}
"""name -> function of the search's seed."""

SCHEDULERS: dict[str, Callable[[int], Scheduler]] = {
    "hyperband": Hyperband,
    "asha": ASHA,
}
"""name -> function of the epochs of the best trials."""


def parts_of(tuner: TunerLike, seed: int, epochs: int | None) -> tuple[Oracle, Scheduler]:
    """The oracle and the scheduler, which pauses trials, for a `tuner` argument.

    Args:
        tuner: a name, an Oracle, a Scheduler, or a tuple of both.
        seed: of the search.
        epochs: of the Keras estimator; None for other estimators.

    Raises:
        TypeError, ValueError: it is none of these, or does not fit the estimator.
    """
    oracle, scheduler = _named(tuner, seed, epochs) if isinstance(tuner, str) else _given(tuner)
    if scheduler is None:
        scheduler = FullTraining()
    if oracle is None:
        # Hyperband was made for random points; the other schedulers ask for points one by one.
        by_model = isinstance(scheduler, (ASHA, MedianStopping))
        oracle = BayesianOracle(seed=seed) if by_model else RandomOracle()
    if oracle.reads_gradients:
        refuse_gradients("the folds of TunerSearchCV")
    if epochs is not None:
        # Folds are scored at the end of a rung, not during training.
        return oracle, scheduler.pausing(epochs)
    if scheduler.decides_epochs or scheduler.reads_curves:
        name = repr(tuner) if isinstance(tuner, str) else f"{type(scheduler).__name__}(...)"
        raise ValueError(
            f"tuner={name} trains trials for some epochs, and the better ones for more. That "
            "needs KerasClassifier or KerasRegressor, by itself or as the last step of a Pipeline. "
            f"For other estimators take one of {', '.join(map(repr, ORACLES))}."
        )
    return oracle, scheduler


def _named(name: str, seed: int, epochs: int | None) -> tuple[Oracle | None, Scheduler | None]:
    if name in ORACLES:
        return ORACLES[name](seed), None
    if name not in SCHEDULERS:
        raise ValueError(
            f"`tuner` must be one of {', '.join(map(repr, [*ORACLES, *SCHEDULERS]))}, an oracle of "
            "kerastune_lite.oracles, a scheduler of kerastune_lite.schedulers, or a tuple of both. "
            f"Received: tuner={name!r}."
        )
    if epochs is not None and epochs < 2:
        raise ValueError(
            f"tuner={name!r} trains the best trials for as many epochs as the estimator says, and "
            f"others for fewer. Received: an estimator with epochs={epochs}. Write "
            "KerasClassifier(build, epochs=27), for example."
        )
    return None, SCHEDULERS[name](27 if epochs is None else epochs)


def _given(tuner: TunerLike) -> tuple[Oracle | None, Scheduler | None]:
    parts = tuner if isinstance(tuner, tuple) else (tuner,)
    oracle = next((part for part in parts if isinstance(part, Oracle)), None)
    scheduler = next((part for part in parts if isinstance(part, Scheduler)), None)
    if not parts or len(parts) != (oracle is not None) + (scheduler is not None):
        hint = f" Write {tuner.__name__}()." if isinstance(tuner, type) else ""
        raise TypeError(
            f"`tuner` must be one of {', '.join(map(repr, [*ORACLES, *SCHEDULERS]))}, an oracle, a "
            f"scheduler, or a tuple of one of each. Received: {tuner!r} of type "
            f"{type(tuner).__name__}.{hint}"
        )
    return oracle, scheduler
