"""What a trial costs besides its training: empty trials, with KerasTuner and Optuna doing the same.

    python benchmarks/overhead.py [--trials 2000] [--reopen 10000] [--rounds 3]

Every tool runs trials of two hyperparameters whose objective is a sum, one after the other in one
process, and keeps them on disk (Optuna in memory, too). The tools take turns, round by round, so
that a machine that slows down slows all of them; the figure is the median of the rounds.
"""

import argparse
import contextlib
import importlib.util
import itertools
import os
import platform
import shutil
import statistics
import sys
import tempfile
import time

from quiet_keras import load_keras

import kerastune_lite as kt


class Ours(kt.RandomSearch):
    def run_trial(self, trial, **kwargs):  # KerasTuner hands on `verbose`
        hp = trial.hyperparameters
        stamps.append(time.perf_counter())
        return hp.Float("x", -1.0, 1.0) ** 2 + hp.Int("n", 1, 1000)


stamps: list[float] = []
"""When each trial began; the cost of trial i is the time from its stamp to the next."""


def ours(trials, directory):
    Ours(max_trials=trials, seed=0, directory=directory, project_name="p").search(verbose=0)


def keras_tuner(trials, directory):
    load_keras()  # without TensorFlow's start-up notes
    import keras_tuner

    class Theirs(keras_tuner.RandomSearch):
        run_trial = Ours.run_trial

    Theirs(max_trials=trials, seed=0, directory=directory, project_name="p").search(verbose=0)


def optuna_in(storage):
    def run(trials, directory):
        import optuna

        optuna.logging.set_verbosity(optuna.logging.ERROR)

        def objective(trial):
            stamps.append(time.perf_counter())
            return trial.suggest_float("x", -1.0, 1.0) ** 2 + trial.suggest_int("n", 1, 1000)

        url = f"sqlite:///{directory}/optuna.sqlite3" if storage == "SQLite" else None
        sampler = optuna.samplers.RandomSampler(seed=0)
        optuna.create_study(storage=url, sampler=sampler).optimize(objective, n_trials=trials)

    return run


def measure(run, trials):
    """Milliseconds per trial around the 10th, and around the last."""
    stamps.clear()
    directory = tempfile.mkdtemp()
    try:
        with open(os.devnull, "w") as null, contextlib.redirect_stdout(null):
            run(trials, directory)
    finally:
        shutil.rmtree(directory)
    costs = [1e3 * (b - a) for a, b in itertools.pairwise(stamps)]
    return statistics.mean(costs[5:105]), statistics.mean(costs[-100:])


def measure_reopening(trials):
    """Seconds to make a tuner on a project of `trials` trials, and its size on disk in MB."""
    directory = tempfile.mkdtemp()
    try:
        ours(trials, directory)
        started = time.perf_counter()
        tuner = Ours(max_trials=trials, directory=directory, project_name="p")
        tuner.get_best_hyperparameters()
        seconds = time.perf_counter() - started
        size = os.path.getsize(os.path.join(directory, "p", "study.sqlite3")) / 1e6
    finally:
        shutil.rmtree(directory)
    return seconds, size


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--trials", type=int, default=2000)
    parser.add_argument("--slow-trials", type=int, default=300, help="for Optuna on SQLite")
    parser.add_argument("--reopen", type=int, default=10_000)
    parser.add_argument("--rounds", type=int, default=3)
    arguments = parser.parse_args()

    tools = {"kerastune_lite": (ours, arguments.trials)}
    if not missing("keras_tuner"):
        tools["KerasTuner"] = (keras_tuner, arguments.trials)
    if not missing("optuna"):
        tools["Optuna in memory"] = (optuna_in("memory"), arguments.trials)
        tools["Optuna on SQLite"] = (optuna_in("SQLite"), arguments.slow_trials)

    results: dict[str, list[tuple[float, float]]] = {name: [] for name in tools}
    for _ in range(arguments.rounds):
        for name, (run, trials) in tools.items():
            results[name].append(measure(run, trials))

    print(f"{platform.machine()}, {os.cpu_count()} cores, Python {platform.python_version()}")
    print(
        f"\n{'empty trials, one by one':28}{'ms early':>10}{'ms late':>10}{'trials':>8}{'ratio':>8}"
    )
    own = statistics.median(late for _, late in results["kerastune_lite"])
    for name, rounds in results.items():
        early = statistics.median(first for first, _ in rounds)
        late = statistics.median(last for _, last in rounds)
        print(f"{name:28}{early:10.2f}{late:10.2f}{tools[name][1]:8d}{late / own:8.1f}")
    print("early: around trial 50; late: the last 100; ratio: late, against kerastune_lite")

    seconds, size = measure_reopening(arguments.reopen)
    print(f"\nreopening a project of {arguments.reopen} trials: {seconds:.2f} s ({size:.1f} MB)")


def missing(package):
    if importlib.util.find_spec(package) is None:
        print(f"{package} is not installed and left out: pip install kerastune_lite[bench]")
        return True
    return False


if __name__ == "__main__":
    sys.exit(main())
