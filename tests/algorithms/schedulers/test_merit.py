"""The order of trials in a rung, and what is certain of it before the rung is full."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kerastune_lite._src.algorithms.schedulers.merit import (
    Place,
    certain,
    in_order,
    place_at,
    possible,
    tiers,
)
from kerastune_lite._src.core.history import TrialHistory
from kerastune_lite._src.core.marks import Marks
from kerastune_lite.oracles import Trial


def numbers(places):
    return [place.number for place in places]


def places_of(rows):
    """Places of (violation, losses...)."""
    return [Place(row[0], row[1], number, tuple(row[1:])) for number, row in enumerate(rows)]


def test_one_loss_then_the_number():
    places = [Place(0.0, loss, number) for number, loss in enumerate([0.3, 0.1, math.inf, 0.1])]
    assert numbers(in_order(places)) == [1, 3, 0, 2]


def test_front_by_front_the_crowded_last_and_what_is_not_allowed_behind():
    rows = [
        (0.0, 0.50, 0.50),
        (0.0, 0.52, 0.49),  # close to the one before
        (0.0, 0.00, 1.00),
        (0.0, 1.00, 0.00),
        (0.0, 0.80, 0.20),
        (0.0, 0.90, 0.90),  # dominated
        (0.2, 0.00, 0.00),
        (0.1, 0.00, 0.00),
    ]
    order = numbers(in_order(places_of(rows)))
    assert set(order[:2]) == {2, 3}
    assert order[2:] == [0, 4, 1, 5, 7, 6]


def test_objectives_that_are_not_known_of_the_trial_do_not_count():
    places = [Place(0.0, 0.5, 0, (0.5, math.nan)), Place(0.0, 0.4, 1, (0.4, 9.0))]
    assert places[0].known == [0]
    assert numbers(in_order(places, places[0].known)) == [1, 0]
    assert numbers(in_order(places)) == [1, 0], "the other one is known"
    assert numbers(in_order([Place(0.0, 0.1, 0, (0.1, math.nan)), places[1]])) == [1, 0]


TWO = st.tuples(st.sampled_from([0.0, 0.0, 0.0, 0.5]), st.integers(0, 5), st.integers(0, 5))
ONE = st.tuples(st.sampled_from([0.0, 0.0, 0.5]), st.integers(0, 5))


@settings(max_examples=300, deadline=None)
@given(
    st.one_of(st.lists(ROW, min_size=1, max_size=9) for ROW in (ONE, TWO)),
    st.integers(1, 5),
    st.integers(0, 8),
)
def test_what_is_certain_holds_whoever_comes_and_who_is_given_up_had_no_chance(rows, count, here):
    places = [Place(r[0], r[1], n, r[1:] if len(r) > 2 else ()) for n, r in enumerate(rows)]
    first, to_come = places[: here + 1], len(places[here + 1 :])
    in_the_end = set(numbers(in_order(places)[:count]))
    ordered = in_order(first)
    assert set(numbers(certain(ordered, count, to_come))) <= in_the_end
    assert in_the_end & set(numbers(first)) <= set(numbers(possible(ordered, count, to_come)))
    if not to_come:
        assert set(numbers(certain(ordered, count, 0))) == in_the_end


def test_with_one_objective_all_that_can_be_certain_is():
    places = in_order([Place(0.0, float(n), n) for n in range(6)])
    assert numbers(certain(places, 4, 1)) == [0, 1, 2]
    assert numbers(possible(places, 4, 1)) == [0, 1, 2, 3]
    equal = in_order(places_of([(0.0, float(n), float(n)) for n in range(6)]))
    assert numbers(certain(equal, 4, 1)) == [0, 1, 2]
    assert numbers(possible(equal, 4, 1)) == [0, 1, 2, 3]


def test_tiers():
    rows = [(0.0, 1.0, 0.0), (0.0, 0.0, 1.0), (0.0, 1.0, 1.0), (0.3, 0.0, 0.0)]
    places = [*places_of(rows), Place(0.0, math.inf, 4, (math.nan, math.nan))]
    found = tiers(places, [0, 1])
    assert found == [(0.0, 0.0), (0.0, 0.0), (0.0, 1.0), (0.3, 0.0), (math.inf, math.inf)]
    assert tiers(places, [0]) == [(0.0, 1.0), (0.0, 0.0), (0.0, 1.0), (0.3, 0.0), (0.0, math.inf)]


@pytest.mark.parametrize(("end", "losses"), [(1, (0.9, 7.0)), (3, (0.4, 5.0)), (None, (0.2, 1.0))])
def test_the_place_at_the_end_of_a_rung_is_that_of_its_best_epoch(end, losses):
    history = TrialHistory([Trial(0, {"n": 0})])
    for epoch, (loss, other) in enumerate([(0.9, 7.0), (0.4, 5.0), (0.6, 3.0), (0.2, 1.0)]):
        history.note(0, 0, epoch, loss, Marks((loss, other), (other - 4.0,)))
    place = place_at(history, 0, history.curve(0), end)
    assert (place.loss, place.losses) == (losses[0], losses)
    assert place.violation == max(losses[1] - 4.0, 0.0)


def test_the_first_objective_counts_if_epochs_are_compared_by_another_metric():
    history = TrialHistory([Trial(0, {"n": 0})])
    history.note(0, 0, 0, -0.9, Marks((1000.0,), (-0.1,)))
    history.note(0, 0, 1, np.nan, Marks((math.nan,), (-0.1,)))
    assert place_at(history, 0, history.curve(0)) == Place(0.0, 1000.0, 0)
