"""Population based training: who ends, who has children, and that nobody's turn matters."""

import itertools
import math

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kerastune_lite._src.core.history import TrialHistory
from kerastune_lite._src.core.lineage import first_epoch
from kerastune_lite._src.core.trial import TrialStatus
from kerastune_lite.schedulers import PopulationBasedTraining, Supply, TrainingRequest
from tests.algorithms.schedulers.conformance import RungConformance, paused
from tests.algorithms.schedulers.simulation import Simulation, curves_of

RUNNING, PAUSED, COMPLETED, FAILED = TrialStatus


class TestPopulation(RungConformance):
    @pytest.fixture
    def scheduler(self):
        return PopulationBasedTraining(27, population_size=10, interval=1)


class TestPopulationOfTwo(RungConformance):
    @pytest.fixture
    def scheduler(self):
        return PopulationBasedTraining(27, population_size=2, interval=10, quantile=0.5)


# ---------------------------------------------------------------------- arguments


@pytest.mark.parametrize(
    ("arguments", "error", "message"),
    [
        ({"max_epochs": 1}, ValueError, "`max_epochs` must be 2 or more. Received: 1"),
        ({"population_size": 1}, ValueError, "`population_size` must be 2 or more"),
        ({"population_size": 2.5}, TypeError, "`population_size` must be a whole number"),
        ({"interval": 0}, ValueError, "`interval` must be 1 or more"),
        ({"max_epochs": 5, "interval": 5}, ValueError, "`interval` must be below `max_epochs`"),
        ({"quantile": 0}, ValueError, "`quantile` must be above 0 and at most 0.5"),
        ({"quantile": 0.6}, ValueError, "`quantile` must be above 0 and at most 0.5"),
        ({"quantile": "0.2"}, TypeError, "`quantile` must be a number"),
        ({"factors": 1.2}, TypeError, r"`factors` must be two numbers, such as \(0.8, 1.2\)"),
        ({"factors": (1.2, 0.8)}, ValueError, "between 0 and 1, and one above 1"),
        ({"resample_probability": 1.5}, ValueError, "must be from 0 to 1. Received: 1.5"),
        ({"hyperparameters": "rate"}, TypeError, "must be a list of names, or None"),
        ({"hyperparameters": []}, ValueError, "must hold at least one name"),
    ],
)
def test_refuses_nonsense(arguments, error, message):
    with pytest.raises(error, match=message):
        PopulationBasedTraining(**arguments)


def test_settings_tell_all():
    scheduler = PopulationBasedTraining(20, 6, 4, 0.25, (0.5, 2), 0.1, ["rate", "dropout"])
    assert scheduler.settings() == {
        "type": "PopulationBasedTraining",
        "max_epochs": 20,
        "population_size": 6,
        "interval": 4,
        "quantile": 0.25,
        "factors": "0.5, 2",
        "resample_probability": 0.1,
        "hyperparameters": "rate, dropout",
    }
    assert scheduler.changing(["rate"]).settings() == scheduler.settings()


def test_too_few_trials_for_children_are_refused():
    scheduler = PopulationBasedTraining(20, population_size=10, interval=5)
    scheduler.check_trials(None)
    scheduler.check_trials(11)
    with pytest.raises(ValueError, match=r"Received: max_trials=10 for a population of 10.*16 tr"):
        scheduler.check_trials(10)


# ---------------------------------------------------------------------- one generation


def at_the_end(*losses, epochs=2):
    """Members at the end of the first generation."""
    return TrialHistory(paused(n, loss, epochs, None) for n, loss in enumerate(losses))


def test_the_worst_are_replaced_by_children_of_the_best():
    scheduler = PopulationBasedTraining(5, population_size=5, interval=2, quantile=0.4)
    history = at_the_end(0.5, 0.1, 0.4, 0.2, 0.3)
    child = {"end_epoch": 4, "resumable": True}
    assert scheduler.plan(history, 9, Supply()) == [
        TrainingRequest(None, 2, parent=1, **child),
        TrainingRequest(None, 2, parent=3, **child),
        *(TrainingRequest(number, 2, **child) for number in (1, 3, 4)),
    ]
    assert scheduler.plan(history, 1, Supply()) == [TrainingRequest(None, 2, parent=1, **child)]
    assert scheduler.finished(history, Supply()) == [0, 2]


def test_without_further_trials_the_population_shrinks():
    scheduler = PopulationBasedTraining(5, population_size=5, interval=2, quantile=0.4)
    history = at_the_end(0.5, 0.1, 0.4, 0.2, 0.3)
    requests = scheduler.plan(history, 9, Supply(exhausted=True, left=1))
    assert [request.parent for request in requests] == [1, None, None, None]
    requests = scheduler.plan(history, 9, Supply(exhausted=True, left=0))
    assert [request.trial for request in requests] == [1, 3, 4]
    assert scheduler.finished(history, Supply(exhausted=True, left=0)) == [0, 2]


def test_children_may_have_points_that_were_tried():
    scheduler = PopulationBasedTraining(5, population_size=5, interval=2)
    requests = scheduler.plan(at_the_end(*range(5)), 1, Supply(exhausted=True, all_tried=True))
    assert requests[0].parent == 0


def test_the_latest_loss_counts():
    scheduler = PopulationBasedTraining(4, population_size=3, interval=2)
    history = at_the_end(0.1, 0.2, 0.3)
    for number, curve in enumerate([[0.1, 0.9], [0.2, math.nan], [0.4, 0.3]]):
        for epoch, loss in enumerate(curve):
            history.note(number, 0, epoch, loss)
    assert scheduler.finished(history, Supply()) == [0]
    assert scheduler.plan(history, 1, Supply())[0].parent == 1


def test_who_is_neither_best_nor_worst_does_not_wait():
    scheduler = PopulationBasedTraining(9, population_size=5, interval=2)
    new = TrainingRequest(None, 0, 2, resumable=True)
    assert scheduler.plan(at_the_end(0.1, 0.2), 9, Supply()) == [new] * 3
    # There are one that is worse, and one that is better.
    middle = TrainingRequest(1, 2, 4, resumable=True)
    assert scheduler.plan(at_the_end(0.1, 0.2, 0.3), 9, Supply()) == [new, new, middle]
    assert scheduler.finished(at_the_end(0.1, 0.2, 0.3), Supply()) == []


# ---------------------------------------------------------------------- whole searches


def generations_of(simulation):
    """For each generation the numbers of its members."""
    ends = simulation.scheduler._ends
    generations = []
    for start, end in zip([0, *ends], ends):
        generations.append(
            [t.number for t in simulation.history if first_epoch(t) <= start and t.goal >= end]
        )
    return generations


def check_selection(simulation, lost):
    """The worst of each generation end, and only the best have children."""
    ends = simulation.scheduler._ends
    for end, (before, after) in zip(ends, itertools.pairwise(generations_of(simulation))):
        ranked = sorted(before, key=lambda number: (simulation.curves(number)[end - 1], number))
        children = [simulation.history[number] for number in after if number not in before]
        assert set(before) - set(after) == set(ranked[-lost:])
        assert [child.parent.trial for child in children] == ranked[:lost]
        assert {child.parent.epoch for child in children} == {end}


@pytest.mark.parametrize("workers", [1, 2, 5])
def test_a_search_is_what_the_paper_says(workers):
    for seed in range(5):
        scheduler = PopulationBasedTraining(11, population_size=8, interval=3, quantile=0.25)
        simulation = Simulation(scheduler, curves_of(seed, 11), workers, seed).run()
        assert [len(members) for members in generations_of(simulation)] == [8] * 4
        check_selection(simulation, 2)
        assert simulation.trained == scheduler.total_epochs
        assert len(simulation.history) == scheduler.trials
        assert len(simulation.with_status(COMPLETED)) == scheduler.trials


def tree(simulation):
    return [(t.number, t.parent, t.goal, t.epochs, t.status) for t in simulation.history]


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 10**6), st.integers(1, 6), st.sampled_from([0.0, 0.05]))
def test_whoever_is_first_the_same_go_on(seed, workers, kills):
    scheduler = PopulationBasedTraining(7, population_size=6, interval=2)
    simulation = Simulation(scheduler, curves_of(3, 7), workers, seed, kills=kills).run()
    assert tree(simulation) == tree(Simulation(scheduler, curves_of(3, 7)).run())
    simulation.check_replay()


@settings(max_examples=40, deadline=None)
@given(
    st.integers(0, 10**6),
    st.integers(1, 4),
    st.sets(st.integers(0, 12), max_size=6),
    st.sets(st.integers(0, 12), max_size=3),
    st.dictionaries(st.integers(0, 12), st.integers(1, 9), max_size=5),
)
def test_failures_and_trials_that_end_by_themselves_are_replaced(seed, workers, early, late, stops):
    def made(workers, seed):
        return Simulation(
            PopulationBasedTraining(9, population_size=5, interval=3, quantile=0.4),
            curves_of(3, 9),
            workers,
            seed,
            fails=lambda number, end: number in (early if end == 3 else late),
            stops=lambda number: max(stops[number], 4) if number in stops else None,
        ).run()

    simulation = made(workers, seed)
    assert tree(simulation) == tree(made(1, 0))
    simulation.check_replay()
    first, *others = generations_of(simulation)
    assert len([n for n in first if simulation.history[n].status is not FAILED or n in late]) >= 5
    assert all(len(members) <= 5 for members in others)
    assert not simulation.history.paused


def test_nobody_goes_on_without_a_state():
    scheduler = PopulationBasedTraining(9, population_size=4, interval=3)
    simulation = Simulation(scheduler, curves_of(1, 9), stops=lambda number: 2).run()
    assert len(simulation.history) == 4
    assert {trial.status for trial in simulation.history} == {COMPLETED}
