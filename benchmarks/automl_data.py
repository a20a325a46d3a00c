"""The tables of `automl.py`. Packages ship them, or they are made; none is downloaded.

Of statsmodels' data sets only those are here that its own notes call public domain.
"""

import functools
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
from sklearn import datasets
from sklearn.model_selection import train_test_split

TEST_SHARE = 0.25


class Table(NamedTuple):
    """Features, as an array or a data frame; targets; and whether these are classes or numbers."""

    x: Any
    y: np.ndarray
    classes: bool


class Split(NamedTuple):
    x: Any
    x_test: Any
    y: np.ndarray
    y_test: np.ndarray


def hastie():
    """2,000 samples; a sum of ten squares is above its median or is not."""
    x, y = datasets.make_hastie_10_2(n_samples=2000, random_state=0)
    return Table(x, y.astype(int), classes=True)


def friedman():
    """1,000 samples; five of ten features matter, and are not linear; noise of deviation 1."""
    return Table(*datasets.make_friedman1(n_samples=1000, noise=1.0, random_state=0), classes=False)


def mixed():
    """2,000 samples of 12 columns: four were cut into categories, a tenth of all is missing.

    The first category of each has the values of both ends, so that no order of them is of help.
    """
    x, labels = datasets.make_classification(
        2000, 12, n_informative=8, n_redundant=2, n_classes=3, flip_y=0.05, random_state=0
    )
    frame = pd.DataFrame(x, columns=[f"column {i}" for i in range(12)])
    for i in range(4):
        codes = pd.qcut(frame[f"column {i}"], 7, labels=False) % 6
        frame[f"column {i}"] = codes.map(dict(enumerate("ABCDEF"))).astype("category")
    missing = np.random.default_rng(0).random(frame.shape) < 0.1
    return Table(frame.mask(missing), np.array(["low", "middle", "high"])[labels], classes=True)


def election():
    """944 people in 1996: for whom will they vote, and what do they say of themselves?"""
    from statsmodels.datasets import anes96

    frame = anes96.load_pandas().data
    # A function of another column, and seven kinds of voters.
    frame = frame.drop(columns="logpopul").astype({"PID": "category"})
    y = np.where(frame.pop("vote") == 1, "Dole", "Clinton")
    return Table(frame, y, classes=True)


def travel():
    """210 travellers: by air, train, bus or car, given the money and time that each takes?"""
    from statsmodels.datasets import modechoice

    offers = modechoice.load_pandas().data
    means = dict(enumerate(("air", "train", "bus", "car"), start=1))
    offers["mode"] = offers["mode"].map(means)
    wide = offers.pivot(index="individual", columns="mode", values=["ttme", "invc", "invt", "gc"])
    wide.columns = [" ".join(names) for names in wide.columns]
    chosen = offers[offers["choice"] == 1].set_index("individual").loc[wide.index]
    frame = wide.assign(income=chosen["hinc"], party=chosen["psize"]).reset_index(drop=True)
    return Table(frame, chosen["mode"].to_numpy(dtype=str), classes=True)


def doctor():
    """3,000 of 20,190 years of people: how often did they see a doctor, given their insurance?"""
    from statsmodels.datasets import randhie

    frame = randhie.load_pandas().data.sample(3000, random_state=0).reset_index(drop=True)
    y = frame.pop("mdvis").to_numpy(dtype=float)
    return Table(frame, y, classes=False)


def of_sklearn(load, classes):
    return lambda: Table(*load(return_X_y=True), classes=classes)


ALL = {
    "iris": of_sklearn(datasets.load_iris, classes=True),
    "wine": of_sklearn(datasets.load_wine, classes=True),
    "breast_cancer": of_sklearn(datasets.load_breast_cancer, classes=True),
    "digits": of_sklearn(datasets.load_digits, classes=True),
    "hastie": hastie,
    "mixed": mixed,
    "election": election,
    "travel": travel,
    "diabetes": of_sklearn(datasets.load_diabetes, classes=False),
    "friedman": friedman,
    "doctor": doctor,
}


@functools.cache
def table(name):
    return ALL[name]()


def split(name, number):
    """The training and test data of a split, which its number determines."""
    x, y, classes = table(name)
    return Split(
        *train_test_split(
            x, y, test_size=TEST_SHARE, stratify=y if classes else None, random_state=number
        )
    )
