"""Small data for each ready-made hypermodel, and the corners of its space."""

import numpy as np

import kerastune_lite as kt
from kerastune_lite.applications import HyperCNN, HyperMLP, HyperRNN, HyperText

RNG = np.random.default_rng(0)
ROWS = 24
SAMPLES = {
    HyperMLP: RNG.normal(size=(ROWS, 4)) * [1, 100, 1e-3, 0] + [0, 1000, 0, 3],
    HyperCNN: RNG.integers(0, 256, (ROWS, 6, 9, 2)).astype("uint8"),
    HyperRNN: RNG.normal(size=(ROWS, 5, 2)),
    HyperText: np.array(
        [" ".join(RNG.choice(list("abcdefgh"), RNG.integers(0, 7))) for _ in range(ROWS)],
        dtype=object,
    ),
}
TARGETS = {
    "binary": np.arange(ROWS) % 2,
    "classes": np.arange(ROWS) % 3,
    "one_hot": np.eye(3)[np.arange(ROWS) % 3],
    "labels": np.array([[1, 0, 0], [1, 1, 0]] * (ROWS // 2)),
    "numbers": 50 + 10 * RNG.normal(size=ROWS),
    "several numbers": RNG.normal(size=(ROWS, 2)) * [1, 5],
}
BRANCHES = {
    # Values that decide which other hyperparameters there are.
    HyperMLP: [{}],
    HyperCNN: [{}],
    HyperRNN: [{"cell": cell} for cell in ("conv", "gru", "lstm")],
    HyperText: [{"network": network} for network in ("bag", "conv")],
}


def made(kind, target="classes", **arguments):
    """A ready-made hypermodel of that class."""
    return kind(SAMPLES[kind], TARGETS[target], epochs=1, **arguments)


def space_of(hypermodel, values):
    """The parameters that `build` declares for these values."""
    hp = kt.HyperParameters(values=values)
    hypermodel.build(hp)
    return hp.space


def limits(domain):
    """The values at the border of a domain: all if it has no order."""
    if hasattr(domain, "min_value"):
        return [domain.min_value, domain.max_value]
    return [value for value in domain.grid() if value != domain.default]


def corners(kind):
    """For each branch the lowest values of all, the highest, and each limit by itself."""
    for branch in BRANCHES[kind]:
        space = space_of(made(kind), branch)
        borders = {each.name: limits(each.domain) for each in space if each.name != "epochs"}
        borders = {name: each for name, each in borders.items() if each and name not in branch}
        yield branch
        yield {**branch, **{name: each[0] for name, each in borders.items()}}
        yield {**branch, **{name: each[-1] for name, each in borders.items()}}
        for name, values in borders.items():
            yield from ({**branch, name: value} for value in values)
