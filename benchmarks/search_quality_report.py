"""What `search_quality.py` measured, as tables and as a picture.

Results are `{"trials", "epochs" or "cost": {problem: {contender: entry}}, "machine": text}`, where
"digits, log" is the problem digits on the scale log. An entry has the `budget` of each search, its
`steps` for each seed, and `ms`, milliseconds per trial for each seed. Steps are `[at, regret]`,
from which trial, epoch or cost on the regret is what.
"""

import json
import math
import os

import numpy as np

CHECKPOINTS = {"trials": (10, 25, 50, 100), "epochs": (100, 300, 1000), "cost": (10, 25, 50)}
FLOOR = 0.01
"""Regrets below it are equal in geometric means: which digits nobody needs is no difference."""
PLOTTED = {
    "trials": {
        "bayesian": "C0",
        "KerasTuner Bayesian": "C3",
        "Optuna TPE": "C4",
        "Optuna GP": "C5",
        "random": "C7",
    },
    "epochs": {
        "kt.FreezeThaw": "C8",
        "Hyperband, bayesian": "C2",
        "ASHA, bayesian": "C1",
        "bayesian": "C0",
        "KerasTuner Hyperband": "C3",
        "Optuna TPE, Hyperband": "C4",
        "Optuna random, ASHA": "C5",
        "random": "C7",
    },
}
"""And in which colour; more than these cannot be told apart in one picture. Cost has none."""
TICKS = {"trials": (5, 10, 25, 50, 100), "epochs": (30, 100, 300, 1000)}
LEVELS = (0.02, 0.03, 0.05, 0.1, 0.15, 0.2, 0.3, 0.5, 0.7, 1.0)
NOTHING_FOUND = 1.0


def is_peer(contender):
    return contender.startswith(("Optuna", "KerasTuner", "SMAC"))


def at(steps, place):
    """The regret after so many trials or epochs, or at this cost."""
    found = [regret for begin, regret in steps if begin <= place]
    return found[-1] if found else NOTHING_FOUND


def mean_and_error(entry, place, seeds=None):
    """Of the regret after so many trials, or epochs, over the first `seeds` searches."""
    found = np.array([at(steps, place) for steps in entry["steps"][:seeds]])
    error = found.std(ddof=1) / math.sqrt(len(found)) if len(found) > 1 else 0.0
    return float(found.mean()), float(error)


def geometric_mean(entries, place, seeds=None):
    """Over the problems, and its standard error by that of each."""
    pairs = [mean_and_error(entry, place, seeds) for entry in entries]
    means = [max(mean, FLOOR) for mean, _ in pairs]
    geometric = math.exp(np.mean(np.log(means)))
    relative = [error / mean for (_, error), mean in zip(pairs, means)]
    return geometric, geometric * math.hypot(*relative) / len(relative)


def against_the_best_peer(problems, contender, place, seeds=None):
    """The geometric mean, over problems, of regret by that of the best peer on each; its error.

    Args:
        problems: for each, its entries by contender.
    """
    logs, errors = [], []
    for entries in problems:
        pairs = {name: mean_and_error(entry, place, seeds) for name, entry in entries.items()}
        mean, error = pairs[contender]
        best, error_of_best = min(pair for name, pair in pairs.items() if is_peer(name))
        mean, best = max(mean, FLOOR), max(best, FLOOR)
        logs.append(math.log(mean / best))
        errors += [error / mean, error_of_best / best]
    ratio = math.exp(np.mean(logs))
    return ratio, ratio * math.hypot(*errors) / len(logs)


def against_the_best_on_average(problems, contender, place, seeds=None):
    """The geometric mean of regret by the smallest that one of the peers has; its error."""
    mean, error = geometric_mean([entries[contender] for entries in problems], place, seeds)
    best, error_of_best = min(
        geometric_mean([entries[name] for entries in problems], place, seeds)
        for name in problems[0]
        if is_peer(name)
    )
    return mean / best, mean / best * math.hypot(error / mean, error_of_best / best)


# ---------------------------------------------------------------------- tables


def tables(results, rows, seeds, groups, held_out=()):
    """Prints a table per problem, and geometric means over groups of them.

    Args:
        rows: what is to be printed, as (trials, epochs or cost; problem; contender).
        groups: from a name to the problems of the group.
        held_out: problems that are marked.
    """
    print(f"mean normalised regret +- standard error; {results['machine']}, {seeds} seeds")
    for kind in dict.fromkeys(kind for kind, *_ in rows):
        of_kind = [(problem, contender) for k, problem, contender in rows if k == kind]
        entries = results[kind]
        budget = min(entries[problem][contender]["budget"] for problem, contender in of_kind)
        places = [place for place in CHECKPOINTS[kind] if place <= budget] or [budget]
        names = list(dict.fromkeys(problem for problem, _ in of_kind))
        for name in names:
            _head(f"{name}{' *' * (name in held_out)}, by {kind}", places, "ms/trial")
            for contender in [c for problem, c in of_kind if problem == name]:
                entry = entries[name][contender]
                pairs = [mean_and_error(entry, place, seeds) for place in places]
                print(_line(contender, pairs) + f"{np.mean(entry['ms'][:seeds]):10.1f}")
        printed = []
        for group, members in groups.items():
            members = [name for name in members if name in names]
            if members in printed:
                continue
            printed.append(members)
            shared = [
                contender
                for contender in dict.fromkeys(contender for _, contender in of_kind)
                if all((name, contender) in of_kind for name in members)
            ]
            if len(members) > 1 and shared:
                problems = [{c: entries[name][c] for c in shared} for name in members]
                _group(group, problems, places, seeds)


def _group(name, problems, places, seeds):
    """Geometric means over some problems, which have the same contenders."""
    _head(f"geometric mean, {name}", places)
    for contender in problems[0]:
        entries = [each[contender] for each in problems]
        print(_line(contender, [geometric_mean(entries, place, seeds) for place in places]))
    if not any(map(is_peer, problems[0])):
        return
    for title, against in (
        ("by the best peer on each", against_the_best_peer),
        ("by the best peer on average", against_the_best_on_average),
    ):
        _head(f"{title}, {name}", places)
        for contender in problems[0]:
            if not is_peer(contender):
                pairs = [against(problems, contender, place, seeds) for place in places]
                print(_line(contender, pairs))


def _head(title, places, *more):
    print(f"\n{title:36}" + "".join(f"{p:>17}" for p in places) + "".join(f"{m:>10}" for m in more))


def _line(contender, pairs):
    return f"{contender:36}" + "".join(f"{mean:9.3f} +-{error:.3f}" for mean, error in pairs)


def write(results, path):
    """As JSON, a line per contender; never half of it."""
    beside = path.with_name(f"{path.name}.{os.getpid()}")
    kinds = []
    for kind in CHECKPOINTS:
        if kind not in results:
            continue
        rows = [
            f'"{problem}": {{\n'
            + ",\n".join(f"{json.dumps(c)}: {_compact(entry)}" for c, entry in entries.items())
            + "\n}"
            for problem, entries in results[kind].items()
        ]
        kinds.append(f'"{kind}": {{\n' + ",\n".join(rows) + "\n}")
    kinds.append(f'"machine": {json.dumps(results["machine"])}')
    beside.write_text("{" + ",\n".join(kinds) + "}\n")
    beside.replace(path)


def _compact(entry):
    return json.dumps(entry, separators=(",", ":"))


# ---------------------------------------------------------------------- the picture


def plot(results, problems, path):
    """The geometric mean of the regret over `problems`, by trials and by epochs.

    The image is of the kind that the ending of `path` says.
    """
    try:
        import matplotlib

        matplotlib.use("agg")
        from matplotlib import pyplot
    except ImportError:
        print("The plot is left out: it needs matplotlib (pip install kerastune_lite[plots]).")
        return
    kinds = [kind for kind in PLOTTED if kind in results]
    figure, axes = pyplot.subplots(1, len(kinds), figsize=(5 * len(kinds), 3.6), squeeze=False)
    for axis, kind in zip(axes.flat, kinds):
        _panel(axis, kind, results[kind], problems)
    figure.tight_layout()
    figure.savefig(path, dpi=110, metadata={"Date": None} if path.suffix == ".svg" else None)


def _panel(axis, kind, entries, problems):
    names = [name for name in problems if name in entries]
    for contender, color in PLOTTED[kind].items():
        if not names or any(contender not in entries[name] for name in names):
            continue
        chosen = [entries[name][contender] for name in names]
        first, last = TICKS[kind][0], chosen[0]["budget"]
        places = np.unique(np.geomspace(min(first, last), last, 50).round().astype(int))
        mean, error = np.array([geometric_mean(chosen, place) for place in places]).T
        style = "--" if is_peer(contender) else "-"
        axis.plot(places, mean, style, color=color, label=contender, linewidth=1.6)
        axis.fill_between(places, mean - error, mean + error, alpha=0.12, color=color, linewidth=0)
    axis.set(xscale="log", yscale="log", xlabel=kind, ylabel="regret")
    axis.minorticks_off()
    axis.set_xticks(TICKS[kind], TICKS[kind])
    low, high = axis.get_ylim()
    levels = [level for level in LEVELS if low <= level <= high]
    axis.set_yticks(levels, levels)
    axis.set_title(f"geometric mean over {len(names)} problems", fontsize="medium")
    if axis.lines:
        axis.legend(fontsize="x-small")
    axis.grid(True, alpha=0.3)
