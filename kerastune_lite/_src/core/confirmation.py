"""The race that follows a search: the trainings of its rounds, and what it says of the winner."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping

from kerastune_lite._src.core.trial import Outcome
from kerastune_lite._src.util.formatting import counted, one_line

_NEAR = 0.0005
"""Probabilities nearer to 0 or 1 are not written as 0 or 100 %."""


@dataclasses.dataclass(frozen=True)
class Split:
    """Which samples validate in a round.

    Attributes:
        place: where they begin, in [0, 1); see `keras/fresh_split.py`.
        share: how many there are, as a part of all.
    """

    place: float
    share: float


@dataclasses.dataclass(frozen=True)
class Round:
    """One training of a candidate in a race.

    Attributes:
        trial: its number.
        number: of the round, counted from 0.
        goal: the number of epochs to which the trial was trained then; None: as the fit arguments
            say. A trial that has another goal now is trained again.
        seed: of the training; the same for all candidates of a round.
        split: None: the data are those of the search.
        outcome: see `Outcome`; unless it is COMPLETED, the candidate has left the race.
        score: of the best epoch; None unless completed.
        metrics: at the best epoch, and "model_size".
        epochs: the number of epochs trained.
        seconds: wall clock.
        message: the traceback, if it failed.
    """

    trial: int
    number: int
    goal: int | None
    seed: int
    split: Split | None
    outcome: Outcome
    score: float | None = None
    metrics: Mapping[str, float] = dataclasses.field(default_factory=dict)
    epochs: int = 0
    seconds: float = 0.0
    message: str | None = None

    def replaces(self, other: Round) -> bool:
        """Whether another training does not count any more beside this one.

        It is of the same trial and round, or cannot be compared with it: the data are other ones.
        """
        if self.number == other.number:
            same = (self.seed, self.split) == (other.seed, other.split)
            return self.trial == other.trial or not same
        shares = [None if each.split is None else each.split.share for each in (self, other)]
        return shares[0] != shares[1]


@dataclasses.dataclass(frozen=True)
class Gain:
    """By how much one configuration is better than another one.

    Attributes:
        mean: the difference of their scores in the rounds that they have in common; positive where
            the first one is better.
        low, high: in which the true difference lies with a probability of 95 %.
        probability: that the first one is better.
        rounds: how many they have in common.
    """

    mean: float
    low: float
    high: float
    probability: float
    rounds: int

    def __str__(self) -> str:
        return (
            f"{self.mean:.2g} (95 % interval {self.low:.2g} to {self.high:.2g}), with a "
            f"probability {_percent(self.probability)}"
        )


@dataclasses.dataclass(frozen=True)
class Confirmation:
    """What the race after a search says of its winner; `str` of it is a text for people.

    Trials are named by their numbers.

    Attributes:
        metric: the name of the objective.
        winner: the leader, if it is better than the starting configuration with a probability above
            95 %; otherwise that.
        leader: the trial with the best mean score among those that were left at the end.
        start: the starting configuration; None if its training failed.
        gain: of the leader over the start; None if it is the start, or there is no start.
        told_apart: whether the leader is better than the start with a probability above 95 %; true
            if it is the start, or there is no start.
        equals: candidates that cannot be told apart from the winner, the better first.
        cheapest: of the winner and its equals the one with the fewest parameters; of equally small
            ones the better.
        rounds: how often the leader was trained.
        fresh: whether each round had a validation part of its own; otherwise only the seeds differ.
        scores: the mean scores of the candidates over their rounds, by number; the better first.
        sizes: the numbers of parameters of the candidates' models.
        failed: candidates that left because their training failed.
        first: the trial with the best score of its own in the search.
        first_gain: of the winner over that one; None if it is the winner, or has failed.
    """

    metric: str
    winner: int
    leader: int
    start: int | None
    gain: Gain | None
    told_apart: bool
    equals: tuple[int, ...]
    cheapest: int
    rounds: int
    fresh: bool
    scores: Mapping[int, float]
    sizes: Mapping[int, int]
    failed: tuple[int, ...]
    first: int
    first_gain: Gain | None

    def sentences(self) -> list[str]:
        """The result in words."""
        parts = [self._result(), self._how(), *self._equals(), *self._lost()]
        if not self.fresh:
            parts.append(
                "The validation data are the same in all rounds: this says how sure the result is "
                "with other seeds, not with other data."
            )
        return parts

    def __str__(self) -> str:
        return " ".join(self.sentences())

    def _result(self) -> str:
        metric, leader = one_line(self.metric), self.leader
        start = f"the starting configuration (trial {self.start})"
        if self.start is None:
            return f"Trial {leader} is the best; the starting configuration failed in the race."
        if self.gain is None:
            return f"No candidate is better than {start}.{self._first_is_worse()}"
        if self.told_apart:
            return f"Confirmed: trial {leader} is better in {metric} than {start}, by {self.gain}."
        return (
            f"Not confirmed: trial {leader} cannot be told apart from {start}, which is kept; it "
            f"is better in {metric} by {self.gain}."
        )

    def _first_is_worse(self) -> str:
        if self.first_gain is None:
            return ""
        return (
            f" Trial {self.first}, which has the best score of the search, is worse in "
            f"{one_line(self.metric)} by {self.first_gain}."
        )

    def _how(self) -> str:
        what = "seed and other validation samples" if self.fresh else "seed"
        scores = ", ".join(f"{number}: {score:#.4g}" for number, score in self.scores.items())
        return (
            f"{counted(len(self.scores), 'candidate')} were trained again in up to "
            f"{counted(self.rounds, 'round')}, each with another {what}; mean scores: {scores}."
        )

    def _equals(self) -> list[str]:
        parts = []
        others = [number for number in self.equals if number not in (self.start, self.leader)]
        if others:
            numbers = ", ".join(map(str, others))
            which = "Trial" if len(others) == 1 else "Trials"
            parts.append(f"{which} {numbers} cannot be told apart from trial {self.winner}.")
        if self.cheapest != self.winner:
            parts.append(
                f"The smallest of these is trial {self.cheapest}: it has "
                f"{self.sizes[self.cheapest]:,} parameters instead of "
                f"{self.sizes[self.winner]:,}."
            )
        return parts

    def _lost(self) -> list[str]:
        parts = []
        known = (self.winner, self.leader, *self.equals, *self.failed)
        if self.first not in known and self.gain is not None:
            parts.append(f"Trial {self.first}, which has the best score of the search, lost.")
        if self.failed:
            numbers = ", ".join(map(str, self.failed))
            parts.append(f"A training failed, and the candidate left: trial {numbers}.")
        return parts


def _percent(probability: float) -> str:
    if probability > 1 - _NEAR:
        return "above 99.9 %"
    return "below 0.1 %" if probability < _NEAR else f"of {100 * probability:.3g} %"
