"""Everything random of a trial follows from the seed of the search and the number of the trial."""

from __future__ import annotations

import numpy as np


def proposal_generator(seed: int, trial: int) -> np.random.Generator:
    """The generator with which an oracle draws a trial.

    Args:
        seed: of the search.
        trial: its number.
    """
    return np.random.default_rng([seed, trial])


def fill_key(seed: int, trial: int) -> int:
    """The key (`space.parameters.sample_of`) of values that a trial declares while it is built.

    It is the first number that `Space.sample` draws for that trial. So a random search has the same
    points whether or not a parameter was known when they were drawn, which depends on the order in
    which other trials end.
    """
    return int(proposal_generator(seed, trial).integers(2**63))


def round_seed(seed: int, number: int) -> int:
    """The seed of the trainings in a round of the race after a search.

    Args:
        seed: of the search.
        number: of the round, counted from 0.
    """
    return _drawn(seed, number, 0) % (2**32 - 2**10)


def split_place(seed: int, number: int) -> float:
    """Where the validation samples of a round begin, in [0, 1).

    The places of the rounds follow one another at the distance of the golden section, from one that
    depends on the seed: so those of any number of rounds are spread evenly, and overlap little.

    Args:
        seed: of the search.
        number: of the round, counted from 0.
    """
    return (_drawn(seed, 0, 1) / 2**32 + number * _GOLDEN) % 1.0


_GOLDEN = (5**0.5 - 1) / 2

_RACE = 2**32 - 1
"""In place of the number of a trial, of which there are never so many."""


def _drawn(seed: int, number: int, purpose: int) -> int:
    state = np.random.SeedSequence([seed, _RACE, number, purpose]).generate_state(1)
    return int(state[0])
