"""What `search_quality.py` searches: functions whose best value is known, and tabulated trainings.

A problem has a space, a `loss` for each point of it (smaller is better), the `best` loss there is
and the `median` of the space. Its normalised regret is 0 at the best and 1 at the median. Tabulated
ones also have `curve(values)`, the losses epoch by epoch. "digits, log" is the table digits whose
trainings report the logarithm of their loss (`search_quality_scales.py`).
"""

import functools
import math

import numpy as np
from search_quality_scales import Scaled
from search_quality_tables import table, tables

from kerastune_lite.hyperparameters import Boolean, Choice, Condition, Float, Int, Parameter, Space

HELD_OUT = ("wine", "friedman", "recurrent")
"""Tables that no setting of ours was chosen on; they are marked in the report."""

DENSE = ("breast_cancer", "diabetes", "digits", "friedman", "wine")
"""Tables of dense networks, which have the same hyperparameters."""


class Problem:
    """A function on a space.

    Args:
        function: from values to the loss without noise.
        noise: standard deviation of what is added for the searcher.
    """

    curve = None

    def __init__(self, name, space, function, best, noise=0.0):
        self.name, self.space, self.true_loss = name, space, function
        self.best, self.noise = best, noise
        rng = np.random.default_rng(0)
        self.median = float(np.median([function(space.sample(rng)) for _ in range(4001)]))

    def loss(self, values, rng):
        """What a training would report."""
        loss = self.true_loss(values)
        return loss + self.noise * rng.standard_normal() if self.noise else loss

    def regret(self, loss):
        """0 for the best, 1 for the median of the space."""
        return (loss - self.best) / (self.median - self.best)


def branin(values):
    """Dixon and Szegoe (1978); three minima."""
    x, y = values["x"], values["y"]
    bowl = y - 5.1 * x * x / (4 * math.pi**2) + 5 * x / math.pi - 6
    return bowl**2 + 10 * (1 - 1 / (8 * math.pi)) * math.cos(x) + 10


_A = np.array(
    [
        [10, 3, 17, 3.5, 1.7, 8],
        [0.05, 10, 17, 0.1, 8, 14],
        [3, 3.5, 1.7, 10, 17, 8],
        [17, 8, 0.05, 10, 0.1, 14],
    ]
)
_P = 1e-4 * np.array(
    [
        [1312, 1696, 5569, 124, 8283, 5886],
        [2329, 4135, 8307, 3736, 1004, 9991],
        [2348, 1451, 3522, 2883, 3047, 6650],
        [4047, 8828, 8732, 5743, 1091, 381],
    ]
)


def hartmann(values):
    """Hartmann (1973), six dimensions."""
    x = np.array(list(values.values()))
    return -float(np.array([1.0, 1.2, 3.0, 3.2]) @ np.exp(-(_A * (x - _P) ** 2).sum(1)))


def ackley(values):
    """Ackley (1987) in eight dimensions: four real ones, two integers, two switches.

    The minimum is away from the middle and from the defaults.
    """
    shifts = (0.13, -0.41, 0.27, 0.62)
    x = [values[f"x{i}"] - shift for i, shift in enumerate(shifts)]
    x += [(values[f"n{i}"] - 2 * i - 3) / 8 for i in range(2)]
    x += [0.0 if values["s0"] else 0.5, 0.0 if values["s1"] == "b" else 0.5]
    x = np.array(x)
    root = math.sqrt((x * x).mean())
    return 20 + math.e - 20 * math.exp(-0.2 * root) - math.exp(np.cos(2 * math.pi * x).mean())


def conditional(values):
    """Which optimizer, each with settings of its own, and one to three layers of each own width."""
    loss = 0.0
    if values["optimizer"] == "sgd":
        loss += 0.10 + 0.5 * (math.log10(values["sgd_rate"]) + 1.2) ** 2
        loss += 0.8 * (values["momentum"] - 0.85) ** 2
    elif values["optimizer"] == "adam":
        loss += 0.5 * (math.log10(values["adam_rate"]) + 2.7) ** 2
        loss += 0.05 * (math.log10(1 - values["beta"]) + 1.3) ** 2
    else:
        loss += 0.30 + 0.3 * (math.log10(values["rms_rate"]) + 3.1) ** 2
    layers = values["layers"]
    loss += (0.25, 0.0, 0.1)[layers - 1]
    for i in range(layers):
        loss += 0.04 * (math.log2(values[f"units_{i}"] / 48) - 0.5 * i) ** 2
    return loss


def _conditional_space():
    def on(*values):
        return (Condition("optimizer", values),)

    parameters = [
        Parameter("optimizer", Choice(("sgd", "adam", "rmsprop"))),
        Parameter("sgd_rate", Float(1e-4, 1.0, sampling="log"), on("sgd")),
        Parameter("momentum", Float(0.0, 0.99), on("sgd")),
        Parameter("adam_rate", Float(1e-5, 1e-1, sampling="log"), on("adam")),
        Parameter("beta", Float(0.5, 0.999, sampling="reverse_log"), on("adam")),
        Parameter("rms_rate", Float(1e-5, 1e-1, sampling="log"), on("rmsprop")),
        Parameter("layers", Int(1, 3)),
    ]
    for i in range(3):
        above = (Condition("layers", tuple(range(i + 1, 4))),)
        parameters.append(Parameter(f"units_{i}", Int(8, 512, sampling="log"), above))
    return Space(parameters)


def _unit_cube(dimensions):
    return Space([Parameter(f"x{i}", Float(0.0, 1.0)) for i in range(dimensions)])


def _ackley_space():
    return Space(
        [Parameter(f"x{i}", Float(-1.0, 1.0)) for i in range(4)]
        + [Parameter(f"n{i}", Int(0, 8)) for i in range(2)]
        + [Parameter("s0", Boolean()), Parameter("s1", Choice(("a", "b", "c")))]
    )


BRANIN = Space([Parameter("x", Float(-5.0, 10.0)), Parameter("y", Float(0.0, 15.0))])

FUNCTIONS = {
    "branin": lambda: Problem("branin", BRANIN, branin, 0.39788736),
    "hartmann6": lambda: Problem("hartmann6", _unit_cube(6), hartmann, -3.32236801),
    "ackley": lambda: Problem("ackley", _ackley_space(), ackley, 0.0),
    # The best point of the conditional one is at the optima of its terms, but for whole units.
    "conditional": lambda: Problem("conditional", _conditional_space(), conditional, 0.0),
    "noisy": lambda: Problem("noisy", _unit_cube(6), hartmann, -3.32236801, noise=0.3),
}


def names():
    """All problems there are, on the scale of the loss."""
    return [*tables(), *FUNCTIONS]


def named(name, scale):
    """The name of a problem on one of the scales, "raw" for the loss; None if it has not that."""
    if scale == "raw":
        return name
    if name not in tables() or (scale in ("accuracy", "error") and not problem(name).has_accuracy):
        return None
    return f"{name}, {scale}"


def table_of(name):
    """The name of the table that a problem is, on whatever scale; None if it is a function."""
    name = name.partition(", ")[0]
    return name if name in tables() else None


@functools.cache
def problem(name):
    """The problem of this name."""
    if name in FUNCTIONS:
        return FUNCTIONS[name]()
    name, _, scale = name.partition(", ")
    return Scaled(problem(name), scale) if scale else table(name)
