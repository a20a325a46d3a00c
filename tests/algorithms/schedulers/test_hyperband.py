"""Hyperband: the brackets of the paper, and the right trials in each rung, whoever is first."""

import dataclasses
import itertools

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kerastune_lite._src.core.history import TrialHistory
from kerastune_lite._src.core.trial import TrialStatus
from kerastune_lite.schedulers import Decision, Hyperband, Supply, TrainingRequest
from tests.algorithms.schedulers.conformance import RungConformance, paused
from tests.algorithms.schedulers.simulation import Simulation, curves_of

RUNNING, COMPLETED, FAILED = TrialStatus.RUNNING, TrialStatus.COMPLETED, TrialStatus.FAILED


class TestHyperband(RungConformance):
    @pytest.fixture
    def scheduler(self):
        return Hyperband(27)


class TestIterations(RungConformance):
    @pytest.fixture
    def scheduler(self):
        return Hyperband(27, factor=4, min_epochs=2, hyperband_iterations=3)


# ---------------------------------------------------------------------- the brackets


def test_brackets_of_the_paper():
    """Table 1 of Li et al., 2018."""
    assert Hyperband(81).brackets == [
        [(81, 1), (27, 3), (9, 9), (3, 27), (1, 81)],
        [(34, 3), (11, 9), (3, 27), (1, 81)],
        [(15, 9), (5, 27), (1, 81)],
        [(8, 27), (2, 81)],
        [(5, 81)],
    ]


def test_epochs_are_rounded_and_the_last_is_exact():
    assert [end for _, end in Hyperband(100).brackets[0]] == [1, 4, 11, 33, 100]
    assert [end for _, end in Hyperband(50, factor=2).brackets[0]] == [2, 3, 6, 13, 25, 50]
    assert [end for _, end in Hyperband(100, min_epochs=5).brackets[0]] == [11, 33, 100]
    # Whole powers, where logarithms come out a little too small.
    assert Hyperband(243).brackets[0][0] == (243, 1)
    assert Hyperband(125, factor=5).brackets[0][0] == (125, 1)


@given(st.integers(1, 300), st.integers(2, 6), st.data())
def test_rungs_are_sensible(max_epochs, factor, data):
    min_epochs = data.draw(st.integers(1, max_epochs))
    for sizes in Hyperband(max_epochs, factor, min_epochs).brackets:
        counts, ends = zip(*sizes)
        assert ends[-1] == max_epochs
        assert ends[0] >= min_epochs
        assert all(first < second for first, second in itertools.pairwise(ends))
        assert all(one >= other * factor for one, other in itertools.pairwise(counts))
        assert counts[-1] >= 1


def test_total_epochs_are_those_of_resumed_trials():
    scheduler = Hyperband(9)
    assert scheduler.brackets == [[(9, 1), (3, 3), (1, 9)], [(5, 3), (1, 9)], [(3, 9)]]
    assert scheduler.total_epochs == (9 + 3 * 2 + 6) + (5 * 3 + 6) + 3 * 9


def test_brackets_cannot_be_changed_from_outside():
    scheduler = Hyperband(9)
    scheduler.brackets[0].clear()
    assert scheduler.brackets[0]


def test_describe_names_every_rung():
    assert Hyperband(9).describe() == (
        "Trials per iteration: 17. Epochs per iteration: 69.\n"
        "Bracket 0: 9 to epoch 1, 3 to epoch 3, 1 to epoch 9.\n"
        "Bracket 1: 5 to epoch 3, 1 to epoch 9.\n"
        "Bracket 2: 3 to epoch 9."
    )


def test_settings_tell_all():
    assert Hyperband(50, 4, 2, 3).settings() == {
        "type": "Hyperband",
        "max_epochs": 50,
        "factor": 4,
        "min_epochs": 2,
        "hyperband_iterations": 3,
    }


@pytest.mark.parametrize(
    ("arguments", "error", "message"),
    [
        ({"max_epochs": 0}, ValueError, r"`max_epochs` must be 1 or more. Received: 0"),
        ({"max_epochs": 9.5}, TypeError, r"`max_epochs` must be a whole number.*9.5.*float"),
        ({"max_epochs": None}, TypeError, "`max_epochs` must be a whole number"),
        ({"max_epochs": True}, TypeError, "`max_epochs` must be a whole number"),
        ({"factor": 1}, ValueError, "`factor` must be 2 or more. Received: 1"),
        ({"min_epochs": 0}, ValueError, "`min_epochs` must be 1 or more"),
        ({"max_epochs": 9, "min_epochs": 10}, ValueError, "must not be above `max_epochs`"),
        ({"hyperband_iterations": 0}, ValueError, "`hyperband_iterations` must be 1 or more"),
    ],
)
def test_refuses_nonsense(arguments, error, message):
    with pytest.raises(error, match=message):
        Hyperband(**arguments)


# ---------------------------------------------------------------------- a whole search


def all_brackets(scheduler):
    return scheduler.brackets * scheduler.hyperband_iterations


def check_sizes(simulation):
    """Every bracket had exactly as many trials in each rung as the paper says."""
    for bracket, sizes in enumerate(all_brackets(simulation.scheduler)):
        for count, end in sizes:
            done = [n for n in simulation.entered[bracket, end] if not simulation.fails(n, end)]
            assert len(done) == count


def check_promotions(simulation):
    """Those who entered a rung are the top of the rung below, as that was in the end."""
    for bracket, sizes in enumerate(all_brackets(simulation.scheduler)):
        members = simulation.entered.get((bracket, sizes[0][1]), [])
        for (_, end), (count, after) in itertools.pairwise(sizes):
            # Those that had ended by themselves are members without being trained.
            trained = simulation.entered.get((bracket, end), [])
            done = [n for n in members if n not in trained or not simulation.fails(n, end)]
            done.sort(key=lambda n: (simulation.loss_at(n, end), n))
            went_on = set(simulation.entered.get((bracket, after), []))
            # Each one that failed made room for the next best.
            best = done[: count + sum(simulation.fails(n, after) for n in went_on)]
            ended = {n for n in best if (simulation.stops(n) or after) <= end}
            assert went_on == set(best) - ended
            members = best


def certain(simulation):
    """The paused trials that are among the best of their rungs whatever is still to come."""
    sure = []
    for bracket, sizes in enumerate(all_brackets(simulation.scheduler)):
        for (places, end), (count, after) in itertools.pairwise(sizes):
            went_on = simulation.entered.get((bracket, after), [])
            entered = simulation.entered.get((bracket, end), [])
            done = [
                n
                for n in entered
                if (simulation.history[n].goal, simulation.history[n].status) != (end, RUNNING)
            ]
            for number in done:
                better = sum(
                    (simulation.loss_at(n, end), n) < (simulation.loss_at(number, end), number)
                    for n in done
                )
                if better + places - len(done) < count and number not in went_on:
                    sure.append(number)
    return sure


def shuffled(scheduler, seed=0, workers=3, **others):
    return Simulation(scheduler, curves_of(7, 27), workers, seed, **others).run()


@pytest.mark.parametrize("workers", [1, 2, 4])
@pytest.mark.parametrize("scheduler", [Hyperband(27), Hyperband(9, 2, 2, 2)])
def test_a_search_is_what_the_paper_says(scheduler, workers):
    for seed in range(5):
        simulation = Simulation(scheduler, curves_of(seed, 27), workers, seed).run()
        check_sizes(simulation)
        check_promotions(simulation)
        assert simulation.trained == scheduler.total_epochs * scheduler.hyperband_iterations
        assert not simulation.history.running
        assert not simulation.with_status(FAILED)


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 10**6), st.integers(1, 4), st.sampled_from([0.0, 0.02]))
def test_whoever_is_first_the_same_go_on(seed, workers, kills):
    scheduler = Hyperband(9)
    simulation = Simulation(scheduler, curves_of(3, 9), workers, seed, kills=kills).run()
    alone = Simulation(scheduler, curves_of(3, 9)).run()
    assert {k: sorted(v) for k, v in simulation.entered.items()} == {
        k: sorted(v) for k, v in alone.entered.items()
    }
    simulation.check_replay()


@settings(max_examples=40, deadline=None)
@given(
    st.integers(0, 10**6),
    st.integers(1, 4),
    st.sets(st.integers(0, 40), max_size=10),
    st.sets(st.integers(0, 40), max_size=2),
    st.dictionaries(st.integers(0, 40), st.integers(1, 9), max_size=8),
)
def test_failures_and_trials_that_end_by_themselves(seed, workers, early, late, stops):
    simulation = Simulation(
        Hyperband(9),
        curves_of(seed, 9),
        workers,
        seed,
        # Three failures for one place are more than are kept in reserve.
        fails=lambda number, end: end < 9 and number in (early if end == 1 else late),
        stops=stops.get,
    ).run()
    check_promotions(simulation)
    simulation.check_replay()
    assert simulation.history.best()[0].status is COMPLETED


@pytest.mark.parametrize("workers", [2, 3, 4])
def test_nobody_waits_while_somebody_may_go_on(workers):
    simulation = Simulation(
        Hyperband(9, hyperband_iterations=2), curves_of(5, 9), workers, seed=workers
    )
    firsts = sum(sizes[0][0] for sizes in all_brackets(simulation.scheduler))
    begin = simulation._fill

    def fill():
        begin()
        if len(simulation._training) < workers:
            assert len(simulation.history) == firsts, "there was a new trial to begin with"
            assert not certain(simulation)

    simulation._fill = fill
    simulation.run()


def test_losers_are_named_as_soon_as_they_are_known():
    """At most the best and their reserve are kept, not the states of a whole rung."""
    simulation = Simulation(Hyperband(27), curves_of(5, 27), 1)
    kept = []
    begin = simulation._fill

    def fill():
        begin()
        kept.append(len([t for t in simulation.history.paused if t.bracket == 0]))

    simulation._fill = fill
    simulation.run()
    assert max(kept) <= 9 + 9 + 1
    assert not simulation.history.paused
    survivors = {n for (_, end), ns in simulation.entered.items() if end == 27 for n in ns}
    assert simulation.named == set(range(len(simulation.history))) - survivors


# ---------------------------------------------------------------------- what may go wrong


def test_failures_in_the_first_rung_are_replaced_by_new_trials():
    simulation = shuffled(Hyperband(27), fails=lambda number, end: number % 3 == 0)
    check_sizes(simulation)
    check_promotions(simulation)


def test_failures_in_later_rungs_are_replaced_by_the_next_best():
    for seed in range(5):
        simulation = shuffled(
            Hyperband(27), seed, fails=lambda number, end: end == 9 and number % 4 == 0
        )
        check_promotions(simulation)
        for (bracket, end), members in simulation.entered.items():
            if end == 9 and bracket < 2:
                done = [n for n in members if n % 4]
                assert len(done) == dict(map(reversed, simulation.scheduler.brackets[bracket]))[9]


def test_the_only_place_may_be_lost_twice():
    def curve(number):
        return [number / 10] * 9

    simulation = Simulation(
        Hyperband(9), curve, proposals=9, fails=lambda number, end: end == 9 and number < 2
    ).run()
    assert simulation.entered[0, 3] == [0, 1, 2]
    assert simulation.entered[0, 9] == [0, 1, 2]
    assert simulation.history.best()[0].number == 2


def test_an_oracle_without_further_points_is_made_do_with():
    simulation = shuffled(Hyperband(27), proposals=3)
    assert sorted(simulation.entered[0, 1]) == [0, 1, 2]
    assert sorted(simulation.entered[0, 3]) == [0, 1, 2]
    assert sorted(simulation.entered[0, 9]) == [0, 1, 2]
    check_promotions(simulation)
    assert max(trial.epochs for trial in simulation.history) == 27
    assert not simulation.history.running
    assert not simulation.history.paused


def test_proposals_that_end_within_a_bracket():
    simulation = shuffled(Hyperband(27), proposals=32)
    check_promotions(simulation)
    assert len(simulation.entered[1, 3]) == 5
    assert len(simulation.entered[1, 9]) == 4
    assert len(simulation.entered[1, 27]) == 1


def entered_by(simulation, bracket):
    """How many trials entered each rung of a bracket."""
    sizes = all_brackets(simulation.scheduler)[bracket]
    return [len(simulation.entered.get((bracket, end), [])) for _, end in sizes]


@pytest.mark.parametrize("workers", [1, 3])
@pytest.mark.parametrize(
    ("points", "bracket", "counts"),
    [
        # 357 epochs in all, of four brackets: enough to train thirteen in full.
        (5, 0, [5, 5, 5, 5]),
        (12, 0, [12, 12, 12, 12]),
        # 18 in the first rung, 18 * 2 in the second, 18 * 6 in the third leave 195 for the last.
        (18, 0, [18, 18, 18, 10]),
        # The first bracket is as in the paper; the five others have what is left, 276 epochs.
        (32, 1, [5, 5, 5]),
        # All places are taken: there is nothing to give away.
        (27 + 12 + 6 + 4, 3, [4]),
    ],
)
def test_a_small_space_gets_the_epochs(points, bracket, counts, workers):
    scheduler = Hyperband(27)
    assert scheduler.total_epochs == 357
    simulation = shuffled(scheduler, workers=workers, points=points)
    assert entered_by(simulation, bracket) == counts
    assert simulation.trained <= scheduler.total_epochs
    for earlier in range(bracket):
        nominal = [count for count, _ in scheduler.brackets[earlier]]
        assert entered_by(simulation, earlier) == nominal
    assert not any((later, 27) in simulation.entered for later in range(bracket + 1, 4))
    assert not simulation.history.running
    assert not simulation.history.paused


def test_all_iterations_epochs_go_to_a_small_space():
    once = shuffled(Hyperband(27), points=18)
    twice = shuffled(Hyperband(27, hyperband_iterations=2), points=18)
    assert entered_by(once, 0)[-1] < 18
    assert entered_by(twice, 0) == [18, 18, 18, 18]


@pytest.mark.parametrize("points", [5, 12, 18, 32])
def test_a_small_space_gets_the_same_epochs_whatever_died(points):
    straight = shuffled(Hyperband(27), points=points)
    killed = shuffled(Hyperband(27), points=points, kills=0.1)
    for rung, numbers in straight.entered.items():
        assert set(killed.entered[rung]) == set(numbers)


def test_one_that_ended_by_itself_keeps_its_place():
    # The best of the first rung ends before the second one's end, and its loss is never beaten.
    curves = {0: [0.1] * 9}
    simulation = Simulation(
        Hyperband(9),
        lambda number: curves.get(number, [1 + number / 100] * 9),
        stops=lambda number: 2 if number == 0 else None,
    ).run()
    assert simulation.entered[0, 3] == [0, 1, 2]
    assert (0, 9) not in simulation.entered, "the only place is held by the one that ended"


def test_the_best_of_all_is_kept_and_trained_at_the_end_whatever_its_bracket():
    scheduler = Hyperband(9)
    # As if there had been more iterations, before the project was opened again.
    history = TrialHistory([paused(0, 0.5, 1, bracket=99), paused(1, 0.4, 1, bracket=99)])
    assert scheduler.finished(history, Supply()) == [0]
    assert scheduler.plan(history, 1, Supply()) == [TrainingRequest(None, 0, 1, 0, resumable=True)]
    history.update(dataclasses.replace(history[0], status=COMPLETED))
    none_left = Supply(exhausted=True)
    assert scheduler.plan(history, 4, none_left) == [TrainingRequest(1, 1, 9, 99)]
    history.update(dataclasses.replace(history[1], status=RUNNING, goal=9, resumable=False))
    assert scheduler.plan(history, 4, none_left) == []


def test_rungs_follow_one_another():
    scheduler = Hyperband(9)
    assert scheduler.plan(TrialHistory(), 20, Supply()) == [
        *[TrainingRequest(None, 0, 1, 0, resumable=True)] * 9,
        *[TrainingRequest(None, 0, 3, 1, resumable=True)] * 5,
        *[TrainingRequest(None, 0, 9, 2)] * 3,
    ]
    history = TrialHistory(paused(n, 1.0 - n / 10, 1) for n in range(9))
    assert scheduler.plan(history, 4, Supply()) == [
        TrainingRequest(8, 1, 3, 0, resumable=True),
        TrainingRequest(7, 1, 3, 0, resumable=True),
        TrainingRequest(6, 1, 3, 0, resumable=True),
        TrainingRequest(None, 0, 3, 1, resumable=True),
    ]
    for number in (6, 7, 8):
        history.update(paused(number, 1.0 - number / 10, 3))
    assert scheduler.plan(history, 1, Supply()) == [TrainingRequest(8, 3, 9, 0)]


def test_trials_of_no_bracket_are_let_be():
    scheduler = Hyperband(9)
    history = TrialHistory([paused(0, 0.5, 1, bracket=None), paused(1, 0.4, 1)])
    assert scheduler.plan(history, 1, Supply()) == [TrainingRequest(None, 0, 1, 0, resumable=True)]
    assert scheduler.finished(history, Supply()) == [0]
    assert scheduler.judge(history, 0, [1.0] * 5) is Decision.CONTINUE


def test_a_factor_between_two_whole_numbers():
    scheduler = Hyperband(16, factor=2.5)
    # 16, 6.4, 2.56 and 1.024 epochs; 4 * 2.5**3 / 4, 4 * 2.5**2 / 3, ... trials, rounded up.
    assert scheduler.brackets[0] == [(16, 1), (6, 3), (2, 6), (1, 16)]
    assert [sizes[0][0] for sizes in scheduler.brackets] == [16, 9, 5, 4]
    assert scheduler.settings()["factor"] == 2.5
    assert Hyperband(27, factor=3.0).settings() == Hyperband(27, factor=3).settings()
    assert Hyperband(27, factor=3.0).brackets == Hyperband(27).brackets


@pytest.mark.parametrize("factor", ["3", True, float("nan"), float("inf"), None])
def test_factors_that_are_no_numbers(factor):
    with pytest.raises(TypeError, match="`factor` must be a number, 2 or more"):
        Hyperband(27, factor=factor)
