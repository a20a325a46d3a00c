"""The `hp` object: the methods that scripts for KerasTuner call, and what they answer."""

import inspect
import json
import pickle

import pytest

from kerastune_lite.hyperparameters import (
    Choice,
    Condition,
    Fixed,
    Float,
    HyperParameters,
    Int,
    Parameter,
    Space,
)


@pytest.mark.parametrize(
    ("method", "arguments"),
    [
        ("Choice", ["name", "values", "ordered", "default"]),
        ("Int", ["name", "min_value", "max_value", "step", "sampling", "default"]),
        ("Float", ["name", "min_value", "max_value", "step", "sampling", "default"]),
        ("Boolean", ["name", "default"]),
        ("Fixed", ["name", "value"]),
        ("conditional_scope", []),
        ("name_scope", ["name"]),
        ("merge", ["hps", "overwrite"]),
        ("get", ["name"]),
        ("is_active", ["hyperparameter"]),
    ],
)
def test_names_and_order_of_arguments_are_those_of_kerastuner(method, arguments):
    received = list(inspect.signature(getattr(HyperParameters, method)).parameters)[1:]
    if method[0].isupper() or method == "conditional_scope":
        arguments = [*arguments, "parent_name", "parent_values"]
    if method in ("Choice", "Int", "Float", "Boolean"):
        arguments = [*arguments, "prior"]  # ours alone, and the last one
    assert received == arguments


def test_positional_calls():
    hp = HyperParameters()
    assert hp.Choice("c", [1, 2, 3], True, 3) == 3
    assert hp.Int("i", 1, 100, 3, "log", 9) == 9
    assert hp.Float("f", 0, 1, 0.1, "linear", 0.3) == 0.3
    assert hp.Boolean("b", True) is True
    assert hp.Fixed("x", "y") == "y"
    assert hp.values == {"c": 3, "i": 9, "f": 0.3, "b": True, "x": "y"}
    domains = [parameter.domain for parameter in hp.space]
    assert domains[1:3] == [Int(1, 100, 3, "log", 9), Float(0, 1, 0.1, "linear", 0.3)]


def test_defaults():
    hp = HyperParameters()
    assert hp.Choice("c", ["a", "b"]) == "a"
    assert hp.Choice("n", ["a", None]) == "a"
    assert hp.Choice("m", ["a", None], default=None) is None
    assert hp.Choice("o", ["a", "b"], default=None) == "a"
    assert hp.Choice("g", (c for c in "xy"), default="y") == "y"
    assert hp.Int("i", 2, 5) == 2
    assert hp.Float("f", 0.5, 5) == 0.5
    assert hp.Boolean("b") is False
    assert hp.Fixed("z", None) is None
    assert "z" in hp


def test_declaring_again_returns_the_same_value_and_the_first_domain_holds():
    hp = HyperParameters()
    hp.Int("units", 1, 5)
    assert hp.Int("units", 100, 500) == 1
    assert len(hp.space) == 1


def test_entries_given_beforehand_override_those_of_the_model():
    given = HyperParameters()
    given.Float("rate", 0.5, 0.7)
    given.Fixed("units", 64)
    hp = HyperParameters(given.space)
    assert hp.Float("rate", 1e-4, 1e-2, sampling="log") == 0.5
    assert hp.Int("units", 1, 9) == 64
    assert hp.space == given.space


def test_values_of_the_trial_are_answered():
    hp = HyperParameters(values={"rate": 0.3, "flag": True})
    assert hp.Float("rate", 0, 1) == 0.3
    assert hp.Boolean("flag") is True
    assert hp.Int("units", 4, 8) == 4


def test_fill_gives_new_parameters_their_value():
    hp = HyperParameters(fill=lambda parameter: parameter.domain.members()[-1])
    assert hp.Int("units", 4, 8) == 8
    hp.Choice("kind", ["a", "b"])
    assert hp["kind"] == "b"


def test_what_is_known_beforehand_is_filled_in_when_it_is_asked_for():
    space = Space([Parameter("kind", Choice(["a", "b"])), Parameter("units", Int(4, 8))])
    hp = HyperParameters(space)
    assert "kind" in hp
    assert hp.get("units") == 4
    with hp.conditional_scope("kind", ["a"]):
        assert hp.Int("depth", 1, 3) == 1
    assert hp.used_values() == {"units": 4, "kind": "a", "depth": 1}


def test_get_tells_inactive_from_unknown():
    hp = HyperParameters()
    hp.Choice("kind", ["a", "b"])
    with hp.conditional_scope("kind", ["b"]):
        assert hp.Int("units", 1, 5) is None
    assert hp.get("kind") == hp["kind"] == "a"
    with pytest.raises(ValueError, match="units is currently inactive"):
        hp.get("units")
    with pytest.raises(KeyError, match=r"depth does not exist. Known: \['kind', 'units'\]"):
        hp["depth"]
    assert "kind" in hp
    assert "units" not in hp
    assert "depth" not in hp
    assert 3 not in hp
    assert hp.values == {"kind": "a"}
    assert hp.is_active("kind")
    assert not hp.is_active("units")
    assert not hp.is_active("depth")
    assert not hp.is_active(hp.space[1])


def test_parent_arguments_are_shorthand_for_a_scope():
    hp, scoped = HyperParameters(), HyperParameters()
    for each in (hp, scoped):
        each.Choice("kind", ["a", "b"])
    values = [
        hp.Int("i", 1, 5, parent_name="kind", parent_values=["a"]),
        hp.Float("f", 0, 1, parent_name="kind", parent_values=["b"]),
        hp.Choice("c", ["x"], parent_name="kind", parent_values="a"),
        hp.Boolean("b", parent_name="kind", parent_values=["b"]),
        hp.Fixed("x", 3, "kind", ["a", "b"]),
    ]
    assert values == [1, None, "x", None, 3]
    with scoped.conditional_scope("kind", ["a"]):
        scoped.Int("i", 1, 5)
    assert hp.space[1] == scoped.space[1]
    assert [each.conditions for each in hp.space][1] == (Condition("kind", ("a",)),)


def test_scopes_nest_however_they_like():
    def build(hp):
        kind = hp.Choice("kind", ["a", "b"])
        seen = [kind]
        with hp.conditional_scope("kind", ["a"]):
            seen.append(hp.Choice("inner", [1, 2]))
            with hp.conditional_scope("inner", [2]):
                seen.append(hp.Float("deep", 0, 1))
        # The parent was declared under another condition, and the scope opens elsewhere.
        with hp.conditional_scope("inner", [2]):
            seen.append(hp.Boolean("outside"))
        with hp.conditional_scope("inner", [1, 2]), hp.conditional_scope("kind", ["a"]):
            seen.append(hp.Int("turned", 7, 9))
        return seen

    assert build(HyperParameters()) == ["a", 1, None, None, 7]
    assert build(HyperParameters(values={"inner": 2})) == ["a", 2, 0.0, False, 7]
    assert build(HyperParameters(values={"kind": "b"})) == ["b", None, None, None, None]


def test_one_name_may_have_another_range_in_each_branch():
    def build(hp):
        kind = hp.Choice("kind", ["small", "large"])
        with hp.conditional_scope("kind", ["small"]):
            small = hp.Int("units", 1, 9)
        with hp.conditional_scope("kind", ["large"]):
            large = hp.Int("units", 100, 900, step=100)
        return kind, small, large

    hp = HyperParameters()
    assert build(hp) == ("small", 1, None)
    assert build(HyperParameters(hp.space, {"kind": "large"})) == ("large", None, 100)
    hp.values["kind"] = "large"
    hp.ensure_active_values()
    assert hp.values == {"kind": "large", "units": 100}
    hp.values["units"] = 300
    hp.ensure_active_values()
    assert hp.values["units"] == 300


def test_names_compose_with_conditions():
    hp = HyperParameters()
    with hp.name_scope("encoder"):
        hp.Choice("kind", ["a", "b"])
        with hp.conditional_scope("kind", ["a"]):
            with hp.name_scope("block"):
                assert hp.Int("units", 1, 5) == 1
                assert hp.get("units") == 1
                assert "units" in hp
            assert "units" not in hp
        with pytest.raises(ValueError, match="'encoder/inner/kind'"), hp.name_scope("inner"):
            hp.Int("x", 1, 2, parent_name="kind", parent_values=["a"])
    assert hp.space.names == ["encoder/kind", "encoder/block/units"]
    assert hp.space[1].conditions == (Condition("encoder/kind", ("a",)),)
    assert hp.Int("units", 3, 5) == 3


def test_a_scope_ends_when_its_body_raises():
    hp = HyperParameters()
    hp.Choice("kind", ["a", "b"])
    with pytest.raises(ZeroDivisionError), hp.conditional_scope("kind", ["b"]), hp.name_scope("n"):
        raise ZeroDivisionError
    assert hp.Int("units", 1, 5) == 1
    assert hp.space.names == ["kind", "units"]


def test_conditions_speak_of_the_values_as_the_parent_spells_them():
    hp = HyperParameters(values={"rate": 0.3, "flag": True, "count": 1})
    hp.Float("rate", 0, 1, step=0.1)
    hp.Boolean("flag")
    hp.Choice("count", [0, 1])
    assert hp.Int("a", 1, 2, parent_name="rate", parent_values=[0.1 * 3]) == 1
    assert hp.Int("b", 1, 2, parent_name="flag", parent_values=[1]) == 1
    assert hp.Int("c", 1, 2, parent_name="count", parent_values=[True]) == 1
    assert hp.Int("d", 1, 2, parent_name="count", parent_values=[7]) is None
    assert hp.space.find("b", (Condition("flag", (True,)),)) is not None


def test_used_values_are_those_asked_for_in_order():
    hp = HyperParameters(values={"a": 1, "b": 2, "c": 3, "d": 4})
    hp.Int("c", 1, 9)
    hp.Int("a", 1, 9)
    hp.Int("c", 1, 9)
    assert list(hp.used_values().items()) == [("c", 3), ("a", 1)]
    with hp.conditional_scope("a", [5]):
        hp.Int("e", 1, 9)
    assert "e" not in hp.used_values()
    _ = hp["a"], "b" in hp, repr(hp)
    assert "b" not in hp.used_values()
    with pytest.raises(KeyError):
        hp.get("f")
    _ = hp.values
    assert list(hp.used_values()) == ["c", "a", "b", "d"]


def test_a_copy_is_independent_and_counts_as_using_all():
    hp = HyperParameters(fill=lambda parameter: parameter.domain.members()[-1])
    hp.Int("units", 1, 5)
    copy = hp.copy()
    copy.Int("depth", 1, 3)
    copy.values["units"] = 2
    assert hp.values == {"units": 5}
    assert copy.values == {"units": 2, "depth": 3}
    given = HyperParameters(values={"a": 1})
    assert given.copy().get("a") == 1
    assert given.used_values() == {"a": 1}


def test_config_and_pickle_and_back():
    hp = HyperParameters()
    hp.Choice("kind", ["a", "b", None])
    hp.Float("rate", 1e-4, 1e-1, sampling="log", parent_name="kind", parent_values=["a"])
    back = HyperParameters.from_config(json.loads(json.dumps(hp.get_config())))
    for each in (back, pickle.loads(pickle.dumps(hp))):  # noqa: S301
        assert each.space == hp.space
        assert each.values == hp.values
        assert each.Float("rate", 0, 1, parent_name="kind", parent_values=["a"]) == 1e-4
    assert repr(hp) == "HyperParameters({'kind': 'a', 'rate': 0.0001})"


def test_merge_overwrites_unless_told_otherwise():
    mine, theirs = HyperParameters(), HyperParameters()
    mine.Int("units", 1, 5)
    mine.Int("depth", 1, 3)
    mine.values["depth"] = 2
    theirs.Int("units", 10, 50)
    theirs.Boolean("flag", default=True)
    kept = mine.copy()
    kept.merge(theirs, overwrite=False)
    assert kept.values == {"units": 1, "depth": 2, "flag": True}
    mine.merge(theirs)
    assert mine.values == {"units": 10, "depth": 2, "flag": True}
    assert mine.space.names == ["units", "depth", "flag"]
    mine.merge([Parameter("seed", Fixed(7))])
    assert mine.values["seed"] == 7


def test_ensure_active_values_adds_and_drops():
    hp = HyperParameters()
    hp.Choice("kind", ["a", "b"])
    hp.Int("of_a", 1, 5, parent_name="kind", parent_values=["a"])
    hp.Int("of_b", 6, 9, parent_name="kind", parent_values=["b"])
    hp.values = {"kind": "b", "of_a": 3, "stranger": 1}
    hp.ensure_active_values()
    assert hp.values == {"kind": "b", "of_b": 6, "stranger": 1}


@pytest.mark.parametrize(
    ("call", "error", "words"),
    [
        (lambda hp: hp.Int("x", 5, 1), ValueError, r"hp.Int\('x'\): `min_value` must not"),
        (lambda hp: hp.Float("x", "a", 1), TypeError, r"hp.Float\('x'\): `min_value` must be"),
        (lambda hp: hp.Choice("x", []), ValueError, r"hp.Choice\('x'\): `values` must hold"),
        (lambda hp: hp.Choice("x", "ab"), TypeError, r"hp.Choice\('x'\): `values` must be a list"),
        (lambda hp: hp.Choice("x", 3), TypeError, r"hp.Choice\('x'\): .* Received: 3"),
        (lambda hp: hp.Choice("x", ["a"], default="b"), ValueError, "'b' is not in Choice a"),
        (lambda hp: hp.Boolean("x", 2), ValueError, r"hp.Boolean\('x'\): .*2 is not in Boolean"),
        (
            lambda hp: hp.Fixed("x", []),
            TypeError,
            r"hp.Fixed\('x'\): .* Received: \[\] of type list",
        ),
        (
            lambda hp: hp.Int("x", 1, 2, parent_name="who", parent_values=[1]),
            ValueError,
            r"conditional_scope\('who', ...\) needs .* Declared so far: \['kind'\]",
        ),
        (
            lambda hp: hp.Int("kind", 1, 2, parent_name="kind", parent_values=["a"]),
            ValueError,
            "cannot depend on itself. Received: 'kind'",
        ),
    ],
)
def test_errors_name_the_call_the_rule_and_what_was_received(call, error, words):
    hp = HyperParameters()
    hp.Choice("kind", ["a", "b"])
    with pytest.raises(error, match=words):
        call(hp)
    assert hp.space.names == ["kind"]
