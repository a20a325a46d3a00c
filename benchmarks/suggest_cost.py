"""Milliseconds that a proposal takes after 20, 100, 300 and 1,000 trials: ours, Optuna's, SMAC's.

    python benchmarks/suggest_cost.py [--problem digits] [--contenders bayesian ...]
        [--trials 20 100 300 1000] [--proposals 40] [--workers 1]

Trials of random points are put on record with their losses; then as many proposals are timed as
`--proposals` says, each followed by its result, as in a search. The first proposal of all, which
pays for imports, is not counted. The mean counts: our model's settings are fitted anew only now and
then, as is SMAC's forest, and a median would hide that. It is the time of the processor, so that
what else the machine does matters little; with OMP_NUM_THREADS=1 OPENBLAS_NUM_THREADS=1 it is that
of one core.
"""

import argparse
import math
import os
import platform
import sys
import time

import numpy as np
import search_quality_contenders as contenders
import search_quality_problems as problems

from kerastune_lite.hyperparameters import Boolean, Choice
from kerastune_lite.oracles import (
    BayesianOracle,
    EvolutionaryOracle,
    RandomOracle,
    SobolOracle,
    Trial,
    TrialHistory,
)


def ours(oracle):
    def cost(problem, trials, proposals, pending):
        history, rng = drawn(problem, trials), np.random.default_rng(1)
        oracle.propose(problem.space, history, 1, np.random.default_rng(2))
        for values in RandomOracle().propose(problem.space, history, max(pending, 1), rng)[
            :pending
        ]:
            history.add(Trial(len(history), values, problem.space))
        costs = []
        for number in range(proposals):
            generator = np.random.default_rng([3, number])
            started = time.process_time()
            (values,) = oracle.propose(problem.space, history, 1, generator)
            costs.append(time.process_time() - started)
            loss = problem.loss(values, rng)
            history.add(contenders.ended(len(history), values, problem.space, loss))
        return costs

    return cost


def drawn(problem, trials):
    """A history of random points."""
    rng, history = np.random.default_rng(0), TrialHistory()
    for number in range(trials):
        values = problem.space.sample(rng)
        loss = problem.loss(values, rng)
        history.add(contenders.ended(number, values, problem.space, loss))
    return history


def optuna_with(sampler_of):
    def cost(problem, trials, proposals, pending):
        import optuna

        optuna.logging.set_verbosity(optuna.logging.ERROR)
        study = optuna.create_study(sampler=optuna.samplers.RandomSampler(seed=0))

        def ask():
            trial = study.ask()
            return trial, problem.space.walk(
                lambda parameter: contenders.suggested(trial, parameter.name, parameter.domain)
            )

        def tell(trial, loss):
            if math.isfinite(loss):
                study.tell(trial, loss)
            else:
                study.tell(trial, state=optuna.trial.TrialState.FAIL)

        rng = np.random.default_rng(0)
        for _ in range(trials):
            values = problem.space.sample(rng)
            study.enqueue_trial({name: _told(problem.space, name, v) for name, v in values.items()})
            trial, values = ask()
            tell(trial, problem.loss(values, rng))
        study.sampler = sampler_of(optuna)(seed=0)
        trial, values = ask()
        tell(trial, problem.loss(values, rng))
        for _ in range(pending):
            ask()
        costs = []
        for _ in range(proposals):
            started = time.process_time()
            trial, values = ask()
            costs.append(time.process_time() - started)
            tell(trial, problem.loss(values, rng))
        return costs

    return cost


def _told(space, name, value):
    """A value as `contenders.suggested` asks Optuna for it."""
    domain = space.named(name)[0].domain
    if isinstance(domain, Choice) and domain.ordered:
        return domain.index(value)
    if not isinstance(domain, (Boolean, Choice)) and domain.sampling == "reverse_log":
        return domain.to_unit(value)
    return value


def smac(problem, trials, proposals, pending):
    from smac.runhistory import TrialInfo, TrialValue

    rng, space = np.random.default_rng(0), problem.space
    with contenders.smac_facade(problem, trials + proposals + pending + 1, 0, design=1) as facade:

        def ask():
            info = facade.ask()
            known = dict(info.config)
            return info, space.walk(lambda p: contenders.configured(p.domain, known[p.name]))

        def tell(info, values):
            loss = problem.loss(values, rng)
            # A failed one is told as if it had a loss like others: it costs the same.
            facade.tell(info, TrialValue(loss if math.isfinite(loss) else 1.0), save=False)

        first, values = ask()
        tell(first, values)
        for _ in range(trials):
            values = space.sample(rng)
            config = contenders.configuration(facade.scenario.configspace, space, values)
            tell(TrialInfo(config, seed=first.seed), values)
        tell(*ask())
        for _ in range(pending):
            ask()
        costs = []
        for _ in range(proposals):
            started = time.process_time()
            info, values = ask()
            costs.append(time.process_time() - started)
            tell(info, values)
        return costs


CONTENDERS = {
    "random": lambda: ours(RandomOracle()),
    "sobol": lambda: ours(SobolOracle()),
    "bayesian": lambda: ours(BayesianOracle()),
    "evolution": lambda: ours(EvolutionaryOracle()),
    "Optuna TPE": lambda: optuna_with(lambda optuna: optuna.samplers.TPESampler),
    "Optuna GP": lambda: optuna_with(lambda optuna: optuna.samplers.GPSampler),
    "SMAC": lambda: smac,
}


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--problem", default="digits", choices=problems.names())
    parser.add_argument("--contenders", nargs="+", choices=list(CONTENDERS), metavar="NAME")
    parser.add_argument("--trials", type=int, nargs="+", default=[20, 100, 300, 1000])
    parser.add_argument("--proposals", type=int, default=40)
    parser.add_argument("--workers", type=int, default=1, help="all but one of them are training")
    arguments = parser.parse_args()
    problem = problems.problem(arguments.problem)
    print(f"{platform.machine()}, {os.cpu_count()} cores, {arguments.problem}; ms per proposal")
    print(f"{'trials':14}" + "".join(f"{trials:>10}" for trials in arguments.trials))
    for name in arguments.contenders or CONTENDERS:
        if contenders.missing(name):
            print(f"{name} is left out: {contenders.missing(name)} is not installed")
            continue
        means = [
            1e3
            * np.mean(
                CONTENDERS[name]()(problem, trials, arguments.proposals, arguments.workers - 1)
            )
            for trials in arguments.trials
        ]
        print(f"{name:14}" + "".join(f"{mean:10.1f}" for mean in means), flush=True)


if __name__ == "__main__":
    sys.exit(main())
