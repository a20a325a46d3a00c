import math

import numpy as np
import pytest

from kerastune_lite._src.algorithms.oracles.numeric_axes import numeric_axes
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

EVEN = [
    Boolean(),
    Choice((8, 64, 16)),
    Int(3, 9),
    Int(32, 256, step=32),
    Int(8, 64, step=2, sampling="log"),
    Float(-1.0, 1.0, step=0.25),
]
CONTINUOUS = [
    Float(0.0, 1.0),
    Float(1e-5, 1.0, sampling="log"),
    Float(0.5, 0.99, sampling="reverse_log"),
    Int(8, 512, sampling="log"),
    Int(0, 10**6),
]


def axis_of(domain):
    (axis,) = numeric_axes(Space([Parameter("p", domain)]))
    return axis


@pytest.mark.parametrize("domain", EVEN, ids=lambda domain: domain.describe())
def test_the_values_of_a_list_are_evenly_spaced_from_0_to_1(domain):
    axis, members = axis_of(domain), domain.members()
    places = [axis.place({"p": value}) for value in members]
    assert np.allclose(places, np.linspace(0.0, 1.0, len(members)))
    assert axis.step == pytest.approx(places[1])
    assert [axis.value(place) for place in places] == members
    assert [axis.snapped(place + 0.3 * axis.step) for place in places[:-1]] == places[:-1]


@pytest.mark.parametrize("domain", CONTINUOUS, ids=lambda domain: domain.describe())
def test_other_numbers_are_continuous(domain):
    axis = axis_of(domain)
    assert axis.step == 0.0
    for unit in np.linspace(0.0, 1.0, 23).tolist():
        value = axis.value(unit)
        assert domain.contains(value)
        assert axis.value(axis.place({"p": value})) == pytest.approx(value)


@pytest.mark.parametrize(
    "domain", [Choice(("a", "b")), Choice((8, 4), ordered=False), Fixed(3), Choice((7,)), Int(4, 4)]
)
def test_what_has_no_order_or_one_value_is_no_dimension(domain):
    assert numeric_axes(Space([Parameter("p", domain)])) == ()


def test_a_value_that_is_missing_inactive_or_outside_has_no_place():
    only_sgd = (Condition("kind", ("sgd",)),)
    space = Space(
        [Parameter("kind", Choice(("sgd", "adam"))), Parameter("m", Float(0.0, 1.0), only_sgd)]
    )
    (axis,) = numeric_axes(space)
    assert axis.place({"kind": "sgd", "m": 0.5}) == 0.5
    for values in ({"kind": "sgd"}, {"kind": "adam", "m": 0.5}, {"kind": "sgd", "m": 2.0}):
        assert math.isnan(axis.place(values))
