"""CMA-ES: where the distribution goes, what it is told, and that nothing but the history counts."""

import copy
import dataclasses
import functools
import math
import sys

import cloudpickle
import numpy as np
import pytest

from kerastune_lite._src.core.history import TrialHistory
from kerastune_lite._src.core.trial import Trial, TrialStatus
from kerastune_lite.hyperparameters import (
    Boolean,
    Choice,
    Condition,
    Fixed,
    Float,
    Int,
    Parameter,
    Space,
)
from kerastune_lite.oracles import CMAESOracle, RandomOracle
from tests.algorithms.oracles.conformance import (
    FLAT,
    OracleConformance,
    ended,
    far_from_the_front,
    run,
)

CUBE = Space([Parameter(f"x{i}", Float(0.0, 1.0)) for i in range(4)])
MIXED = Space(
    [
        Parameter("kind", Choice(("a", "b", "c", "d"))),
        Parameter("flag", Boolean()),
        Parameter("units", Int(16, 512, step=16)),
        Parameter("depth", Int(1, 64, sampling="log")),
        Parameter("rate", Float(1e-5, 1.0, sampling="log")),
    ]
)


class TestCMAESOracle(OracleConformance):
    @pytest.fixture
    def oracle(self):
        return CMAESOracle(population_size=4)


def searched(oracle, space, function, count, seed=0, history=None):
    history = TrialHistory() if history is None else history
    for number in range(len(history), count):
        (values,) = oracle.propose(space, history, 1, np.random.default_rng([seed, number]))
        loss = function(values)
        failed = Trial(number, values, space, TrialStatus.FAILED)
        history.add(ended(number, values, space, loss) if math.isfinite(loss) else failed)
    return history


def bowl(values):
    """Narrow in one direction, with its bottom away from the middle."""
    x = np.array(list(values.values())) - [0.3, 0.4, 0.5, 0.8]
    return float(100 * (x[0] - x[1]) ** 2 + (x**2).sum())


def mixed(values):
    far = abs(math.log10(values["rate"]) + 2) + abs(values["units"] - 320) / 100
    far += abs(math.log2(values["depth"] / 12))
    return far + (values["kind"] != "c") + (not values["flag"])


def bests(oracle_of, space, function, count):
    runs = (searched(oracle_of(seed), space, function, count, seed) for seed in range(5))
    return np.array([history.best(1)[0].loss for history in runs])


# ---------------------------------------------------------------------- what it finds


def test_finds_the_bottom_of_a_narrow_bowl_where_random_search_does_not():
    ours = bests(lambda seed: CMAESOracle(seed=seed), CUBE, bowl, 250)
    drawn = bests(lambda seed: RandomOracle(), CUBE, bowl, 250)
    assert np.median(ours) < np.median(drawn) / 20
    assert ours.max() < drawn.min()


def test_finds_a_mixed_point():
    ours = bests(lambda seed: CMAESOracle(seed=seed), MIXED, mixed, 150)
    drawn = bests(lambda seed: RandomOracle(), MIXED, mixed, 150)
    assert np.median(ours) < np.median(drawn) / 3
    assert ours.max() < drawn.min()


def test_a_whole_number_is_never_stuck():
    """The best `n` is 2 until `x0` is near its optimum, and then 5."""
    space = Space([Parameter("n", Int(0, 9)), *CUBE[:2]])

    def loss(values):
        x0, x1, n = values["x0"], values["x1"], values["n"]
        return abs(x0 - 0.8) + (x1 - 0.7) ** 2 + 0.02 * abs(n - (5 if x0 > 0.75 else 2))

    for seed in range(4):
        history = searched(CMAESOracle(seed=seed), space, loss, 250, seed)
        assert history.best(1)[0].values["n"] == 5
        assert len({trial.values["n"] for trial in history[-60:]}) > 1


def test_trials_that_fail_are_avoided():
    def loss(values):
        return math.inf if values["x0"] > 0.4 else bowl(values)

    history = searched(CMAESOracle(seed=0), CUBE, loss, 96)
    failed = [trial.status is TrialStatus.FAILED for trial in history]
    assert sum(failed[:16]) >= 5
    assert sum(failed[-32:]) < 8


def test_failures_alone_do_not_move_the_distribution():
    history = searched(CMAESOracle(4, seed=0), CUBE, lambda values: math.inf, 60)
    spread = np.array([list(trial.values.values()) for trial in history[-40:]])
    assert abs(spread.mean() - 0.5) < 0.05
    assert 0.15 < spread.std() < 0.25


def test_a_search_that_has_converged_starts_again_somewhere_else():
    space = Space(CUBE[:2])
    history = searched(
        CMAESOracle(seed=1), space, lambda v: (v["x0"] - 0.3) ** 2 + (v["x1"] - 0.6) ** 2, 400
    )
    x = np.array([list(trial.values.values()) for trial in history])
    near = np.abs(x - [0.3, 0.6]).max(axis=1) < 0.01
    first = next(n for n in range(len(near)) if near[n : n + 6].all())
    assert not near[first:].all()


def test_a_value_without_order_is_drawn_as_the_best_have_it():
    history = searched(CMAESOracle(seed=0), MIXED, mixed, 100)
    late = [trial.values["kind"] for trial in history[-40:]]
    assert late.count("c") > 20
    assert len(set(late)) > 1


def test_names_alone_and_what_is_fixed():
    space = Space([Parameter("kind", Choice(("a", "b", "c"))), Parameter("n", Fixed(3))])
    history = run(CMAESOracle(), space, 10)
    assert sorted(trial.values["kind"] for trial in history) == ["a", "b", "c"]
    assert {trial.values["n"] for trial in history} == {3}


# ---------------------------------------------------------------------- history


def proposal(oracle, history, space=CUBE):
    return oracle.propose(space, history, 1, np.random.default_rng(5))


@pytest.mark.parametrize("space", [CUBE, MIXED, FLAT], ids=["cube", "mixed", "flat"])
def test_what_is_kept_in_memory_is_what_follows_from_the_history(space):
    kept = CMAESOracle(5, seed=3)
    history = TrialHistory()
    for number in range(40):
        rng = [np.random.default_rng([1, number]) for _ in range(2)]
        (point,) = kept.propose(space, history, 1, rng[0])
        # A store gives trials that are equal, not identical, all with the same space.
        read = TrialHistory(dataclasses.replace(trial) for trial in history)
        assert CMAESOracle(5, seed=3).propose(space, read, 1, rng[1]) == [point]
        loss = math.inf if number % 7 == 3 else sum(map(len, map(repr, point.values()))) + number
        failed = Trial(number, point, space, TrialStatus.FAILED)
        history.add(ended(number, point, space, loss) if math.isfinite(loss) else failed)


def test_a_score_that_has_changed_since_counts():
    """A paused trial is resumed and becomes better."""
    oracle = CMAESOracle(6, seed=3)
    history = searched(oracle, CUBE, bowl, 20)
    before = proposal(oracle, history)
    trials = list(history)
    trials[2] = dataclasses.replace(trials[2], loss=-1.0, score=-1.0)
    changed = TrialHistory(trials)
    after = proposal(oracle, changed)
    assert after != before
    assert after == proposal(CMAESOracle(6, seed=3), changed)
    assert before == proposal(oracle, history)


def test_only_the_order_of_losses_counts():
    def points(change):
        history = searched(CMAESOracle(seed=2), CUBE, lambda values: change(bowl(values)), 40)
        return [dict(trial.values) for trial in history]

    assert points(lambda loss: loss) == points(lambda loss: 3.0 * loss**3 - 1.0)


def test_a_loss_that_is_none_is_the_worst():
    history = searched(CMAESOracle(6, seed=3), CUBE, bowl, 12)
    trials = list(history)
    for odd in (math.nan, None):
        trials[7] = dataclasses.replace(trials[7], loss=odd, score=odd)
        failed = [*trials]
        failed[7] = Trial(7, trials[7].values, CUBE, TrialStatus.FAILED)
        points = [proposal(CMAESOracle(6, seed=3), TrialHistory(each)) for each in (trials, failed)]
        assert points[0] == points[1]


def test_trials_that_violate_a_constraint_are_behind_all_others():
    history = TrialHistory()
    for number in range(120):
        rng = np.random.default_rng(number)
        (values,) = CMAESOracle(seed=2).propose(CUBE, history, 1, rng)
        trial = ended(number, values, CUBE, bowl(values))
        history.add(dataclasses.replace(trial, excesses=(0.6 - values["x0"],)))
    x0 = np.array([trial.values["x0"] for trial in history])
    assert (x0[-40:] >= 0.6).mean() > 0.5
    assert abs(x0[-40:].mean() - 0.6) < 0.15


def test_with_several_objectives_it_goes_to_their_front():
    far = functools.partial(far_from_the_front, space=CUBE, trials=120, latest=40)
    assert far(CMAESOracle(seed=2)) < far(RandomOracle()) / 2


def test_a_trial_that_runs_holds_back_its_generation_but_not_the_search():
    history = searched(CMAESOracle(6, seed=3), CUBE, bowl, 12)
    trials = list(history)
    trials[8] = Trial(8, trials[8].values, CUBE)
    waiting = TrialHistory(trials)
    (point,) = proposal(CMAESOracle(6, seed=3), waiting)
    assert [point] != proposal(CMAESOracle(6, seed=3), history)
    trials[9] = ended(9, trials[9].values, CUBE, -9.0)
    assert [point] == proposal(CMAESOracle(6, seed=3), TrialHistory(trials)), "not told yet"
    waiting.add(Trial(12, point, CUBE))
    assert proposal(CMAESOracle(6, seed=3), waiting) != [point]


@pytest.mark.parametrize("workers", [3, 8])
def test_with_workers_it_still_finds_the_bottom(workers):
    """Trials end in another order than they started, some long after those around them."""

    def best(oracle, seed):
        rng, history = np.random.default_rng(seed), TrialHistory()
        while len(history) < 200:
            (values,) = oracle.propose(
                CUBE, history, 1, np.random.default_rng([seed, len(history)])
            )
            history.add(Trial(len(history), values, CUBE))
            while len(history.running) >= workers:
                running = history.running
                slow = [trial.number % 10 == 0 for trial in running]
                weights = np.where(slow, 0.1, 1.0)
                trial = running[int(rng.choice(len(running), p=weights / weights.sum()))]
                history.update(ended(trial.number, trial.values, CUBE, bowl(trial.values)))
        return history.best(1)[0].loss

    ours = [best(CMAESOracle(seed=seed), seed) for seed in range(4)]
    drawn = [best(RandomOracle(), seed) for seed in range(4)]
    assert np.median(ours) < np.median(drawn) / 1.5


def test_the_best_of_the_points_that_were_enqueued_first_is_the_first_mean():
    points = [{f"x{i}": x for i in range(4)} for x in (0.1, 0.8, 0.4)]
    history = TrialHistory(
        dataclasses.replace(ended(n, point, CUBE, loss), origin="enqueued")
        for n, (point, loss) in enumerate(zip(points, (3.0, 1.0, 2.0)))
    )
    history.add(ended(3, CUBE.defaults(), CUBE))
    history.add(ended(4, {f"x{i}": 0.3 for i in range(4)}, CUBE, -1.0))
    rng = np.random.default_rng(0)
    drawn = CMAESOracle(100, sigma=0.05).propose(CUBE, history, 90, rng)
    means = np.array([list(point.values()) for point in drawn]).mean(axis=0)
    assert np.abs(means - 0.8).max() < 0.02


def test_a_point_far_away_that_is_the_best_disturbs_nothing():
    """The distribution is small by then; a step to this point would be many times its size."""
    near = searched(CMAESOracle(8, seed=4), CUBE, bowl, 120)
    point = {"x0": 0.99, "x1": 0.01, "x2": 0.01, "x3": 0.01}
    near.add(dataclasses.replace(ended(120, point, CUBE, -1.0), origin="enqueued"))
    before = np.array([list(trial.values.values()) for trial in near[80:120]])
    found = searched(CMAESOracle(8, seed=4), CUBE, bowl, 180, history=near)
    after = np.array([list(trial.values.values()) for trial in found[140:]])
    assert after.std(axis=0).mean() < 2.5 * before.std(axis=0).mean()


def test_a_growing_space_keeps_what_was_learned():
    shared = {name: CUBE.named(name)[0] for name in ("x0", "x1", "x2")}
    small = Space(shared.values())

    def loss(values):
        return sum((values[name] - 0.9) ** 2 for name in shared)

    history = searched(CMAESOracle(6, seed=4), small, loss, 60)
    grown = small.merged([Parameter("new", Float(0.0, 1.0))])
    (point,) = CMAESOracle(6, seed=4).propose(grown, history, 1, np.random.default_rng(0))
    assert max(abs(point[name] - 0.9) for name in shared) < 0.25
    found = searched(
        CMAESOracle(6, seed=4), grown, lambda v: loss(v) + (v["new"] - 0.2) ** 2, 160, 0, history
    )
    assert found.best(1)[0].values["new"] == pytest.approx(0.2, abs=0.1)


def test_what_is_inactive_is_not_moved():
    space = Space(
        [
            Parameter("on", Boolean()),
            Parameter("x", Float(0.0, 1.0)),
            Parameter("rate", Float(0.0, 1.0), (Condition("on", (True,)),)),
        ]
    )

    def loss(values):
        return (values["x"] - 0.5) ** 2 + (values["rate"] - 0.7) ** 2 if values["on"] else 1.0

    history = searched(CMAESOracle(6, seed=4), space, loss, 80)
    assert history.best(1)[0].values["rate"] == pytest.approx(0.7, abs=0.1)


def test_values_that_the_space_does_not_hold_any_more():
    history = TrialHistory(ended(n, {"n": 90, "old": 1}, Space()) for n in range(6))
    space = Space([Parameter("n", Int(1, 10)), Parameter("m", Int(1, 10))])
    point = proposal(CMAESOracle(4), history, space)[0]
    assert space.complete(point) == point


# ---------------------------------------------------------------------- as it is used


def test_a_batch_is_as_good_as_one_by_one_where_none_has_ended():
    history = searched(CMAESOracle(6, seed=1), CUBE, bowl, 10)
    batch = CMAESOracle(6, seed=1).propose(CUBE, history, 5, np.random.default_rng(3))
    singles = TrialHistory(history)
    for point in batch:
        assert proposal(CMAESOracle(6, seed=1), singles) == [point]
        singles.add(Trial(len(singles), point, CUBE))


def test_it_travels_without_what_it_keeps_in_memory():
    oracle = CMAESOracle(seed=3)
    history = searched(oracle, CUBE, bowl, 30)
    for other in (copy.deepcopy(oracle), cloudpickle.loads(cloudpickle.dumps(oracle))):
        assert proposal(other, history) == proposal(oracle, history)
    assert len(cloudpickle.dumps(oracle)) < 500


@pytest.mark.parametrize(
    "settings",
    [
        {"population_size": 3},
        {"population_size": 8.0},
        {"population_size": True},
        {"sigma": 0.0},
        {"sigma": 1.5},
        {"sigma": math.nan},
        {"sigma": "wide"},
        {"seed": -1},
    ],
)
def test_refuses_settings_that_cannot_be(settings):
    (name,) = settings
    with pytest.raises(ValueError, match=rf"`{name}` must be .* Received: "):
        CMAESOracle(**settings)


def test_settings_tell_it_from_others():
    assert CMAESOracle(np.int64(9), np.float32(0.5), 4).settings() == {
        "type": "CMAESOracle",
        "population_size": 9,
        "sigma": 0.5,
        "seed": 4,
    }


def test_the_searchs_seed_is_taken_where_none_was_given():
    def second(oracle):
        return run(oracle, CUBE, 2)[1].values

    assert second(CMAESOracle().seeded(4)) == second(CMAESOracle(seed=4))
    assert second(CMAESOracle(seed=1).seeded(4)) == second(CMAESOracle(seed=1))
    assert CMAESOracle().seeded(4).settings() == CMAESOracle().settings()


def test_without_the_package_the_line_that_installs_it(monkeypatch):
    monkeypatch.setitem(sys.modules, "cmaes", None)
    with pytest.raises(ImportError, match=r'pip install "kerastune_lite\[cmaes\]"'):
        CMAESOracle()
