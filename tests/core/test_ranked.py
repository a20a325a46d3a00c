"""Trials in the order of merit, and a history of them with several objectives."""

import dataclasses
import math

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kerastune_lite._src.core.history import TrialHistory
from kerastune_lite._src.core.ranked import best_first, front_of, losses_of
from kerastune_lite._src.core.trial import Trial, TrialStatus

RUNNING, COMPLETED, FAILED, PAUSED = (
    TrialStatus.RUNNING,
    TrialStatus.COMPLETED,
    TrialStatus.FAILED,
    TrialStatus.PAUSED,
)


def trial(number, *losses, excess=None, status=COMPLETED):
    """A trial with these losses."""
    return Trial(
        number,
        {"x": number},
        status=status,
        loss=losses[0] if losses else None,
        losses=losses if len(losses) > 1 else (),
        excesses=() if excess is None else (excess,),
    )


def numbers(trials):
    return [each.number for each in trials]


class TestOneObjective:
    def test_what_satisfies_the_constraints_comes_first(self):
        trials = [trial(0, 1.0, excess=0.5), trial(1, 3.0, excess=-1.0), trial(2, 2.0, excess=0.0)]
        assert numbers(best_first(trials)) == [2, 1, 0]
        assert numbers(front_of(trials)) == [2]

    def test_the_others_by_how_much_they_violate_them_then_by_loss_then_by_number(self):
        trials = [
            trial(0, 1.0, excess=math.inf),
            trial(1, 9.0, excess=0.1),
            trial(2, 8.0, excess=0.1),
            trial(3, 8.0, excess=0.1),
        ]
        assert numbers(best_first(trials)) == [2, 3, 1, 0]
        assert front_of(trials) == []

    def test_without_a_score_there_is_no_place(self):
        trials = [
            trial(0, 1.0, status=FAILED),
            trial(1, 1.0, status=RUNNING),
            trial(2, math.nan),
            trial(3),
            trial(4, 1.0, status=PAUSED),
        ]
        assert numbers(best_first(trials)) == [4]
        assert numbers(front_of(trials)) == [4]
        assert front_of([]) == []


class TestSeveralObjectives:
    TRIALS = (
        trial(0, 5.0, 5.0),
        trial(1, 3.0, 1.0),
        trial(2, 1.0, 3.0),
        trial(3, 4.0, 2.0),
        trial(4, 0.0, 0.0, excess=0.5),
        trial(5, 2.0, 2.0),
        trial(6, 0.0, 0.0, status=FAILED),
        trial(7, 2.0, 2.0),
    )

    def test_front_by_front(self):
        assert numbers(best_first(self.TRIALS)) == [2, 5, 7, 1, 3, 0, 4]

    def test_the_front_has_all_that_nothing_dominates_and_nothing_that_violates(self):
        assert numbers(front_of(self.TRIALS)) == [2, 5, 7, 1]

    def test_spread_out_the_ends_of_a_front_come_first(self):
        spread = numbers(best_first(self.TRIALS, spread=True))
        assert set(spread[:2]) == {1, 2}
        assert set(spread[:4]) == {1, 2, 5, 7}
        assert spread[4:] == [3, 0, 4]

    def test_losses_as_rows(self):
        assert losses_of(self.TRIALS[:2]).tolist() == [[5.0, 5.0], [3.0, 1.0]]

    def test_history(self):
        history = TrialHistory(self.TRIALS)
        assert numbers(history.best()) == [2, 5, 7, 1, 3, 0, 4]
        assert numbers(history.best(2)) == [2, 5]
        assert history.best(0) == []
        assert numbers(history.front()) == [2, 5, 7, 1]
        assert [history.rank(each) for each in self.TRIALS] == [5, 3, 0, 4, 6, 1, None, 2]
        assert set(numbers(history.most_spread(2))) == {1, 2}

    def test_a_history_of_one_objective_has_its_best_trial_as_front(self):
        history = TrialHistory([trial(0, 2.0), trial(1, 1.0), trial(2, 3.0)])
        assert numbers(history.front()) == [1]
        assert history.most_spread(2) == history.best(2)
        assert TrialHistory().front() == TrialHistory().best() == []

    def test_a_front_of_one_objective_with_constraints(self):
        history = TrialHistory([trial(0, 2.0, excess=-1.0), trial(1, 1.0, excess=1.0)])
        assert numbers(history.best()) == [0, 1]
        assert numbers(history.front()) == [0]
        assert [history.rank(each) for each in history] == [0, 1]
        assert TrialHistory([trial(0, 2.0, excess=1.0)]).front() == []


moves = st.lists(
    st.tuples(
        st.sampled_from(["start", "complete", "pause", "resume", "fail"]),
        st.integers(0, 9),
        st.integers(0, 3),
        st.integers(0, 3),
        st.sampled_from([-1.0, 0.0, 0.5, 2.0]),
    ),
    max_size=30,
)


@pytest.mark.parametrize("objectives", [1, 2])
@settings(max_examples=80, deadline=None)
@given(moves)
def test_updated_and_read_anew_are_the_same(objectives, given):
    """Trials start, pause with a score, go on, get another one, and end."""
    history = TrialHistory()
    for what, which, first, second, excess in given:
        of_status = history.paused if what == "resume" else [*history.running, *history.paused]
        if what == "start" or not of_status:
            history.add(trial(len(history), status=RUNNING))
            continue
        moved = of_status[which % len(of_status)]
        if what == "resume":
            # It keeps its score, as the search keeps it, until it has another one.
            history.update(dataclasses.replace(moved, status=RUNNING))
        elif what == "fail":
            history.update(dataclasses.replace(moved, status=FAILED))
        else:
            status = PAUSED if what == "pause" else COMPLETED
            losses = (float(first), float(second))[:objectives]
            history.update(trial(moved.number, *losses, excess=excess, status=status))
        again = TrialHistory(history)
        assert numbers(history.best()) == numbers(again.best()) == numbers(best_first(history))
        assert numbers(history.front()) == numbers(again.front()) == numbers(front_of(history))
        assert [history.rank(t) for t in history] == [again.rank(t) for t in history]
        assert numbers(history.most_spread(3)) == numbers(again.most_spread(3))
        for place, each in enumerate(history.best()):
            assert history.rank(each) == place
        assert all(each.violation == 0.0 for each in history.front())
