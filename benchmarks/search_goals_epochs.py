"""How good a front of loss and size a search finds that trains the better networks for longer.

    python benchmarks/search_goals_epochs.py [--problems digits friedman ...] [--seeds 10]
        [--contenders ASHA ...] [--json FILE]

The tables of `search_quality.py`: the validation loss of real networks against their numbers of
parameters, as in `search_goals.py`: 0 is the best front of the table, 1 what covers nothing that
is better than the median. Every contender trains so many epochs in all trials together; a network
counts with its best loss so far. The schedulers get random points, as Optuna's random sampler
would propose, so that only they make the difference; "by loss" judges by the first objective
alone. Optuna's pruners refuse studies with several objectives: its samplers train all trials to
the end. Means over seeds, +- standard errors.
"""

import argparse
import dataclasses
import functools
import json
import math
import os
import platform
import statistics
import sys
from pathlib import Path

import numpy as np
import search_goals
import search_quality_contenders as single
import search_quality_epochs as by_epochs
import search_quality_problems as problems

from kerastune_lite.oracles import (
    Execution,
    Marks,
    Outcome,
    RandomOracle,
    TrialHistory,
    TrialStatus,
)
from kerastune_lite.schedulers import ASHA, Decision, FullTraining, Hyperband, Supply

AT = (100, 300, 1000)
"""After how many epochs the results are shown."""


class Meter:
    """Trains, counts the epochs, and knows how good the front is after so many."""

    def __init__(self, name, budget):
        self._table, self._budget = problems.problem(name), budget
        self._yardstick = yardstick_of(name)
        self._best = {}
        self.spent, self.regrets = 0, []

    @property
    def space(self):
        return self._table.space

    @property
    def epochs(self):
        return self._table.epochs

    def losses(self, number, values, start=0, end=None):
        """The logarithms of the losses of epochs `start` to `end`; NaN is the last one.

        Raises:
            Spent: there is no epoch left.
        """
        size = size_of(values)
        for loss in self._table.curve(values)[start:end].tolist():
            if self.spent == self._budget:
                raise by_epochs.Spent
            self.spent += 1
            loss = math.log(loss)
            if not math.isnan(loss):
                self._best[number] = min(self._best.get(number, (loss, size)), (loss, size))
            if self.spent in AT:
                self.regrets.append(round(self._yardstick.regret([*self._best.values()]), 4))
            yield loss
            if math.isnan(loss):
                return


@functools.cache
def yardstick_of(name):
    return search_goals.Yardstick(search_goals.PROBLEMS[name]())


def size_of(values):
    """The logarithm of the number of parameters."""
    return math.log10(search_goals.parameters(values))


def ours(scheduler_of, several=True):
    def run(meter, seed):
        history, scheduler, oracle = TrialHistory(), scheduler_of(meter.epochs), RandomOracle()
        while rungs := scheduler.plan(history, 1, Supply()):
            trial = by_epochs.begun(rungs[0], meter, oracle, history, seed)
            trained(trial, scheduler, history, meter, several)
            for number in scheduler.finished(history, Supply()):
                over = dataclasses.replace(history[number], status=TrialStatus.COMPLETED)
                history.update(over)

    return run


def trained(trial, scheduler, history, meter, several):
    """Train a trial to the end of its rung, or until it is stopped or diverges."""
    losses, size, ended = list(history.curve(trial.number)), size_of(trial.values), False
    for loss in meter.losses(trial.number, trial.values, len(losses), trial.goal):
        ended = math.isnan(loss)
        if ended:
            break
        marks = Marks((loss, size)) if several else None
        history.note(trial.number, 0, len(losses), loss, marks)
        losses.append(loss)
        if scheduler.judge(history, trial.number, list(losses)) is Decision.STOP:
            trial = dataclasses.replace(trial, resumable=False)
            break
    if not losses:
        history.update(dataclasses.replace(trial, status=TrialStatus.FAILED))
        return
    best = min(losses)
    done = Execution(0, Outcome.COMPLETED, score=best, loss=best, epochs=len(losses), stopped=ended)
    history.update(
        dataclasses.replace(
            trial,
            status=TrialStatus.PAUSED if trial.resumable and not ended else TrialStatus.COMPLETED,
            score=best,
            loss=best,
            losses=(best, size) if several else (),
            executions=(done,),
        )
    )


def optuna_with(sampler_of):
    def run(meter, seed):
        import optuna

        optuna.logging.set_verbosity(optuna.logging.ERROR)
        study = optuna.create_study(
            sampler=sampler_of(optuna)(seed=seed), directions=["minimize"] * 2
        )
        while True:
            trial = study.ask()
            values = meter.space.walk(
                lambda p, trial=trial: single.suggested(trial, p.name, p.domain)
            )
            losses = meter.losses(trial.number, values)
            best = min((loss for loss in losses if not math.isnan(loss)), default=None)
            if best is None:
                study.tell(trial, state=optuna.trial.TrialState.FAIL)
            else:
                study.tell(trial, [best, size_of(values)])

    return run


CONTENDERS = {
    "ASHA": ours(ASHA),
    "ASHA that stops": ours(lambda epochs: ASHA(epochs, stop=True)),
    "Hyperband": ours(lambda epochs: Hyperband(epochs, hyperband_iterations=by_epochs.NO_END)),
    "ASHA, by loss": ours(ASHA, several=False),
    "Hyperband, by loss": ours(
        lambda epochs: Hyperband(epochs, hyperband_iterations=by_epochs.NO_END), several=False
    ),
    "random": ours(lambda epochs: FullTraining()),
    "Optuna TPE": optuna_with(lambda optuna: optuna.samplers.TPESampler),
    "Optuna NSGA-II": optuna_with(lambda optuna: optuna.samplers.NSGAIISampler),
}
TABLES = ("digits", "friedman")


def run(name, contender, seed):
    """The regrets after the epochs of `AT`."""
    meter = Meter(name, AT[-1])
    try:
        CONTENDERS[contender](meter, seed)
    except by_epochs.Spent:
        return meter.regrets
    raise RuntimeError(f"{contender} ended after {meter.spent} epochs")


def cell(runs):
    found = np.array(runs)
    texts = [f"{mean:.3f}".removeprefix("0") for mean in found.mean(0)]
    errors = [statistics.stdev(column) / math.sqrt(len(column)) for column in found.T.tolist()]
    return f"{' / '.join(texts)} ± {errors[-1]:.3f}".replace("± 0.", "± .")


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--problems", nargs="+", choices=TABLES, default=TABLES)
    parser.add_argument("--contenders", nargs="+", choices=list(CONTENDERS), default=CONTENDERS)
    parser.add_argument("--seeds", type=int, default=10, help="at least 2")
    parser.add_argument("--json", type=Path, help="keeps what was measured")
    arguments = parser.parse_args()
    file, results = arguments.json, {}
    if file and file.exists():
        results = json.loads(file.read_text())
    print(f"{platform.machine()}, {os.cpu_count()} cores; {arguments.seeds} seeds; after ", end="")
    print(f"{' / '.join(map(str, AT))} epochs\n")
    print("| | " + " | ".join(arguments.problems) + " |")
    print("|---" * (len(arguments.problems) + 1) + "|")
    for contender in arguments.contenders:
        cells = []
        for name in arguments.problems:
            runs = results.setdefault(name, {}).setdefault(contender, [])
            runs += [run(name, contender, seed) for seed in range(len(runs), arguments.seeds)]
            cells.append(cell(runs[: arguments.seeds]))
        print(f"| {contender} | {' | '.join(cells)} |", flush=True)
        if file:
            file.write_text(json.dumps(results) + "\n")


if __name__ == "__main__":
    sys.exit(main())
