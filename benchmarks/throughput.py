"""What a search costs with its training: the same trials by KerasTuner, by `model.fit`, and by us.

    python benchmarks/throughput.py [--rows 1 2] [--rounds 3] [--quick] [--json FILE]

Nine searches (`throughput_rows.py` has the spaces and networks):

1. to 3. digits: 1,437 images of 64 numbers; 1 to 3 layers of 32 to 256 units, relu or tanh, SGD
   with learning rate and momentum, batches of 32, 64 or 128; for 3, 10, and 30 epochs;
4. rates only: the same data, 2 x 128 units, batches of 64; learning rate and momentum vary, so
   that a random search trains trials side by side;
5. 5 executions: that network, each trial trained five times;
6. small CNN: the same images, one or two convolutions of 8 to 32 filters, a Dense layer, Adam;
7. regression: 353 patients, 1 to 3 Dense layers with BatchNormalization and Dropout, AdamW;
8. 60,000 x 784: noise, 128 units with Dropout, Adam, batches of 32;
9. wide: 10,000 x 784 noise, 3 x 1024 units, Adam, batches of 256.

For each the values of all trials are drawn beforehand, and three contenders train the same networks
with them, for the same epochs on the same data:

- KerasTuner: its Tuner with an oracle that hands out the listed values (RandomSearch is that Tuner
  with an oracle that draws them);
- model.fit: a loop over the values that clears Keras's session, builds, calls fit, and takes the
  best epoch's metric. It keeps nothing: no weights, no record, no way to resume;
- ours: `kt.Tuner` with such an oracle (again, RandomSearch but for the drawing). It keeps every
  epoch in SQLite, the weights of the best trials, and TensorBoard's files.

**Processes.** Each contender has a process of its own for each row, so that its memory is its own
and nothing that one has loaded or traced serves another. They take turns: in each round each trains
its share of the trials while the others wait between two trials; the order changes from round to
round. Loading the libraries and the data is not timed, nor is a first tiny `fit` that each process
makes, which loads what TensorFlow loads late. What our library only loads when a search begins is
timed, and so is the making of the tuner; this is spread evenly over the trials.

**Subsets.** In rows with a number such as 10/30 the peers train every third trial only, since they
take long. All columns of that row are then about these trials. What our first trials of a structure
spend on tracing, and the second ones on the self-check, serves all that follow: it is spread evenly
over all of our trials, in these rows and the others. How much it is, a second search for the same
trials says, which our process makes when all turns are over: it finds everything traced and
checked. A peer traces each model anew.

**What favours whom.** Short trainings of small networks favour us: there the peers' time is tracing
and Python, which we spend once. Larger networks favour nobody: the arithmetic is the same. Few
trials of many structures favour the peers. Initial weights and shuffles differ between the
contenders, so the scores agree on average and not one by one.

**The floor** is the arithmetic alone: NumPy's float32 products of matrices, for each layer one
forward and two backward (for the first layer one: nothing asks for the gradient of the data), for
all batches of all epochs, and the forward ones for validation; a convolution counts as the product
of its patches and its kernel. Not counted: activations, losses, optimizers, reading the data.
It is measured in the parent's process, which takes its turn in each round; of four times, two with
one thread, the best counts.
"""

import argparse
import compileall
import dataclasses
import json
import multiprocessing
import os
import platform
import sys
import time
from importlib.metadata import version
from typing import Any

import numpy as np
from threadpoolctl import threadpool_limits
from throughput_contenders import KERAS_TUNER, OURS, PLAIN, contend
from throughput_report import print_tables
from throughput_rows import ROWS, Row, Values
from zoo_models import Kind

import kerastune_lite as kt

CONTENDERS = (KERAS_TUNER, PLAIN, OURS)


def floor(row: Row, values: Values) -> float:
    """Seconds for the matrix products of a trial's training."""
    rng = np.random.default_rng(0)
    training, validation = row.batches(values)

    def random(*shape: int) -> np.ndarray:
        return rng.random(shape, dtype="float32")

    layers = []
    for rows, inputs, outputs in row.products(values):
        most = rows * max(training[0], validation[0])
        layers.append((rows, random(most, inputs), random(inputs, outputs), random(most, outputs)))

    def epoch() -> float:
        began = time.perf_counter()
        for size in training:
            for index, (rows, x, kernel, gradient) in enumerate(layers):
                x, gradient = x[: rows * size], gradient[: rows * size]
                x @ kernel
                x.T @ gradient
                if index:
                    gradient @ kernel.T
        for size in validation:
            for rows, x, kernel, _ in layers:
                x[: rows * size] @ kernel
        return time.perf_counter() - began

    best = min(epoch() for _ in range(2))
    with threadpool_limits(1):  # small products are quicker so, and a busy machine's too
        best = min(best, *(epoch() for _ in range(2)))
    return row.epochs * row.executions * best


class Contender:
    """A contender's process, seen from here.

    Args:
        name: one of `CONTENDERS`.
        row: what it is to train.
        trials: which of the row's trials, by their numbers.
        values: of all trials.
        context: how its process is started.
        again: whether it then trains its trials once more, in another search.
    """

    def __init__(
        self,
        name: str,
        row: Row | Kind,
        trials: list[int],
        values: list[Values],
        context: multiprocessing.context.BaseContext,
        again: bool = False,
    ) -> None:
        self.trials = trials
        self.result: dict[str, Any] | None = None
        self._name = name
        self._connection, theirs = context.Pipe()
        own = [values[i] for i in trials]
        self._process = context.Process(
            target=contend, args=(name, row, own, theirs, again), daemon=True
        )
        self._process.start()
        theirs.close()

    def turn(self, trials: int) -> None:
        """Let it train so many trials, and wait until it has."""
        self._connection.send(trials)
        self.wait()

    def wait(self) -> None:
        """Until it waits for its turn, or has ended."""
        try:
            self.result = self._connection.recv()
        except EOFError:
            raise SystemExit(f"{self._name} failed; its traceback is above.") from None

    def end(self) -> None:
        self._process.join()


def starting(quickly: bool) -> multiprocessing.context.BaseContext:
    """How processes are started.

    Args:
        quickly: forked, from one that has loaded Keras, where that can be done. No measurement is:
            what such a process writes to at first is copied.
    """
    # As pip does where it installs a package; the first process would do it else, on the clock.
    compileall.compile_dir(os.path.dirname(kt.__file__), quiet=1)
    if not quickly or "forkserver" not in multiprocessing.get_all_start_methods():
        return multiprocessing.get_context("spawn")
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["keras"])
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")  # it does not load Keras quietly
    return context


def measure(row: Row, rounds: int, context: multiprocessing.context.BaseContext) -> dict[str, Any]:
    """Let the contenders train a row's trials, taking turns.

    Args:
        context: how their processes are started.
    """
    values = row.drawn()
    everything = list(range(len(values)))
    contenders = {
        name: Contender(
            name,
            row,
            everything if name == OURS else everything[:: row.peers_every],
            values,
            context,
            again=name == OURS,
        )
        for name in CONTENDERS
    }
    for contender in contenders.values():
        contender.wait()
    for contender in contenders.values():
        contender.turn(0)  # makes its tuner
    floors = []
    for index, share in enumerate(np.array_split(everything, min(rounds, len(values)))):
        floors += [floor(row, values[i]) for i in share]
        shift = index % len(CONTENDERS)
        for name in CONTENDERS[shift:] + CONTENDERS[:shift]:
            own = len(set(contenders[name].trials) & set(share.tolist()))
            if own:
                contenders[name].turn(own)
    for contender in contenders.values():
        contender.end()
    return {
        "name": row.name,
        "epochs": row.epochs,
        "executions": row.executions,
        "values": values,
        "later": row.later(values),
        "floor": floors,
        "contenders": {
            name: {"numbers": contender.trials, **(contender.result or {})}
            for name, contender in contenders.items()
        },
    }


def quick(row: Row) -> Row:
    return dataclasses.replace(
        row,
        trials=min(row.trials, 3),
        epochs=min(row.epochs, 2),
        executions=min(row.executions, 2),
        peers_every=1,
    )


def machine() -> str:
    load = f", load {os.getloadavg()[0]:.1f}" if hasattr(os, "getloadavg") else ""
    packages = ", ".join(f"{name} {version(name)}" for name in ("keras", "keras-tuner"))
    return (
        f"{platform.machine()}, {os.cpu_count()} cores{load}, Python {platform.python_version()}, "
        f"tensorflow {version('tensorflow')}, {packages}"
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    numbers = range(1, len(ROWS) + 1)
    parser.add_argument("--rows", type=int, nargs="+", choices=numbers, default=list(numbers))
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--quick", action="store_true", help="3 trials of 2 epochs: a trial run")
    parser.add_argument("--json", metavar="FILE", help="write all that was measured")
    arguments = parser.parse_args()

    about = machine()
    context = starting(quickly=arguments.quick)
    results = []
    for number in arguments.rows:
        row = ROWS[number - 1]
        began = time.perf_counter()
        result = measure(quick(row) if arguments.quick else row, arguments.rounds, context)
        result["number"] = number
        results.append(result)
        took = time.perf_counter() - began
        print(f"row {number}, {row.name}: measured in {took:.0f} s", file=sys.stderr, flush=True)
        if arguments.json:
            with open(arguments.json, "w") as file:
                json.dump({"machine": about, "rows": results}, file, indent=1)
    print(about)
    print_tables(results)


if __name__ == "__main__":
    main()
