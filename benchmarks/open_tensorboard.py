"""How long TensorBoard takes to open a project of many trials.

    python benchmarks/open_tensorboard.py [--trials 1000] [--epochs 10]

Searches a function of two hyperparameters that gives a value per epoch, then starts TensorBoard on
the project and waits until its HParams page would have all rows; then asks for them once more.
"""

import argparse
import json
import os
import sys
import tempfile
import time
import urllib.request

import kerastune_lite as kt

STATUSES = ["STATUS_UNKNOWN", "STATUS_SUCCESS", "STATUS_FAILURE", "STATUS_RUNNING"]


class Curves(kt.RandomSearch):
    def run_trial(self, trial, epochs):
        hp = trial.hyperparameters
        x, rate = hp.Float("x", -1.0, 1.0), hp.Float("rate", 0.1, 1.0)
        for epoch in range(epochs):
            yield {"val_loss": x**2 + (1 - rate) ** epoch}


def rows(url):
    """How many trials the HParams page has."""
    body = {"experimentName": "", "allowedStatuses": STATUSES, "startIndex": 0, "sliceSize": 10**6}
    request = urllib.request.Request(
        f"{url}data/plugin/hparams/session_groups",
        json.dumps(body).encode(),
        {"Content-Type": "application/json"},
    )
    with urllib.request.urlopen(request) as response:
        return len(json.load(response).get("sessionGroups", []))


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--trials", type=int, default=1000)
    parser.add_argument("--epochs", type=int, default=10)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as directory:
        tuner = Curves(
            objective=kt.Objective("val_loss", "min"),
            max_trials=arguments.trials,
            seed=0,
            directory=directory,
            project_name="p",
        )
        tuner.search(epochs=arguments.epochs, verbose=0)
        started = time.perf_counter()
        server = tuner.tensorboard()
        up = time.perf_counter() - started
        while rows(server.url) < arguments.trials:
            time.sleep(0.1)
        complete = time.perf_counter() - started
        started = time.perf_counter()
        rows(server.url)
        again = time.perf_counter() - started
        server.stop()
    print(f"{os.cpu_count()} cores, {arguments.trials} trials of {arguments.epochs} epochs")
    print(f"TensorBoard answers after {up:.1f} s, and has all rows after {complete:.1f} s;")
    print(f"the rows once more: {again:.2f} s")


if __name__ == "__main__":
    sys.exit(main())
