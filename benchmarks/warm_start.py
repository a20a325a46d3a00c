"""What a search gains or loses by remembering a former project: `warm_start_from`.

    python benchmarks/warm_start.py [--tables digits ...] [--former related ...] [--seeds 10]
        [--trials 50] [--jobs 1] [--json FILE] [--quick]

The tables of `search_quality.py`: trainings of networks on five sets of data, with the same
hyperparameters on all. Each search is `kt.tune_function` with its defaults, and remembers 50 trials
of a Bayesian search with another seed:

- same: 50 random points of the same table, as of an earlier random search;
- related: of a table of the same kind of task (classification, regression);
- all others: four projects, one of each other table;
- unrelated: of a function that has nothing to do with trainings, Hartmann's in six dimensions, of
  the same hyperparameters in a random order and direction;
- misleading: of the related table with all losses negated, so that its best points are the worst.

What counts is normalised regret, as in `search_quality.py`: 0 is the best of a table, 1 the median,
by log losses; a search without a result has 1. Means over seeds; the difference from the search
that remembers nothing, with the same seeds, +- its standard error. With --json the file keeps what
was measured, and it is not measured again.
"""

import argparse
import concurrent.futures
import functools
import json
import logging
import math
import multiprocessing
import os
import sys
import tempfile
from pathlib import Path

import numpy as np
import search_quality_problems as problems
from threadpoolctl import threadpool_limits

import kerastune_lite as kt

RELATED = {
    "digits": "breast_cancer",
    "breast_cancer": "wine",
    "wine": "digits",
    "diabetes": "friedman",
    "friedman": "diabetes",
}
"""The same kind of task; chosen before anything was measured."""

FORMER = ("same", "related", "all others", "unrelated", "misleading")
COLD = "nothing"
AFTER = (5, 10, 25, 50)
FORMER_TRIALS = 50
OTHER_SEEDS = 1000


def search(function, space, trials, seed, directory, **settings):
    return kt.tune_function(
        function,
        space,
        max_trials=trials,
        seed=seed,
        directory=directory,
        max_consecutive_failed_trials=trials,  # trainings may diverge
        verbose=0,
        **settings,
    )


def domains(table):
    return {parameter.name: parameter.domain for parameter in table.space}


def loss_of(table, sign=1.0):
    def loss(**values):
        return sign * table.true_loss(values)

    return loss


def unrelated(table, seed):
    """Hartmann's function of the units of a table's space, in another order."""
    rng = np.random.default_rng([seed, 1])
    order, reflected = rng.permutation(len(table.space)), rng.random(len(table.space)) < 0.5

    def loss(**values):
        units = [parameter.domain.to_unit(values[parameter.name]) for parameter in table.space]
        units = np.where(reflected, 1.0 - np.array(units), units)[order]
        return problems.hartmann(dict(enumerate(units)))

    return loss


def former_searches(former, name, seed):
    """What is searched before: pairs of a table, whose space it has, and a function."""
    table, related = problems.problem(name), problems.problem(RELATED[name])
    others = [problems.problem(other) for other in problems.DENSE if other != name]
    return {
        COLD: [],
        "same": [(table, loss_of(table))],
        "related": [(related, loss_of(related))],
        "all others": [(each, loss_of(each)) for each in others],
        "unrelated": [(related, unrelated(related, seed))],
        "misleading": [(related, loss_of(related, -1.0))],
    }[former]


def measured(former, name, seed, trials):
    """The best regret after each trial of a search that remembers."""
    table = problems.problem(name)
    oracle = kt.oracles.RandomOracle() if former == "same" else kt.oracles.BayesianOracle()
    logging.disable(logging.WARNING)  # of trials that failed
    with threadpool_limits(1), tempfile.TemporaryDirectory() as directory:
        remembered = [
            search(
                function,
                domains(each),
                FORMER_TRIALS,
                OTHER_SEEDS + seed,
                directory,
                project_name=f"former {place}",
                oracle=oracle,
            )
            for place, (each, function) in enumerate(former_searches(former, name, seed))
        ]
        new = search(
            loss_of(table),
            domains(table),
            trials,
            seed,
            directory,
            project_name="new",
            warm_start_from=remembered or None,
        )
        losses = [math.inf if trial.loss is None else trial.loss for trial in new.trials]
    bests = np.minimum.accumulate(losses)
    return [round(table.regret(each), 5) if math.isfinite(each) else 1.0 for each in bests]


def measure(arguments, results):
    """Adds what is missing to `results`: former -> table -> seed -> regrets."""
    wanted = [
        (former, name, seed, arguments.trials)
        for former in (COLD, *arguments.former)
        for name in arguments.tables
        for seed in range(arguments.seeds)
    ]

    def known(former, name, seed, trials):
        found = results.setdefault(former, {}).setdefault(name, {}).get(str(seed), [])
        return len(found) >= trials

    tasks = [task for task in wanted if not known(*task)]
    with concurrent.futures.ProcessPoolExecutor(
        arguments.jobs, mp_context=multiprocessing.get_context("spawn")
    ) as executor:
        for task, regrets in zip(tasks, executor.map(measured, *zip(*tasks)) if tasks else ()):
            former, name, seed, _ = task
            results[former][name][str(seed)] = regrets
            if arguments.json:
                arguments.json.write_text(json.dumps(results, separators=(",", ":")) + "\n")


def report(arguments, results):
    after = [count for count in AFTER if count <= arguments.trials]
    seeds = [str(seed) for seed in range(arguments.seeds)]
    places = np.array(after) - 1

    @functools.cache
    def regrets(former, name):
        """(seeds, len(after))"""
        return np.array([results[former][name][seed] for seed in seeds])[:, places]

    print(
        f"{os.cpu_count()} cores; regret after {' / '.join(map(str, after))} trials, {len(seeds)}"
    )
    print("seeds; in brackets the difference from a search that remembers nothing, +- its error\n")
    for name in [*arguments.tables, "mean"]:
        names = arguments.tables if name == "mean" else [name]
        for former in (COLD, *arguments.former):
            means = np.mean([regrets(former, each).mean(0) for each in names], axis=0)
            gains = [regrets(former, each) - regrets(COLD, each) for each in names]
            error = np.sqrt(sum(gain.var(0, ddof=1) / len(seeds) for gain in gains)) / len(names)
            change = np.mean([gain.mean(0) for gain in gains], axis=0)
            changes = [f"{a:+.3f} +- {b:.3f}" for a, b in zip(change, error)]
            told = "" if former == COLD else f"  ({', '.join(changes)})"
            print(f"{name:14} {former:11} {' / '.join(f'{each:.3f}' for each in means)}{told}")
        print()


def parsed():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--tables", nargs="+", choices=list(RELATED), default=list(RELATED))
    parser.add_argument("--former", nargs="+", choices=FORMER, default=list(FORMER), metavar="NAME")
    parser.add_argument("--seeds", type=int, default=10)
    parser.add_argument("--trials", type=int, default=max(AFTER))
    parser.add_argument("--jobs", type=int, default=1)
    parser.add_argument("--json", type=Path, help="keeps what was measured")
    parser.add_argument("--quick", action="store_true")
    arguments = parser.parse_args()
    if arguments.quick:
        arguments.tables, arguments.seeds, arguments.trials = arguments.tables[:1], 2, 10
    return arguments


def main():
    arguments, results = parsed(), {}
    if arguments.json and arguments.json.exists():
        results = json.loads(arguments.json.read_text())
    measure(arguments, results)
    report(arguments, results)


if __name__ == "__main__":
    sys.exit(main())
