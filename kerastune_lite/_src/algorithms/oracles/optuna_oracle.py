"""Samplers of Optuna as oracles."""

from __future__ import annotations

import importlib.util
import inspect
from collections import OrderedDict
from collections.abc import Sequence
from typing import Any

import numpy as np

from kerastune_lite._src.algorithms.oracles.optuna_study import (
    Ended,
    FollowedStudy,
    Started,
    events,
)
from kerastune_lite._src.algorithms.oracles.oracle import Oracle, draw_distinct, drawn_untried
from kerastune_lite._src.algorithms.oracles.sobol import checked_seed, with_scrambling
from kerastune_lite._src.core.history import TrialHistory
from kerastune_lite._src.space.domains import Value
from kerastune_lite._src.space.parameters import Space
from kerastune_lite._src.util.optuna_package import ALONE, load_optuna, quiet
from kerastune_lite._src.util.public import public
from kerastune_lite._src.util.threads import one_thread

_ATTEMPTS = 8
"""How often a sampler is asked for a point that was not tried, before one is drawn at random."""

_KEPT_STUDIES = 2

_LEARN_NOTHING = ("RandomSampler", "QMCSampler")

_MEANS_NOTHING = ("seed", "warn")
"""How the names of arguments begin that do not change what is found."""

_GIVEN_VALUES = {
    "GridSampler": "GridOracle",
    "BruteForceSampler": "GridOracle",
    "PartialFixedSampler": "OptunaOracle with its base sampler, and `Fixed` in the space",
}
"""Samplers whose arguments are values, which Optuna does not get, and what to use instead."""

_NEEDS = {
    "GPSampler": ("torch", "pip install torch"),
    "CmaEsSampler": ("cmaes", 'pip install "kerastune_lite[cmaes]"'),
}
"""Packages that a sampler loads at its first proposal, and how to install them."""


@public("kerastune_lite.oracles")
class OptunaOracle(Oracle):
    """A sampler of Optuna: TPE, GP, CMA-ES, NSGA-II, QMC, those of OptunaHub, or your own.

    Before each proposal the trials so far are a study of Optuna, with running trials as RUNNING,
    failed ones as FAIL and those that a scheduler stopped as PRUNED with their curves. All scales,
    steps and conditions of our spaces are possible: the sampler sees positions in [0, 1], numbers
    of steps and indices of choices. Truth values and choices without order are categorical.

    A sampler that writes notes into its study, such as CMA-ES or NSGA-II, is asked again for each
    trial of the history when the search is resumed. With several objectives the study has them
    all, and constraints are those of the trials. A point that was tried already is asked for again,
    up to eight times.

    Args:
        sampler: of Optuna. Default: `TPESampler()`. Its random generators are seeded for each
            proposal; a sampler that makes a sequence from a seed (`QMCSampler(scramble=True)`)
            must be given one.
        seed: of the proposals. Default: the seed of the search.

    Raises:
        ImportError: Optuna is not installed, or what the sampler needs: torch for `GPSampler`,
            cmaes for `CmaEsSampler`.
        TypeError: `sampler` is not a sampler.
        ValueError: `sampler` was given values, which it would not find in the study; or `seed` is
            not a whole number of at least 0.

    Example:
        >>> import optuna
        >>> from kerastune_lite.oracles import OptunaOracle
        >>> OptunaOracle(optuna.samplers.NSGAIISampler(population_size=20)).settings()
        {'type': 'OptunaOracle', 'sampler': 'NSGAIISampler(population_size=20)', 'seed': None}
    """

    unseen = "sample"
    reads_curves = True

    def __init__(self, sampler: Any = None, seed: int | None = None) -> None:
        optuna = load_optuna(ALONE)
        self.sampler = optuna.samplers.TPESampler() if sampler is None else sampler
        _check(optuna, self.sampler)
        self.seed = checked_seed(seed)
        self.learns = type(self.sampler).__name__ not in _LEARN_NOTHING
        self._scrambling = self.seed or 0
        # The latest studies, by what they were made for.
        self._studies: OrderedDict[tuple[object, ...], FollowedStudy] = OrderedDict()

    def seeded(self, seed: int) -> Oracle:
        return self if self.seed is not None else with_scrambling(self, seed)

    def settings(self) -> dict[str, Value]:
        return {**super().settings(), "sampler": _described(self.sampler), "seed": self.seed}

    @one_thread()
    def propose(
        self, space: Space, history: TrialHistory, count: int, rng: np.random.Generator
    ) -> list[dict[str, Value]]:
        with quiet(load_optuna(ALONE)):
            return self._proposed(space, history, count, rng)

    def _proposed(
        self, space: Space, history: TrialHistory, count: int, rng: np.random.Generator
    ) -> list[dict[str, Value]]:
        visited = history.visited
        objectives = max((len(trial.losses) for trial in history), default=0) or 1
        study = self._following(space, objectives, list(events(space, history)))
        numbers = iter(range(len(history), len(history) + count))

        def draw() -> dict[str, Value] | None:
            number = next(numbers)
            for attempt in range(_ATTEMPTS):
                point = study.ask(number, attempt)
                if point not in visited:
                    study.keep(number, point)
                    return point
                study.discard(number)
                if study.asks_again:
                    self._studies.clear()  # it has notes of points that are not in the history
            return next(drawn_untried(space, visited, rng, _ATTEMPTS), None)

        return draw_distinct(visited, count, draw)

    def _following(
        self, space: Space, objectives: int, happened: Sequence[Started | Ended]
    ) -> FollowedStudy:
        """A study in which all this has happened."""
        key = (space, objectives, self._scrambling)
        study = self._studies.pop(key, None)
        if study is None or not study.follow(happened):
            study = FollowedStudy(self.sampler, space, self._scrambling, objectives)
            study.follow(happened)
        self._studies[key] = study
        if len(self._studies) > _KEPT_STUDIES:
            self._studies.popitem(last=False)
        return study

    def __getstate__(self) -> dict[str, Any]:
        return {**self.__dict__, "_studies": OrderedDict()}


def _check(optuna: Any, sampler: Any) -> None:
    name = type(sampler).__name__
    if not isinstance(sampler, optuna.samplers.BaseSampler):
        what = f"the class {sampler.__name__}" if isinstance(sampler, type) else repr(sampler)
        raise TypeError(
            "`sampler` must be a sampler of Optuna, such as optuna.samplers.TPESampler(). "
            f"Received: {what}."
        )
    if name in _GIVEN_VALUES:
        raise ValueError(
            f"`sampler` must not need values of hyperparameters: Optuna gets positions. Received: "
            f"a {name}. Use {_GIVEN_VALUES[name]} instead."
        )
    for kind in type(sampler).__mro__:
        package, pip = _NEEDS.get(kind.__name__, ("", ""))
        if package and importlib.util.find_spec(package) is None:
            raise ImportError(f"{kind.__name__} needs {package}. Install it with: {pip}")


def _described(sampler: Any) -> str:
    """Its class, and those arguments that differ from their defaults and can be seen."""
    held = vars(sampler)
    said = []
    for name, parameter in inspect.signature(type(sampler)).parameters.items():
        value = held.get(name, held.get(f"_{name}", parameter.default))
        plain = value is None or isinstance(value, (bool, int, float, str))
        if not name.startswith(_MEANS_NOTHING) and plain and value != parameter.default:
            said.append(f"{name}={value!r}")
    return f"{type(sampler).__name__}({', '.join(said)})"
