"""What KerasTuner's scripts read of the members of `hp.space`; with KerasTuner side by side."""

import json

import pytest

from kerastune_lite.hyperparameters import (
    Boolean,
    Choice,
    Condition,
    Fixed,
    Float,
    HyperParameters,
    Int,
    Parameter,
    Space,
)

DECLARATIONS = {
    "units": lambda hp: hp.Int("units", 8, 64, step=8, default=32),
    "depth": lambda hp: hp.Int("depth", 1, 4),
    "power": lambda hp: hp.Int("power", 2, 32, 2, "log"),
    "rate": lambda hp: hp.Float("rate", 1e-4, 1e-1, sampling="log"),
    "decay": lambda hp: hp.Float("decay", 0.5, 0.999, sampling="reverse_log"),
    "dropout": lambda hp: hp.Float("dropout", 0, 0.5, 0.25),
    "width": lambda hp: hp.Float("width", 1, 11, default=2),
    "activation": lambda hp: hp.Choice("activation", ["relu", "tanh"]),
    "batch": lambda hp: hp.Choice("batch", [16, 32, 64], default=32),
    "size": lambda hp: hp.Choice("size", [0.5, 1.5], ordered=False),
    "norm": lambda hp: hp.Boolean("norm", default=True),
    "seed": lambda hp: hp.Fixed("seed", 7),
    "label": lambda hp: hp.Fixed("label", "x"),
}

ATTRIBUTES = ["min_value", "max_value", "step", "sampling", "ordered", "value", "default", "name"]

each_declaration = pytest.mark.parametrize("declare", DECLARATIONS.values(), ids=DECLARATIONS)


@pytest.fixture(scope="module")
def theirs():
    """KerasTuner's class; importing it imports TensorFlow."""
    return pytest.importorskip("keras_tuner").HyperParameters


def both(theirs, declare):
    """A member of the space of KerasTuner, and the same of ours."""
    members = []
    for hp in (theirs(), HyperParameters()):
        declare(hp)
        members.append(hp.space[0])
    return members


@pytest.mark.slow
@each_declaration
def test_a_member_has_the_attributes_of_its_type(theirs, declare):
    their, our = both(theirs, declare)
    for name in ATTRIBUTES:
        assert hasattr(our, name) == hasattr(their, name)
        assert getattr(our, name, None) == getattr(their, name, None)


@pytest.mark.slow
@each_declaration
def test_a_member_has_all_that_is_public(theirs, declare):
    their, our = both(theirs, declare)
    public = {name for name in dir(their) if name[0] != "_"}
    # Without the type, a config does not say which hyperparameter it describes.
    assert public - set(dir(our)) == {"from_config", "from_proto", "to_proto"}


@pytest.mark.slow
@each_declaration
def test_values_agree(theirs, declare):
    their, our = both(theirs, declare)
    expected = their.values
    # Without a step, theirs are in the order of a set.
    ordered = expected if getattr(their, "step", 1) else sorted(expected)
    assert our.values == pytest.approx([*ordered])


@pytest.mark.slow
@each_declaration
def test_samples_and_positions_agree(theirs, declare):
    their, our = both(theirs, declare)
    for seed in range(20):
        value = our.random_sample(seed)
        assert value == pytest.approx(their.random_sample(seed))
        assert type(value) is type(their.random_sample(seed))
        assert our.value_to_prob(value) == pytest.approx(their.value_to_prob(value), abs=1e-9)
        middle = (seed + 0.5) / 20  # not on the limit of two values, which theirs rounds down
        assert our.prob_to_value(middle) == pytest.approx(their.prob_to_value(middle))


@pytest.mark.slow
@each_declaration
def test_configs_agree(theirs, declare):
    their, our = both(theirs, declare)
    expected = their.get_config()
    if expected.get("default", ...) is None:  # theirs of an Int is None if it was not given
        expected["default"] = their.default
    assert our.get_config() == expected


def build(hp):
    hp.Choice("model", ["mlp", "cnn"])
    with hp.conditional_scope("model", ["mlp"]):
        hp.Int("layers", 1, 3)
        with hp.conditional_scope("layers", [2, 3]):
            hp.Float("dropout", 0, 0.5, 0.25)
    with hp.conditional_scope("model", "cnn"):
        hp.Boolean("layers")
    with hp.name_scope("optimizer"):
        hp.Choice("name", ["sgd", "adam"], default="adam")
        hp.Fixed("epochs", 3, parent_name="name", parent_values=["adam"])


@pytest.mark.slow
def test_a_config_of_kerastuner_is_read_here_and_ours_there(theirs):
    their_hp, our_hp = theirs(), HyperParameters()
    build(their_hp)
    build(our_hp)
    read = HyperParameters.from_config(json.loads(json.dumps(their_hp.get_config())))
    assert read.space == our_hp.space
    assert read.values == our_hp.values
    back = theirs.from_config(json.loads(json.dumps(our_hp.get_config())))
    assert back.values == their_hp.values
    for one, other in zip(back.space, their_hp.space, strict=True):
        assert type(one) is type(other)
        assert (one.name, one.default, one.conditions) == (
            other.name,
            other.default,
            other.conditions,
        )


@pytest.mark.parametrize(
    "domain",
    [
        Choice(["a", None], default=None),
        Choice([1, 2, 3], ordered=False),
        Int(1, 9, default=4),
        Int(1, 100, 3, "log"),
        Float(0.1, 1.0, None, "reverse_log"),
        Boolean(True),
        Fixed(None),
    ],
    ids=str,
)
def test_a_config_holds_all_settings(domain):
    space = Space([Parameter("a", domain, (Condition("b", (1, None)),))])
    config = json.loads(json.dumps(HyperParameters(space).get_config()))
    assert HyperParameters.from_config(config).space == space


def test_what_a_type_does_not_have_is_an_error_that_says_what_it_has():
    parameter = Parameter("units", Int(8, 64))
    with pytest.raises(AttributeError, match=r"'units' has no `ordered`\. Int has: min_value, max"):
        _ = parameter.ordered
    assert not hasattr(Parameter("batch", Choice([1, 2])), "min_value")


def test_values_of_numbers_are_few():
    assert Parameter("rate", Float(0.0, 1.0)).values == pytest.approx(
        [0.05, 0.15, 0.25, 0.35, 0.45, 0.55, 0.65, 0.75, 0.85, 0.95]
    )
    assert len(Parameter("units", Int(2, 1024, sampling="log")).values) == 10
    assert Parameter("units", Int(2, 4, sampling="log")).values == [2, 3, 4]


def test_a_sample_without_a_seed_is_a_value():
    parameter = Parameter("rate", Float(0.0, 1.0))
    samples = {parameter.random_sample() for _ in range(9)}
    assert len(samples) > 1
    assert all(map(parameter.domain.contains, samples))


def test_a_condition_answers_as_in_kerastuner():
    held = Condition("model", ("mlp",))
    assert held.is_active({"model": "mlp"})
    assert not held.is_active({})
    assert held.get_config() == {"name": "model", "values": ["mlp"]}
