"""What `automl.py` measured, as tables.

A row is a fit: `data`, `contender`, `split`, `limit`, `seconds`, `test share` (test samples by
training samples) and its scores by their names.
"""

import math

import numpy as np
from scipy.stats import rankdata

SCORES = {"accuracy": 1, "log loss": -1, "R2": 1, "RMSE": -1}
"""Each score, and whether more of it is better."""
MAIN = ("accuracy", "R2")
LEVEL = 2.0
"""Standard errors up to which two contenders are level."""
FEWEST = 5
"""Splits for a verdict: the standard error of fewer is itself mostly chance."""


def line(row):
    """A fit, for those who wait."""
    scores = ", ".join(f"{name} {row[name]:.4f}" for name in SCORES if name in row)
    return f"{row['data']}, split {row['split']}, {row['contender']}: {scores}; {row['seconds']} s"


def mean_and_error(numbers):
    error = np.std(numbers, ddof=1) / math.sqrt(len(numbers)) if len(numbers) > 1 else math.nan
    return float(np.mean(numbers)), float(error)


def difference(own, others, score):
    """The mean of own minus other over the splits of both, and its standard error.

    The variance of a mean over n splits with overlapping training data is not v / n, but about
    v (1 / n + test samples / training samples): Nadeau and Bengio (2003), equation 9.
    """
    theirs = {row["split"]: row[score] for row in others if score in row}
    shared = [row for row in own if row["split"] in theirs]
    if len(shared) < 2:
        return math.nan, math.nan
    found = np.array([row[score] - theirs[row["split"]] for row in shared])
    share = np.mean([row["test share"] for row in shared])
    error = math.sqrt(np.var(found, ddof=1) * (1 / len(found) + share))
    return float(found.mean()), error


def verdict(mean, error, sign):
    """What a difference of ours means, by a score of which more (1) or less (-1) is better."""
    if abs(mean) <= LEVEL * error:
        return "level"
    return "ahead" if sign * mean > 0 else "behind"


def tables(found, ours, splits, limit):
    """Prints a table for each data set, then ranks, verdicts and seconds over all of them.

    Args:
        found: rows by data set and contender.
        ours: the contender with which the others are compared.
    """
    verdicts = {}
    for table, rows in found.items():
        scores = [s for s in SCORES if any(s in row for own in rows.values() for row in own)]
        _head(table, scores)
        for name, own in rows.items():
            cells, words = [], []
            for score in scores:
                cells.append(_cell([row[score] for row in own if score in row]))
                if name != ours and ours in rows:
                    pair = difference(rows[ours], own, score)
                    enough = min(len(own), len(rows[ours])) >= FEWEST
                    word = verdict(*pair, SCORES[score]) if enough else ""
                    words.append(_difference(*pair, word))
                    if score in MAIN and word:
                        verdicts.setdefault(name, []).append(word)
            fewer = f"  {len(own)} of {splits} splits" if len(own) < splits else ""
            print(f"{name:14}" + "".join(cells) + "".join(words) + fewer)
    _ranks(found, verdicts, limit)


def _head(table, scores):
    cells = "".join(f"{score:>18}" for score in scores)
    print(f"\n{table:14}{cells}" + "".join(f"{f'ours minus it, {s}':>30}" for s in scores))


def _cell(numbers):
    if not numbers:
        return f"{'-':>18}"
    mean, error = mean_and_error(numbers)
    spread = "" if math.isnan(error) else f" +-{error:.4f}"
    return f"{f'{mean:.4f}{spread}':>18}"


def _difference(mean, error, word):
    if math.isnan(mean):
        return f"{'-':>30}"
    return f"{f'{mean:+.4f} +-{error:.4f} {word:6}':>30}"


def mean_ranks(found):
    """Of those contenders that were fitted to every data set: the mean of their ranks."""
    names = [name for rows in found.values() for name in rows]
    shared = [name for name in dict.fromkeys(names) if all(name in rows for rows in found.values())]
    ranks = []
    for rows in found.values():
        score = next(s for s in MAIN if s in rows[shared[0]][0]) if shared else ""
        means = [np.mean([row[score] for row in rows[name]]) for name in shared]
        ranks.append(rankdata(-np.round(means, 10)))
    return dict(zip(shared, np.mean(ranks, axis=0).tolist())) if shared else {}


def _ranks(found, verdicts, limit):
    ranks = mean_ranks(found)
    print(f"\n{'all data sets':14}{'mean rank':>12}{'seconds':>10}{'at most':>10}  ours is ...")
    for name in dict.fromkeys(name for rows in found.values() for name in rows):
        seconds = [row["seconds"] for rows in found.values() for row in rows.get(name, ())]
        words = verdicts.get(name, [])
        counts = ", ".join(f"{words.count(w)} {w}" for w in ("ahead", "level", "behind") if words)
        rank = f"{ranks[name]:.2f}" if name in ranks else "-"
        print(f"{name:14}{rank:>12}{np.mean(seconds):10.1f}{max(seconds):10.1f}  {counts}")
    print(f"{len(found)} data sets; the limit is {limit:g} s")
