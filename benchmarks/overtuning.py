"""How often the winner of a search is worse than where it started, with and without `confirm`.

    python benchmarks/overtuning.py [--parts networks tables] [--names digits ...] [--seeds 20]
        [--table-seeds 100] [--first-seed 1000] [--json FILE] [--quick]

- networks: Keras MLPs for four sets of data of scikit-learn. A search of 24 random trials, of which
  the first has usual values (the start), trains on 120 samples, a quarter of which validates. Then
  the same project is searched again with confirm=True, which adds the race alone. The winners are
  judged on all other samples, which are many: the mean loss there, at the best epoch, of 8
  trainings on the 120 samples.
- tables: the dense tables of `search_quality.py`, whose true losses are known. A search of 50
  random points, with models that report the losses of a table; each is multiplied by a random
  factor, whose logarithm has the standard deviation that the rounds of the networks had (or 0.19,
  if these were not run). A fifth of its variance is the same in all trainings of a point, as for a
  fifth of samples that validate. Starts are random points, the best of 5 and the best of 20.

Worse: the winner's true or held-out loss is larger than that of the start. Gain: by how much the
log loss of the winner with a race is smaller than without, times 100. Optimism: by how much the
winner's loss in the search (without) or in the race (with) is smaller than the true or held-out
one, in per cent of that; the median. With --json the file keeps what was measured, and it is not
measured again.
"""

import argparse
import contextlib
import functools
import itertools
import json
import math
import os
import sqlite3
import statistics
import tempfile
import zlib
from pathlib import Path

import numpy as np
import search_quality_problems as problems
from quiet_keras import load_keras

import kerastune_lite as kt

keras = load_keras()

TRIALS = {"networks": 24, "tables": 50}
SAMPLES = 120
SHARE = {"networks": 0.25, "tables": 0.2}
JUDGED = 8
EPOCHS = 15
NOISE = 0.19
STARTS = {"random": 1, "best of 5": 5, "best of 20": 20}
NETWORKS = ("breast_cancer", "digits", "diabetes", "friedman")
START = {"layers": 1, "units": 32, "activation": "relu", "rate": 0.01, "l2": 1e-5}


# ---------------------------------------------------------------------- networks


def samples(name, seed):
    """(x, y) to search with, and (x, y) to judge by."""
    from sklearn import datasets

    if name == "friedman":
        x, y = datasets.make_friedman1(2000, noise=1.0, random_state=0)
    else:
        x, y = getattr(datasets, f"load_{name}")(return_X_y=True)
    order = np.random.default_rng(seed).permutation(len(x))
    x, y = x[order], y[order]
    scale = x[:SAMPLES].std(axis=0)
    x = (x - x[:SAMPLES].mean(axis=0)) / np.where(scale > 0, scale, 1.0)
    if name in ("diabetes", "friedman"):
        y = (y - y[:SAMPLES].mean()) / y[:SAMPLES].std()
    x, y = x.astype("float32"), y.astype("float32")
    return (x[:SAMPLES], y[:SAMPLES]), (x[SAMPLES:], y[SAMPLES:])


def builder(name, width):
    outputs, activation, loss = {
        "breast_cancer": (1, "sigmoid", "binary_crossentropy"),
        "digits": (10, "softmax", "sparse_categorical_crossentropy"),
    }.get(name, (1, None, "mse"))

    def build(hp):
        l2 = keras.regularizers.L2(hp.Float("l2", 1e-6, 1e-2, sampling="log"))
        units = hp.Choice("units", [8, 32, 64])
        kind = hp.Choice("activation", ["relu", "tanh"])
        model = keras.Sequential([keras.Input((width,))])
        for _ in range(hp.Int("layers", 1, 2)):
            model.add(keras.layers.Dense(units, activation=kind, kernel_regularizer=l2))
        model.add(keras.layers.Dense(outputs, activation=activation))
        rate = hp.Float("rate", 1e-4, 1e-1, sampling="log")
        model.compile(keras.optimizers.Adam(rate), loss=loss)
        return model

    return build


def network(name, seed):
    """One search, its race, and its judgement."""
    (x, y), (x_rest, y_rest) = samples(name, seed)
    build = builder(name, x.shape[1])
    with tempfile.TemporaryDirectory() as folder:

        def tuner(project, trials, **kwargs):
            place = {"directory": folder, "project_name": project, "seed": seed}
            return kt.RandomSearch(build, "val_loss", trials, **place, **kwargs)

        fit = {"epochs": EPOCHS, "batch_size": 16, "verbose": 0}
        searched = tuner("search", TRIALS["networks"])
        searched.enqueue(START)
        searched.search(x, y, validation_split=SHARE["networks"], confirm=False, **fit)
        best = searched.get_best_trials()[0]
        searched.search(x, y, validation_split=SHARE["networks"], confirm=True, **fit)
        found = searched.confirmation()
        numbers = list(dict.fromkeys((found.start, best.number, found.leader)))
        judge = tuner("judge", len(numbers), executions_per_trial=JUDGED)
        for number in numbers:
            judge.enqueue(searched.get_trial(number).hyperparameters)
        judge.search(x, y, validation_data=(x_rest, y_rest), confirm=False, **fit)
        held = {number: judge.get_trial(i).score for i, number in enumerate(numbers)}
        noise = noise_between_rounds(Path(searched.project_dir))
        return row_of(name, "usual values", seed, found, best, held, noise)


def noise_between_rounds(folder):
    """The standard deviation of log losses, without the means of candidates and of rounds."""
    (database,) = folder.glob("*.sqlite3")
    with contextlib.closing(sqlite3.connect(database)) as connection:
        known = connection.execute("SELECT trial, round, score FROM rounds").fetchall()
    losses = {}
    for trial, number, score in known:
        if number < 3:  # which all candidates have
            losses.setdefault(trial, {})[number] = math.log(max(score, 1e-6))
    logs = np.array([[row[number] for number in range(3)] for row in losses.values()])
    rest = logs - logs.mean(axis=1, keepdims=True) - logs.mean(axis=0) + logs.mean()
    return float(np.sqrt((rest**2).sum() / ((logs.shape[0] - 1) * (logs.shape[1] - 1))))


# ---------------------------------------------------------------------- tables


@functools.cache
def tabulated():
    """A model whose training reports a loss of a table, with noise that depends on the seed."""

    class Tabulated(keras.Model):
        def __init__(self, loss, key, noise):
            super().__init__()
            self.loss_of_table, self.key, self.noise = loss, key, noise

        def fit(self, x, y=None, epochs=1, callbacks=(), **kwargs):
            own = np.random.default_rng(self.key).standard_normal()
            drawn = np.random.default_rng([self.key, np.random.randint(2**31)]).standard_normal()
            error = SHARE["tables"] ** 0.5 * own + (1 - SHARE["tables"]) ** 0.5 * drawn
            loss = self.loss_of_table * math.exp(self.noise * error)
            listed = keras.callbacks.CallbackList(callbacks, model=self, add_history=True)
            listed.on_train_begin()
            listed.on_epoch_end(0, {"val_loss": loss})
            listed.on_train_end()
            return self.history

    return Tabulated


def table(problem, start, seed, noise):
    """One search on a table, and its race."""
    rng = np.random.default_rng([seed, STARTS[start]])
    first = [problem.space.sample(rng) for _ in range(STARTS[start])]
    first = min(first, key=lambda point: finite(problem.true_loss(point)))

    def build(hp):
        values = {parameter.name: hp.get(parameter.name) for parameter in problem.space}
        key = zlib.crc32(repr(values).encode())
        model = tabulated()(finite(problem.true_loss(values)), key, noise)
        model.compile("sgd", "mse")
        return model

    with tempfile.TemporaryDirectory() as folder:
        tuner = kt.RandomSearch(
            build,
            kt.Objective("val_loss", "min"),
            TRIALS["tables"],
            hyperparameters=kt.HyperParameters(problem.space),
            seed=seed,
            directory=folder,
            keep_checkpoints=0,
        )
        tuner.enqueue(first)
        x = np.zeros((20, 1), "float32")
        tuner.search(x, x, validation_split=SHARE["tables"], verbose=0, confirm=False)
        best = tuner.get_best_trials()[0]
        tuner.search(x, x, validation_split=SHARE["tables"], verbose=0, confirm=True)
        held = {trial.number: finite(problem.true_loss(trial.values)) for trial in tuner.trials}
        return row_of(problem.name, start, seed, tuner.confirmation(), best, held, noise)


def finite(loss):
    return 1e3 if math.isnan(loss) else loss


# ---------------------------------------------------------------------- results


def row_of(name, start, seed, found, best, held, noise):
    """What is kept of a search; losses by their parts in it."""
    gain = None if found.gain is None else found.gain
    places = {"start": found.start, "best": best.number, "leader": found.leader}
    return {
        "problem": name,
        "start": start,
        "seed": seed,
        "numbers": places,
        "winner": found.winner,
        "probability": None if gain is None else gain.probability,
        "interval": None if gain is None else [gain.low, gain.high],
        "held": {part: held[number] for part, number in places.items()},
        "searched": best.score,
        "raced": found.scores[found.winner],
        "noise": noise,
        "rounds": found.rounds,
    }


def choice(row, needed=0.95):
    """ "leader" or "start": who wins if the leader must be better with this probability."""
    probability = row["probability"]
    return "leader" if probability is None or probability > needed else "start"


def summary(rows, needed=0.95):
    """The columns of the report for some searches; `needed` is that of `choice`."""
    held = [row["held"] for row in rows]
    chosen = [choice(row, needed) for row in rows]
    without = [each["best"] > each["start"] for each in held]
    confirmed = [each[part] > each["start"] for each, part in zip(held, chosen)]
    optimism = [1 - row["searched"] / row["held"]["best"] for row in rows]
    raced = [1 - row["raced"] / row["held"][choice(row)] for row in rows]
    regret = [math.log(each["best"] / each[part]) for each, part in zip(held, chosen)]
    sure = [row for row in rows if row["probability"] is not None and row["probability"] > 0.95]
    wrong = [row["held"]["leader"] > row["held"]["start"] for row in sure]
    return {
        "searches": len(rows),
        "worse": 100 * statistics.fmean(without),
        "worse, confirmed": 100 * statistics.fmean(confirmed),
        "start kept": 100 * statistics.fmean(part == "start" for part in chosen),
        "gain": 100 * statistics.fmean(regret),
        "optimism": 100 * statistics.median(optimism),
        "optimism, confirmed": 100 * statistics.median(raced),
        "told apart": 100 * len(sure) / len(rows),
        "of these wrong": 100 * statistics.fmean(wrong) if wrong else math.nan,
    }


def report(rows):
    print(f"{'':28}" + "".join(f"{name:>21}" for name in summary(rows)))
    groups = {}
    for row in rows:
        kind = "networks" if row["start"] == "usual values" else "tables"
        for key in ((kind, row["problem"]), (kind, row["start"]), (kind, "all")):
            groups.setdefault(key, []).append(row)
    for (kind, name), of_group in sorted(groups.items()):
        cells = summary(of_group).values()
        texts = (f"{cell:>21}" if isinstance(cell, int) else f"{cell:>21.1f}" for cell in cells)
        print(f"{kind + ' ' + name:28}" + "".join(texts))
    print("\nHow likely the leader must be better, to win against the start (searches in %):")
    for kind in ("networks", "tables"):
        of_kind = groups.get((kind, "all"))
        for needed in (0.5, 0.7, 0.8, 0.9, 0.95) if of_kind else ():
            of = summary(of_kind, needed)
            print(
                f"  {kind:10}{needed:5.2f}: {of['worse, confirmed']:5.1f} are worse instead of "
                f"{of['worse']:.1f}, the start is kept in {of['start kept']:.1f}, log loss "
                f"{of['gain'] / 100:+.3f} better than without"
            )


def measured(path, key, measure):
    """What was measured before, or is now."""
    known = json.loads(path.read_text()) if path is not None and path.exists() else {}
    if key not in known:
        known[key] = measure()
        if path is not None:
            scratch = path.with_suffix(".new")
            scratch.write_text(json.dumps(known))
            os.replace(scratch, path)
    return known[key]


def main():
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--parts", nargs="+", default=["networks", "tables"])
    parser.add_argument("--names", nargs="+", default=list(NETWORKS), help="of the networks")
    parser.add_argument("--seeds", type=int, default=20)
    parser.add_argument("--table-seeds", type=int, default=100)
    parser.add_argument("--first-seed", type=int, default=1000)
    parser.add_argument("--json", type=Path)
    parser.add_argument(
        "--quick", action="store_true", help="one search of networks, three of a table"
    )
    options = parser.parse_args()
    if options.quick:
        options.seeds = options.table_seeds = 1
        options.names = options.names[:1]
    rows = []
    for seed in range(options.first_seed, options.first_seed + options.seeds):
        for name in options.names if "networks" in options.parts else ():
            key = f"networks {name} {seed}"
            rows.append(measured(options.json, key, functools.partial(network, name, seed)))
    noises = [row["noise"] for row in rows]
    noise = statistics.median(noises) if noises else NOISE
    if "tables" in options.parts:
        print(f"The noise of log losses between rounds: {noise:.2f}")
        names = problems.DENSE[:1] if options.quick else problems.DENSE
        found = [problems.problem(name) for name in names]
        seeds = range(options.first_seed, options.first_seed + options.table_seeds)
        for problem, start, seed in itertools.product(found, STARTS, seeds):
            key = f"tables {problem.name} {start} {seed} {noise:.2f}"
            measure = functools.partial(table, problem, start, seed, noise)
            rows.append(measured(options.json, key, measure))
    report(rows)


if __name__ == "__main__":
    main()
