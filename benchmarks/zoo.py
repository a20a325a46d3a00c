"""What a trial costs by the kind of its model: KerasTuner's seconds by ours.

    python benchmarks/zoo.py [--kinds lstm cnn ...] [--trials 10] [--rounds 2] [--json FILE]

Sixteen kinds of models (`zoo_models.py`), each tuned with ten trials, KerasTuner's default number,
of five epochs with EarlyStopping and validation data. Both contenders train the same networks with
the same drawn values, each in a process of its own, in turns; the first trial of a structure counts
as it is, with its tracing. Loading the libraries and the data is not timed.

The path is the one that most of our trials took; "first" and "later" are our seconds for the first
trial and in the mean of those after it.
"""

import argparse
import json
import math
import sys
import time
from typing import Any

import numpy as np
from rich.console import Console
from throughput import Contender, machine, starting
from throughput_contenders import KERAS_TUNER, OURS
from throughput_report import figure, mean, table
from throughput_rows import drawn
from zoo_models import KINDS, Kind


def measure(kind: Kind, trials: int, rounds: int, context: Any) -> dict[str, Any]:
    """Let both train the trials of a kind, taking turns."""
    values = drawn(kind.ask, trials)
    numbers = list(range(trials))
    contenders = {
        name: Contender(name, kind, numbers, values, context) for name in (KERAS_TUNER, OURS)
    }
    for contender in contenders.values():
        contender.wait()
    for contender in contenders.values():
        contender.turn(0)  # makes its tuner
    for index, share in enumerate(np.array_split(numbers, rounds)):
        names = list(contenders)
        for name in names[:: 1 if index % 2 else -1]:
            contenders[name].turn(len(share))
    for contender in contenders.values():
        contender.end()
    measured = {name: contender.result or {} for name, contender in contenders.items()}
    return {"name": kind.name, "values": values, "contenders": measured}


def seconds(result: dict[str, Any], name: str) -> list[float]:
    """Of each trial, with its share of making the tuner."""
    own = result["contenders"][name]
    setup = own["setup"]["seconds"] / len(own["trials"])
    return [setup + trial["seconds"] for trial in own["trials"]]


def ratio(result: dict[str, Any]) -> float:
    return mean(seconds(result, KERAS_TUNER)) / mean(seconds(result, OURS))


def print_table(results: list[dict[str, Any]]) -> None:
    console = Console()
    if not console.is_terminal:
        console = Console(width=120)
    columns = (KERAS_TUNER, OURS, f"{KERAS_TUNER}/{OURS}", "first", "later", "path")
    made = table("Seconds per trial, and how many times ours that is", *columns)
    for result in results:
        ours = seconds(result, OURS)
        paths = result["contenders"][OURS]["paths"]
        numbers = (mean(seconds(result, KERAS_TUNER)), mean(ours), ratio(result))
        first_later = (ours[0], mean(ours[1:]))
        path = max(paths, key=paths.get)
        made.add_row(result["name"], *map(figure, (*numbers, *first_later)), path)
    made.add_row(
        "geometric mean", "", "", figure(math.exp(mean(math.log(ratio(r)) for r in results)))
    )
    console.print(made)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--kinds", nargs="+", metavar="TEXT", help="those whose name contains one")
    parser.add_argument("--trials", type=int, default=10)
    parser.add_argument("--rounds", type=int, default=2)
    parser.add_argument("--quick", action="store_true", help="3 trials of 1 epoch: a trial run")
    parser.add_argument("--json", metavar="FILE", help="write all that was measured")
    arguments = parser.parse_args()

    about, results = machine(), []
    for kind in KINDS:
        wanted = arguments.kinds or [""]
        if not any(text.lower() in kind.name.lower() for text in wanted):
            continue
        began = time.perf_counter()
        if arguments.quick:
            kind = kind.quick()
        trials = 3 if arguments.quick else arguments.trials
        results.append(measure(kind, trials, arguments.rounds, starting(arguments.quick)))
        took = time.perf_counter() - began
        print(
            f"{kind.name}: {ratio(results[-1]):.1f}, measured in {took:.0f} s",
            file=sys.stderr,
            flush=True,
        )
        if arguments.json:
            with open(arguments.json, "w") as file:
                json.dump({"machine": about, "kinds": results}, file, indent=1)
    print(about)
    print_table(results)


if __name__ == "__main__":
    main()
