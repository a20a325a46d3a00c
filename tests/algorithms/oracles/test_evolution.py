"""Evolution: who becomes a parent, what a child is made of, and what comes of it."""

import itertools
import math

import numpy as np
import pytest

from kerastune_lite._src.algorithms.oracles.evolution import mutated
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
from kerastune_lite.oracles import EvolutionaryOracle, RandomOracle, SobolOracle
from tests.algorithms.oracles.conformance import CONDITIONAL, FLAT, OracleConformance, ended, run

CUBE = Space([Parameter(f"x{i}", Float(0.0, 1.0)) for i in range(4)])
LETTERS = Space([Parameter(f"c{i}", Choice(tuple("abcdefgh"))) for i in range(4)])


class TestEvolutionaryOracle(OracleConformance):
    @pytest.fixture
    def oracle(self):
        return EvolutionaryOracle(population_size=5)


def history_of(*points, space=LETTERS, losses=None):
    losses = range(len(points)) if losses is None else losses
    return TrialHistory(ended(n, p, space, loss) for n, (p, loss) in enumerate(zip(points, losses)))


def letters(text):
    return {f"c{i}": letter for i, letter in enumerate(text)}


def children(history, space=LETTERS, count=200, **settings):
    """Independent first children of a history."""
    oracle = EvolutionaryOracle(**{"population_size": 2, **settings})
    rngs = (np.random.default_rng([7, n]) for n in range(count))
    return [oracle.propose(space, history, 1, rng)[0] for rng in rngs]


# ---------------------------------------------------------------------- what it finds


def searched(oracle, space, function, count, seed, history=None):
    history = TrialHistory() if history is None else history
    for number in range(len(history), count):
        (values,) = oracle.propose(space, history, 1, np.random.default_rng([seed, number]))
        loss = function(values)
        failed = Trial(number, values, space, TrialStatus.FAILED)
        history.add(ended(number, values, space, loss) if math.isfinite(loss) else failed)
    return history


def bowl(values):
    return sum((x - 0.3 - i / 10) ** 2 for i, x in enumerate(values.values()))


def test_finds_the_bottom_of_a_bowl_where_random_search_does_not():
    def bests(oracle_of):
        runs = (searched(oracle_of(seed), CUBE, bowl, 80, seed) for seed in range(5))
        return np.array([history.best(1)[0].loss for history in runs])

    ours, drawn = bests(lambda seed: EvolutionaryOracle()), bests(lambda seed: RandomOracle())
    assert np.median(ours) < np.median(drawn) / 5
    assert ours.max() < drawn.min()


def test_finds_a_mixed_point_that_is_one_in_twenty_thousand():
    space = Space(
        [
            Parameter("kind", Choice(("a", "b", "c", "d"))),
            Parameter("flag", Boolean()),
            Parameter("units", Int(16, 512, step=16)),
            Parameter("rate", Float(1e-5, 1.0, sampling="log")),
        ]
    )

    def loss(values):
        far = abs(math.log10(values["rate"]) + 2) + abs(values["units"] - 320) / 100
        return far + (values["kind"] != "c") + (not values["flag"])

    def found(oracle, seed):
        return searched(oracle, space, loss, 120, seed).best(1)[0].loss

    assert max(found(EvolutionaryOracle(), seed) for seed in range(4)) < 0.3
    assert min(found(RandomOracle(), seed) for seed in range(4)) > 0.3


def test_trials_that_fail_are_avoided():
    def loss(values):
        return math.inf if values["x0"] > 0.4 else bowl(values)

    history = searched(EvolutionaryOracle(), CUBE, loss, 80, 0)
    failed = [trial.status is TrialStatus.FAILED for trial in history]
    assert sum(failed[:16]) > 6
    assert sum(failed[-32:]) < 10


def test_failures_alone_are_no_reason_to_fail():
    history = searched(EvolutionaryOracle(), FLAT, lambda values: math.inf, 30, 0)
    assert history.failed == 30


# ---------------------------------------------------------------------- survival


def test_begins_with_the_start_and_points_of_a_sequence():
    first = run(EvolutionaryOracle(8, seed=3), FLAT, 8)
    assert first[0].values == FLAT.start()
    spread = run(SobolOracle(seed=3), FLAT, 8)
    assert [t.values for t in first[1:]] == [t.values for t in spread[1:]]


def test_a_good_trial_stays_a_parent_and_a_bad_one_never_is():
    """Two good ones at the beginning, then fifty of all other letters."""
    others = ["".join(text) for text in itertools.product("defgh", repeat=4)][:50]
    history = history_of(*map(letters, ["aaaa", "bbbb", *others]))
    for child in children(history, mutation_prob=0.0):
        assert sum(letter in "ab" for letter in child.values()) >= 3


def test_trials_that_failed_or_run_are_no_parents():
    history = history_of(letters("aaaa"), letters("bbbb"), losses=[1.0, 2.0])
    history.add(Trial(2, letters("cccc"), LETTERS, TrialStatus.FAILED))
    history.add(Trial(3, letters("dddd"), LETTERS, TrialStatus.RUNNING))
    for child in children(history, mutation_prob=0.0):
        assert sum(letter in "ab" for letter in child.values()) >= 3


def test_the_better_are_parents_more_often():
    texts = ["aaaa", "bbbb", "cccc", "dddd"]
    found = children(history_of(*map(letters, texts)), population_size=4, tournament_size=3)
    counts = [sum(list(c.values()).count(x) for c in found) for x in "abcd"]
    assert counts[0] > counts[1] > counts[2] > counts[3] + 20


def test_only_the_order_of_losses_counts():
    def points(change):
        history = TrialHistory()
        for number in range(30):
            rng = np.random.default_rng(number)
            (values,) = EvolutionaryOracle(8).propose(CUBE, history, 1, rng)
            history.add(ended(number, values, CUBE, change(bowl(values))))
        return [dict(trial.values) for trial in history]

    assert points(lambda loss: loss) == points(lambda loss: 3.0 * math.exp(loss))


def test_losses_that_are_odd():
    history = history_of(*map(letters, ["aaaa", "bbbb", "cccc"]), losses=[math.nan, 1.0, 2.0])
    for child in children(history, mutation_prob=0.0):
        assert sum(letter in "bc" for letter in child.values()) >= 3


# ---------------------------------------------------------------------- mating


def test_a_child_is_of_both_its_parents():
    found = children(history_of(letters("aaaa"), letters("bbbb")), mutation_prob=0.0)
    both = [child for child in found if {"a", "b"} <= set(child.values())]
    assert len(both) > 0.7 * len(found)


def test_numbers_lie_between_those_of_the_parents_or_little_beyond():
    space = Space(
        [Parameter(f"n{i}", Float(1e-4, 1.0, sampling="log")) for i in range(9)]
        + [Parameter("c", Int(1, 100))]
    )
    low, high = ({**{f"n{i}": rate for i in range(9)}, "c": 3} for rate in (1e-3, 1e-2))
    found = children(history_of(low, high, space=space), space, mutation_prob=0.0)
    rates = np.log10([child[f"n{i}"] for child in found for i in range(9)])
    beyond = (rates < -3.25) | (rates > -1.75)
    assert beyond.mean() < 0.1, "one in ten is mutated"
    inside = rates[~beyond]
    assert abs(inside.mean() + 2.5) < 0.05
    assert inside.min() < -3.1
    assert inside.max() > -1.9
    assert np.mean([child["c"] == 3 for child in found]) > 0.85, "what is equal is inherited"


def test_what_one_parent_was_not_asked_comes_from_the_other():
    space = Space(
        [
            Parameter("kind", Choice(("a", "b"))),
            Parameter("x", Float(0.0, 1.0)),
            Parameter("of_a", Float(0.0, 1.0), (Condition("kind", ("a",)),)),
            Parameter("of_b", Float(0.0, 1.0), (Condition("kind", ("b",)),)),
        ]
    )
    history = history_of(
        {"kind": "a", "x": 0.1, "of_a": 0.2}, {"kind": "b", "x": 0.9, "of_b": 0.8}, space=space
    )
    found = children(history, space, mutation_prob=0.0)
    assert all(space.complete(child) == child for child in found)
    for name, value in (("of_a", 0.2), ("of_b", 0.8)):
        asked = [child[name] == value for child in found if name in child]
        assert len(asked) > 60
        assert np.mean(asked) > 0.6, "all but those where it was mutated"


def test_the_last_point_of_a_space_is_found():
    history = run(EvolutionaryOracle(2), CONDITIONAL, 4)
    last = EvolutionaryOracle(2).propose(CONDITIONAL, history, 3, np.random.default_rng(0))
    assert len(last) == 1
    assert last[0] not in [trial.values for trial in history]


def test_what_is_new_in_the_space_is_drawn_and_then_inherited():
    grown = LETTERS.merged([Parameter("new", Float(0.0, 1.0))])
    history = history_of(letters("aaaa"), letters("bbbb"))
    drawn = np.array([child["new"] for child in children(history, grown, mutation_prob=0.0)])
    assert 0.2 < drawn.std() < 0.4
    assert set((drawn * 5).astype(int)) == set(range(5))
    for number, new in ((2, 0.30), (3, 0.32)):
        history.add(ended(number, {**letters("cccc"), "new": new}, grown, -1.0 - number))
    near = np.array([child["new"] for child in children(history, grown, mutation_prob=0.0)])
    assert (abs(near - 0.31) < 0.02).mean() > 0.6


def test_a_condition_that_a_child_is_the_first_to_meet():
    space = Space(
        [
            Parameter("on", Boolean()),
            Parameter("rate", Float(0.0, 1.0), (Condition("on", (True,)),)),
        ]
    )
    history = history_of({"on": False}, space=space)
    history.add(ended(1, {"on": False}, space))
    found = children(history, space)
    assert all(child["on"] for child in found)
    assert len({child["rate"] for child in found}) == len(found)


def test_values_that_the_space_does_not_hold_any_more():
    history = history_of({"n": 3, "old": 1}, {"n": 90, "old": 2}, space=Space())
    space = Space([Parameter("n", Int(1, 10)), Parameter("m", Int(1, 10))])
    for child in children(history, space):
        assert space.complete(child) == child


# ---------------------------------------------------------------------- mutation

DOMAINS = [
    Float(1e-5, 1.0, sampling="log"),
    Float(-1.0, 1.0, step=0.25),
    Float(0.5, 0.999, sampling="reverse_log"),
    Int(8, 512, sampling="log"),
    Int(0, 1),
    Int(32, 256, step=32),
    Int(0, 10**9),
    Choice((16, 32, 64)),
]


@pytest.mark.parametrize("domain", DOMAINS, ids=lambda domain: domain.describe())
def test_a_step_leads_to_a_neighbour_more_often_than_far_away(domain):
    rng = np.random.default_rng(0)
    steps = []
    for _ in range(300):
        value = domain.sample(rng)
        found = mutated(domain, value, rng)
        assert domain.contains(found)
        assert found != value
        steps.append(abs(domain.to_unit(found) - domain.to_unit(value)))
    smallest = 1.0 / domain.cardinality if domain.cardinality else 0.0
    assert np.median(steps) < max(0.15, 1.01 * smallest)
    assert np.max(steps) > min(0.3, 0.99 * (1 - smallest))


@pytest.mark.parametrize("domain", [Choice(("a", "b", "c")), Choice((8, 4, 6), ordered=False)])
def test_without_an_order_all_others_are_as_likely(domain):
    rng = np.random.default_rng(0)
    found = [mutated(domain, domain.values[1], rng) for _ in range(400)]
    assert domain.values[1] not in found
    assert 150 < found.count(domain.values[0]) < 250


def test_the_only_value_stays():
    rng = np.random.default_rng(0)
    for domain in (Fixed(3), Choice(("a",)), Int(4, 4), Float(0.5, 0.5)):
        assert mutated(domain, domain.default, rng) == domain.default
    assert mutated(Boolean(), True, rng) is False


def test_what_is_fixed_does_not_take_the_place_of_what_is_mutated():
    tuned = [LETTERS[0], Parameter("x", Float(0.0, 1.0))]
    space = Space([*tuned, *(Parameter(f"f{i}", Fixed(i)) for i in range(8))])
    points = [{**space.defaults(), "c0": "a", "x": x} for x in (0.4, 0.6)]
    found = children(history_of(*points, space=space), space, mutation_prob=0.0)
    assert 0.4 < np.mean([child["c0"] != "a" for child in found]) < 0.6


def test_how_much_is_mutated_can_be_said():
    def share(**settings):
        found = children(history_of(letters("aaaa"), letters("aaab")), **settings)
        return np.mean([letter not in "ab" for child in found for letter in child.values()])

    assert share(mutation_prob=0.0) < 0.3, "one of four is mutated, some into the other parent's"
    assert share() < share(mutation_prob=0.7) < share(mutation_prob=1.0)


# ---------------------------------------------------------------------- as it is used


def test_a_batch_of_children_is_as_good_as_one_by_one_where_none_has_ended():
    history = run(EvolutionaryOracle(6), CUBE, 10)
    batch = EvolutionaryOracle(6).propose(CUBE, history, 5, np.random.default_rng(3))
    assert len({tuple(point.values()) for point in batch}) == 5
    assert batch[0] == EvolutionaryOracle(6).propose(CUBE, history, 1, np.random.default_rng(3))[0]


@pytest.mark.parametrize(
    "settings",
    [
        {"population_size": 1},
        {"population_size": 8.0},
        {"population_size": True},
        {"tournament_size": 0},
        {"mutation_prob": 1.5},
        {"mutation_prob": math.nan},
        {"mutation_prob": "often"},
        {"seed": -1},
    ],
)
def test_refuses_settings_that_cannot_be(settings):
    (name,) = settings
    with pytest.raises(ValueError, match=rf"`{name}` must be .* Received: "):
        EvolutionaryOracle(**settings)


def test_settings_tell_it_from_others():
    assert EvolutionaryOracle(np.int64(9), 3, np.float32(0.5), 4).settings() == {
        "type": "EvolutionaryOracle",
        "population_size": 9,
        "tournament_size": 3,
        "mutation_prob": 0.5,
        "seed": 4,
    }


def test_the_searchs_seed_is_taken_where_none_was_given():
    def second(oracle):
        return run(oracle, CUBE, 2)[1].values

    assert second(EvolutionaryOracle().seeded(4)) == second(EvolutionaryOracle(seed=4))
    assert second(EvolutionaryOracle(seed=1).seeded(4)) == second(EvolutionaryOracle(seed=1))
    assert EvolutionaryOracle().seeded(4).settings() == EvolutionaryOracle().settings()
