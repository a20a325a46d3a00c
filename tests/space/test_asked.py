"""A function that is told the same again need not be called again."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kerastune_lite import HyperParameters
from kerastune_lite._src.space.asked import Asked


def ask(function, hp):
    """Call a function, and return what can be kept with it."""
    with hp.recorded() as questions:
        returned = function(hp)
    return questions, returned


def kept(*functions_and_values):
    """An `Asked` that knows the results of functions for values."""
    asked = Asked()
    for function, values in functions_and_values:
        questions, returned = ask(function, HyperParameters(values=values))
        asked.keep(questions, returned)
    return asked


def branching(hp):
    kind = hp.Choice("kind", ["raw", "windows"])
    if kind == "raw":
        return "raw"
    with hp.conditional_scope("kind", ["windows"]):
        return f"windows of {hp.Int('length', 2, 9)}"


def test_what_is_not_asked_for_does_not_matter():
    asked = kept((branching, {"kind": "windows", "length": 3}))
    assert asked.find(HyperParameters(values={"kind": "windows", "length": 3, "units": 8}))
    assert asked.find(HyperParameters(values={"kind": "windows", "length": 4})) is None


def test_each_branch_has_its_own_questions():
    asked = kept(
        (branching, {"kind": "raw"}),
        (branching, {"kind": "windows", "length": 3}),
        (branching, {"kind": "windows", "length": 4}),
    )
    for values in ({"kind": "raw"}, {"kind": "windows", "length": 4}):
        assert asked.find(HyperParameters(values=values)) == branching(
            HyperParameters(values=values)
        )


def test_an_hp_that_is_answered_for_knows_what_the_function_declares():
    asked = kept((branching, {"kind": "windows", "length": 2}))
    called, found = (
        HyperParameters(values={"kind": "windows"}),
        HyperParameters(values={"kind": "windows"}),
    )
    branching(called)
    assert asked.find(found) == "windows of 2"
    assert found == called
    assert found.used_values() == called.used_values()
    assert found.entered_scopes == called.entered_scopes


@pytest.mark.parametrize(
    "question",
    [
        lambda hp: hp["units"],
        lambda hp: hp.get("units"),
        lambda hp: hp.values["units"],
        lambda hp: dict(hp.values),
        lambda hp: hp.copy().values,
        lambda hp: "units" in hp and hp["units"],
        lambda hp: hp.is_active("units") or hp["units"],
        lambda hp: hp.used_values() or hp["units"],
    ],
)
def test_all_ways_to_ask_are_noticed(question):
    asked = kept((question, {"units": 4}))
    assert asked.find(HyperParameters(values={"units": 4})) == question(
        HyperParameters(values={"units": 4})
    )
    assert asked.find(HyperParameters(values={"units": 5})) is None


def test_whether_a_name_exists_is_an_answer_too():
    def optional(hp):
        try:
            return hp["units"]
        except KeyError:
            return "none"

    asked = kept((optional, {}))
    assert asked.find(HyperParameters()) == "none"
    assert asked.find(HyperParameters(values={"units": 3})) is None


def test_equal_values_of_other_types_are_others():
    asked = kept((lambda hp: hp["size"], {"size": 1}))
    assert asked.find(HyperParameters(values={"size": 1.0})) is None
    assert asked.find(HyperParameters(values={"size": True})) is None


def test_names_in_scopes():
    def scoped(hp):
        with hp.name_scope("left"):
            first = hp.Int("units", 1, 9)
        with hp.name_scope("right"):
            return first, hp.Int("units", 1, 9)

    asked = kept((scoped, {"left/units": 2, "right/units": 3}))
    assert asked.find(HyperParameters(values={"left/units": 2, "right/units": 3})) == (2, 3)
    assert asked.find(HyperParameters(values={"left/units": 3, "right/units": 3})) is None


@given(st.lists(st.tuples(st.integers(0, 3), st.booleans(), st.integers(0, 3)), max_size=12))
def test_found_is_what_the_function_would_return(points):
    def function(hp):
        total = hp.Int("a", 0, 3)
        if total % 2 and hp.Boolean("b"):
            total += 10 * hp.Int("c", 0, 3)
        return total

    asked = Asked()
    for a, b, c in points:
        values = {"a": a, "b": b, "c": c}
        found = asked.find(HyperParameters(values=values))
        questions, returned = ask(function, HyperParameters(values=values))
        assert found in (None, returned)
        asked.keep(questions, returned)
        assert asked.find(HyperParameters(values=values)) == returned
