"""How good a loss a search finds, by trials, epochs and cost: ours, Optuna's, KerasTuner's.

    python benchmarks/search_quality.py [--by trials epochs cost] [--problems digits ...]
        [--scales raw log accuracy error diverged] [--contenders bayesian ...] [--seeds 10]
        [--trials 100] [--epochs 1000] [--cost 50] [--quick] [--jobs 1] [--json FILE]
        [--again bayesian ...] [--plot FILE]

Every contender has the same number of trials, or of epochs in all trials together, begins as it
does by default, and has its default settings. What counts is normalised regret: 0 is the best of
the problem, 1 the median of its space (for tables, of log losses). By trials it is that of the loss
without noise of the trial that was best as reported; by epochs, on the tables alone, that of the
best loss after any epoch so far; by cost, on the tables alone, that of the best trial so far, where
trials that train side by side cost less (`search_quality_cost.py`): it compares our own. Means over
seeds, +- standard errors. Tables marked * were not used while our oracles and schedulers were made.

Trainings report their loss, as it is; on other scales those of tables report something else
(`search_quality_scales.py`), accuracies where a table has them. Functions and cost have no scales.

KerasTuner's Bayesian search takes about a second per trial, and SMAC, which does not come with the
other peers (pip install smac), a quarter of one, so they are compared only when they are named.
With --json the file keeps what was measured: what it holds already is not measured again,
so that more rows, more seeds or another plot cost only what is new; but that of the contenders
after --again is. The plot is of the tables, with the raw loss.
"""

import argparse
import concurrent.futures
import contextlib
import json
import math
import multiprocessing
import os
import platform
import sys
import time
from pathlib import Path

import numpy as np
import search_quality_contenders as contenders
import search_quality_cost as costs
import search_quality_epochs as by_epochs
import search_quality_problems as problems
import search_quality_report as report
from search_quality_scales import SCALES
from threadpoolctl import threadpool_limits

USUAL = {"problems": None, "seeds": 10, "trials": 100, "epochs": 1000, "cost": 50}
QUICK = {
    "problems": ["branin", "conditional", "wine"],
    "seeds": 2,
    "trials": 12,
    "epochs": 60,
    "cost": 12,
}
DEFAULT = {
    "trials": ("bayesian", "evolution", "Optuna TPE", "Optuna GP", "random", "sobol"),
    "epochs": tuple(name for name in by_epochs.ALL if not name.startswith("SMAC")),
    "cost": tuple(costs.ALL),
}
SEARCHES = {"trials": contenders.ALL, "epochs": by_epochs.ALL, "cost": costs.ALL}


def by_trials(problem, contender, seed, trials):
    """The regret of the best trial, as `[trial, regret]` whenever it changed, and ms a trial."""
    noise = np.random.default_rng([seed, 1])
    search = contenders.ALL[contender](problem, trials, seed)
    found, reported = [], math.inf
    started, outside = time.process_time(), 0.0
    values = next(search)
    for number in range(1, trials + 1):
        paused = time.process_time()
        loss = problem.loss(values, noise)
        if loss < reported:
            reported = loss
            found.append([number, round(problem.regret(problem.true_loss(values)), 5)])
        outside += time.process_time() - paused
        try:
            values = search.send(loss)
        except StopIteration:
            break
    return found, 1e3 * (time.process_time() - started - outside) / trials


def by_epoch(problem, contender, seed, epochs):
    """The regret of the best loss, as `[epoch, regret]` whenever it changed, and ms a trial."""
    meter, started = by_epochs.Meter(problem, epochs), time.process_time()
    with contextlib.suppress(by_epochs.Spent):
        by_epochs.ALL[contender](problem, meter, seed)
    return meter.steps, 1e3 * (time.process_time() - started) / meter.trials


def by_cost(problem, contender, seed, budget):
    """The regret of the best trial, as `[cost, regret]` whenever it changed, and ms a trial."""
    started = time.process_time()
    steps, trials = costs.by_cost(problem, contender, seed, budget)
    return steps, 1e3 * (time.process_time() - started) / trials


def run(kind, name, contender, seed, budget):
    """One search: its steps, and the processor's milliseconds per trial besides training."""
    search = {"trials": by_trials, "epochs": by_epoch, "cost": by_cost}[kind]
    with threadpool_limits(1):  # quicker for matrices of this size, and a busy machine's too
        return search(problems.problem(name), contender, seed, budget)


def measure(arguments, results):
    """Adds what `arguments` ask for to `results` of an earlier time; yields each row there is.

    A row is (trials, epochs or cost; problem; contender).
    """
    left_out = {}
    with _executor(arguments.jobs) as executor:
        mapped = executor.map if executor else map
        for kind, name, contender in rows(arguments):
            budget = getattr(arguments, kind)
            entries = results.setdefault(kind, {}).setdefault(name, {})
            entry = None if contender in arguments.again else entries.get(contender)
            if entry is None or entry["budget"] < budget:
                entry = {"budget": budget, "steps": [], "ms": []}
            seeds = range(len(entry["steps"]), arguments.seeds)
            if seeds and (needs := contenders.missing(contender)) is not None:
                left_out.setdefault(contender, needs)
                continue
            tasks = [(kind, name, contender, seed, budget) for seed in seeds]
            for steps, milliseconds in mapped(run, *zip(*tasks)) if tasks else ():
                entry["steps"].append(steps)
                entry["ms"].append(round(milliseconds, 2))
            entries[contender] = entry
            yield kind, name, contender
    for contender, needs in left_out.items():
        print(f"{contender} is left out: {needs} is not installed")


def rows(arguments):
    """What is asked for; by epochs there are tables alone, and by cost those of dense networks."""
    for kind in arguments.by:
        for name in on_scales(arguments, kind):
            for contender in arguments.contenders or DEFAULT[kind]:
                if contender in SEARCHES[kind]:
                    yield kind, name, contender


def on_scales(arguments, kind="trials"):
    """The problems that are asked for, on each scale that they have."""
    names = [name for name in arguments.problems if kind == "trials" or problems.table_of(name)]
    if kind == "cost":
        return [name for name in names if name in problems.DENSE and "raw" in arguments.scales]
    found = [problems.named(name, scale) for scale in arguments.scales for name in names]
    return [name for name in found if name is not None]


def groups(arguments):
    """The problems over which means are printed, by the name of the group."""
    found = {}
    for scale in arguments.scales:
        tables = [name for name in arguments.problems if problems.table_of(name)]
        for group, members in (
            ("tables", tables),
            ("tables *", [name for name in tables if name in problems.HELD_OUT]),
            ("all", arguments.problems),
        ):
            members = [problems.named(name, scale) for name in members]
            title = group if scale == "raw" else f"{group}, {scale}"
            found[title] = [name for name in members if name is not None]
    return found


def _executor(jobs):
    if jobs == 1:
        return contextlib.nullcontext()
    return concurrent.futures.ProcessPoolExecutor(
        jobs, mp_context=multiprocessing.get_context("spawn")
    )


def parsed():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    known = list(dict.fromkeys(name for searches in SEARCHES.values() for name in searches))
    parser.add_argument("--by", nargs="+", choices=list(DEFAULT), default=list(DEFAULT))
    parser.add_argument("--problems", nargs="+", choices=problems.names(), metavar="NAME")
    parser.add_argument("--scales", nargs="+", choices=["raw", *SCALES], default=["raw"])
    parser.add_argument("--contenders", nargs="+", choices=known, metavar="NAME")
    parser.add_argument("--seeds", type=int)
    parser.add_argument("--trials", type=int, help="that each search has, by trials")
    parser.add_argument("--epochs", type=int, help="that each search has, by epochs")
    parser.add_argument("--cost", type=float, help="that each search has, by cost")
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--jobs", type=int, default=1)
    parser.add_argument("--json", type=Path, help="keeps what was measured")
    parser.add_argument("--again", nargs="+", choices=known, metavar="NAME", default=[])
    parser.add_argument("--plot", type=Path)
    arguments = parser.parse_args()
    for name, value in (QUICK if arguments.quick else USUAL).items():
        if getattr(arguments, name) is None:
            setattr(arguments, name, value)
    arguments.problems = arguments.problems or problems.names()
    return arguments


def main():
    arguments = parsed()
    results = {}
    if arguments.json and arguments.json.exists():
        results = json.loads(arguments.json.read_text())
    results["machine"] = f"{os.cpu_count()} cores ({platform.machine()})"
    wanted = []
    for row in measure(arguments, results):
        wanted.append(row)
        if arguments.json:
            report.write(results, arguments.json)
    held_out = [name for _, name, _ in wanted if problems.table_of(name) in problems.HELD_OUT]
    report.tables(results, wanted, arguments.seeds, groups(arguments), held_out)
    if arguments.plot:
        tables = [name for name in arguments.problems if problems.table_of(name)]
        report.plot(results, tables or arguments.problems, arguments.plot)


if __name__ == "__main__":
    sys.exit(main())
