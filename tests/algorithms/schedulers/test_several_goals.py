"""Schedulers that judge by several objectives, and by constraints."""

import math

import numpy as np
import pytest

from kerastune_lite._src.core.marks import Marks
from kerastune_lite._src.core.pareto import hypervolume
from kerastune_lite._src.core.trial import TrialStatus
from kerastune_lite.schedulers import ASHA, Decision, FullTraining, Hyperband, MedianStopping
from tests.algorithms.schedulers.simulation import Simulation, curves_of

SCHEDULERS = {
    "ASHA": lambda: ASHA(27),
    "ASHA that stops": lambda: ASHA(27, stop=True),
    "Hyperband": lambda: Hyperband(27, hyperband_iterations=2),
    "median": lambda: MedianStopping(27),
    "median that pauses": lambda: MedianStopping(27, stop=False),
}
each_scheduler = pytest.mark.parametrize("scheduler", SCHEDULERS.values(), ids=SCHEDULERS)


def size_of(number):
    """Of a network, between 0 and 1."""
    return float(np.random.default_rng([7, number]).uniform())


def by_size(number, loss):
    return Marks((loss, size_of(number)))


def odd(number):
    return number % 5 == 0 or number % 7 == 3


def simulated(scheduler, goals, **others):
    return Simulation(
        scheduler,
        curves_of(1, 27),
        workers=3,
        points=60,
        fails=lambda number, end: (number + end) % 9 == 0,
        stops=lambda number: 5 if odd(number) else None,
        goals=goals,
        **others,
    ).run()


@each_scheduler
@pytest.mark.parametrize(
    "goals",
    [
        lambda number, loss: Marks((loss,), (-1.0,)),
        lambda number, loss: Marks((loss,), (math.nan,)),
        lambda number, loss: Marks((loss,)),
    ],
    ids=["a constraint that all satisfy", "one that is not known yet", "one objective"],
)
def test_one_objective_alone_decides_as_without_a_list(scheduler, goals):
    alone, listed = simulated(scheduler(), None), simulated(scheduler(), goals, early=(True,))
    assert alone.plans == listed.plans
    assert alone.decisions == listed.decisions


@pytest.mark.parametrize("name", ["ASHA", "ASHA that stops", "Hyperband"])
def test_an_objective_that_always_agrees_with_the_first_changes_nothing(name):
    alone = simulated(SCHEDULERS[name](), None)
    twice = simulated(SCHEDULERS[name](), lambda number, loss: Marks((loss, 2.0 * loss)))
    assert alone.plans == twice.plans
    assert alone.decisions == twice.decisions


@each_scheduler
@pytest.mark.parametrize("early", [(True, True), (True, False)])
def test_what_it_says_follows_from_the_history_alone(scheduler, early):
    goals = lambda number, loss: Marks(  # noqa: E731
        (loss, size_of(number)), (size_of(number) - 0.9,)
    )
    simulated(scheduler(), goals, early=early, kills=0.03).check_replay()


@pytest.mark.parametrize("seed", range(3))
def test_with_hyperband_who_continues_does_not_depend_on_the_order_in_which_trials_end(seed):
    def entered(workers, seed):
        simulation = Simulation(Hyperband(27), curves_of(4, 27), workers, seed, goals=by_size).run()
        return {rung: sorted(numbers) for rung, numbers in simulation.entered.items()}

    # In a bracket: which points are whose does depend on when the next bracket begins.
    first = {rung: who for rung, who in entered(1, 0).items() if rung[0] == 0}
    assert first.items() <= entered(5, seed).items()


def test_small_networks_stay_in_the_race():
    """The best losses are those of large networks; each rung continues some of all sizes."""

    def goals(number, loss):
        return Marks((1.0 - size_of(number) + 0.01 * loss, size_of(number)))

    simulation = Simulation(ASHA(27), curves_of(2, 27), points=60, goals=goals)
    # The curve that guides is that of the first objective.
    simulation.curves = lambda number: [goals(number, loss).losses[0] for loss in CURVES(number)]
    simulation.run()
    last = [size_of(number) for number in simulation.entered[None, 27]]
    assert min(last) < 0.2
    assert max(last) > 0.8


CURVES = curves_of(2, 27)


@each_scheduler
def test_trials_that_are_known_to_violate_a_constraint_come_last(scheduler):
    """A third of the trials is not allowed, and these have the better losses."""

    def violated(number):
        return number % 3 == 0

    def curve(number):
        return [loss - 5.0 * violated(number) for loss in curves_of(3, 27)(number)]

    def goals(number, loss):
        return Marks((loss, size_of(number)), (1.0 if violated(number) else -1.0,))

    simulation = Simulation(scheduler(), curve, 1, points=60, goals=goals).run()
    simulated = simulation.history
    allowed, others = (
        np.mean([trial.epochs for trial in simulated if violated(trial.number) == which])
        for which in (False, True)
    )
    assert allowed > 1.3 * others


def test_the_median_rule_stops_who_is_behind_the_front_of_the_median():
    goals = {n: (float(n % 3), float(2 - n % 3)) for n in range(6)}  # no one dominates another
    goals |= {6: (1.5, 1.5), 7: (0.5, 0.5)}

    def marks(number, loss):
        return Marks((loss, goals[number][1]))

    simulation = Simulation(
        MedianStopping(9), lambda n: [goals[n][0]] * 9, points=8, goals=marks
    ).run()
    stopped = [trial.number for trial in simulation.history if trial.epochs < 9]
    assert stopped == [6]
    assert simulation.history[6].epochs == 3, "at the end of the warmup"


def test_in_mid_training_objectives_count_that_are_known_then():
    simulation = simulated(ASHA(27, stop=True), by_size, early=(True, False))
    alone = simulated(ASHA(27, stop=True), None)
    judged = [decision is Decision.STOP for *_, decision in simulation.decisions]
    assert judged == [decision is Decision.STOP for *_, decision in alone.decisions]
    early = simulated(ASHA(27, stop=True), by_size)
    assert early.decisions != alone.decisions


# ---------------------------------------------------------------------- how good it is


def found(scheduler, seed, several, epochs=400):
    """The hypervolume of loss and size when so many epochs are trained.

    Large networks have the smaller losses in the end, and all learn equally fast.
    """

    def point(number):
        rng = np.random.default_rng([seed, number])
        return rng.uniform(), rng.exponential(0.25), rng.standard_normal(27)

    def curve(number):
        size, bad, noise = point(number)
        end = 0.1 + 0.6 * (1.0 - size) ** 2 + bad
        return (end + np.arange(1, 28) ** -0.8 + 0.01 * noise).tolist()

    def goals(number, loss):
        return Marks((loss, point(number)[0]))

    simulation = Simulation(scheduler, curve, 1, seed, goals=goals if several else None)
    simulation.run(epochs)
    curves = {t.number: simulation.history.curve(t.number) for t in simulation.history}
    results = [(min(losses), point(n)[0]) for n, losses in curves.items() if losses]
    return hypervolume(results, (1.2, 1.0))


def test_finds_better_fronts_than_random_search_and_than_one_objective_as_a_guide():
    several = [found(ASHA(27), seed, True) for seed in range(5)]
    assert are_larger(several, [found(FullTraining(), seed, False) for seed in range(5)])
    assert are_larger(several, [found(ASHA(27), seed, False) for seed in range(5)])


def test_hyperband_finds_better_fronts_than_with_one_objective_as_a_guide():
    def hyperband(several):
        scheduler = Hyperband(27, hyperband_iterations=20)
        return [found(scheduler, seed, several, 300) for seed in range(12)]

    assert are_larger(hyperband(True), hyperband(False))


def are_larger(these, others):
    """By more than two standard errors."""
    gains = np.subtract(these, others)
    return gains.mean() > 2.0 * gains.std(ddof=1) / math.sqrt(len(gains))


def test_all_trials_end():
    for scheduler in SCHEDULERS.values():
        simulation = simulated(scheduler(), by_size)
        assert not simulation.with_status(TrialStatus.RUNNING)
