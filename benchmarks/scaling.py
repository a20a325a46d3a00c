"""What worker processes bring: trials per second with 1, 2, ... workers, inline, and in KerasTuner.

    python benchmarks/scaling.py [--repeats 3] [--trials 60] [--workers 1 2] [--json FILE]

Three searches:

- digits: the space, data and 10 epochs of row 2 of `throughput.py`: 1,437 images of 64 numbers, 1
  to 3 layers of 32 to 256 units, relu or tanh, SGD, batches of 32, 64 or 128;
- small CNN: row 6 of it: the same images, one or two convolutions, Adam, 10 epochs;
- empty function: a `run_trial` that returns a number. What a trial takes longer than inline is what
  it costs to send it to a worker and to get its result back.

All contenders train the same listed trials (of the empty function, as many as they can in the same
time): "inline" in the process that searches; with 1, 2, 4,
... workers, up to the number of cores; with two workers of Ray, if it is installed; and KerasTuner,
in the first repeat only, since it takes long. Each search has a process of its own. The order of
the contenders is reversed from repeat to repeat, each ratio is made of two searches of one repeat,
and the figure is the median of the repeats.

**Rates are those after the start.** Until all workers are there, a search trains other trials; then
two of each structure for each worker, so that every worker has traced and checked what it needs
(KerasTuner, which keeps nothing, trains one trial); then those that count; and at last one for each
worker, so that no worker is idle while trials count. The start is shown by itself: the seconds from
the call of `search()` until the first trial ended, and until every worker has ended a trial.
"""

import argparse
import dataclasses
import json
import multiprocessing
import os
import statistics
import sys
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from typing import Any

from scaling_contenders import (
    EMPTY,
    INLINE,
    KERAS_TUNER,
    RAY,
    TASKS,
    Contender,
    contend,
    contend_empty,
    contenders,
    trials_of,
)
from throughput import machine

Run = dict[str, Any]
"""A search: its task, contender and repeat, and what `contend` measured."""

KINDS = (INLINE, "workers", RAY, KERAS_TUNER)


def in_own_process(function: Callable[..., dict[str, float]], *arguments: Any) -> dict[str, float]:
    # Not forked: TensorFlow's threads do not survive that.
    with ProcessPoolExecutor(1, multiprocessing.get_context("spawn")) as process:
        return process.submit(function, *arguments).result()


def measure(task: str, present: list[Contender], arguments: argparse.Namespace) -> list[Run]:
    """All searches of a task, in turns."""
    row = TASKS[task]
    if row is not None:
        row = dataclasses.replace(row, epochs=arguments.epochs)
        trials = trials_of(row, arguments.trials, max(arguments.workers))
    runs = []
    for repeat in range(arguments.repeats):
        for contender in present if repeat % 2 == 0 else reversed(present):
            if contender.name == KERAS_TUNER and (repeat > 0 or row is None):
                continue
            if row is None:
                found = in_own_process(contend_empty, contender, arguments.empty_seconds)
            else:
                found = in_own_process(contend, row, contender, trials)
            runs.append({"task": task, "contender": contender.name, "repeat": repeat, **found})
            print(f"{task}, {contender.name}: {found['rate']:.2f} trials/s", file=sys.stderr)
    return runs


# ---------------------------------------------------------------------- tables


def of(runs: list[Run], task: str, contender: str) -> dict[int, Run]:
    """The searches of a contender, by repeat."""
    return {r["repeat"]: r for r in runs if (r["task"], r["contender"]) == (task, contender)}


def compared(
    runs: list[Run], task: str, one: str, other: str, figure: Callable[[float, float], float]
) -> float | None:
    """The median of `figure`, given two rates of one repeat; None if there is no such repeat."""
    ones, others = of(runs, task, one), of(runs, task, other)
    found = [figure(ones[i]["rate"], others[i]["rate"]) for i in ones.keys() & others.keys()]
    return statistics.median(found) if found else None


def ratio(runs: list[Run], task: str, one: str, other: str) -> float | None:
    return compared(runs, task, one, other, lambda a, b: a / b)


def milliseconds_more(runs: list[Run], one: str) -> float | None:
    """How much longer an empty trial takes than inline."""
    return compared(runs, EMPTY, one, INLINE, lambda a, b: 1e3 / a - 1e3 / b)


def middle(runs: list[Run], task: str, contender: str, name: str) -> float | None:
    found = [run[name] for run in of(runs, task, contender).values()]
    return statistics.median(found) if found else None


def cell(number: float | None, digits: int = 2, width: int = 12) -> str:
    return f"{'' if number is None else f'{number:.{digits}f}':>{width}}"


def print_tables(runs: list[Run]) -> None:
    peers = (INLINE, "1 worker", KERAS_TUNER)
    for task in dict.fromkeys(run["task"] for run in runs):
        print(f"\n{task:18}{'trials/s':>12}" + "".join(f"{'/ ' + p:>13}" for p in peers), end="")
        print(f"{'first trial':>14}{'all warm':>12}")
        for name in dict.fromkeys(run["contender"] for run in runs if run["task"] == task):
            rate, first, warm = (
                middle(runs, task, name, what) for what in ("rate", "first_trial", "all_warm")
            )
            ratios = "".join(cell(ratio(runs, task, name, peer), width=13) for peer in peers)
            print(f"{name:18}{cell(rate)}{ratios}{cell(first, 1, 14)}{cell(warm, 1)}")
    print("\nfirst trial, all warm: seconds from the call of search()")
    print_goals(runs)


def print_goals(runs: list[Run]) -> None:
    """What was measured, beside what it should be."""
    two, ray = "2 workers", "2 workers, Ray"
    goals = [
        ("digits: 2 workers / 1 worker", ratio(runs, "digits", two, "1 worker"), "at least 1.7"),
        ("digits: 2 workers / inline", ratio(runs, "digits", two, INLINE), "at least 1.6"),
        ("digits: 2 workers / KerasTuner", ratio(runs, "digits", two, KERAS_TUNER), "at least 20"),
        ("digits: seconds until 2 are warm", middle(runs, "digits", two, "all_warm"), "below 8"),
        ("ms per segment, 1 worker", milliseconds_more(runs, "1 worker"), "below 3"),
        ("ms per segment, 2 workers", milliseconds_more(runs, two), "below 3"),
        ("ms per segment, 2 workers, Ray", milliseconds_more(runs, ray), "below 6"),
    ]
    known = [goal for goal in goals if goal[1] is not None]
    if known:
        print(f"\n{'':34}{'measured':>12}{'goal':>16}")
    for what, number, wanted in known:
        print(f"{what:34}{cell(number)}{wanted:>16}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    cores = os.cpu_count() or 1
    counts = sorted({1, 2, *(2**k for k in range(cores.bit_length()))})
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--trials", type=int, default=60, help="that count")
    parser.add_argument("--epochs", type=int, default=10)
    parser.add_argument("--empty-seconds", type=float, default=15, help="of the empty function")
    parser.add_argument("--workers", type=int, nargs="+", default=counts)
    parser.add_argument("--tasks", nargs="+", choices=TASKS, default=list(TASKS))
    parser.add_argument("--contenders", nargs="+", choices=KINDS, default=list(KINDS))
    parser.add_argument("--json", metavar="FILE", help="write all that was measured")
    arguments = parser.parse_args()

    about = machine()
    runs: list[Run] = []
    present = contenders(arguments.contenders, arguments.workers)
    for task in arguments.tasks:
        runs += measure(task, present, arguments)
        if arguments.json:
            with open(arguments.json, "w") as file:
                json.dump({"machine": about, "runs": runs}, file, indent=1)
    print(about)
    print_tables(runs)


if __name__ == "__main__":
    main()
