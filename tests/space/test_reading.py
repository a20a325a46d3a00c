"""Reading a space off a builder: how many builds it takes, and what it survives."""

import itertools
import logging

import pytest

from kerastune_lite._src.util.errors import FailedTrialError, FatalRuntimeError, FatalValueError
from kerastune_lite.hyperparameters import (
    Choice,
    Fixed,
    HyperParameters,
    Parameter,
    Space,
    read_space,
)


class Counted:
    """A builder that keeps what it answered at each call."""

    def __init__(self, build):
        self._build = build
        self.seen = []

    def __call__(self, hp):
        try:
            return self._build(hp)
        finally:
            self.seen.append(hp.used_values())


def switch(hp, name, ways=6):
    kind = hp.Choice(name, [f"{name}{way}" for way in range(ways)])
    for way in range(ways):
        with hp.conditional_scope(name, [f"{name}{way}"]):
            # What only shows in the branch proves that the branch was run.
            if kind == f"{name}{way}":
                hp.Int(f"{name}{way}_inside", 1, 9)


def insides(space):
    return sorted(name for name in space.names if name.endswith("_inside"))


def test_a_builder_without_scopes_is_built_once():
    build = Counted(lambda hp: [hp.Int("a", 1, 3), hp.Boolean("b")])
    space = read_space(build)
    assert space.names == ["a", "b"]
    assert build.seen == [{"a": 1, "b": False}]


def test_a_switch_takes_a_build_for_each_way():
    build = Counted(lambda hp: switch(hp, "a"))
    space = read_space(build)
    assert len(insides(space)) == 6
    assert len(build.seen) == 6


def test_two_switches_side_by_side_take_no_more_than_one():
    build = Counted(lambda hp: [switch(hp, "a"), switch(hp, "b")])
    space = read_space(build)
    assert len(insides(space)) == 12
    assert len(build.seen) == 6


def test_nested_switches_take_no_more_builds_than_there_are_branches():
    def nested(hp):
        outer = hp.Choice("outer", ["x", "y", "z"])
        for way in "xyz":
            with hp.conditional_scope("outer", [way]):
                if outer == way:
                    switch(hp, f"{way}_", ways=3)

    build = Counted(nested)
    space = read_space(build)
    assert len(insides(space)) == 9
    assert len(build.seen) <= 9


def test_a_parent_under_other_conditions_is_put_in_force_as_well():
    def build(hp):
        hp.Choice("kind", ["a", "b", "c"])
        for way in "bc":
            with hp.conditional_scope("kind", [way]):
                hp.Boolean("flag")
        with hp.conditional_scope("flag", [True]):
            if hp.Int("depth", 1, 3):
                hp.Int("depth_inside", 1, 3)

    counted = Counted(build)
    assert insides(read_space(counted)) == ["depth_inside"]
    assert len(counted.seen) <= 4


def test_a_parent_that_stands_in_several_places_is_looked_for_in_each():
    def build(hp):
        hp.Choice("kind", ["a", "b", "c"])
        hp.Choice("size", [1, 2], parent_name="kind", parent_values=["b"])
        hp.Choice("size", [3, 4], parent_name="kind", parent_values=["c"])
        with hp.conditional_scope("size", [4]):
            if hp.Boolean("of_four") is not None:
                hp.Int("four_inside", 1, 2)

    assert insides(read_space(build)) == ["four_inside"]


def test_a_scope_that_nothing_can_enter_ends_the_reading_without_a_build():
    def build(hp):
        hp.Choice("kind", ["a", "b"])
        with hp.conditional_scope("kind", ["a"]), hp.conditional_scope("kind", ["b"]):
            hp.Int("never", 1, 2)
        with hp.conditional_scope("kind", ["neither"]):
            hp.Int("nowhere", 1, 2)

    counted = Counted(build)
    # One more for the outer scope's other value would be one too many: "a" is the default.
    assert read_space(counted).names == ["kind", "never", "nowhere"]
    assert len(counted.seen) == 1


def test_a_scope_only_opened_while_it_is_inactive_does_not_loop():
    def build(hp):
        kind = hp.Choice("kind", ["a", "b"])
        if kind == "a":
            with hp.conditional_scope("kind", ["b"]):
                hp.Int("units", 1, 3)

    counted = Counted(build)
    assert read_space(counted).names == ["kind", "units"]
    assert len(counted.seen) == 2


def test_parameters_given_beforehand_win_and_close_branches():
    given = Space([Parameter("a", Choice(["a2", "a4"])), Parameter("momentum", Fixed(0.9))])
    build = Counted(lambda hp: switch(hp, "a"))
    space = read_space(build, given)
    assert space[0] is given[0]
    assert insides(space) == ["a2_inside", "a4_inside"]
    assert len(build.seen) == 2
    assert space.names[:2] == ["a", "momentum"]


def test_plain_ifs_show_their_default_branch_only():
    def build(hp):
        if hp.Boolean("deep"):
            hp.Int("layers", 2, 9)
        else:
            hp.Int("units", 1, 5)

    counted = Counted(build)
    assert read_space(counted).names == ["deep", "units"]
    assert len(counted.seen) == 1
    # Given as known, the other branch is kept; the search finds it when it gets there.
    hp = HyperParameters(values={"deep": True})
    build(hp)
    assert read_space(build, hp.space).names == ["deep", "layers", "units"]


def test_a_builder_that_never_settles_is_given_up():
    numbers = itertools.count()

    def build(hp):
        name = f"kind_{next(numbers)}"
        hp.Choice(name, [1, 2])
        hp.Int("units", 1, 3, parent_name=name, parent_values=[2])

    with pytest.raises(FatalRuntimeError, match=r"after 20 builds.*kind_\d+ in \[2\].*change from"):
        read_space(build, max_builds=20)


@pytest.mark.parametrize("error", [ZeroDivisionError, FailedTrialError, KeyboardInterrupt])
def test_an_error_at_the_defaults_is_the_users_to_see(error):
    def build(hp):
        hp.Int("units", 1, 3)
        raise error("at the defaults")

    with pytest.raises(error, match="at the defaults"):
        read_space(build)


def test_an_error_in_another_branch_is_logged_and_costs_no_other_branch(caplog):
    def build(hp):
        if hp.Choice("first", ["good", "bad"]) == "bad":
            raise ValueError("no such thing")
        switch(hp, "a", ways=3)

    def scoped(hp):
        first = hp.Choice("first", ["good", "bad"])
        with hp.conditional_scope("first", ["bad"]):
            hp.Int("units", 1, 3)
            if first == "bad":
                raise ValueError("no such thing")
        switch(hp, "a", ways=3)

    with caplog.at_level(logging.WARNING):
        assert len(insides(read_space(build))) == 3
        assert not caplog.records
        space = read_space(scoped)
    assert len(insides(space)) == 3
    assert "units" in space.names
    assert len(caplog.records) == 1
    assert "no such thing" in caplog.text
    assert "'first': 'bad'" in caplog.text


def test_a_fatal_error_in_another_branch_stops_the_reading():
    def build(hp):
        kind = hp.Choice("kind", ["a", "b"])
        with hp.conditional_scope("kind", ["b"]):
            if kind == "b":
                raise FatalValueError("stop")

    with pytest.raises(FatalValueError, match="stop"):
        read_space(build)
