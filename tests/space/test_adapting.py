"""Points of one space as points of another one."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kerastune_lite._src.space.adapting import adapted, nearest
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


@pytest.mark.parametrize(
    ("domain", "value", "expected"),
    [
        (Float(0.0, 1.0), 0.3, 0.3),
        (Float(0.0, 1.0, step=0.25), 0.3, 0.25),
        (Float(1e-4, 1.0, step=10, sampling="log"), 0.02, 0.01),
        (Int(8, 64, step=8), 30, 32),
        (Int(8, 64), 30.4, 30),
        (Int(1, 512, sampling="log"), 30.6, 31),
        (Choice([16, 32, 64]), 50, 64),
        (Choice(["relu", "tanh"]), "tanh", "tanh"),
        (Boolean(), True, True),
    ],
)
def test_numbers_are_rounded_to_the_nearest_value(domain, value, expected):
    assert nearest(domain, value) == expected


@pytest.mark.parametrize(
    ("domain", "value"),
    [
        (Float(0.0, 1.0), 1.5),
        (Int(8, 64, step=8), 65),
        (Choice([16, 32, 64]), 128),
        (Choice(["relu", "tanh"]), "gelu"),
        (Choice([16, 32]), True),
        (Boolean(), 1),
        (Float(0.0, 1.0), "relu"),
        (Float(0.0, 1.0), None),
    ],
)
def test_what_is_out_of_range_is_refused(domain, value):
    with pytest.raises(ValueError, match="is not in"):
        nearest(domain, value)


@given(st.floats(1e-4, 1.0), st.sampled_from([None, 10]))
def test_the_nearest_value_is_in_the_domain(value, step):
    domain = Float(1e-4, 1.0, step=step, sampling="log")
    assert domain.contains(nearest(domain, value))


NEW = Space(
    [
        Parameter("kind", Choice(("mlp", "cnn"))),
        Parameter("units", Int(8, 64, step=8), (Condition("kind", ("mlp",)),)),
        Parameter("rate", Float(1e-4, 1e-1, sampling="log")),
        Parameter("bits", Fixed(8)),
    ]
)


def test_what_only_one_space_has():
    """What is missing is as a search starts with it, what is not known is left out."""
    middle = NEW.start()["rate"]
    assert middle == pytest.approx(10**-2.5)
    point = adapted({"units": 30, "momentum": 0.9}, NEW)
    assert point == {"kind": "mlp", "units": 32, "rate": middle, "bits": 8}
    assert NEW.complete(point) == point
    assert adapted({"kind": "cnn", "units": 30, "bits": 4}, NEW) == {
        "kind": "cnn",
        "rate": middle,
        "bits": 8,
    }


def test_a_value_out_of_range_has_no_point_unless_it_is_inactive():
    assert adapted({"units": 128}, NEW) is None
    assert adapted({"kind": "cnn", "units": 128}, NEW) is not None
