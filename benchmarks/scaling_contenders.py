"""The contenders of `scaling.py`, and the trials that all of them train.

Each search runs in a process of its own, which ends with it, so that no search finds loaded or
traced what another one has.
"""

import contextlib
import dataclasses
import importlib.util
import os
import tempfile
import time
from collections import defaultdict
from pathlib import Path
from typing import Any

from quiet_keras import load_keras
from throughput_contenders import Stamps, check, fit_arguments, train_keras_tuner
from throughput_rows import ROWS, Row, Values

import kerastune_lite as kt

INLINE, KERAS_TUNER, RAY = "inline", "KerasTuner", "Ray"
EMPTY = "empty function"
TASKS: dict[str, Row | None] = {"digits": ROWS[1], "small CNN": ROWS[5], EMPTY: None}
"""Searches of `throughput_rows.py`, and one whose trials train nothing."""

EMPTY_WARM_UP = 100
"""Trials of the empty function before those that count."""


@dataclasses.dataclass(frozen=True)
class Contender:
    """A way to search.

    Attributes:
        name: in the tables.
        workers: how many processes train; 0: the one that searches.
        arguments: of `search()`, besides those for training.
    """

    name: str
    workers: int = 0
    arguments: dict[str, Any] = dataclasses.field(default_factory=dict)


def workers_of(count: int) -> Contender:
    name = "1 worker" if count == 1 else f"{count} workers"
    return Contender(name, count, {"workers": count})


def contenders(kinds: list[str], counts: list[int]) -> list[Contender]:
    """Those of the given kinds ("inline", "workers", "Ray", "KerasTuner") that are installed."""
    two = Contender("2 workers, Ray", 2, {"workers": 2, "runner": "ray"})
    offered = {
        INLINE: [Contender(INLINE)],
        "workers": [workers_of(count) for count in counts],
        RAY: [two] if importlib.util.find_spec("ray") else [],
        KERAS_TUNER: [Contender(KERAS_TUNER)] if importlib.util.find_spec("keras_tuner") else [],
    }
    return [contender for kind in kinds for contender in offered[kind]]


# ---------------------------------------------------------------------- the trials


@dataclasses.dataclass(frozen=True)
class Trials:
    """The trials of a search, in their order.

    Attributes:
        warm_up: how many come first and do not count.
        counted: how many count.
        tail: how many come last and do not count: while they train, some workers are idle.
        values: of all of them; none for the empty function.
    """

    warm_up: int
    counted: int
    tail: int
    values: list[Values]


def trials_of(row: Row | None, counted: int, workers: int) -> Trials:
    """So many trials that count, for searches with up to so many workers.

    A process traces the first model of each structure, and checks the second one. So the trials of
    the warm-up are, for each structure, two for each worker.
    """
    if row is None:
        return Trials(EMPTY_WARM_UP, counted, workers, [])
    drawn = dataclasses.replace(row, trials=counted + 100 * workers).drawn()
    by_structure = defaultdict(list)
    for values in drawn:
        by_structure[tuple(values[name] for name in row.structure)].append(values)
    warm_up = [values for same in by_structure.values() for values in same[: 2 * workers]]
    rest = [values for values in drawn if values not in warm_up][: counted + workers]
    return Trials(len(warm_up), counted, workers, warm_up + rest)


class Listed(kt.Oracle):
    """Hands out listed values."""

    learns = False

    def __init__(self, values: list[Values]) -> None:
        self._values = values

    def propose(self, space: Any, history: Any, count: int, rng: Any) -> list[Values]:
        return self._values[len(history) :][:count]


# ---------------------------------------------------------------------- the searches


def contend(row: Row | None, contender: Contender, trials: Trials) -> dict[str, float]:
    """Run a search: trials per second, and seconds until the first trial and all workers are warm.

    A worker is warm when it begins its second trial. The rate is that of the counted trials, or of
    those of them that ended after all workers were warm.
    """
    with (
        tempfile.TemporaryDirectory() as directory,
        open(os.devnull, "w") as null,
        contextlib.redirect_stdout(null),
    ):
        if row is None:
            return of_empty_trials(contender, trials, directory)
        load_keras()
        data = row.data()
        if contender.name == KERAS_TUNER:
            return of_keras_tuner(row, data, trials, directory)
        return of_ours(row, data, contender, trials, directory)


def of_ours(
    row: Row, data: Any, contender: Contender, trials: Trials, directory: str
) -> dict[str, float]:
    marks = Path(directory) / "marks"

    def build(hp: Any) -> Any:
        mark(marks)
        return row.build(hp)

    tuner = kt.Tuner(
        build,
        row.objective,
        max_trials=len(trials.values),
        oracle=Listed(trials.values),
        directory=directory,
        project_name="p",
        seed=0,
    )
    began = time.time()
    tuner.search(**fit_arguments(row, data, Stamps()), **contender.arguments)
    check([trial.values for trial in tuner.trials], trials.values)
    return measured(began, tuner, marks, contender, trials)


def of_empty_trials(contender: Contender, trials: Trials, directory: str) -> dict[str, float]:
    marks = Path(directory) / "marks"

    class Empty(kt.RandomSearch):
        def run_trial(self, trial: Any) -> float:
            mark(marks)
            hp = trial.hyperparameters
            return hp.Float("x", -1.0, 1.0) ** 2 + hp.Int("n", 1, 1000)

    count = trials.warm_up + trials.counted + trials.tail
    tuner = Empty(max_trials=count, seed=0, directory=directory, project_name="p")
    began = time.time()
    tuner.search(verbose=0, **contender.arguments)
    return measured(began, tuner, marks, contender, trials)


def measured(
    began: float, tuner: Any, marks: Path, contender: Contender, trials: Trials
) -> dict[str, float]:
    """`contend`, from the recorded times at which trials ended, and what the workers marked."""
    ends = sorted(trial.finished for trial in tuner.trials)
    warm = warm_at(marks, contender.workers) if contender.workers else ends[0]
    start = max(ends[trials.warm_up - 1], warm)
    counted = [end for end in ends[: trials.warm_up + trials.counted] if end > start]
    if not counted:
        raise SystemExit(
            f"{contender.name}: all trials had ended before all workers were warm; raise --trials "
            "or --empty-trials."
        )
    return {
        "rate": len(counted) / (counted[-1] - start),
        "counted": len(counted),
        "first_trial": ends[0] - began,
        "all_warm": warm - began,
    }


def of_keras_tuner(row: Row, data: Any, trials: Trials, directory: str) -> dict[str, float]:
    """It traces every model anew and has no workers, so one trial is enough to warm up."""
    values = trials.values[trials.warm_up - 1 :][: 1 + trials.counted]
    begins: list[float] = []

    class Turns:
        def next_trial(self) -> None:
            begins.append(time.time())

    began = time.time()
    train_keras_tuner(row, values, data, directory, Turns(), Stamps())  # type: ignore[arg-type]
    first = begins[1] - began
    rate = trials.counted / (time.time() - begins[1])
    return {"rate": rate, "counted": trials.counted, "first_trial": first, "all_warm": first}


# ---------------------------------------------------------------------- when workers are warm

_marked = 0


def mark(file: Path) -> None:
    """Note that this process begins its first or its second trial; later ones are not noted."""
    global _marked
    if _marked < 2:
        _marked += 1
        with file.open("a") as lines:
            lines.write(f"{os.getpid()} {time.time()}\n")


def warm_at(file: Path, workers: int) -> float:
    """When the last of the workers began its second trial, in seconds since 1970."""
    begins = defaultdict(list)
    for line in file.read_text().splitlines():
        process, moment = line.split()
        if int(process) != os.getpid():  # which reads the space by building a model
            begins[process].append(float(moment))
    seconds = [moments[1] for moments in begins.values() if len(moments) > 1]
    if len(seconds) < workers:
        raise SystemExit(f"Only {len(seconds)} of {workers} workers trained two trials.")
    return max(seconds)
