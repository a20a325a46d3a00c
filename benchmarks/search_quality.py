"""How good a loss a search finds, by trials: our oracles, Optuna's samplers, KerasTuner's oracles.

    python benchmarks/search_quality.py [--problems digits ...] [--contenders bayesian ...]
        [--seeds 10] [--trials 100] [--quick] [--jobs 1] [--json FILE] [--plot FILE]

Every contender has the same number of trials, begins as it does by default, and has its default
settings. What counts is the loss without noise of the trial that was best as reported, as
normalised regret: 0 is the best of the problem, 1 the median of its space. Means over seeds, +-
standard errors. KerasTuner's Bayesian search takes about a second per trial, so its rows are made
only on demand: name them. Tables marked * were not used while our oracles were made.
"""

import argparse
import concurrent.futures
import json
import math
import multiprocessing
import sys
import time
from pathlib import Path

import numpy as np
import search_quality_contenders as contenders
import search_quality_problems as problems

CHECKPOINTS = (10, 25, 50, 100)
FLOOR = 0.01
"""Regrets below it are equal in the geometric mean: which digits nobody needs is no difference."""
QUICK = {"problems": ["branin", "conditional"], "seeds": 2, "trials": 12}
DEFAULT = ("random", "sobol", "bayesian", "Optuna TPE", "Optuna GP")


def regrets(name, contender, seed, trials):
    """The regret after each trial, `(trials,)`, and the processor's milliseconds per proposal."""
    problem = problems.problem(name)
    noise = np.random.default_rng([seed, 1])
    search = contenders.ALL[contender](problem, trials, seed)
    found, reported, true = [], math.inf, problem.median
    spent = 0.0
    started = time.process_time()
    values = next(search)
    spent += time.process_time() - started
    for number in range(trials):
        loss = problem.loss(values, noise)
        if loss < reported:
            reported, true = loss, problem.true_loss(values)
        found.append(problem.regret(true))
        started = time.process_time()
        try:
            values = search.send(loss)
        except StopIteration:
            found += [found[-1]] * (trials - number - 1)
            break
        spent += time.process_time() - started
    return found, 1e3 * spent / trials


def measure(arguments):
    """A dict from problem to contender to {"regret": (seeds, trials), "ms": mean}."""
    tasks = [
        (name, contender, seed, arguments.trials)
        for name in arguments.problems
        for contender in arguments.contenders
        for seed in range(arguments.seeds)
    ]
    results = {name: {} for name in arguments.problems}
    with _executor(arguments.jobs) as executor:
        done = executor.map(regrets, *zip(*tasks)) if executor else map(regrets, *zip(*tasks))
        for (name, contender, *_), (found, milliseconds) in zip(tasks, done):
            entry = results[name].setdefault(contender, {"regret": [], "ms": []})
            entry["regret"].append(found)
            entry["ms"].append(milliseconds)
    return results


def _executor(jobs):
    if jobs == 1:
        import contextlib

        return contextlib.nullcontext()
    return concurrent.futures.ProcessPoolExecutor(
        jobs, mp_context=multiprocessing.get_context("spawn")
    )


def report(results, trials):
    """A table per problem, and the geometric mean over all (of regrets, or `FLOOR`)."""
    checkpoints = [c for c in CHECKPOINTS if c <= trials] or [trials]
    for name, rows in results.items():
        mark = " *" if name in problems.HELD_OUT else ""
        print(f"\n{name + mark:22}" + "".join(f"{c:>16}" for c in checkpoints) + f"{'ms':>9}")
        for contender, entry in rows.items():
            print(f"{contender:22}" + _cells(entry["regret"], checkpoints) + _ms(entry["ms"]))
    if len(results) > 1:
        print(f"\n{'geometric means':22}" + "".join(f"{c:>16}" for c in checkpoints))
        for contender in next(iter(results.values())):
            means = [
                math.exp(
                    np.mean([math.log(_mean(rows[contender], c)) for rows in results.values()])
                )
                for c in checkpoints
            ]
            print(f"{contender:22}" + "".join(f"{mean:16.3f}" for mean in means))


def _mean(entry, checkpoint):
    return max(float(np.mean([run[checkpoint - 1] for run in entry["regret"]])), FLOOR)


def _cells(runs, checkpoints):
    cells = ""
    for checkpoint in checkpoints:
        at = np.array([run[checkpoint - 1] for run in runs])
        error = at.std(ddof=1) / math.sqrt(len(at)) if len(at) > 1 else 0.0
        cells += f"{at.mean():9.3f} +-{error:.3f}"
    return cells


def _ms(times):
    return f"{np.mean(times):9.1f}"


def plot(results, path):
    """Mean regret by trials, one panel per problem, as an image of the kind the name says."""
    try:
        import matplotlib

        matplotlib.use("agg")
        from matplotlib import pyplot
    except ImportError:
        print("The plot is left out: it needs matplotlib (pip install kerastune_lite[plots]).")
        return
    columns = min(len(results), 3)
    rows = -(-len(results) // columns)
    figure, axes = pyplot.subplots(
        rows, columns, figsize=(4.5 * columns, 3.5 * rows), squeeze=False
    )
    for axis, (name, entries) in zip(axes.flat, results.items()):
        for contender, entry in entries.items():
            runs = np.array(entry["regret"])
            mean, error = runs.mean(0), runs.std(0) / math.sqrt(len(runs))
            trials = np.arange(1, runs.shape[1] + 1)
            axis.plot(trials, mean, label=contender)
            axis.fill_between(trials, mean - error, mean + error, alpha=0.2)
        axis.set(title=name, xlabel="trials", ylabel="regret", yscale="log")
    for axis in axes.flat[len(results) :]:
        axis.remove()
    axes.flat[0].legend(fontsize="small")
    figure.tight_layout()
    figure.savefig(path)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--problems", nargs="+", choices=problems.names(), metavar="NAME")
    parser.add_argument("--contenders", nargs="+", choices=list(contenders.ALL), metavar="NAME")
    parser.add_argument("--seeds", type=int)
    parser.add_argument("--trials", type=int)
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--jobs", type=int, default=1)
    parser.add_argument("--json", type=Path)
    parser.add_argument("--plot", type=Path)
    arguments = parser.parse_args()
    usual = {"problems": problems.names(), "seeds": 10, "trials": 100}
    for name, value in (QUICK if arguments.quick else usual).items():
        if getattr(arguments, name) is None:
            setattr(arguments, name, value)
    wanted = arguments.contenders or list(DEFAULT)
    arguments.contenders = []
    for contender in wanted:
        needs = contenders.missing(contender)
        if needs is None:
            arguments.contenders.append(contender)
        else:
            print(f"{contender} is left out: {needs} is not installed")

    results = measure(arguments)
    report(results, arguments.trials)
    if arguments.json:
        arguments.json.write_text(json.dumps({"trials": arguments.trials, "results": results}))
    if arguments.plot:
        plot(results, arguments.plot)


if __name__ == "__main__":
    sys.exit(main())
