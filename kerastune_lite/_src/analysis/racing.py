"""A race of candidates, replayed from the trainings that are known: who is left, what is missing.

In each round, every candidate that is left is trained once, all with the same seed on the same
split, so that they are compared in pairs. After `LEAST` rounds and each further one, those leave
that are worse than the leader with a probability above `LIMIT`. Such races are those of Birattari
et al. ("F-Race and Iterated F-Race", 2010), with another test (`paired.py`): it says how likely one
configuration is better than another one, which is what a user asks, and knows that the data of
rounds overlap.
"""

from __future__ import annotations

import dataclasses
import itertools
import math
from collections.abc import Mapping, Sequence

import numpy as np

from kerastune_lite._src.analysis.paired import Paired, paired, variance_of_pairs

LEAST = 3
"""Rounds before which nobody leaves; fewer say nothing."""

MOST = 10
"""Rounds, after which the race ends."""

LIMIT = 0.95
"""A candidate leaves if the leader is better than it with a probability above this."""

Losses = Mapping[tuple[int, int], float]
"""By trial and round, for the trainings that have ended; NaN for those that failed."""


@dataclasses.dataclass(frozen=True)
class Standing:
    """How far a race is.

    Attributes:
        rounds: how many are complete.
        left: the candidates that may still win, the better first.
        failed: those of which a training failed.
        missing: what is to be trained next, as (trial, round); empty when the race has ended.
    """

    rounds: int
    left: tuple[int, ...]
    failed: tuple[int, ...]
    missing: tuple[tuple[int, int], ...]


@dataclasses.dataclass(frozen=True)
class Race:
    """The candidates, and how they are compared.

    Attributes:
        candidates: numbers of trials; those that come first were better in the search.
        start: one of them. When it is beaten it rests; it is trained again if a later leader does
            not beat it in the rounds that it has. None: there is none.
        shared: the share of samples that validate; see `paired.paired`.
        losses: of the trainings so far.
        most: rounds at most.
    """

    candidates: tuple[int, ...]
    start: int | None
    shared: float
    losses: Losses
    most: int = MOST

    def standing(self) -> Standing:
        """Replay the race, as far as trainings are known."""
        left, rounds = self.candidates, 0
        failed: tuple[int, ...] = ()
        while rounds < self.most and len(left) > 1:
            missing = self._missing(left, rounds + 1)
            if missing:
                return self._standing(rounds, left, failed, missing)
            rounds += 1
            failed += tuple(trial for trial in left if math.isnan(self.losses[trial, rounds - 1]))
            left = tuple(trial for trial in left if trial not in failed)
            if rounds < LEAST:
                continue
            left = self._survivors(left, rounds)
            back = self._back(left, failed, rounds)
            missing = self._missing(back, rounds)
            if missing:
                return self._standing(rounds, left, failed, missing)
            for start in back:
                if math.isnan(self._mean(start, rounds)):
                    failed = (*failed, start)
                else:
                    left = self._survivors((*left, start), rounds)
        return self._standing(rounds, left, failed)

    def means(self, standing: Standing) -> dict[int, float]:
        """The mean losses of the candidates that have not failed, the better first."""
        numbers = [each for each in self.candidates if each not in standing.failed]
        rounds = standing.rounds
        return {each: self._mean(each, rounds) for each in self._ordered(numbers, rounds)}

    def compare(self, better: int, other: int, rounds: int) -> Paired | None:
        """How two candidates compare in the first `rounds`; None if they have too few in common."""
        known = [self._known(trial, rounds) for trial in (better, other)]
        common = min(map(len, known))
        if common < LEAST:
            return None
        first, second = (np.array(losses[:common]) for losses in known)
        everyone = [self._known(trial, common) for trial in self.candidates]
        whole = [each for each in everyone if len(each) == common and np.isfinite(each).all()]
        return paired(second - first, self.shared, variance_of_pairs(np.array(whole)))

    def _standing(
        self,
        rounds: int,
        left: Sequence[int],
        failed: Sequence[int],
        missing: Sequence[tuple[int, int]] = (),
    ) -> Standing:
        ordered = self._ordered(left, rounds) if rounds else left
        return Standing(rounds, tuple(ordered), tuple(failed), tuple(missing))

    def _survivors(self, left: Sequence[int], rounds: int) -> tuple[int, ...]:
        """Those that the leader does not beat, the leader first."""
        if len(left) < 2:
            return tuple(left)
        leader, *others = self._ordered(left, rounds)
        return (leader, *(each for each in others if not self._beats(leader, each, rounds)))

    def _back(self, left: Sequence[int], failed: Sequence[int], rounds: int) -> tuple[int, ...]:
        """The start, if it has left and the leader of now does not beat it; otherwise nobody."""
        start = self.start
        if start is None or not left or start in (*left, *failed):
            return ()
        return () if self._beats(left[0], start, rounds) else (start,)

    def _beats(self, leader: int, other: int, rounds: int) -> bool:
        compared = self.compare(leader, other, rounds)
        return compared is not None and compared.probability > LIMIT

    def _missing(self, trials: Sequence[int], rounds: int) -> tuple[tuple[int, int], ...]:
        """What these have not been trained for, in the order of rounds."""
        places = ((trial, number) for number in range(rounds) for trial in trials)
        return tuple(place for place in places if place not in self.losses)

    def _known(self, trial: int, rounds: int) -> list[float]:
        """The losses of the first rounds, as far as they are known without a gap."""
        numbers = itertools.takewhile(lambda r: (trial, r) in self.losses, range(rounds))
        return [self.losses[trial, number] for number in numbers]

    def _mean(self, trial: int, rounds: int) -> float:
        return float(np.mean(self._known(trial, rounds)))

    def _ordered(self, trials: Sequence[int], rounds: int) -> list[int]:
        """By the mean loss; of equal ones, the better one in the search first."""
        return sorted(
            trials, key=lambda each: (self._mean(each, rounds), self.candidates.index(each))
        )
