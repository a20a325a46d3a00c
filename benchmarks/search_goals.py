"""How good a front of several objectives, and how good a result under constraints, a search finds.

    python benchmarks/search_goals.py [--problems zdt1 digits ...] [--contenders bayesian ...]
        [--seeds 10] [--trials 60] [--jobs 1] [--json FILE]

Every contender has the same number of trials and its default settings. What counts is normalised,
0 is the best there is:

- fronts: 1 - hypervolume / hypervolume of the best front. The reference point is where neither
  objective is better than the median of the space.
- constraints: the regret of the best trial that satisfies them, 0 for the best such point of the
  space, 1 for the median of those; 1 if there is none.

Problems: `zdt1` and `zdt3` (Zitzler, Deb and Thiele 2000) in six dimensions, the second with a
front in five pieces; `conditional`, where each choice has settings of its own, its loss against its
cost; and of `search_quality.py`'s tables of real networks, on a logarithmic scale, the validation
loss against the number of parameters, or the best loss with at most 1,500 parameters. `gramacy` is
the constrained problem of Gramacy et al. (2016). Means over seeds, +- standard errors.

Optuna's GP needs torch (`pip install torch`); without it its column is empty. Optuna's CMA-ES takes
neither several objectives nor constraints. With --json the file keeps what was measured: it is not
measured again, so that contenders can be added one by one.
"""

import argparse
import concurrent.futures
import contextlib
import json
import math
import multiprocessing
import os
import platform
import statistics
import sys
import time
import warnings
from pathlib import Path
from typing import NamedTuple

import numpy as np
import search_quality_contenders as single
import search_quality_problems as problems
from threadpoolctl import threadpool_limits

from kerastune_lite.hyperparameters import Choice, Condition, Float, Parameter, Space
from kerastune_lite.oracles import Trial, TrialHistory, TrialStatus

AT = (15, 30, 60)
"""After how many trials the results are shown."""
_INPUTS, _OUTPUTS = 64, 10
"""Of the networks of the tables, for their numbers of parameters."""
_LARGEST = 1500
_BEST = 0.37
"""Where the best values are; usually they are 0, at the border, which some searches try first."""


class Goal(NamedTuple):
    """A problem with several losses, or with constraints.

    Attributes:
        space: of the points.
        losses: of a point, at least one; smaller is better.
        excesses: of a point; at most 0 for those that are allowed.
        points: a sample of the space that holds its best points, or nearly so.
    """

    space: Space
    losses: object
    excesses: object
    points: list


def _unit(dimensions):
    return Space([Parameter(f"x{i}", Float(0.0, 1.0)) for i in range(dimensions)])


def _zdt(shape):
    def losses(values):
        first, *others = values.values()
        g = 1.0 + 9.0 * sum(abs(x - _BEST) for x in others) / len(others)
        return first, g * shape(first, g)

    best = [{f"x{i}": (x if i == 0 else _BEST) for i in range(6)} for x in np.linspace(0, 1, 501)]
    return Goal(_unit(6), losses, lambda values: (), best)


def zdt1():
    return _zdt(lambda x, g: 1.0 - math.sqrt(x / g))


def zdt3():
    return _zdt(lambda x, g: 1.0 - math.sqrt(x / g) - x / g * math.sin(10.0 * math.pi * x))


def conditional():
    """Two methods: one is cheap, the other one good; each with settings of its own."""
    space = Space(
        [
            Parameter("method", Choice(("cheap", "good"))),
            Parameter("depth", Float(0.0, 1.0), (Condition("method", ("cheap",)),)),
            Parameter("width", Float(0.0, 1.0), (Condition("method", ("good",)),)),
            Parameter("rate", Float(1e-4, 1.0, sampling="log")),
        ]
    )

    def losses(values):
        off = (math.log10(values["rate"]) + 2.0) ** 2
        if values["method"] == "cheap":
            depth = values["depth"]
            return 1.0 - 0.5 * depth + 0.2 * off, 0.1 + 0.4 * depth
        width = values["width"]
        return 0.6 - 0.5 * math.sqrt(width) + 0.2 * off, 0.5 + 1.5 * width

    steps = np.linspace(0, 1, 201)
    best = [{"method": "cheap", "depth": float(t), "rate": 0.01} for t in steps]
    best += [{"method": "good", "width": float(t), "rate": 0.01} for t in steps]
    return Goal(space, losses, lambda values: (), best)


def parameters(values):
    """The number of parameters of a network of the tables."""
    layers, units = values["layers"], values["units"]
    return (_INPUTS + 1) * units + (layers - 1) * (units + 1) * units + (units + 1) * _OUTPUTS


def _table(name, constrained):
    table = problems.problem(name)

    def loss(values):
        found = table.true_loss(values)
        return math.log(found) if math.isfinite(found) else math.inf

    def size(values):
        return math.log10(parameters(values))

    rng = np.random.default_rng(0)
    points = [table.space.sample(rng) for _ in range(20_000)]
    if not constrained:
        return Goal(table.space, lambda v: (loss(v), size(v)), lambda v: (), points)
    return Goal(
        table.space,
        lambda v: (loss(v),),
        lambda v: ((parameters(v) - _LARGEST) / _LARGEST,),
        points,
    )


def gramacy():
    """A linear loss in a region with a wavy border; the best allowed loss is 0.5998."""

    def excesses(values):
        x, y = values.values()
        wave = 0.5 * math.sin(2.0 * math.pi * (x * x - 2.0 * y)) + x + 2.0 * y
        return 1.5 - wave, (x * x + y * y - 1.5) / 1.5

    grid = np.linspace(0.0, 1.0, 401)
    points = [{"x0": float(x), "x1": float(y)} for x in grid for y in grid]
    return Goal(_unit(2), lambda values: (sum(values.values()),), excesses, points)


PROBLEMS = {
    "zdt1": zdt1,
    "zdt3": zdt3,
    "conditional": conditional,
    "digits": lambda: _table("digits", False),
    "friedman": lambda: _table("friedman", False),
    "gramacy": gramacy,
    "digits, small": lambda: _table("digits", True),
    "friedman, small": lambda: _table("friedman", True),
}


# ---------------------------------------------------------------------- contenders


def ours(oracle_of):
    def run(goal, trials, seed):
        oracle, history = oracle_of(seed), TrialHistory()
        for number in range(trials):
            rng = np.random.default_rng([seed, number])
            (values,) = oracle.propose(goal.space, history, 1, rng)
            losses, excesses = yield values
            if not all(map(math.isfinite, losses)):
                history.add(Trial(number, values, goal.space, TrialStatus.FAILED))
                continue
            several = losses if len(losses) > 1 else ()
            done = {"losses": several, "excesses": excesses, "status": TrialStatus.COMPLETED}
            scores = {"score": losses[0], "loss": losses[0]}
            history.add(Trial(number, values, goal.space, **scores, **done))

    return run


def optuna_with(sampler_of):
    def run(goal, trials, seed):
        import optuna

        optuna.logging.set_verbosity(optuna.logging.ERROR)
        warnings.simplefilter("ignore", FutureWarning)  # constraints_func works until Optuna 7
        constrained = bool(goal.excesses(goal.points[0]))
        names = {"constraints_func": lambda trial: trial.user_attrs["excesses"]}
        sampler = sampler_of(optuna)(seed=seed, **(names if constrained else {}))
        count = len(goal.losses(goal.points[0]))
        study = optuna.create_study(sampler=sampler, directions=["minimize"] * count)
        for _ in range(trials):
            trial = study.ask()
            values = goal.space.walk(
                lambda p, trial=trial: single.suggested(trial, p.name, p.domain)
            )
            losses, excesses = yield values
            trial.set_user_attr("excesses", list(excesses))
            if all(map(math.isfinite, losses)):
                study.tell(trial, list(losses))
            else:
                study.tell(trial, state=optuna.trial.TrialState.FAIL)

    return run


CONTENDERS = {
    "bayesian": ours(single._bayesian),
    "evolution": ours(single._evolution),
    "CMA-ES": ours(single._cma_es),
    "random": ours(single._random),
    "Optuna TPE": optuna_with(lambda optuna: optuna.samplers.TPESampler),
    "Optuna NSGA-II": optuna_with(lambda optuna: optuna.samplers.NSGAIISampler),
    "Optuna GP": optuna_with(lambda optuna: optuna.samplers.GPSampler),
}


# ---------------------------------------------------------------------- measuring


class Yardstick:
    """What is normalised by: the best and the median of a problem."""

    def __init__(self, goal):
        rng = np.random.default_rng(1)
        sample = [goal.space.sample(rng) for _ in range(2000)]
        known = [p for p in goal.points + sample if all(e <= 0.0 for e in goal.excesses(p))]
        losses = np.array([goal.losses(p) for p in known])
        losses = losses[np.isfinite(losses).all(1)]
        drawn = np.array([goal.losses(p) for p in sample])
        self._several = losses.shape[1] > 1
        self._median = np.median(np.where(np.isfinite(drawn), drawn, np.inf), axis=0)
        self._best = volume(losses, self._median) if self._several else float(losses.min())

    def regret(self, losses):
        """Of the losses of all allowed trials so far, a list of tuples."""
        if self._several:
            return 1.0 - volume(losses, self._median) / self._best
        best = min((loss for (loss,) in losses), default=math.inf)
        return min(max((best - self._best) / (self._median[0] - self._best), 0.0), 1.0)


def volume(losses, reference):
    """The area between a front and a point, for two losses."""
    lowest, area = reference[0], 0.0
    below = sorted((b, a) for a, b in losses if a < reference[0] and b < reference[1])
    ends = [*(b for b, _ in below[1:]), reference[1]]
    for (b, a), end in zip(below, ends, strict=False):
        lowest = min(lowest, a)
        area += (end - b) * (reference[0] - lowest)
    return area


def run(name, contender, seed, trials):
    """The regrets after each trial of one search, and its milliseconds per trial."""
    goal = PROBLEMS[name]()
    yardstick, regrets, allowed = Yardstick(goal), [], []
    with threadpool_limits(1):
        search = CONTENDERS[contender](goal, trials, seed)
        started, values = time.process_time(), next(search)
        for _ in range(trials):
            losses, excesses = goal.losses(values), goal.excesses(values)
            if all(map(math.isfinite, losses)) and all(e <= 0.0 for e in excesses):
                allowed.append(losses)
            regrets.append(round(yardstick.regret(allowed), 4))
            with contextlib.suppress(StopIteration):
                values = search.send((losses, excesses))
        return regrets, 1e3 * (time.process_time() - started) / trials


def measure(arguments, results):
    """Adds what is asked for to the results of an earlier time; yields after each row.

    Contenders that need what is not installed are left as they are.
    """
    context = multiprocessing.get_context("spawn")
    with concurrent.futures.ProcessPoolExecutor(arguments.jobs, mp_context=context) as pool:
        for name in arguments.problems:
            for contender in arguments.contenders:
                entry = results.setdefault(name, {}).setdefault(contender, {"runs": [], "ms": []})
                if single.missing(contender) is not None:
                    continue
                tasks = [
                    pool.submit(run, name, contender, seed, arguments.trials)
                    for seed in range(len(entry["runs"]), arguments.seeds)
                ]
                for task in tasks:
                    regrets, milliseconds = task.result()
                    entry["runs"].append(regrets)
                    entry["ms"].append(round(milliseconds, 1))
                yield


def shown(results, arguments):
    """The table, in Markdown, and why cells of it are empty."""
    at = [number for number in AT if number <= arguments.trials]
    print("| | " + " | ".join(arguments.contenders) + " |")
    print("|---" * (len(arguments.contenders) + 1) + "|")
    for name in arguments.problems:
        entries = [results[name][contender]["runs"] for contender in arguments.contenders]
        cells = [_cell(runs[: arguments.seeds], at) for runs in entries]
        print(f"| {name} | " + " | ".join(cells) + " |")
    print("| ms per trial | " + " | ".join(_median(results, arguments)) + " |")
    for contender in arguments.contenders:
        needs = single.missing(contender)
        counts = [len(results[name][contender]["runs"]) for name in arguments.problems]
        if needs is not None and min(counts) < arguments.seeds:
            print(f"\n{contender} is not complete: {needs} is not installed")


def _cell(runs, at):
    if not runs:
        return "–"
    return " / ".join(_mean(runs, number) for number in at)


def _median(results, arguments):
    for contender in arguments.contenders:
        known = [ms for name in arguments.problems for ms in results[name][contender]["ms"]]
        yield f"{statistics.median(known):.0f}" if known else "–"


def _mean(runs, number):
    values = [regrets[number - 1] for regrets in runs]
    text = f"{statistics.fmean(values):.3f}".removeprefix("0")
    if number == AT[-1] and len(values) > 1:
        error = statistics.stdev(values) / math.sqrt(len(values))
        text += f" ± {error:.3f}".replace("± 0.", "± .")
    return text


def parsed():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--problems", nargs="+", choices=list(PROBLEMS), metavar="NAME")
    parser.add_argument("--contenders", nargs="+", choices=list(CONTENDERS), metavar="NAME")
    parser.add_argument("--seeds", type=int, default=10)
    parser.add_argument("--trials", type=int, default=AT[-1])
    parser.add_argument("--jobs", type=int, default=1)
    parser.add_argument("--json", type=Path, help="keeps what was measured")
    arguments = parser.parse_args()
    arguments.problems = arguments.problems or list(PROBLEMS)
    arguments.contenders = arguments.contenders or list(CONTENDERS)
    return arguments


def main():
    arguments = parsed()
    results = {}
    if arguments.json and arguments.json.exists():
        results = json.loads(arguments.json.read_text())
    for _ in measure(arguments, results):
        if arguments.json:
            arguments.json.write_text(json.dumps(results) + "\n")
    print(
        f"{platform.machine()}, {os.cpu_count()} cores; {arguments.seeds} seeds; after "
        f"{' / '.join(str(n) for n in AT if n <= arguments.trials)} trials\n"
    )
    shown(results, arguments)


if __name__ == "__main__":
    sys.exit(main())
