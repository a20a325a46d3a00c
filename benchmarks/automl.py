"""How good is a network that was found in half a minute, with no builder and no settings?

    python benchmarks/automl.py [--data wine mixed ...] [--contenders ours MLP ...] [--splits 10]
        [--seconds 30] [--file FILE]

Each contender is fitted to the same three quarters of a table, and scored on the rest; ten times,
with other quarters (stratified by class). The tables (`automl_data.py`) come with scikit-learn and
statsmodels, or are made; two have columns with categories, one of them missing values as well.

- ours: `kt.AutoClassifier` and `kt.AutoRegressor`, with the time limit;
- AutoKeras: its `StructuredDataClassifier` and `StructuredDataRegressor`. They have no time limit:
  no trial begins after it, and the last training of the best network comes on top;
- boosting: scikit-learn's histogram gradient boosting with its defaults, which no network is;
- MLP: scikit-learn's `MLPClassifier` and `MLPRegressor` with their defaults, but up to 1,000
  epochs, with scaled inputs and targets, a column per category, and medians for missing values;
- plain Keras: the same columns, two layers of 64, relu, Adam, at most 200 epochs, early stopping on
  a fifth of the data, with the best weights;
- constant: always the most frequent class, with the frequencies of all; or the mean.

Those without a time limit take as long as they take; the seconds of all are printed, of `fit`
alone. Each has a process of its own, in which Keras is loaded already, for each split: nothing
that was traced serves another.

**Tables.** Means over the splits, +- standard errors. A difference is ours minus that of the other,
of the same splits; its standard error takes into account that the training data of two splits
overlap (Nadeau and Bengio, "Inference for the generalization error", Machine Learning 52, 2003),
and is twice as large as one that does not. "ahead" and "behind" are differences of more than two
such errors; all others are "level"; fewer than five splits give no verdict. Ranks are by accuracy
or R2, the best is 1.

**What was measured is kept** in runs/automl.jsonl, a line for each fit, and is not measured again:
an interrupted run goes on, more splits cost only what is new. After a change of a contender give
another file. AutoKeras 3.0 needs Keras 3.12, later ones refuse its networks: let an environment
that has both measure `--contenders AutoKeras`, and the usual one all, with the same file.
"""

import argparse
import json
import multiprocessing
import os
import platform
import sys
from concurrent.futures import ProcessPoolExecutor
from importlib.metadata import version
from pathlib import Path

import automl_contenders as contenders
import automl_data as data
import automl_report as report

FILE = Path("runs", "automl.jsonl")


def in_own_process(function, *arguments):
    """What `function` returns in a process that has loaded its module, and has started nothing."""
    if "forkserver" in multiprocessing.get_all_start_methods():
        context = multiprocessing.get_context("forkserver")
        context.set_forkserver_preload([function.__module__])
        # Python's server of forks looks for modules to load there, and not in sys.path.
        folders = [str(Path(__file__).parent), os.environ.get("PYTHONPATH", "")]
        os.environ["PYTHONPATH"] = os.pathsep.join(dict.fromkeys(filter(None, folders)))
    else:
        context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(1, context) as process:
        return process.submit(function, *arguments).result()


def kept(file):
    """The rows of earlier runs."""
    lines = file.read_text().splitlines() if file.exists() else ()
    return {key_of(row): row for row in map(json.loads, lines)}


def key_of(row):
    return row["data"], row["contender"], row["split"], row["limit"]


def present(names):
    """Those contenders that can take part; of the others a line says why they do not."""
    for name in names:
        reason = contenders.missing(name)
        if reason is None:
            yield name
        else:
            print(f"{name} is left out: {reason}")


def measure(arguments, rows, keep):
    """Fits all that `rows` lacks; gives each new row to `keep`."""
    from automl_fit import fitted

    names = list(present(arguments.contenders))
    for split in range(arguments.splits):
        for table in arguments.data:
            for name in names:
                key = (table, name, split, limit_of(name, arguments.seconds))
                if key not in rows:
                    row = in_own_process(fitted, *key)
                    rows[key] = row
                    keep(row)
                    print(report.line(row), file=sys.stderr)


def limit_of(name, seconds):
    """What a contender's rows are kept with: those that have no limit serve all."""
    return seconds if contenders.ALL[name].limited else None


def wanted(arguments, rows):
    """The rows that a table is made of, by table and contender; in the order of splits."""
    found = {}
    for table in arguments.data:
        for name in arguments.contenders:
            limit = limit_of(name, arguments.seconds)
            keys = [(table, name, split, limit) for split in range(arguments.splits)]
            of_both = [rows[key] for key in keys if key in rows]
            if of_both:
                found.setdefault(table, {})[name] = of_both
    return found


def machine():
    load = f", load {os.getloadavg()[0]:.1f}" if hasattr(os, "getloadavg") else ""
    packages = ", ".join(f"{name} {version(name)}" for name in ("tensorflow", "keras"))
    return (
        f"{platform.machine()}, {os.cpu_count()} cores{load}, Python {platform.python_version()}, "
        f"{packages}, scikit-learn {version('scikit-learn')}"
    )


def parsed():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", nargs="+", choices=list(data.ALL), metavar="NAME")
    parser.add_argument("--contenders", nargs="+", choices=list(contenders.ALL), metavar="NAME")
    parser.add_argument("--splits", type=int, default=10)
    parser.add_argument("--seconds", type=float, default=30.0, help="the limit of each fit")
    parser.add_argument("--file", type=Path, default=FILE, help="keeps what was measured")
    arguments = parser.parse_args()
    arguments.data = arguments.data or list(data.ALL)
    arguments.contenders = arguments.contenders or list(contenders.ALL)
    return arguments


def main():
    arguments = parsed()
    print(f"{machine()}; {arguments.seconds:g} s for each fit, {arguments.splits} splits")
    rows = kept(arguments.file)

    def keep(row):
        arguments.file.parent.mkdir(parents=True, exist_ok=True)
        with arguments.file.open("a") as file:
            file.write(json.dumps(row) + "\n")

    measure(arguments, rows, keep)
    report.tables(wanted(arguments, rows), contenders.OURS, arguments.splits, arguments.seconds)


if __name__ == "__main__":
    sys.exit(main())
