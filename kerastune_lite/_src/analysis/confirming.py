"""Which trials race after a search, and what the race says of them."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence

from kerastune_lite._src.analysis.racing import LEAST, LIMIT, MOST, Race, Standing
from kerastune_lite._src.core.confirmation import Confirmation, Gain, Round
from kerastune_lite._src.core.objective import Objective
from kerastune_lite._src.core.ranked import best_first
from kerastune_lite._src.core.trial import Trial
from kerastune_lite._src.space.parameters import Space

CANDIDATES = 5
"""How many of the best trials race, beside the starting configuration."""


def candidates(trials: Iterable[Trial], space: Space) -> tuple[list[Trial], Trial | None]:
    """The best trials, those that were better in the search first, and the start, which is last
    unless it is one of them.

    Args:
        trials: in the order of their numbers.
        space: of the search.

    Returns:
        These, and the start among them; None if there is no trial.
    """
    allowed = [trial for trial in best_first(trials, confirmed=False) if trial.violation == 0.0]
    best = allowed[:CANDIDATES]
    start = _start(allowed, space)
    if start is not None and start not in best:
        best.append(start)
    return best, start


def _start(trials: Sequence[Trial], space: Space) -> Trial | None:
    """The first trial at all defaults or at the start, otherwise the first that has a score."""
    by_number = sorted(trials, key=lambda trial: trial.number)
    beginnings = (space.defaults(), space.start())
    missing = object()
    for trial in by_number:
        for point in beginnings:
            if all(point.get(name, missing) == value for name, value in trial.values.items()):
                return trial
    return next(iter(by_number), None)


def race_of(
    trials: Sequence[Trial],
    space: Space,
    rounds: Iterable[Round],
    objective: Objective,
    most: int = MOST,
) -> Race:
    """The race of these trials, with the trainings that are known.

    Args:
        trials: of the search, in the order of their numbers.
        space: of the search.
        rounds: of this race and of earlier ones.
        objective: of the search.
        most: rounds at most.
    """
    best, start = candidates(trials, space)
    goals = {trial.number: trial.goal for trial in best}
    known = [each for each in rounds if goals.get(each.trial, _NONE) == each.goal]
    losses = {(each.trial, each.number): _loss(each, objective) for each in known}
    shares = [each.split.share for each in known if each.split is not None]
    numbers = tuple(trial.number for trial in best)
    first = None if start is None else start.number
    return Race(numbers, first, min(shares, default=0.0), losses, most)


_NONE = -1
"""The goal of no trial."""


def _loss(training: Round, objective: Objective) -> float:
    return math.nan if training.score is None else objective.loss_of(training.score)


def confirmation(
    trials: Sequence[Trial], space: Space, rounds: Iterable[Round], objective: Objective
) -> Confirmation | None:
    """What the race says of a search, as far as it was run.

    Args:
        trials: of the search, in the order of their numbers.
        space: of the search.
        rounds: the trainings of races.
        objective: of the search.

    Returns:
        None if these trials have not raced, or not to the end of the first rounds.
    """
    rounds = list(rounds)
    if not rounds:
        return None
    race = race_of(trials, space, rounds, objective)
    standing = race.standing()
    if standing.rounds < LEAST or not standing.left:
        return None
    of_race = {place for place in race.losses if place[1] < standing.rounds}
    trained = [each for each in rounds if (each.trial, each.number) in of_race]
    return _confirmation(race, standing, trained, objective)


def _confirmation(
    race: Race, standing: Standing, trained: Sequence[Round], objective: Objective
) -> Confirmation:
    leader = standing.left[0]
    start = None if race.start in standing.failed else race.start
    gain = None if start is None else _gain(race, standing, leader, start)
    # The best of several looks better than it is, also in the race: the start is left only for one
    # that is certainly better (benchmarks/overtuning.py shows other limits).
    told_apart = gain is None or gain.probability > LIMIT
    winner = leader if told_apart or start is None else start
    rivals = [each for each in race.candidates if each not in (winner, *standing.failed)]
    gains = {each: _gain(race, standing, winner, each) for each in rivals}
    means = race.means(standing)
    equals = [each for each in means if _is_equal(gains.get(each))]
    sizes = _sizes(trained)
    cheapest = min((winner, *equals), key=lambda each: sizes.get(each, math.inf))
    first = race.candidates[0]
    return Confirmation(
        metric=objective.name,
        winner=winner,
        leader=leader,
        start=start,
        gain=gain,
        told_apart=told_apart,
        equals=tuple(equals),
        cheapest=cheapest,
        rounds=standing.rounds,
        fresh=all(each.split is not None for each in trained),
        scores={number: objective.loss_of(loss) for number, loss in means.items()},
        sizes=sizes,
        failed=standing.failed,
        first=first,
        first_gain=gains.get(first),
    )


def _gain(race: Race, standing: Standing, better: int, other: int) -> Gain | None:
    if better == other:
        return None
    found = race.compare(better, other, standing.rounds)
    if found is None:
        return None
    low, high = found.interval
    return Gain(found.mean, low, high, found.probability, found.rounds)


def _is_equal(gain: Gain | None) -> bool:
    """Whether the winner, with this gain over it, is not certainly better than another one."""
    return gain is not None and gain.probability <= LIMIT


def _sizes(trained: Iterable[Round]) -> Mapping[int, int]:
    measured = (each for each in trained if "model_size" in each.metrics)
    return {each.trial: int(each.metrics["model_size"]) for each in measured}
