"""How many workers one search can keep busy: measured costs of its decisions, simulated workers.

    python benchmarks/scaling_simulated.py [--finished 100 1000] [--epochs 10]

A search proposes, plans and records in one process, for all workers. So the workers share one
server; when it is busy all the time, more workers bring nothing. Three parts:

1. **Decisions**: milliseconds, on one core, per proposal of each oracle and per decision of each
   scheduler, with so many finished trials and 1, 10, 100 and 1,000 running ones. Each is followed
   by the end of a trial, as in a search. Paused trials count as finished. The space is that of the
   table `digits` of `search_quality.py`: 6 hyperparameters.
2. **The writer**: milliseconds per trial and per epoch of a search in a project on disk, whose
   trials train nothing. That is the loop, SQLite and the files for TensorBoard.
3. **Workers**: a virtual clock, on which 1 to 1,000 workers ask one server for each trial. It takes
   the trial's costs from parts 1 and 2, with the most finished trials; the trial then takes between
   half and one and a half times its duration. (With a scheduler, that is a trial's training to the
   end of a rung.) The figure is the share of the time in which workers train, from when all of them
   have begun until the last trial begins. "90% up to": so many workers train 90% of the time. Not
   simulated: what sending a trial to a worker costs.

Milliseconds are those of the processor, so that what else the machine does matters little.
"""

import argparse
import dataclasses
import heapq
import json
import os
import platform
import statistics
import tempfile
import time
from collections.abc import Iterator

import numpy as np
import search_quality_problems as problems
from search_quality_tables import Table
from threadpoolctl import threadpool_limits

import kerastune_lite as kt
from kerastune_lite.oracles import (
    BayesianOracle,
    EvolutionaryOracle,
    Execution,
    Oracle,
    Outcome,
    RandomOracle,
    Trial,
    TrialHistory,
    TrialStatus,
)
from kerastune_lite.schedulers import ASHA, FullTraining, Hyperband, Scheduler, Supply

EPOCHS = 27
"""Of a whole training, for the schedulers; the tables of `search_quality.py` have so many."""

Costs = dict[str, list[float]]
"""Milliseconds by who decides, one for each number of running trials."""

DECIDERS = {
    "random search": (RandomOracle, FullTraining),
    "evolution": (EvolutionaryOracle, FullTraining),
    "Bayesian": (BayesianOracle, FullTraining),
    "random, ASHA": (RandomOracle, lambda: ASHA(EPOCHS)),
    "random, Hyperband": (RandomOracle, lambda: Hyperband(EPOCHS, hyperband_iterations=1000)),
}
"""Makers of oracle and scheduler."""


# ---------------------------------------------------------------------- decisions


class Deciding:
    """A search without its loop: trials begin as they are decided, and end in that order.

    Attributes:
        seconds: of the processor, of each decision with its proposal.
    """

    def __init__(self, problem: Table, oracle: Oracle, scheduler: Scheduler) -> None:
        self.history = TrialHistory()
        self.seconds: list[float] = []
        self._problem = problem
        self._oracle = oracle
        self._scheduler = scheduler
        self._under_way: list[int] = []

    def prepare(self, finished: int, running: int) -> None:
        """Put so many trials on record; if a scheduler plans rungs, it planned these, too."""
        if self._scheduler.decides_epochs:
            while len(self.history) < finished + running:
                if len(self._under_way) == running:
                    self.end()
                self.begin()
        else:
            rng = np.random.default_rng(0)
            for _ in range(finished + running):
                self._add(self._problem.space.sample(rng))
            for _ in range(finished):
                self.end()

    def begin(self) -> None:
        """Begin a trial, or resume one."""
        rng = np.random.default_rng([3, len(self.history)])
        started = time.process_time()
        for number in self._scheduler.finished(self.history, Supply()):
            trial = self.history[number]
            self.history.update(dataclasses.replace(trial, status=TrialStatus.COMPLETED))
        (request,) = self._scheduler.plan(self.history, 1, Supply())
        if request.trial is None:
            (values,) = self._oracle.propose(self._problem.space, self.history, 1, rng)
        self.seconds.append(time.process_time() - started)
        told = {"goal": request.end_epoch, "resumable": request.resumable}
        if request.trial is None:
            self._add(values, bracket=request.bracket, **told)
        else:
            trial = self.history[request.trial]
            self.history.update(dataclasses.replace(trial, status=TrialStatus.RUNNING, **told))
            self._under_way.append(trial.number)

    def _add(self, values: dict, **told: object) -> None:
        trial = Trial(len(self.history), values, self._problem.space, **told)
        self._under_way.append(trial.number)
        self.history.add(trial)

    def end(self) -> None:
        """End the trial that began first."""
        trial = self.history[self._under_way.pop(0)]
        curve = np.nan_to_num(self._problem.curve(trial.values), nan=10.0)[: trial.goal]
        for epoch in range(trial.epochs, len(curve)):
            self.history.note(trial.number, 0, epoch, float(curve[epoch]))
        loss = float(curve.min())
        done = Execution(0, Outcome.COMPLETED, score=loss, loss=loss, epochs=len(curve))
        status = TrialStatus.PAUSED if trial.resumable else TrialStatus.COMPLETED
        self.history.update(
            dataclasses.replace(trial, status=status, score=loss, loss=loss, executions=(done,))
        )


def decision(name: str, finished: int, running: int, count: int) -> float:
    """The mean milliseconds of `count` decisions, each after the end of a trial."""
    oracle, scheduler = (make() for make in DECIDERS[name])
    search = Deciding(problems.problem("digits"), oracle, scheduler)
    search.prepare(finished, running)
    search.seconds.clear()
    for _ in range(1 + count):  # the first one pays for imports and the first fit
        search.end()
        search.begin()
    return 1e3 * statistics.mean(search.seconds[1:])


# ---------------------------------------------------------------------- the writer


def writing(trials: int, epochs: int) -> float:
    """Milliseconds per trial of a search whose trials report epochs and train nothing."""

    class Empty(kt.RandomSearch):
        def run_trial(self, trial: Trial) -> Iterator[float]:
            x = trial.hyperparameters.Float("x", -1.0, 1.0)
            for epoch in range(epochs):
                yield x**2 + 1 / (epoch + 1)

    with tempfile.TemporaryDirectory() as directory:
        tuner = Empty(max_trials=trials, seed=0, directory=directory, project_name="p")
        started = time.process_time()
        tuner.search(verbose=0)
        return 1e3 * (time.process_time() - started) / trials


def writer(trials: int, rounds: int) -> tuple[float, float]:
    """Milliseconds per trial of one epoch, and per further epoch."""
    short, long = [], []
    for _ in range(rounds):
        short.append(writing(trials, 1))
        long.append(writing(trials // 10, 101))
    trial = statistics.median(short)
    return trial, (statistics.median(long) - trial) / 100


# ---------------------------------------------------------------------- workers


def utilisation(workers: int, duration: float, cost: float, each: int = 20) -> float:
    """The share of the time in which workers train, if each trains so many trials.

    Args:
        duration: of a trial, in seconds; the mean.
        cost: of a trial, in seconds of the server, which serves in the order of asking.
    """
    rng = np.random.default_rng(0)
    asking = [(0.0, worker) for worker in range(workers)]
    free, trainings = 0.0, []
    for seconds in rng.uniform(0.5 * duration, 1.5 * duration, each * workers).tolist():
        asked, worker = heapq.heappop(asking)
        begin = free = max(asked, free) + cost
        trainings.append((begin, begin + seconds))
        heapq.heappush(asking, (begin + seconds, worker))
    first, last = trainings[workers - 1][0], trainings[-1][0]
    trained = sum(max(0.0, min(end, last) - max(begin, first)) for begin, end in trainings)
    return trained / (workers * (last - first))


def busy_up_to(share: float, duration: float, workers: list[int], costs: list[float]) -> str:
    """How many workers train for this share of the time; `costs` are those with `workers`.

    The server gives `1 / cost` trials per second, so that is the most that workers can train.
    """
    counts = np.arange(1, workers[-1] + 1)
    between = np.interp(np.log(counts), np.log(workers), costs)
    busy = counts[duration / (counts * between) >= share]
    if not len(busy):
        return "none"
    return f"{busy[-1]}" if busy[-1] < workers[-1] else f"over {workers[-1]}"


# ---------------------------------------------------------------------- tables


def print_row(name: str, cells: list[str]) -> None:
    print(f"{name:30}" + "".join(f"{cell:>11}" for cell in cells), flush=True)


def print_decisions(finished: int, workers: list[int], count: int) -> Costs:
    print(f"\nms per decision, {finished} finished trials")
    print_row("running trials", list(map(str, workers)))
    costs: Costs = {}
    with threadpool_limits(1):
        for name in DECIDERS:
            costs[name] = [decision(name, finished, running, count) for running in workers]
            print_row(name, [f"{cost:.2f}" for cost in costs[name]])
    return costs


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--finished", type=int, nargs="+", default=[100, 1000])
    parser.add_argument("--workers", type=int, nargs="+", default=[1, 10, 100, 1000])
    parser.add_argument("--decisions", type=int, default=20, help="that are measured")
    parser.add_argument("--epochs", type=int, default=10, help="of a trial")
    parser.add_argument("--durations", type=float, nargs="+", default=[1.0, 10.0, 60.0])
    parser.add_argument("--written", type=int, default=1000, help="trials of the writer")
    parser.add_argument("--rounds", type=int, default=3, help="of the writer")
    parser.add_argument("--json", metavar="FILE", help="write all that was measured")
    arguments = parser.parse_args()

    print(f"{platform.machine()}, {os.cpu_count()} cores, Python {platform.python_version()}")
    workers = sorted(arguments.workers)
    decisions = {
        finished: print_decisions(finished, workers, arguments.decisions)
        for finished in sorted(arguments.finished)
    }
    trial, epoch = writer(arguments.written, arguments.rounds)
    print(f"\nwriter: {trial:.2f} ms per trial of one epoch, {epoch:.3f} ms per further epoch")
    print(f"        {1e3 / trial:.0f} such trials per second, {1e3 / epoch:.0f} epochs per second")

    recorded = trial + epoch * (arguments.epochs - 1)
    print(f"\nworkers that train, in %; trials of {arguments.epochs} epochs")
    print_row("workers", [*map(str, workers), "90% up to", "trials/s"])
    costs, simulated = list(decisions.values())[-1], {}
    for name, own in costs.items():
        # The writer's trials have drawn their own random point.
        more = [max(0.0, one - drawn) for one, drawn in zip(own, costs["random search"])]
        totals = [1e-3 * (recorded + milliseconds) for milliseconds in more]
        for duration in arguments.durations:
            shares = [utilisation(n, duration, cost) for n, cost in zip(workers, totals)]
            simulated[f"{name}, {duration:g} s"] = shares
            ends = busy_up_to(0.9, duration, workers, totals), f"{1 / totals[-1]:.0f}"
            print_row(f"{name}, {duration:g} s", [*(f"{100 * s:.0f}" for s in shares), *ends])
    print(f"trials/s: at most, with {workers[-1]} running ones")
    if arguments.json:
        found = {"decisions": decisions, "trial": trial, "epoch": epoch, "workers": simulated}
        with open(arguments.json, "w") as file:
            json.dump({"arguments": vars(arguments), **found}, file, indent=1)


if __name__ == "__main__":
    main()
