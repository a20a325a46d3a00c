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
