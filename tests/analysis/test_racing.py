"""The race as a function of the trainings that are known."""

import math

import numpy as np
import pytest

from kerastune_lite._src.analysis.racing import LEAST, MOST, Race

NOISE = np.random.default_rng(0).normal(0.0, 0.02, (20, MOST))


def known(losses, rounds, noise=NOISE):
    """The losses by trial and round of candidates 0, 1, ... that have these mean losses."""
    return {
        (trial, number): loss + noise[trial, number]
        for trial, loss in enumerate(losses)
        for number in range(rounds)
    }


def race(losses, start=0, most=MOST):
    trials = {trial for trial, _ in losses}
    return Race(tuple(sorted(trials)), start, 0.2, losses, most)


def test_the_first_rounds_are_for_everybody():
    standing = Race((3, 1, 2), 2, 0.2, {}).standing()
    assert (standing.rounds, standing.left) == (0, (3, 1, 2))
    assert standing.missing == ((3, 0), (1, 0), (2, 0))


def test_a_round_begins_when_the_one_before_is_complete():
    losses = known([0.1, 0.1, 0.1], 1)
    del losses[1, 0]
    assert race({**losses, (1, 1): 0.1}).standing().missing == ((1, 0),)


def test_those_that_are_worse_leave_after_the_first_rounds_and_not_before():
    means = [0.1, 0.11, 0.9]
    assert 2 in race(known(means, LEAST - 1)).standing().left
    standing = race(known(means, LEAST)).standing()
    assert 2 not in standing.left
    assert {trial for trial, _ in standing.missing} == set(standing.left)


def test_it_ends_with_one_candidate():
    standing = race(known([0.1, 0.9, 0.8], LEAST)).standing()
    assert (standing.left, standing.missing, standing.rounds) == ((0,), (), LEAST)


def test_it_ends_with_the_rounds():
    same = [[0.1] * MOST] * 3
    losses = {
        (t, r): row[r] + 0.01 * (-1) ** (t + r) for t, row in enumerate(same) for r in range(MOST)
    }
    standing = race(losses).standing()
    assert standing.missing == ()
    assert standing.rounds == MOST
    assert len(standing.left) > 1
    fewer = race(losses, most=5).standing()
    assert (fewer.rounds, fewer.missing) == (5, ())


def test_the_leader_comes_first():
    assert race(known([0.12, 0.1, 0.13], LEAST)).standing().left[0] == 1


def test_a_failed_training_ends_a_candidate_at_once():
    losses = known([0.1, 0.1, 0.1], 1)
    losses[1, 0] = math.nan
    standing = race(losses).standing()
    assert (set(standing.left), standing.failed) == ({0, 2}, (1,))
    assert standing.missing == ((0, 1), (2, 1))


def test_with_one_that_did_not_fail_there_is_nothing_to_find_out():
    losses = {(0, 0): math.nan, (1, 0): 0.1, (2, 0): math.nan}
    standing = race(losses).standing()
    assert (standing.left, standing.failed, standing.missing) == ((1,), (0, 2), ())


def flat(mean, wobble=0.0):
    return [mean + wobble * (-1) ** number for number in range(MOST)]


def table(**curves):
    """Losses by trial and round; the names are t0, t1, ..."""
    return {
        (int(name[1:]), number): loss
        for name, losses in curves.items()
        for number, loss in enumerate(losses)
    }


def test_a_start_that_is_beaten_rests():
    losses = table(t0=flat(0.5, 0.01)[:LEAST], t1=flat(0.1, 0.01), t2=flat(0.1, -0.01))
    standing = race(losses).standing()
    assert standing.missing == ()
    assert standing.rounds == MOST
    assert 0 not in standing.left


def test_a_start_that_has_lost_to_another_leader_is_trained_until_it_is_known():
    # Trial 1 beats the start clearly, then turns out to be bad; trial 2 leads from then on, and is
    # hardly better than the start was in the first rounds.
    first = [0.10, 0.11, 0.10]
    losses = table(
        t0=[0.50, 0.51, 0.50],
        t1=[*first, *[3.0] * 7],
        t2=[0.13, 0.85, 0.40, *[0.45] * 7],
    )
    running = race({place: loss for place, loss in losses.items() if place[1] < LEAST}).standing()
    assert 0 not in running.left
    standing = race(losses).standing()
    assert {trial for trial, _ in standing.missing} == {0}
    assert min(number for _, number in standing.missing) == LEAST
    # Once it has these rounds, it takes part again.
    caught_up = {**losses, **{(0, number): 0.44 for number in range(LEAST, MOST)}}
    assert 0 in race(caught_up).standing().left


def test_of_a_start_that_fails_later_nothing_is_expected_any_more():
    losses = table(
        t0=[0.50, 0.51, 0.50, math.nan],
        t1=[0.10, 0.11, 0.10, *[3.0] * 7],
        t2=[0.13, 0.85, 0.40, *[0.45] * 7],
    )
    standing = race(losses).standing()
    assert 0 in standing.failed
    assert standing.missing == ()


def test_two_are_compared_in_the_rounds_that_they_have_in_common():
    losses = table(t0=flat(0.5, 0.02)[:4], t1=flat(0.1, 0.01))
    found = race(losses).compare(1, 0, MOST)
    assert found.rounds == 4
    assert found.mean == pytest.approx(0.4)
    assert race(losses).compare(1, 0, 2) is None


def test_equal_candidates_seldom_leave():
    """The limit is for one comparison; a race makes several, of which the first have few rounds."""
    rng, left = np.random.default_rng(3), []
    for _ in range(150):
        losses = {(t, r): rng.normal() for t in range(6) for r in range(MOST)}
        left.append(len(race(losses).standing().left))
    assert np.mean(left) > 4.5


def test_the_best_wins():
    rng, wins = np.random.default_rng(4), 0
    for _ in range(100):
        losses = {(t, r): 0.5 * t + rng.normal(0, 0.5) for t in range(6) for r in range(MOST)}
        wins += race(losses, start=5).standing().left[0] == 0
    assert wins > 90
