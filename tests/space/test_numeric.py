"""Integers and reals: ends, steps, scales, and the arguments they refuse."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import kerastune_lite as kt
from kerastune_lite._src.space.numeric import MAX_MEMBERS
from kerastune_lite.hyperparameters import Choice, Domain, Fixed, Float, Int

SCALES = ["linear", "log", "reverse_log"]


@pytest.mark.parametrize("domain", [Float(0.5, 8), Int(1, 50), Float(0.5, 8, 0.5), Int(1, 64, 3)])
@pytest.mark.parametrize("sampling", SCALES)
@settings(max_examples=30, deadline=None)
@given(data=st.data())
def test_to_unit_is_monotone(domain, sampling, data):
    step = 2 if domain.step is not None and sampling != "linear" else domain.step
    if isinstance(domain, Int) and sampling != "linear":
        step = data.draw(st.sampled_from([None, 2]))
    domain = type(domain)(domain.min_value, domain.max_value, step, sampling)
    units = sorted(data.draw(st.lists(st.floats(0, 1), min_size=2, max_size=9)))
    values = [domain.from_unit(unit) for unit in units]
    assert values == sorted(values)
    back = [domain.to_unit(value) for value in values]
    assert back == sorted(back)


def test_a_float_step_reaches_the_maximum_in_exact_decimals():
    assert Float(0, 1, step=0.1).grid() == [
        0.0, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 1.0,
    ]  # fmt: skip
    assert Float(0, 1, step=0.1).from_unit(1.0) == 1.0
    assert Float(1e-5, 1e-1, 10, "log").grid() == [1e-5, 1e-4, 1e-3, 1e-2, 1e-1]
    assert Float(3e-4, 0.3, 10, "log").grid() == [3e-4, 3e-3, 3e-2, 0.3]


@pytest.mark.parametrize("parts", [3, 6, 7, 49])
def test_a_step_computed_in_binary_reaches_the_maximum(parts):
    grid = Float(0, 1, step=1 / parts).grid()
    assert len(grid) == parts + 1
    assert grid[-1] == 1.0


@pytest.mark.parametrize(
    ("domain", "members"),
    [
        (Int(1, 5), [1, 2, 3, 4, 5]),
        (Int(6, 13, 3), [6, 9, 12]),
        (Int(-4, 4, 4), [-4, 0, 4]),
        (Int(2, 32, 2, "log"), [2, 4, 8, 16, 32]),
        (Int(2, 31, 2, "log"), [2, 4, 8, 16]),
        (Int(3, 3), [3]),
        (Int(1, 8, 2, "reverse_log"), [1, 5, 7, 8]),
        (Int(1, 10, 2, "reverse_log"), [3, 7, 9, 10]),
        (Int(1, 4, sampling="log"), [1, 2, 3, 4]),
        (Float(0, 1, 0.3), [0.0, 0.3, 0.6, 0.9]),
        (Float(0.001, 10, 10, "log"), [0.001, 0.01, 0.1, 1.0, 10.0]),
        (Float(1, 8, 2, "reverse_log"), [1.0, 5.0, 7.0, 8.0]),
        (Float(2, 2), [2.0]),
        (Float(2, 2, sampling="log"), [2.0]),
        (Float(2, 2, 0.5), [2.0]),
    ],
    ids=str,
)
def test_members_by_hand(domain, members):
    assert domain.members() == members
    assert domain.cardinality == len(members)
    assert domain.default == members[0]


@pytest.mark.parametrize("sampling", SCALES)
@pytest.mark.parametrize("kind", [Int, Float])
def test_both_ends_are_included(kind, sampling):
    domain = kind(2, 500, sampling=sampling)
    assert domain.from_unit(0.0) == 2
    assert domain.from_unit(1.0) == 500
    assert {type(domain.from_unit(u)) for u in (0.0, 0.3, 1.0)} == {int if kind is Int else float}


def test_scales_put_the_middle_where_they_say():
    assert Float(1, 100).from_unit(0.5) == pytest.approx(50.5)
    assert Float(1, 100, sampling="log").from_unit(0.5) == pytest.approx(10)
    assert Float(1, 100, sampling="reverse_log").from_unit(0.5) == pytest.approx(91)


def test_reverse_log_survives_a_minimum_that_the_maximum_swallows():
    domain = Float(1e-20, 1, sampling="reverse_log")
    assert domain.to_unit(1.0) == 1.0
    assert domain.to_unit(1e-20) == 0.0
    assert domain.from_unit(1.0) == 1.0


def test_the_default_may_be_given_and_must_be_a_member():
    assert Int(1, 9, default=4).default == 4
    assert Float(0, 1, 0.1, default=0.1 * 3).default == 0.3
    # The maximum is the sure rung of this ladder: 1 is not on it.
    assert Int(1, 10, 2, "reverse_log").default == 3


def test_a_value_that_was_computed_means_the_rung_it_misses_by_a_hair():
    domain = Float(0, 0.3, 0.1)
    assert domain.coerce(0.1 * 3) == 0.3
    assert domain.coerce(1e-17) == 0.0
    assert not domain.contains(0.31)
    assert not domain.contains(0.15)
    assert not Float(1e-13, 1e-12, 1e-13).contains(1.5e-13)
    assert not Float(1e-6, 1, 10, "log").contains(2e-6)
    assert not Float(1e-6, 1, 10, "log").contains(-1)


def test_numbers_of_other_types_are_coerced():
    assert type(Int(1, 9).coerce(3.0)) is int
    assert type(Int(1, 9).coerce(np.float32(3))) is int
    assert type(Int(np.int64(1), np.int32(9)).max_value) is int
    assert type(Float(0, 1).coerce(1)) is float
    assert type(Float(0, np.float64(1)).max_value) is float
    assert not Int(1, 9).contains(2.5)
    assert not Int(1, 9).contains("3")
    assert not Float(0, 1).contains(float("nan"))
    assert not Float(0, 1).contains(None)


def test_the_scale_is_named_in_any_case():
    assert Int(1, 5, sampling="LINEAR") == Int(1, 5) == Int(1, 5, sampling=None)
    assert Float(1, 5, sampling="Log").sampling == "log"


def test_ranges_too_long_to_list_have_a_grid_all_the_same():
    seeds = Int(0, 2**62)
    assert seeds.cardinality is None
    assert seeds.members() is None
    assert len(seeds.grid()) == 10
    assert seeds.contains(2**62 - 1)
    assert seeds.contains(seeds.sample(np.random.default_rng(0)))
    assert Float(0, 1, step=1e-9).cardinality is None
    assert Float(0, 1, step=1e-9).grid()[-1] == 1.0
    assert Int(1, MAX_MEMBERS).cardinality == MAX_MEMBERS
    assert Int(1, 10**9, sampling="log").cardinality is None


def test_covers_needs_the_same_step_and_scale():
    assert Int(1, 9).covers(Int(2, 5))
    assert not Int(1, 9).covers(Int(2, 10))
    assert Int(0, 9, 3).covers(Int(3, 6, 3))
    assert not Int(0, 9, 3).covers(Int(1, 7, 3))
    assert not Int(0, 9, 3).covers(Int(0, 9))
    assert not Float(1, 2).covers(Float(1, 2, sampling="log"))
    assert not Float(0, 5).covers(Int(1, 2))
    assert not Float(0, 5).covers(Choice([1.0]))
    assert Float(0, 1).covers(Fixed(0.5))
    assert not Int(0, 1).covers(Fixed(True))


def test_descriptions_name_ends_step_and_scale():
    assert Int(1, 9).describe() == "Int 1..9"
    assert Int(32, 256, 32).describe() == "Int 32..256 step 32"
    assert Int(2, 64, 2, "log").describe() == "Int 2..64 x2 log"
    assert Float(1e-4, 0.1, sampling="log").describe() == "Float 0.0001..0.1 log"
    assert Float(0, 5, 1).describe() == "Float 0..5 step 1"


@pytest.mark.parametrize("kind", [Int, Float])
@pytest.mark.parametrize(
    ("arguments", "error", "words"),
    [
        ((5, 1), ValueError, "`min_value` must not be greater.*min_value=5.*max_value=1"),
        ((1, 5, 0), ValueError, "`step` must be greater than 0. Received: step=0"),
        ((1, 5, -1), ValueError, "`step` must be greater than 0. Received: step=-1"),
        ((1, 5, 1, "log"), ValueError, "greater than 1. Received: step=1"),
        ((1, 5, 1, "reverse_log"), ValueError, "greater than 1. Received: step=1"),
        ((0, 5, None, "log"), ValueError, "needs `min_value` > 0.*Received: min_value=0"),
        ((-1, 5, None, "reverse_log"), ValueError, "Received: min_value=-1"),
        ((1, 5, None, "cubic"), ValueError, "must be one of.*reverse_log.*Received: 'cubic'"),
        ((1, 5, None, 3), ValueError, "Received: 3"),
        (("1", 5), TypeError, "`min_value` must be a .*number. Received: '1'"),
        ((1, None), TypeError, "`max_value` must be a .*number. Received: None"),
        ((True, 5), TypeError, "`min_value` must be a .*number. Received: True"),
        ((1, float("inf")), TypeError, "`max_value` must be a .*number. Received: inf"),
        ((1, 5, "2"), TypeError, "`step` must be a .*number. Received: '2'"),
        (
            (1, 5, None, "linear", 9),
            ValueError,
            "`default` must be a value of the domain: 9.* is not in",
        ),
    ],
)
def test_errors_state_the_rule_and_what_was_received(kind, arguments, error, words):
    with pytest.raises(error, match=words):
        kind(*arguments)


@pytest.mark.parametrize("arguments", [(1.5, 5), (1, 5.5), (1, 5, 0.5)])
def test_integers_refuse_fractions(arguments):
    with pytest.raises(TypeError, match=r"must be a whole number. Received: .*5"):
        Int(*arguments)


@pytest.mark.parametrize(
    ("domain", "nearest"),
    [
        (Int(8, 64, 16, default=10), 8),
        (Int(8, 64, 16, default=63), 56),
        (Int(1, 100, 10, "log", 50), 100),
        (Float(0, 1, 0.25, default=0.3), 0.25),
        (Float(1, 100, 10, "reverse_log", 40), 1),
    ],
)
def test_a_default_may_lie_between_two_steps(domain, nearest):
    default = domain.default
    assert default != nearest
    assert domain.contains(default)
    assert domain.from_unit(domain.to_unit(default)) == nearest
    assert default not in domain.grid()
    assert not domain.contains(default + 0.5 if isinstance(domain, Float) else default + 1)
    assert Domain.from_json(domain.to_json()) == domain


def test_a_default_between_two_steps_is_tried_once(tmp_path):
    class Own(kt.RandomSearch):
        def run_trial(self, trial):
            return float(trial.hyperparameters.Int("u", 8, 40, step=16, default=10))

    tuner = Own(max_trials=20, seed=0, directory=tmp_path)
    tuner.enqueue({"u": 10})
    tuner.search(verbose=0)
    assert sorted(trial.values["u"] for trial in tuner.trials) == [8, 10, 24, 40]
    assert tuner.get_best_hyperparameters()[0].get("u") == 8
