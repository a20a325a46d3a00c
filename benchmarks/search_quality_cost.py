"""Who searches by cost in `search_quality.py`, where trials that train side by side cost less.

A training alone costs 1, whatever the network. `n` trials that differ in fractions alone and train
side by side cost `n` times what was measured for eight of them on a network of this size; their
results are there when all have ended, and the next proposals wait for them. The first trial trains
alone, and what begins with each later one is what its oracle proposes for it, as in a search. What
proposals cost is not counted.
"""

import dataclasses
import math
from collections.abc import Callable

import numpy as np
import search_quality_contenders as contenders

from kerastune_lite.oracles import BayesianOracle, Oracle, RandomOracle, Trial, TrialHistory

BATCH = 8
STACKED = {"2 x 128": 0.76, "1 x 32": 0.69}
"""What one of eight trials side by side costs, by hidden layers x units: the ratios of wall time
that `python benchmarks/stacked_cost.py` printed on 2 cores (x86-64)."""


@dataclasses.dataclass(frozen=True)
class Contender:
    """Which oracle, and what one of several trials side by side costs; None: one by one."""

    oracle: Callable[[int], Oracle]
    stacked: float | None = None

    def cost(self, trials):
        """Of so many trials that begin together."""
        return 1.0 if trials == 1 else trials * self.stacked


def by_cost(problem, contender, seed, budget):
    """The regret of the best trial so far, as `[cost, regret]` when it changed, and how many began.

    What has not ended when `budget` is spent does not count.
    """
    contender, history = ALL[contender], TrialHistory()
    oracle = contender.oracle(seed)
    spent, best, steps = 0.0, math.inf, []
    while True:
        together = BATCH if contender.stacked is not None and len(history) else 1
        begun = _begun(oracle, problem.space, history, seed, together)
        spent += contender.cost(len(begun))
        if spent > budget:
            return steps, len(history)
        losses = [problem.true_loss(trial.values) for trial in begun]
        for trial, loss in zip(begun, losses):
            history.update(contenders.ended(trial.number, trial.values, problem.space, loss))
        found = min(filter(math.isfinite, losses), default=math.inf)
        if found < best:
            best = found
            steps.append([round(spent, 3), round(problem.regret(best), 5)])


def _begun(oracle, space, history, seed, together):
    """The trials that begin now, in the history already: one, and those that go along with it."""

    def added(propose, *what):
        points = propose(space, history, *what, np.random.default_rng([seed, len(history)]))
        trials = [Trial(len(history) + i, point, space) for i, point in enumerate(points)]
        for trial in trials:
            history.add(trial)
        return trials

    (first,) = added(oracle.propose, 1)
    if together == 1:
        return [first]
    return [first, *added(oracle.propose_alike, first.values, together - 1)]


def _random(seed):
    return RandomOracle()


def _bayesian(seed):
    return BayesianOracle(seed=seed)


def _batches(seed):
    return BayesianOracle(seed=seed, batch=BATCH)


ALL = {
    "random": Contender(_random),
    "bayesian": Contender(_bayesian),
    **{f"bayesian, eight of {size}": Contender(_batches, ratio) for size, ratio in STACKED.items()},
}
