"""How long it takes to look at a project: seconds from the command to the last row.

    python benchmarks/views.py [--trials 10 1000] [--epochs 20] [--rounds 3]

A project of so many trials, with eight hyperparameters, is written by a search of a function that
trains nothing: it yields the metrics of epochs whose losses fall. Then commands
are started anew each time, so that Python's start and all imports count. "TensorBoard" ends when
its HParams table holds every trial with its score, asked for over HTTP; it needs no browser. The
commands take turns, round by round; the figure is the median. The column of few trials shows what
starting costs, the other one what trials cost.
"""

import argparse
import json
import os
import platform
import re
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from pathlib import Path

import numpy as np

import kerastune_lite as kt
from kerastune_lite.hyperparameters import Boolean, Choice, Float, Int
from kerastune_lite.oracles import RandomOracle

SPACE = {
    "layers": Int(1, 4),
    "units": Int(16, 512, sampling="log"),
    "activation": Choice(("relu", "tanh", "gelu")),
    "learning_rate": Float(1e-4, 1e-1, sampling="log"),
    "momentum": Float(0.0, 0.95),
    "dropout": Float(0.0, 0.5),
    "batch_norm": Boolean(),
    "batch_size": Choice((32, 64, 128)),
}
EVERY_STATUS = ["STATUS_UNKNOWN", "STATUS_SUCCESS", "STATUS_FAILURE", "STATUS_RUNNING"]
PATIENCE = 600


# ---------------------------------------------------------------------- a project


def make_project(directory, trials, epochs):
    """Write a project; its folder."""
    rng = np.random.default_rng(0)

    def train(values):
        """Curves that fall towards a loss that the values decide."""
        rate, units = values["learning_rate"], values["units"]
        floor = abs(np.log10(rate) + 2) + values["dropout"] + 1 / units
        for loss in floor + np.exp(-np.arange(epochs) / 5) + 0.02 * rng.random(epochs):
            loss = float(loss)
            yield {"loss": loss, "val_loss": loss + 0.1, "val_accuracy": 1 / (1 + loss)}

    tuner = kt.tune_function(
        train,
        SPACE,
        kt.Objective("val_loss", "min"),
        max_trials=trials,
        oracle=RandomOracle(),
        seed=0,
        directory=directory,
        project_name=f"p{trials}",
        verbose=0,
    )
    return Path(tuner.project_dir)


# ---------------------------------------------------------------------- looking at it


def command(*arguments):
    """Seconds from start to end of a command, given a project."""

    def run(project, trials):
        filled = [argument.format(project=project) for argument in arguments]
        started = time.perf_counter()
        ended = subprocess.run(kerastune(*filled), capture_output=True, text=True, check=False)
        seconds = time.perf_counter() - started
        if ended.returncode:
            raise RuntimeError(f"kerastune {' '.join(filled)} failed:\n{ended.stderr}")
        return seconds

    return run


def tensorboard(project, trials):
    """Seconds until TensorBoard has every trial in its HParams table."""
    started = time.perf_counter()
    process = subprocess.Popen(
        kerastune("tensorboard", str(project), "--port", "0"),
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    try:
        lines = iter(process.stdout.readline, "")
        url = next(filter(None, (re.search(r"http://[\w.:]+", line) for line in lines))).group()
        while scored(url) < trials:
            if time.perf_counter() - started > PATIENCE:
                raise TimeoutError(f"TensorBoard has {scored(url)} of {trials} trials.")
            time.sleep(0.05)
        return time.perf_counter() - started
    finally:
        process.terminate()
        process.communicate(timeout=30)


def scored(url):
    """How many rows of the HParams table have a score."""
    body = {"experimentName": "", "allowedStatuses": EVERY_STATUS, "startIndex": 0}
    request = urllib.request.Request(
        f"{url.rstrip('/')}/data/plugin/hparams/session_groups",
        json.dumps({**body, "sliceSize": 1_000_000}).encode(),
        {"Content-Type": "application/json"},
    )
    try:
        with urllib.request.urlopen(request, timeout=PATIENCE) as response:
            rows = json.load(response).get("sessionGroups", [])
    except (urllib.error.URLError, ConnectionError):
        return 0  # It is not yet there.
    return sum(
        any(value["name"]["tag"] == "objective" for value in row["metricValues"]) for row in rows
    )


def kerastune(*arguments):
    return [sys.executable, "-m", "kerastune_lite", *arguments]


VIEWS = {
    "show": command("show", "{project}"),
    "report": command("report", "{project}", "--output", "{project}/report.html"),
    "TensorBoard": tensorboard,
    "list": command("list", "{project}"),
    "show --trial 3": command("show", "{project}", "--trial", "3"),
    "export --to csv": command("export", "{project}", "--to", "csv"),
    "export --to json": command("export", "{project}", "--to", "json"),
    "--help": command("--help"),
}


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--trials", type=int, nargs="+", default=[10, 1000])
    parser.add_argument("--epochs", type=int, default=20)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--views", nargs="+", choices=VIEWS, default=list(VIEWS))
    arguments = parser.parse_args()

    directory = Path(tempfile.mkdtemp())
    try:
        projects = {n: make_project(directory, n, arguments.epochs) for n in arguments.trials}
        measured = {(view, n): [] for view in arguments.views for n in projects}
        for _ in range(arguments.rounds):
            for (view, trials), seconds in measured.items():
                seconds.append(VIEWS[view](projects[trials], trials))
    finally:
        shutil.rmtree(directory)

    print(f"{platform.machine()}, {os.cpu_count()} cores, Python {platform.python_version()}")
    print(f"seconds, by trials of {arguments.epochs} epochs and {len(SPACE)} hyperparameters")
    print(f"\n{'':20}" + "".join(f"{trials:>10,}" for trials in projects))
    for view in arguments.views:
        cells = (statistics.median(measured[view, trials]) for trials in projects)
        print(f"{view:20}" + "".join(f"{seconds:10.2f}" for seconds in cells))


if __name__ == "__main__":
    sys.exit(main())
