"""The contenders of `throughput.py`: each trains the listed trials, when it is its turn.

Each runs in a process of its own. Its tuner's oracle hands out the listed values, and waits there,
between two trials, until it is its turn again; so each search is one search, as a user's would be.
"""

import collections
import contextlib
import dataclasses
import importlib
import itertools
import os
import resource
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from typing import Any

import numpy as np
from quiet_keras import load_keras
from throughput_rows import Row, Values
from zoo_models import Kind

import kerastune_lite as kt

OURS, KERAS_TUNER, PLAIN = "ours", "KerasTuner", "model.fit"


class Clock:
    """Adds up the time spent in a function."""

    def __init__(self) -> None:
        self.seconds = 0.0

    def timed(self, function: Callable[..., Any]) -> Callable[..., Any]:
        def timed(*args: Any) -> Any:
            began = time.perf_counter()
            try:
                return function(*args)
            finally:
                self.seconds += time.perf_counter() - began

        return timed


class Turns:
    """Waits for this contender's turns, and times what it does in them.

    Args:
        connection: to the parent, who sends how many trials to train next.
        clock: of the builder; read after each trial.
    """

    def __init__(self, connection: Any, clock: Clock) -> None:
        self.stretches: list[dict[str, Any]] = []
        """The making of the tuner, then the trials."""
        self.shares: list[int] = []
        """How many trials were to be trained in each turn."""
        self._connection = connection
        self._clock = clock
        self._left = 0
        self._trials = 1
        self._wait()

    @property
    def over(self) -> bool:
        """Whether no more trials may begin in this turn."""
        return not self._left

    def next_trial(self) -> None:
        """Called when a trial is to begin, or rather when all before it is over."""
        self._stop()
        if not self._left:
            self._wait()
        self._left -= 1
        self._trials = 1
        self._start()

    def also(self) -> None:
        """Called when another trial has begun, to be trained side by side with the latest."""
        self._left -= 1
        self._trials += 1

    def end(self) -> None:
        """Called when all trials are over."""
        self._stop()

    def _wait(self) -> None:
        self._connection.send(None)
        self._left = self._connection.recv()
        self.shares.append(self._left)
        self._start()

    def _start(self) -> None:
        self._clock.seconds = 0.0
        self._began = time.perf_counter()

    def _stop(self) -> None:
        seconds = time.perf_counter() - self._began
        parts = {"build": self._clock.seconds}
        self.stretches.append({"seconds": seconds, "parts": parts, "trials": self._trials})


class SameTurns:
    """In place of a connection: hands out the same shares again, with nobody to wait for."""

    def __init__(self, shares: list[int]) -> None:
        self._shares = iter(shares)

    def send(self, what: Any) -> None:
        """There is nobody to tell."""

    def recv(self) -> int:
        return next(self._shares)


def contend(
    name: str, row: Row | Kind, values: list[Values], connection: Any, again: bool = False
) -> None:
    """Run a contender; what the parent receives last is what was measured.

    Args:
        again: whether it then trains the same trials once more, in another search.
    """
    keras = load_keras()
    if name == KERAS_TUNER:
        importlib.import_module("keras_tuner")
    data = row.data()
    warm_up(keras)
    at_start = memory()
    clock, stamps = Clock(), Stamps()
    row = dataclasses.replace(row, model=clock.timed(row.model))

    def run(turns: Turns) -> dict[str, Any]:
        train = {OURS: train_ours, KERAS_TUNER: train_keras_tuner, PLAIN: train_plain}[name]
        with tempfile.TemporaryDirectory() as directory, open(os.devnull, "w") as null:
            with contextlib.redirect_stdout(null):
                found = train(row, values, data, directory, turns, stamps)
            turns.end()
        setup, *trials = turns.stretches
        training = found.pop("training", [])
        return {"setup": setup, "trials": spread(trials, training), **found}

    turns = Turns(connection, clock)
    found = {
        **run(turns),
        "memory_at_start": at_start,
        "memory_peak": memory(),
        "seconds_per_later_epoch": stamps.later(),
    }
    if again:
        found["again"] = run(Turns(SameTurns(turns.shares), clock))
    connection.send(found)


def spread(stretches: list[dict[str, Any]], training: list[float]) -> list[dict[str, Any]]:
    """One stretch per trial; of trials that trained side by side each has an equal share.

    Args:
        training: seconds that each trial's executions took, building included, where it is known.
    """
    even: list[dict[str, Any]] = []
    for stretch in stretches:
        trials = stretch["trials"]
        parts = {name: value / trials for name, value in stretch["parts"].items()}
        if training:
            own = training[len(even) : len(even) + trials]
            parts["training"] = statistics.mean(own) - parts["build"]
        even += [{"seconds": stretch["seconds"] / trials, "parts": parts}] * trials
    return even


def warm_up(keras: Any) -> None:
    """Let TensorFlow and Keras load what they load when they are first used."""
    model = keras.Sequential([keras.Input((2,)), keras.layers.Dense(1)])
    model.compile("sgd", "mse")
    model.fit(np.zeros((8, 2)), np.zeros(8), validation_split=0.5, verbose=0)
    keras.utils.clear_session()


def memory() -> float:
    """The most that this process had so far, in MB."""
    unit = 1 if sys.platform == "darwin" else 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit / 1e6


class Stamps:
    """When epochs ended."""

    moments: tuple[list[float], ...] = ([],)
    """Shared by all copies; one list per training."""

    def callbacks(self) -> list[Any]:
        keras = load_keras()

        class Stamp(keras.callbacks.Callback):
            def on_train_begin(self, logs: Any = None) -> None:
                Stamps.moments += ([],)

            def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
                Stamps.moments[-1].append(time.perf_counter())

        return [Stamp()]

    def later(self) -> float | None:
        """The median time from one epoch's end to the next one's."""
        gaps = [b - a for ends in self.moments for a, b in itertools.pairwise(ends)]
        return statistics.median(gaps) if gaps else None


def fit_arguments(row: Row | Kind, data: Any, stamps: Stamps) -> dict[str, Any]:
    arguments = {**row.arguments(data), "epochs": row.epochs, "verbose": 0}
    if row.per_epoch:
        arguments["callbacks"] = stamps.callbacks()
    return arguments


# ---------------------------------------------------------------------- ours


def train_ours(
    row: Row | Kind, values: list[Values], data: Any, directory: str, turns: Turns, stamps: Stamps
) -> dict[str, Any]:
    class Listed(kt.Oracle):
        learns = False  # as in RandomSearch
        counted = 0

        def propose(self, space: Any, history: Any, count: int, rng: Any) -> list[Values]:
            self.count(len(history))
            if history.running:
                # Might it be trained side by side with them? Those that are, are of one turn.
                return [] if turns.over else [values[len(history)]]
            turns.next_trial()
            self.counted += 1
            return [values[len(history)]]

        def count(self, begun: int) -> None:
            for _ in range(begun - self.counted):
                turns.also()
            self.counted = begun

    oracle = Listed()
    tuner = kt.Tuner(
        row.build,
        row.objective,
        max_trials=len(values),
        oracle=oracle,
        executions_per_trial=row.executions,
        directory=directory,
        project_name="p",
        seed=0,
    )
    tuner.search(**fit_arguments(row, data, stamps))
    oracle.count(len(values))
    check([trial.values for trial in tuner.trials], values)
    paths = collections.Counter(
        execution.path for trial in tuner.trials for execution in trial.executions
    )
    return {
        "scores": [trial.score for trial in tuner.trials],
        "paths": dict(paths),
        "training": [sum(each.seconds for each in trial.executions) for trial in tuner.trials],
    }


# ---------------------------------------------------------------------- the peers


def train_keras_tuner(
    row: Row | Kind, values: list[Values], data: Any, directory: str, turns: Turns, stamps: Stamps
) -> dict[str, Any]:
    import keras_tuner

    class Listed(keras_tuner.Oracle):
        def populate_space(self, trial_id: str) -> dict[str, Any]:
            turns.next_trial()
            return {"status": "RUNNING", "values": dict(values[int(trial_id)])}

    class Built(keras_tuner.HyperModel):
        def build(self, hp: Any) -> Any:
            return row.build(hp)

        def fit(self, hp: Any, model: Any, *args: Any, **kwargs: Any) -> Any:
            if row.batch_size is None:
                kwargs["batch_size"] = hp.get("batch_size")
            return model.fit(*args, **kwargs)

    tuner = keras_tuner.Tuner(
        Listed(row.objective, max_trials=len(values), seed=1),
        Built(),
        executions_per_trial=row.executions,
        directory=directory,
        project_name="p",
    )
    tuner.search(**fit_arguments(row, data, stamps))
    trials = [tuner.oracle.trials[key] for key in sorted(tuner.oracle.trials)]
    check([trial.hyperparameters.values for trial in trials], values)
    return {"scores": [trial.score for trial in trials]}


def train_plain(
    row: Row | Kind, values: list[Values], data: Any, directory: str, turns: Turns, stamps: Stamps
) -> dict[str, Any]:
    keras = load_keras()
    arguments = fit_arguments(row, data, stamps)
    best = min if row.objective.endswith("loss") else max
    scores = []
    for point in values:
        turns.next_trial()
        own = [] if row.batch_size is not None else [("batch_size", point["batch_size"])]
        found = []
        for _ in range(row.executions):
            keras.utils.clear_session()
            history = row.model(point).fit(**arguments, **dict(own))
            found.append(best(history.history[row.objective]))
        scores.append(statistics.mean(found))
    return {"scores": scores}


def check(tried: list[Any], wanted: list[Values]) -> None:
    """Raise unless the trials were those that were listed.

    KerasTuner's have values for hyperparameters that are not asked for, too.
    """
    if [{name: t.get(name) for name in w} for t, w in zip(tried, wanted, strict=True)] != wanted:
        raise RuntimeError(f"Each contender has to try {wanted}. Tried: {tried}")
