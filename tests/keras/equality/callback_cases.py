"""How trainings with callbacks are compared: by the dispatcher on both paths, and by `fit`."""

import dataclasses
from typing import Any

from tests.keras.equality.cases import (
    MORE_UNITS,
    PATHS,
    SHARED,
    Outcome,
    adam,
    arguments,
    by_fit,
    check_same,
    dispatched,
    keras,
    mlp,
    no_programs,
    no_warnings,
)

L = keras.layers


def hidden(variant):
    return [L.Dense(MORE_UNITS[variant], activation="relu"), L.Dropout(0.3)]


@dataclasses.dataclass
class Pair:
    """What the dispatcher and `fit` came to, with the callbacks of each."""

    path: str
    mine: Outcome
    right: Outcome
    my_callbacks: Any
    right_callbacks: Any


def pairs(make, build=None, before=(), paths=PATHS, **others):
    """Train by the dispatcher on each of the paths, and by `fit`, and compare.

    Args:
        make: path -> the callbacks; the path is None for `fit`.
        before: the variants whose models the shared program has served already.
        others: arguments of `fit`.

    Yields:
        A `Pair` for each path; before the next one is trained.
    """
    build = build or mlp(hidden, adam)
    fit = arguments(**others)

    def given(callbacks):
        return lambda variant: {**fit(variant), "callbacks": callbacks}

    right_callbacks = make(None)
    right = by_fit(build, given(right_callbacks), 1)
    for path in paths:
        with no_programs(), no_warnings():
            for variant in before if path == SHARED else ():
                dispatched(build, given(make(path)), variant, path)
            callbacks = make(path)
            mine = dispatched(build, given(callbacks), 1, path)
        assert mine.path == path, mine.reason
        check_same(mine, right)
        yield Pair(path, mine, right, callbacks, right_callbacks)


def check(*arguments, **others):
    """Compare, and look at nothing else."""
    return list(pairs(*arguments, **others))
