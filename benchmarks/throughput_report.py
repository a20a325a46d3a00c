"""The tables of `throughput.py`."""

import statistics
from collections.abc import Iterable
from typing import Any

from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.table import Table
from throughput_contenders import KERAS_TUNER, OURS, PLAIN

Result = dict[str, Any]

PARTS = ("build", "training")


def mean(numbers: Iterable[float]) -> float:
    return statistics.mean(numbers)


def subset(result: Result) -> list[int]:
    """The trials that all contenders trained, by their numbers."""
    return list(result["contenders"][KERAS_TUNER]["numbers"])


def seconds(result: Result, name: str) -> float:
    """Per trial of the subset: with its share of making the tuner, and of what serves all."""
    own = result["contenders"][name]
    setup = own["setup"]["seconds"] / len(result["values"])
    trained = mean(trial["seconds"] for trial in own["trials"])
    if name == OURS:
        again = [trial["seconds"] for trial in own["again"]["trials"]]
        trained += mean(again[i] for i in subset(result)) - mean(again)
    return setup + trained


def later(result: Result) -> list[int]:
    """Those trials of the subset whose structure one before them had."""
    return [i for i in subset(result) if i in result["later"]]


def seconds_of(result: Result, name: str, trials: list[int]) -> float:
    """Per trial of `trials`, as it was."""
    own = result["contenders"][name]
    by_number = dict(zip(own["numbers"], own["trials"]))
    return mean(by_number[i]["seconds"] for i in trials)


def print_tables(results: list[Result]) -> None:
    console = Console()
    if not console.is_terminal:
        console = Console(width=120)
    print_comparison(console, results)
    print_later(console, results)
    print_epochs(console, results)
    print_parts(console, results)
    print_memory(console, results)


def table(title: str, *columns: str) -> Table:
    made = Table(
        title=title, title_justify="left", title_style="bold", box=SIMPLE_HEAD, padding=(0, 0, 0, 1)
    )
    made.add_column("", no_wrap=True)
    for column in columns:
        made.add_column(column, justify="right")
    return made


def label(result: Result) -> str:
    return f"{result['number']}  {result['name']}"


def figure(number: float) -> str:
    return f"{number:.3g}" if number < 1000 else f"{number:.0f}"


COMPARED = (
    KERAS_TUNER,
    PLAIN,
    OURS,
    f"{KERAS_TUNER}/{OURS}",
    f"{PLAIN}/{OURS}",
    "floor",
    "ours/floor",
)


def compared(times: dict[str, float], floor: float) -> list[str]:
    ours = times[OURS]
    ratios = [times[KERAS_TUNER] / ours, times[PLAIN] / ours]
    return [figure(n) for n in (*times.values(), *ratios, floor, ours / floor)]


def print_comparison(console: Console, results: list[Result]) -> None:
    made = table("Seconds per trial, and how many times ours that is", "trials", *COMPARED)
    for result in results:
        both = subset(result)
        times = {name: seconds(result, name) for name in (KERAS_TUNER, PLAIN, OURS)}
        count, total = len(both), len(result["values"])
        trials = f"{total}" if count == total else f"{count}/{total}"
        made.add_row(
            label(result), trials, *compared(times, mean(result["floor"][i] for i in both))
        )
    console.print(made)


def print_later(console: Console, results: list[Result]) -> None:
    made = table("The same, after the first trial of each structure", "trials", *COMPARED)
    for result in results:
        trials = later(result)
        if trials:
            times = {n: seconds_of(result, n, trials) for n in (KERAS_TUNER, PLAIN, OURS)}
            floor = mean(result["floor"][i] for i in trials)
            made.add_row(label(result), str(len(trials)), *compared(times, floor))
    if made.row_count:
        console.print(made)


def print_epochs(console: Console, results: list[Result]) -> None:
    names = (KERAS_TUNER, PLAIN, OURS)
    made = table("Seconds per epoch, the first one left out", *COMPARED)
    for result in results:
        times = {n: result["contenders"][n]["seconds_per_later_epoch"] for n in names}
        if None not in times.values():
            floor = mean(result["floor"]) / result["epochs"]
            made.add_row(label(result), *compared(times, floor))
    if made.row_count:
        console.print(made)


def print_parts(console: Console, results: list[Result]) -> None:
    made = table(
        "Where our time goes: ms per trial, all of our trials",
        "all",
        "tuner",
        "once",
        *PARTS,
        "rest",
    )
    for result in results:
        own = result["contenders"][OURS]
        again = own["again"]["trials"]
        total = mean(trial["seconds"] for trial in own["trials"])
        without = mean(trial["seconds"] for trial in again)
        parts = [mean(trial["parts"][part] for trial in again) for part in PARTS]
        setup = own["setup"]["seconds"] / len(again)
        columns = (total + setup, setup, total - without, *parts, without - sum(parts))
        made.add_row(label(result), *(figure(1e3 * seconds) for seconds in columns))
    console.print(made)
    console.print(
        "tuner: making it and starting the search; once: what a second search for the same trials "
        "does without, since everything is traced and checked (of no use where the load of the "
        "machine changes); the others are of that second search. build: Keras's building of the "
        "model; training: the rest of an execution, with callbacks and weights; rest: the search, "
        "SQLite, TensorBoard.\n",
        style="dim",
    )


def print_memory(console: Console, results: list[Result]) -> None:
    names = (KERAS_TUNER, PLAIN, OURS)
    made = table(
        "Peak memory in MB, mean scores (KerasTuner, model.fit, ours), and our paths",
        "at start",
        *names,
        "scores",
        "paths",
    )
    for result in results:
        own = result["contenders"]
        scores = {name: dict(zip(own[name]["numbers"], own[name]["scores"])) for name in names}
        made.add_row(
            label(result),
            figure(own[OURS]["memory_at_start"]),
            *(figure(own[name]["memory_peak"]) for name in names),
            " ".join(f"{mean(scores[name][i] for i in subset(result)):.3f}" for name in names),
            ", ".join(f"{path} x {count}" for path, count in own[OURS]["paths"].items()),
        )
    console.print(made)
