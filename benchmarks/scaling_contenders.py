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
from collections.abc import Callable, Iterator
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

CYCLES = 50
"""Cycles of the warm-up, at most."""


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
    """The values of the trials of a search, in their order.

    A process traces the first model of each structure, and checks the second one. So a cycle of the
    warm-up has, for each structure, two trials for each worker.

    Attributes:
        cycles: of the warm-up, which lasts until a cycle has begun after all workers were there.
        counted: those that count.
        tail: the last ones; while they train, some workers are idle.
    """

    cycles: list[list[Values]]
    counted: list[Values]
    tail: list[Values]


def trials_of(row: Row, counted: int, workers: int) -> Trials:
    """So many trials that count, for searches with up to so many workers."""
    drawn = dataclasses.replace(row, trials=counted + workers + 20 * workers * CYCLES).drawn()
    counting, tail, rest = (
        drawn[:counted],
        drawn[counted : counted + workers],
        drawn[counted + workers :],
    )
    by_structure = defaultdict(list)
    for values in rest:
        by_structure[tuple(values[name] for name in row.structure)].append(values)
    cycles = [
        [v for same in by_structure.values() for v in same[2 * workers * i :][: 2 * workers]]
        for i in range(CYCLES)
    ]
    return Trials(cycles, counting, tail)


class Listed(kt.Oracle):
    """Hands out the listed values.

    Args:
        trials: the values.
        ready: whether all workers have begun to train.

    Attributes:
        warm_up: how many trials came before those that count; None while they have not begun.
    """

    learns = False

    def __init__(self, trials: Trials, ready: Callable[[], bool]) -> None:
        self._trials = trials
        self._ready = ready
        self._last = trials.counted + trials.tail
        self.warm_up: int | None = None

    def propose(self, space: Any, history: Any, count: int, rng: Any) -> list[Values]:
        cycle, place = divmod(len(history), len(self._trials.cycles[0]))
        if place == 0 and self.warm_up is None and self._ready():
            self.warm_up = len(history) + len(self._trials.cycles[0])
        if self.warm_up is None or len(history) < self.warm_up:
            return [self._trials.cycles[cycle][place]]
        return self._last[len(history) - self.warm_up :][:1]


# ---------------------------------------------------------------------- the searches


def contend(row: Row, contender: Contender, trials: Trials) -> dict[str, float]:
    """Train the trials of a row: trials per second, and how long the start took.

    Returns:
        "rate" of those of the "counted" trials; seconds until the "first_trial" ended, and until
        all workers were warm ("all_warm"): each had ended a trial.
    """
    load_keras()
    data = row.data()
    with scratch() as directory:
        if contender.name == KERAS_TUNER:
            return of_keras_tuner(row, data, trials, directory)
        return of_ours(row, data, contender, trials, directory)


@contextlib.contextmanager
def scratch() -> Iterator[str]:
    """A folder; meanwhile what is printed is thrown away."""
    with (
        tempfile.TemporaryDirectory() as directory,
        open(os.devnull, "w") as null,
        contextlib.redirect_stdout(null),
    ):
        yield directory


def of_ours(
    row: Row, data: Any, contender: Contender, trials: Trials, directory: str
) -> dict[str, float]:
    marks = Path(directory) / "marks"

    def build(hp: Any) -> Any:
        mark(marks)
        return row.build(hp)

    oracle = Listed(trials, lambda: len(begins(marks)) >= contender.workers)
    tuner = kt.Tuner(
        build,
        row.objective,
        max_trials=None,
        oracle=oracle,
        directory=directory,
        project_name="p",
        seed=0,
    )
    began = time.time()
    tuner.search(**fit_arguments(row, data, Stamps()), **contender.arguments)
    first = oracle.warm_up or 0
    last = [trial.values for trial in tuner.trials[first:]]
    check(last, trials.counted + trials.tail)
    return measured(began, tuner, marks, contender, first, len(trials.counted))


def contend_empty(contender: Contender, seconds: float) -> dict[str, float]:
    """As `contend`, with trials that train nothing, for so long."""
    with scratch() as directory:
        marks = Path(directory) / "marks"

        class Empty(kt.RandomSearch):
            def run_trial(self, trial: Any) -> float:
                mark(marks)
                hp = trial.hyperparameters
                return hp.Float("x", -1.0, 1.0) ** 2 + hp.Int("n", 1, 1000)

        tuner = Empty(
            max_trials=None, max_time=seconds, seed=0, directory=directory, project_name="p"
        )
        began = time.time()
        tuner.search(verbose=0, **contender.arguments)
        return measured(began, tuner, marks, contender, EMPTY_WARM_UP, len(tuner.trials))


def measured(
    began: float, tuner: Any, marks: Path, contender: Contender, warm_up: int, count: int
) -> dict[str, float]:
    """What `contend` returns, from the recorded ends of trials, and what the workers marked."""
    ends = sorted(trial.finished for trial in tuner.trials)
    warm = warm_at(marks, contender.workers) if contender.workers else ends[0]
    start = max(ends[warm_up - 1], warm)
    counted = [end for end in ends[: warm_up + count] if end > start]
    if not counted:
        raise SystemExit(f"{contender.name}: the search had ended before all workers were warm.")
    return {
        "rate": len(counted) / (counted[-1] - start),
        "counted": len(counted),
        "first_trial": ends[0] - began,
        "all_warm": warm - began,
    }


def of_keras_tuner(row: Row, data: Any, trials: Trials, directory: str) -> dict[str, float]:
    """It traces every model anew and has no workers, so one trial is enough to warm up."""
    started: list[float] = []

    class Turns:
        def next_trial(self) -> None:
            started.append(time.time())

    values = [trials.cycles[0][0], *trials.counted]
    began = time.time()
    train_keras_tuner(row, values, data, directory, Turns(), Stamps())  # type: ignore[arg-type]
    rate = len(trials.counted) / (time.time() - started[1])
    first = started[1] - began
    return {
        "rate": rate,
        "counted": len(trials.counted),
        "first_trial": first,
        "all_warm": first,
    }


# ---------------------------------------------------------------------- when workers are warm

_marked = 0


def mark(file: Path) -> None:
    """Note that this process begins its first or its second trial; later ones are not noted."""
    global _marked
    if _marked < 2:
        _marked += 1
        with file.open("a") as lines:
            lines.write(f"{os.getpid()} {time.time()}\n")


def begins(file: Path) -> dict[str, list[float]]:
    """What each worker has noted, by its process: seconds since 1970."""
    found = defaultdict(list)
    for line in file.read_text().splitlines() if file.exists() else ():
        process, moment = line.split()
        if int(process) != os.getpid():  # which builds models, too, and trains the first trials
            found[process].append(float(moment))
    return found


def warm_at(file: Path, workers: int) -> float:
    """When the last of the workers began its second trial, in seconds since 1970."""
    seconds = sorted(moments[1] for moments in begins(file).values() if len(moments) > 1)
    if len(seconds) < workers:
        raise SystemExit(f"Only {len(seconds)} of {workers} workers trained two trials.")
    return seconds[workers - 1]
