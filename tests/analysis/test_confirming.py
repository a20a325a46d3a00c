"""Which trials race, and what is said of them."""

import dataclasses

import numpy as np
import pytest

from kerastune_lite._src.analysis.confirming import CANDIDATES, candidates, confirmation
from kerastune_lite._src.analysis.racing import LEAST, MOST
from kerastune_lite._src.core.confirmation import Round, Split
from kerastune_lite._src.core.objective import Objective
from kerastune_lite._src.core.trial import Outcome, TrialStatus
from kerastune_lite.hyperparameters import Int, Parameter, Space
from kerastune_lite.oracles import Trial

ACCURACY = Objective("val_accuracy", "max")
SPACE = Space([Parameter("n", Int(0, 100, default=50))])
RNG = np.random.default_rng(0)
NOISE = RNG.normal(0, 0.005, (20, MOST))


def trial(number, score, n=None, **kwargs):
    return Trial(
        number,
        {"n": number if n is None else n},
        SPACE,
        TrialStatus.COMPLETED,
        score=score,
        loss=-score,
        **kwargs,
    )


TRIALS = [trial(number, 0.5 + number / 100) for number in range(9)]


def rounds(means, count=MOST, noise=NOISE, size=lambda number: 100):
    return [
        Round(
            trial=number,
            number=r,
            goal=None,
            seed=r,
            split=Split(r / 10, 0.2),
            outcome=Outcome.COMPLETED,
            score=mean + noise[number, r],
            metrics={"model_size": float(size(number))},
        )
        for number, mean in means.items()
        for r in range(count)
    ]


def confirmed(means, *args, trials=TRIALS, **kwargs):
    return confirmation(trials, SPACE, rounds(means, *args, **kwargs), ACCURACY)


# ---------------------------------------------------------------------- candidates


def test_the_best_and_the_first_trial():
    best, start = candidates(TRIALS, SPACE)
    assert [each.number for each in best] == [8, 7, 6, 5, 4, 0]
    assert start.number == 0
    assert len(best) == CANDIDATES + 1


def test_the_point_of_all_defaults_is_the_start_if_it_was_tried():
    trials = [*TRIALS[:3], trial(3, 0.1, n=50), *TRIALS[4:]]
    best, start = candidates(trials, SPACE)
    assert start.number == best[-1].number == 3


def test_the_middle_is_the_start_if_there_are_no_defaults():
    space = Space([Parameter("n", Int(0, 100))])
    trials = [trial(n, 0.5, n=n + 3) for n in range(3)] + [trial(3, 0.1, n=50)]
    assert candidates(trials, space)[1].number == 3
    assert candidates([*trials, trial(4, 0.1, n=0)], space)[1].number == 3


def test_a_start_among_the_best_is_not_there_twice():
    best, start = candidates(TRIALS[:4], SPACE)
    assert [each.number for each in best] == [3, 2, 1, 0]
    assert start.number == 0


def test_trials_without_a_score_and_those_that_are_not_allowed_do_not_race():
    failed = Trial(0, {"n": 0}, SPACE, TrialStatus.FAILED)
    forbidden = trial(1, 0.99, excesses=(0.5,))
    best, start = candidates([failed, forbidden, *TRIALS[2:4]], SPACE)
    assert [each.number for each in best] == [3, 2]
    assert start.number == 2
    assert candidates([failed], SPACE) == ([], None)


def test_the_winner_of_an_earlier_race_has_no_advantage():
    trials = [trial(0, 0.9), trial(1, 0.1, confirmed=True)]
    assert [each.number for each in candidates(trials, SPACE)[0]] == [0, 1]


# ---------------------------------------------------------------------- results

BETTER = {8: 0.7, 7: 0.8, 6: 0.71, 5: 0.69, 4: 0.7, 0: 0.6}


def test_the_winner_is_the_best_of_the_race_not_of_the_search():
    found = confirmed(BETTER)
    assert (found.winner, found.leader, found.start, found.first) == (7, 7, 0, 8)
    assert found.told_apart
    assert found.gain.mean == pytest.approx(0.2, abs=0.01)
    assert found.gain.low < found.gain.mean < found.gain.high
    assert found.gain.probability > 0.99
    assert next(iter(found.scores)) == 7
    assert found.equals == ()
    text = str(found)
    assert text.startswith("Confirmed: trial 7 is better in val_accuracy than the starting")
    assert "Trial 8, which has the best score of the search, lost." in text
    assert "other validation samples" in text


def test_nothing_is_said_before_the_first_rounds_are_complete():
    assert confirmed(BETTER, LEAST - 1) is None
    assert confirmed(BETTER, LEAST) is not None
    missing = {number: mean for number, mean in BETTER.items() if number != 4}
    assert confirmed(missing) is None
    assert confirmation(TRIALS, SPACE, [], ACCURACY) is None


def test_rounds_of_trials_that_have_been_trained_further_do_not_count():
    trials = [*TRIALS[:8], trial(8, 0.58, goal=9)]
    assert confirmed(BETTER, trials=trials) is None


WOBBLY = np.array([[0.05 * (-1) ** (r + t) for r in range(MOST)] for t in range(20)])
CLOSE = {8: 0.60, 7: 0.64, 6: 0.6, 5: 0.59, 4: 0.6, 0: 0.62}


@pytest.mark.parametrize("start", [0.62, 0.545])
def test_a_start_that_is_not_certainly_worse_is_kept(start):
    found = confirmed({**CLOSE, 0: start}, noise=WOBBLY)
    assert (found.leader, found.winner) == (7, 0)
    assert 0.5 < found.gain.probability <= 0.95
    assert not found.told_apart
    assert str(found).startswith("Not confirmed: trial 7 cannot be told apart from the starting")
    assert "which is kept" in str(found)
    assert 7 in found.equals or found.gain.probability > 0.95


def test_a_start_that_is_the_best():
    found = confirmed({8: 0.6, 7: 0.6, 6: 0.6, 5: 0.6, 4: 0.6, 0: 0.9})
    assert found.winner == found.leader == found.start == 0
    assert found.gain is None
    assert found.told_apart
    assert str(found).startswith("No candidate is better than the starting configuration (trial 0)")
    assert "Trial 8, which has the best score of the search, is worse in val_accuracy by" in str(
        found
    )


def test_the_smallest_of_those_that_are_hardly_worse():
    sizes = {8: 10_000, 7: 9_000, 6: 500}
    found = confirmed(
        {8: 0.60, 7: 0.605, 6: 0.604, 5: 0.4, 4: 0.4, 0: 0.4},
        noise=NOISE * 5,
        size=lambda number: sizes.get(number, 100),
    )
    assert set(found.equals) >= {8, 6} - {found.winner}
    assert found.cheapest == 6
    assert "cannot be told apart from trial" in str(found)
    if found.winner != 6:
        assert "The smallest of these is trial 6: it has 500 parameters" in str(found)


def test_a_candidate_whose_training_failed():
    good = [each for each in rounds(BETTER) if (each.trial, each.number) < (7, 1) or each.trial > 7]
    failure = Round(7, 1, None, 1, Split(0.1, 0.2), Outcome.FAILED, message="ValueError: no")
    found = confirmation(TRIALS, SPACE, [*good, failure], ACCURACY)
    assert found.failed == (7,)
    assert found.winner != 7
    assert 7 not in found.scores
    assert "A training failed, and the candidate left: trial 7." in str(found)


def test_a_start_whose_training_failed():
    others = {number: mean for number, mean in BETTER.items() if number}
    failure = Round(0, 0, None, 0, Split(0.0, 0.2), Outcome.FAILED)
    found = confirmation(TRIALS, SPACE, [*rounds(others), failure], ACCURACY)
    assert (found.winner, found.start, found.gain) == (7, None, None)
    assert "the starting configuration failed in the race" in str(found)


def test_with_the_same_data_it_says_so_and_does_not_correct_for_overlap():
    fresh = confirmed(BETTER)
    same = [dataclasses.replace(each, split=None) for each in rounds(BETTER)]
    fixed = confirmation(TRIALS, SPACE, same, ACCURACY)
    assert fresh.fresh
    assert not fixed.fresh
    assert "The validation data are the same in all rounds" in str(fixed)
    width = [each.gain.high - each.gain.low for each in (fresh, fixed)]
    assert width[1] < width[0]


def test_probabilities_near_one_are_not_certain():
    assert "above 99.9 %" in str(confirmed(BETTER))
