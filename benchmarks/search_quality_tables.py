"""The tables that `search_quality.py` searches: trainings on a grid, made by `make_tables.py`.

What a training reports is interpolated between the nodes of its table: losses by their logarithms,
accuracies linearly, then rounded to whole samples, since a share of 600 samples has no more values.
"""

import itertools
import math
from pathlib import Path

import numpy as np
from search_quality_surrogate import Measured, Surrogate

from kerastune_lite.hyperparameters import Choice, Float, Int, Parameter, Space

DATA = Path(__file__).parent / "data"

_LEAST = 1e-3
"""Losses below it are equal: a training that gets all samples right has no logarithm."""
_UNKNOWN = np.iinfo("uint16").max
"""Instead of a count of right samples, once a training has diverged."""


class Table(Measured):
    """Trainings on a grid, between whose points it interpolates.

    The file holds `curve`, the losses `(*axes, epochs)`, and the values of each axis under its
    name; for classes also `right`, of the same shape, how many of the `samples` for validation were
    right.
    """

    def __init__(self, path):
        self.name = path.stem.removesuffix("_curves")
        with np.load(path) as file:
            arrays = {name: file[name] for name in file.files}
        curves = arrays.pop("curve").astype(float)
        right, self._samples = arrays.pop("right", None), arrays.pop("samples", None)
        self._axes = {name: _AXES[name](nodes) for name, nodes in arrays.items()}
        self.space = Space([Parameter(name, axis.domain) for name, axis in self._axes.items()])
        self.epochs = curves.shape[-1]
        self._diverged = ~np.isfinite(curves)
        worst = np.nanmax(np.where(self._diverged, np.nan, curves))
        self._logs = np.log(np.maximum(np.where(self._diverged, worst, curves), _LEAST))
        nodes = np.exp(self._logs).min(axis=-1)
        self.best, self.median = float(nodes.min()), float(np.median(nodes))
        self.has_accuracy = right is not None
        if right is not None:
            self._right = np.where(right == _UNKNOWN, right.min(), right).astype(float)
            nodes = self._right.max(axis=-1) / self._samples
            self.best_accuracy, self.median_accuracy = float(nodes.max()), float(np.median(nodes))

    def curve(self, values):
        """The losses after each epoch, `(epochs,)`; NaN once the training has diverged."""
        logs, nearest = self._interpolated(self._logs, values)
        return np.where(self._diverged[nearest], np.nan, np.exp(logs))

    def accuracies(self, values):
        """The shares of right samples after each epoch, like `curve`; if the table has them."""
        right, nearest = self._interpolated(self._right, values)
        return np.where(self._diverged[nearest], np.nan, np.round(right) / self._samples)

    def _interpolated(self, array, values):
        """What an array `(*axes, epochs)` has for a point, and its nearest node."""
        around = [axis.around(values[name]) for name, axis in self._axes.items()]
        found, nearest, weight_of_nearest = np.zeros(self.epochs), None, -1.0
        for corner in itertools.product(*around):
            node = tuple(place for place, _ in corner)
            weight = math.prod(weight for _, weight in corner)
            found += weight * array[node]
            if weight > weight_of_nearest:
                nearest, weight_of_nearest = node, weight
        return found, nearest

    def true_loss(self, values):
        """That of the best epoch; NaN if the training diverged in its first."""
        curve = self.curve(values)
        finite = curve[np.isfinite(curve)]
        return float(finite.min()) if len(finite) else math.nan


# ---------------------------------------------------------------------- axes


class _Listed:
    """An axis whose nodes are all the values there are."""

    def __init__(self, nodes, domain):
        self._nodes, self.domain = nodes.tolist(), domain

    def around(self, value):
        return ((self._nodes.index(value), 1.0),)


class _Continuous:
    """An axis with values between its nodes."""

    def __init__(self, nodes, domain):
        self._log = domain.sampling == "log"
        self._nodes, self.domain = np.log(nodes) if self._log else nodes, domain

    def around(self, value):
        """The two nodes around `value` with their weights."""
        nodes, value = self._nodes, math.log(value) if self._log else value
        right = int(np.clip(np.searchsorted(nodes, value), 1, len(nodes) - 1))
        share = (value - nodes[right - 1]) / (nodes[right] - nodes[right - 1])
        share = float(np.clip(share, 0.0, 1.0))
        return (right - 1, 1.0 - share), (right, share)


def _choice(nodes):
    return _Listed(nodes, Choice(tuple(nodes.tolist())))


def _count(nodes):
    return _Listed(nodes, Int(int(nodes[0]), int(nodes[-1])))


def _width(nodes):
    return _Continuous(nodes, Int(int(nodes[0]), int(nodes[-1]), sampling="log"))


def _rate(nodes):
    return _Continuous(nodes, Float(float(nodes[0]), float(nodes[-1]), sampling="log"))


def _share(nodes):
    return _Continuous(nodes, Float(float(nodes[0]), float(nodes[-1])))


_AXES = {
    "layers": _count,
    "units": _width,
    "filters": _width,
    "kernel": _choice,
    "cell": _choice,
    "activation": _choice,
    "batch_size": _choice,
    "learning_rate": _rate,
    "momentum": _share,
    "dropout": _share,
}


def tables():
    """The paths of the tables, by name."""
    paths = [*sorted(DATA.glob("*_curves.npz")), *sorted(DATA.glob("*_surrogate.npz"))]
    return {path.stem.rpartition("_")[0]: path for path in paths}


def table(name):
    """The table of this name."""
    path = tables()[name]
    return Surrogate(path) if path.stem.endswith("_surrogate") else Table(path)
