"""The values of children: near those of their parents, in their domains, under their conditions."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from kerastune_lite._src.algorithms.schedulers.exploring import explored, perturbed
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
from kerastune_lite.oracles import Trial
from kerastune_lite.schedulers import PopulationBasedTraining


def rng(seed=0):
    return np.random.default_rng(seed)


@pytest.mark.parametrize(
    ("domain", "value", "down", "up"),
    [
        (Float(1e-4, 1.0, sampling="log"), 0.01, 0.008, 0.012),
        (Float(0.0, 0.5), 0.25, 0.2, 0.3),
        (Float(0.0, 0.5), 0.5, 0.4, 0.5),
        (Float(0.0, 0.5), 0.0, 0.0, 0.1),
        (Float(-1.0, 1.0), -0.5, -0.4, -0.6),
        (Float(0.0, 1.0, step=0.1), 0.5, 0.4, 0.6),
        (Float(0.0, 1.0, step=0.25), 0.25, 0.0, 0.5),
        (Int(16, 256), 100, 80, 120),
        (Int(1, 8), 2, 1, 3),
        (Int(1, 8), 8, 6, 8),
        (Int(8, 64, step=2, sampling="log"), 16, 8, 32),
        (Choice([16, 32, 64]), 32, 16, 64),
        (Choice([16, 32, 64]), 64, 32, 64),
        (Fixed(3), 3, 3, 3),
    ],
)
def test_numbers_are_multiplied_or_move_to_a_neighbour(domain, value, down, up):
    assert perturbed(domain, value, 0.8, rng()) == pytest.approx(down)
    assert perturbed(domain, value, 1.2, rng()) == pytest.approx(up)


def test_a_reversed_scale_is_that_of_the_mirror_image():
    domain = Float(0.001, 1.0, sampling="reverse_log")
    assert perturbed(domain, 0.9, 1.2, rng()) == pytest.approx(1.001 - 0.101 / 1.2)
    assert perturbed(domain, 0.9, 0.8, rng()) == pytest.approx(1.001 - 0.101 / 0.8)


def test_what_has_no_order_is_drawn():
    for domain in (Choice(["relu", "tanh", "selu"]), Boolean()):
        drawn = {perturbed(domain, domain.default, 1.2, rng(seed)) for seed in range(40)}
        assert drawn == set(domain.grid())


DOMAINS = [
    Float(1e-4, 1.0, sampling="log"),
    Float(-2.0, 3.0),
    Float(0.5, 0.999, sampling="reverse_log"),
    Float(0.0, 1.0, step=0.1),
    Int(3, 90),
    Int(2, 200, sampling="log"),
    Int(4, 20, step=4),
    Choice([1, 5, 9]),
    Choice(["a", "b"]),
    Boolean(),
]


@given(st.sampled_from(DOMAINS), st.floats(0, 1), st.sampled_from([0.5, 0.8, 1.2, 2.0]))
def test_values_stay_in_their_domains(domain, unit, factor):
    value = domain.from_unit(unit)
    assert domain.contains(perturbed(domain, value, factor, rng()))


RATE = Parameter("rate", Float(1e-3, 1.0, sampling="log"))
UNITS = Parameter("units", Int(8, 64))
SPACE = Space([RATE, UNITS])


def child(space, values, names, resample_probability=0.0, seed=0):
    factors = (0.8, 1.2)
    return explored(space, Trial(0, values), names, factors, resample_probability, rng(seed))


def test_only_those_that_are_named_change():
    parent = {"rate": 0.1, "units": 32}
    found = [child(SPACE, parent, {"rate"}, seed=seed) for seed in range(20)]
    assert {each["units"] for each in found} == {32}
    assert {round(each["rate"], 6) for each in found} == {0.08, 0.12}


def test_some_are_drawn_anew():
    rates = [child(SPACE, {"rate": 0.1, "units": 32}, {"rate"}, 0.5, s)["rate"] for s in range(99)]
    anew = [rate for rate in rates if round(rate, 6) not in (0.08, 0.12)]
    assert 35 < len(anew) < 65
    assert min(anew) < 0.01 < max(anew)


def test_a_value_does_not_depend_on_what_else_there_is():
    parent = {"rate": 0.1, "units": 32}
    more = Space([Parameter("depth", Int(1, 9)), *SPACE])
    for seed in range(9):
        one = child(SPACE, parent, {"rate", "units"}, 0.5, seed)
        other = child(more, {**parent, "depth": 3}, {"rate", "units", "depth"}, 0.5, seed)
        assert {name: other[name] for name in one} == one


def test_conditions_are_respected():
    strength = Parameter("strength", Float(0.1, 0.4), (Condition("augment", (True,)),))
    space = Space([RATE, Parameter("augment", Boolean()), strength])
    for seed in range(30):
        found = child(space, {"rate": 0.1, "augment": False}, {"rate", "augment"}, seed=seed)
        assert ("strength" in found) is found["augment"]
        assert space.complete(found) == found
        found = child(space, {"rate": 0.1, "augment": True, "strength": 0.2}, set(), seed=seed)
        assert found == {"rate": 0.1, "augment": True, "strength": 0.2}


def test_a_scheduler_changes_what_it_was_told():
    parent, told = Trial(0, {"rate": 0.1, "units": 32}), ["units"]
    scheduler = PopulationBasedTraining(resample_probability=0.0)
    assert scheduler.explore(SPACE, parent, rng()) == parent.values
    assert scheduler.changing(told).explore(SPACE, parent, rng())["rate"] == 0.1
    assert scheduler.changing(told).explore(SPACE, parent, rng())["units"] in (26, 38)


@pytest.mark.parametrize("seed", range(5))
def test_at_the_ends_of_its_domains_a_child_is_no_copy_of_its_parent(seed):
    space = Space([Parameter("a", Float(0.1, 1.0)), Parameter("b", Int(1, 8))])
    parent = Trial(0, {"a": 1.0, "b": 8}, space)
    values = explored(space, parent, {"a", "b"}, (0.8, 1.2), 0.0, rng(seed))
    assert values != parent.values
    assert explored(space, parent, set(), (0.8, 1.2), 0.0, rng(seed)) == parent.values
