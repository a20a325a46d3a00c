"""Small data of each kind."""

import datetime

import numpy as np


def frame(rows=60, seed=0):
    """A data frame with a column of each kind, and labels that follow from two of them."""
    import pandas as pd

    rng = np.random.default_rng(seed)
    age = rng.integers(18, 80, rows).astype(float)
    age[::10] = np.nan
    town = rng.choice(["Bern", "Genf", "Basel"], rows)
    start = datetime.datetime(2020, 1, 1)
    table = pd.DataFrame(
        {
            "age": age,
            "town": town,
            "member": rng.random(rows) < 0.5,
            "since": [start + datetime.timedelta(days=int(n)) for n in rng.integers(0, 900, rows)],
            "one": 1.0,
            "name": [f"person {n}" for n in range(rows)],
        }
    )
    labels = np.where((town == "Bern") ^ (rng.random(rows) < 0.1), "yes", "no")
    return table, labels
