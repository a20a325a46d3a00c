"""Spaces: identities, conditions, and walks over what is active."""

import json
import pickle

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kerastune_lite._src.space.parameters import condition
from kerastune_lite.hyperparameters import Boolean, Choice, Condition, Float, Int, Parameter, Space

MODEL = Parameter("model", Choice(["mlp", "cnn"]))
DEPTH = Parameter("depth", Int(1, 3), (Condition("model", ("mlp",)),))
KERNEL = Parameter("kernel", Choice([3, 5]), (Condition("model", ("cnn",)),))
RATE = Parameter("rate", Float(1e-4, 1e-1, sampling="log"))
SPACE = Space([MODEL, DEPTH, KERNEL, RATE])


@st.composite
def spaces(draw):
    """Spaces whose parameters stand under conditions on earlier ones, names sometimes shared."""
    parameters = []
    for number in range(draw(st.integers(1, 7))):
        domain = draw(st.sampled_from([Boolean(), Choice(["x", "y"]), Int(1, 3), Int(0, 9)]))
        conditions = ()
        if parameters and draw(st.booleans()):
            parent = draw(st.sampled_from(parameters))
            values = draw(
                st.lists(st.sampled_from(parent.domain.members()), min_size=1, max_size=2)
            )
            conditions = (*parent.conditions, Condition(parent.name, tuple(values)))
        taken = {each.name for each in conditions}
        name = draw(st.sampled_from([f"p{number}", "shared"]))
        parameters.append(Parameter(f"p{number}" if name in taken else name, domain, conditions))
    return Space(parameters)


@settings(max_examples=150, deadline=None)
@given(spaces(), st.integers(0, 999))
def test_a_sample_holds_the_active_parameters_and_nothing_else(space, seed):
    values = space.sample(np.random.default_rng(seed))
    for name in space.names:
        active = [each for each in space.named(name) if each.is_active(values)]
        assert bool(active) == (name in values)
        assert not active or any(each.domain.contains(values[name]) for each in active)
    assert space.complete(values) == values
    assert space.sample(np.random.default_rng(seed)) == values


@settings(max_examples=100, deadline=None)
@given(spaces())
def test_json_and_back(space):
    back = Space.from_json(json.loads(json.dumps(space.to_json())))
    assert back == space
    assert hash(back) == hash(space)
    assert back.defaults() == space.defaults()
    assert pickle.loads(pickle.dumps(space)) == space  # noqa: S301


def test_it_is_a_sequence_of_parameters():
    assert len(SPACE) == 4
    assert SPACE[0] is MODEL
    assert SPACE[1:3] == (DEPTH, KERNEL)
    assert list(SPACE) == [MODEL, DEPTH, KERNEL, RATE]
    assert SPACE.names == ["model", "depth", "kernel", "rate"]
    assert repr(SPACE) == "Space(model, depth, kernel, rate)"
    assert Space() == []
    assert list(SPACE) == SPACE != [MODEL]


def test_the_identity_is_name_and_conditions():
    other = Parameter("depth", Int(5, 9), (Condition("model", ("cnn",)),))
    space = Space([MODEL, DEPTH, other])
    assert space.find("depth", DEPTH.conditions) is DEPTH
    assert space.find("depth", other.conditions) is other
    assert space.find("depth", ()) is None
    assert list(space.named("depth")) == [DEPTH, other]
    assert space.named("width") == []
    assert len(Space([DEPTH, Parameter("depth", Int(7, 9), DEPTH.conditions)])) == 1


def test_active_finds_the_parameter_of_the_branch():
    other = Parameter("depth", Int(5, 9), (Condition("model", ("cnn",)),))
    space = Space([MODEL, DEPTH, other])
    assert space.active("depth", {"model": "mlp"}) is DEPTH
    assert space.active("depth", {"model": "cnn"}) is other
    assert space.active("depth", {}) is None
    assert space.defaults() == {"model": "mlp", "depth": 1}
    assert space.walk(lambda each: each.domain.members()[-1]) == {"model": "cnn", "depth": 9}


def test_a_condition_on_an_inactive_parent_does_not_hold():
    inner = Parameter("size", Int(1, 2), (Condition("depth", (1,)),))
    space = Space([MODEL, DEPTH, inner])
    assert "size" in space.defaults()
    assert space.walk(lambda each: "cnn" if each is MODEL else 1) == {"model": "cnn"}


def test_a_parent_may_be_declared_after_its_child():
    space = Space([DEPTH, KERNEL, MODEL])
    assert space.defaults() == {"model": "mlp", "depth": 1}


def test_of_two_active_parameters_of_a_name_the_first_gives_the_value():
    space = Space([MODEL, DEPTH, Parameter("depth", Int(7, 9))])
    # Not known when the first pass meets it: the model has its value by then.
    assert space.defaults()["depth"] == 1


def test_merging_adds_what_is_missing_and_overwrites_on_request():
    wider = Parameter("depth", Int(1, 9), DEPTH.conditions)
    new = Parameter("momentum", Float(0, 1))
    merged = SPACE.merged([wider, new])
    assert merged.names == [*SPACE.names, "momentum"]
    assert merged.find("depth", DEPTH.conditions) is DEPTH
    overwritten = SPACE.merged([wider, new], overwrite=True)
    assert overwritten.names == [*SPACE.names, "momentum"]
    assert overwritten.find("depth", DEPTH.conditions) is wider
    assert SPACE.merged([wider]) is SPACE
    assert SPACE.names == ["model", "depth", "kernel", "rate"]


def test_complete_fills_in_the_start_and_coerces():
    values = SPACE.complete({"model": "cnn", "kernel": 5.0})
    rate = SPACE.start()["rate"]
    assert values == {"model": "cnn", "kernel": 5, "rate": rate}
    assert type(values["kernel"]) is int


@pytest.mark.parametrize(
    ("values", "words"),
    [
        ({"rate": 7}, r"'rate': 7 is not in Float 0.0001..0.1 log"),
        ({"kernel": 3}, r"'kernel' is inactive here; it needs model in \['cnn'\]"),
        ({"width": 3}, r"'width' is not in the space; the space has \['model', "),
        ({"model": None}, r"'model': None is not in Choice mlp, cnn"),
    ],
)
def test_complete_says_which_value_does_not_fit(values, words):
    with pytest.raises(ValueError, match=words):
        SPACE.complete(values)


def test_complete_names_every_place_where_an_inactive_parameter_stands():
    model = Parameter("model", Choice(["mlp", "cnn", "rnn"]))
    other = Parameter("kernel", Int(1, 9), (Condition("model", ("rnn",)),))
    with pytest.raises(ValueError, match=r"needs model in \['cnn'\] or model in \['rnn'\]"):
        Space([model, KERNEL, other]).complete({"kernel": 3})


def test_a_condition_takes_a_list_or_a_single_value():
    assert condition("a", ["x", "y"]).values == ("x", "y")
    assert condition("a", "xy").values == ("xy",)
    assert condition("a", 3).values == (3,)
    assert condition("a", None).values == (None,)
    assert condition("a", (v for v in [1, 2])).values == (1, 2)
    assert condition("a", np.array([1, 2])) == Condition("a", (1, 2))
    assert condition("a", {"y", "x"}) == condition("a", {"x", "y"})
    assert str(condition("a", [1])) == "a in [1]"
    with pytest.raises(TypeError, match="must be a str, int, float, bool or None"):
        condition("a", [object()])


def test_the_start_has_the_active_parameters_and_parents_first():
    space = Space(
        [
            Parameter(
                "units_1", Int(8, 128, step=2, sampling="log"), (Condition("layers", (2, 3)),)
            ),
            Parameter("layers", Int(1, 3)),
            Parameter("units_2", Int(8, 128), (Condition("layers", (3,)),)),
            Parameter("rate", Float(1e-4, 1e-2, sampling="log", default=3e-3)),
        ]
    )
    assert space.start() == {"layers": 2, "units_1": 32, "rate": 3e-3}
    assert space.defaults() == {"layers": 1, "rate": 3e-3}
