"""How points become rows, and which parameters are taken for active."""

import numpy as np
import pytest

from kerastune_lite._src.algorithms.oracles.gp.activity import Rule, expected, learned_rules
from kerastune_lite._src.algorithms.oracles.gp.encoding import Encoding, encoding_of
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
from tests.algorithms.oracles.conformance import CONDITIONAL, FLAT

MIXED = Space(
    [
        Parameter("rate", Float(1e-4, 1.0, sampling="log")),
        Parameter("fine", Float(0.5, 0.999, sampling="reverse_log")),
        Parameter("step", Float(0.0, 1.0, step=0.25)),
        Parameter("units", Int(8, 512, sampling="log")),
        Parameter("few", Int(1, 5, sampling="log")),
        Parameter("batch", Choice((16, 32, 64))),
        Parameter("kind", Choice(("a", "b", "c"))),
        Parameter("two", Choice(("a", None))),
        Parameter("on", Boolean()),
        Parameter("same", Fixed(3)),
    ]
)


def encoded(encoding, values):
    units, active = encoding.units(values)
    return encoding.rows(units[None], active[None])[0]


@pytest.mark.parametrize("space", [MIXED, FLAT, CONDITIONAL], ids=["mixed", "flat", "conditional"])
def test_units_and_values_are_inverse(space):
    encoding, rng = Encoding(space), np.random.default_rng(0)
    for _ in range(200):
        values = space.sample(rng)
        again = encoding.values(encoding.units(values)[0])
        assert list(again) == list(values)
        for name, value in values.items():
            if isinstance(value, float):
                assert again[name] == pytest.approx(value)
            else:
                assert again[name] == value


@pytest.mark.parametrize("space", [MIXED, CONDITIONAL], ids=["mixed", "conditional"])
def test_snapping_goes_to_points_that_are_in_the_space(space):
    encoding = Encoding(space)
    units = np.random.default_rng(1).random((100, len(encoding.axes)))
    snapped = encoding.snapped(units)
    assert np.array_equal(encoding.snapped(snapped), snapped)
    for row, active in zip(snapped, encoding.active(snapped)):
        found, was_active = encoding.units(encoding.values(row))
        assert np.array_equal(was_active, active)
        discrete = [axis.members is not None for axis in encoding.axes]
        assert found[active & discrete] == pytest.approx(row[active & discrete])


def test_columns_of_categories():
    encoding = Encoding(MIXED)
    names = [axis.parameter.name for axis in encoding.axes]
    assert "same" not in names, "what cannot vary takes no column"
    kind = encoding.axes[names.index("kind")]
    assert kind.columns.stop - kind.columns.start == 3
    defaults = MIXED.defaults()
    rows = [encoded(encoding, {**defaults, "kind": k}) for k in "abc"]
    for i in range(3):
        assert ((rows[i] - rows[i - 1]) ** 2).sum() == pytest.approx(1.0)
    assert (encoding.groups[kind.columns] == names.index("kind")).all()
    on = [encoded(encoding, {**defaults, "on": value}) for value in (False, True)]
    assert ((on[0] - on[1]) ** 2).sum() == pytest.approx(1.0)


def test_points_do_not_differ_in_what_is_inactive():
    encoding = Encoding(CONDITIONAL)
    units = np.random.default_rng(0).random((2, len(encoding.axes)))
    units[:, 0] = 0.75
    units[:, 3] = units[0, 3]
    rows = encoding.rows(units, encoding.active(units))
    assert np.array_equal(rows[0], rows[1])


def test_children_before_their_parents():
    space = Space(
        [
            Parameter("child", Float(0.0, 1.0), (Condition("parent", (2, 3)),)),
            Parameter("parent", Int(1, 3), (Condition("root", (True,)),)),
            Parameter("root", Boolean()),
        ]
    )
    encoding = encoding_of(space)
    units = np.array([[0.5, 0.9, 0.75], [0.5, 0.1, 0.75], [0.5, 0.9, 0.25]])
    assert encoding.active(units).tolist() == [
        [True, True, True],
        [False, True, True],
        [False, False, True],
    ]


def test_a_fixed_parent():
    space = Space(
        [
            Parameter("mode", Fixed("x")),
            Parameter("a", Float(0.0, 1.0), (Condition("mode", ("x",)),)),
            Parameter("b", Float(0.0, 1.0), (Condition("mode", ("y",)),)),
        ]
    )
    encoding = Encoding(space)
    assert encoding.active(np.full((1, 2), 0.3)).tolist() == [[True, False]]


def test_one_name_with_two_domains():
    space = Space(
        [
            Parameter("kind", Choice(("a", "b"))),
            Parameter("size", Int(1, 4), (Condition("kind", ("a",)),)),
            Parameter("size", Int(10, 20), (Condition("kind", ("b",)),)),
        ]
    )
    encoding = Encoding(space)
    assert encoding.units({"kind": "b", "size": 12})[1].tolist() == [True, False, True]
    assert encoding.values(np.array([0.75, 0.5, 0.99])) == {"kind": "b", "size": 20}


def test_values_outside_the_space_are_inactive():
    encoding = Encoding(FLAT)
    _, active = encoding.units({"units": 33, "activation": "relu", "unknown": 1})
    assert active.tolist() == [False, True, False]


# ---------------------------------------------------------------------- plain ifs of builders

LAYERS = Space(
    [Parameter("layers", Int(1, 3)), Parameter("dropout", Float(0.0, 0.5))]
    + [Parameter(f"units_{i}", Int(8, 64)) for i in range(3)]
)


def as_used(encoding, layers):
    """Units and activity of trials whose builder asked for as many units as there are layers."""
    points = [
        encoding.units(
            {"layers": n, "dropout": 0.1 * i, **{f"units_{k}": 8 + i + k for k in range(n)}}
        )
        for i, n in enumerate(layers)
    ]
    return np.array([units for units, _ in points]), np.array([active for _, active in points])


def test_rules_are_learned_from_what_trials_were_asked_for():
    encoding = Encoding(LAYERS)
    rules = learned_rules(encoding, *as_used(encoding, [1, 2, 3, 1]))
    assert rules == [Rule(3, 0, (0,)), Rule(4, 0, (0, 1))]
    units = encoding.snapped(np.array([[k / 3 + 0.1, 0.5, 0.5, 0.5, 0.5] for k in range(3)]))
    assert expected(encoding, rules, units)[:, 2:].tolist() == [
        [True, False, False],
        [True, True, False],
        [True, True, True],
    ]


def test_what_was_not_seen_is_taken_for_active():
    encoding = Encoding(LAYERS)
    rules = learned_rules(encoding, *as_used(encoding, [1, 3]))
    units = encoding.snapped(np.array([[0.5, 0.5, 0.5, 0.5, 0.5]]))
    assert expected(encoding, rules, units).all()


def test_no_rule_where_nothing_tells():
    encoding = Encoding(LAYERS)
    units, active = as_used(encoding, [2, 2, 2, 2])
    active[::2, 3] = False
    assert 3 not in [rule.child for rule in learned_rules(encoding, units, active)]


def test_declared_conditions_need_no_rule():
    encoding, rng = Encoding(CONDITIONAL), np.random.default_rng(0)
    points = [encoding.units(CONDITIONAL.sample(rng)) for _ in range(20)]
    units, active = np.array([u for u, _ in points]), np.array([a for _, a in points])
    assert learned_rules(encoding, units, active) == []
