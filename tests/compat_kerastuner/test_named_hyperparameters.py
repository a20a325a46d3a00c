"""KerasTuner's types of hyperparameters, with those of KerasTuner side by side."""

import copy
import inspect
import json
import pickle

import pytest

import kerastune_lite as kt
from kerastune_lite.engine import hyperparameters as ours
from kerastune_lite.hyperparameters import Condition, HyperParameters, Parameter
from kerastune_lite.hyperparameters import Float as FloatDomain

TYPES = ["Boolean", "Choice", "Fixed", "Float", "HyperParameter", "Int"]

CALLS = {
    "Int": lambda types: types.Int("a", 8, 64, step=8),
    "Int with all arguments": lambda types: types.Int("a", 2, 32, 2, "log", 4),
    "Int without a scale": lambda types: types.Int("a", 2, 32, 1, None),
    "Float": lambda types: types.Float("a", 0, 0.5),
    "Float with all arguments": lambda types: types.Float("a", 0.1, 10, 10, "log", 1),
    "Choice": lambda types: types.Choice("a", ["x", "y"]),
    "Choice with all arguments": lambda types: types.Choice("a", [1, 2, 3], False, 2),
    "Choice without a default": lambda types: types.Choice("a", [1, 2], default=None),
    "Boolean": lambda types: types.Boolean("a"),
    "Boolean with all arguments": lambda types: types.Boolean("a", True),
    "Fixed": lambda types: types.Fixed("a", 3),
    "by keywords": lambda types: types.Int(name="a", min_value=1, max_value=9, conditions=[]),
}

REFUSED = {
    "an empty range": lambda types: types.Int("a", 5, 1),
    "an unknown scale": lambda types: types.Float("a", 1, 5, sampling="cubic"),
    "the logarithm of zero": lambda types: types.Int("a", 0, 5, sampling="log"),
    "a factor of one": lambda types: types.Int("a", 1, 5, 1, "log"),
    "no values": lambda types: types.Choice("a", []),
    "values of two types": lambda types: types.Choice("a", [1, "b"]),
    "values that are dicts": lambda types: types.Choice("a", [{"a": 1}, {"a": 2}]),
    "a default elsewhere": lambda types: types.Choice("a", ["b"], default="c"),
    "an order of texts": lambda types: types.Choice("a", ["b"], ordered=True),
    "a Boolean by default None": lambda types: types.Boolean("a", default=None),
    "too few arguments": lambda types: types.Int("a", 1),
    "an unknown argument": lambda types: types.Fixed("a", 1, weight=2),
    "a config of an unknown type": lambda types: types.deserialize(
        {"class_name": "Real", "config": {"name": "a", "conditions": []}}
    ),
    "a config that is no dict": lambda types: types.deserialize(4),
    "a config without a type": lambda types: types.deserialize({"name": "a"}),
    "an object without a config": lambda types: types.serialize(3),
}

each_call = pytest.mark.parametrize("call", CALLS.values(), ids=CALLS)


@pytest.fixture(scope="module")
def theirs():
    """KerasTuner's module; importing it imports TensorFlow."""
    return pytest.importorskip("keras_tuner.engine.hyperparameters")


def settings(parameter):
    names = ["name", "default", "min_value", "max_value", "step", "sampling", "ordered", "value"]
    return {name: getattr(parameter, name) for name in names if hasattr(parameter, name)}


@pytest.mark.slow
def test_the_module_has_all_public_names(theirs):
    public = {name for name in vars(theirs) if name[0] != "_"}
    assert public == {*ours.__all__} <= {*dir(ours)}


@pytest.mark.slow
@each_call
def test_the_same_calls_make_the_same_hyperparameter(theirs, call):
    their, our = call(theirs), call(ours)
    assert settings(our) == settings(their)
    assert our.random_sample(3) == pytest.approx(their.random_sample(3))


@pytest.mark.slow
@each_call
def test_it_is_of_the_same_types(theirs, call):
    their, our = call(theirs), call(ours)
    for name in TYPES:
        assert isinstance(our, getattr(ours, name)) == isinstance(their, getattr(theirs, name))


@pytest.mark.slow
@pytest.mark.parametrize("name", ["Boolean", "Choice", "Fixed", "Float", "Int"])
def test_arguments_have_the_same_names_order_and_defaults(theirs, name):
    expected = dict(inspect.signature(getattr(theirs, name)).parameters)
    del expected["kwargs"]
    received = dict(inspect.signature(getattr(ours, name)).parameters)
    assert received.pop("conditions").default is None
    assert [*received] == [*expected]
    assert [each.default for each in received.values()] == [
        each.default for each in expected.values()
    ]


@pytest.mark.slow
@pytest.mark.parametrize("call", REFUSED.values(), ids=REFUSED)
def test_the_same_calls_are_refused(theirs, call):
    with pytest.raises((TypeError, ValueError)) as error:
        call(theirs)
    with pytest.raises(error.type):
        call(ours)


@pytest.mark.slow
@each_call
def test_what_kerastuner_serialized_is_read_here_and_ours_there(theirs, call):
    their, our = call(theirs), call(ours)
    assert ours.deserialize(json.loads(json.dumps(theirs.serialize(their)))) == our
    back = theirs.deserialize(json.loads(json.dumps(ours.serialize(our))))
    assert type(back) is type(their)
    assert settings(back) == settings(their)


@pytest.mark.slow
def test_a_whole_object_is_serialized(theirs):
    configs = []
    for types in (theirs, ours):
        hp = types.HyperParameters()
        hp.Choice("a", [1, 2])
        hp.Float("b", 0, 1, parent_name="a", parent_values=[2])
        configs.append(types.serialize(hp))
        back = types.deserialize(json.loads(json.dumps(configs[-1])))
        assert isinstance(back, types.HyperParameters)
        assert back.values == hp.values
    assert configs[0] == configs[1]


def test_nothing_is_serialized_as_nothing():
    assert ours.serialize(None) is None
    assert ours.deserialize(None) is None


@each_call
def test_a_config_and_back(call):
    our = call(ours)
    (kind,) = (
        kind for name in TYPES if isinstance(our, kind := getattr(ours, name)) and name[0] != "H"
    )
    assert kind.from_config(our.get_config()) == our


def test_it_is_a_parameter_and_travels_as_one():
    our = ours.Int("units", 8, 64, conditions=[Condition("model", ("mlp",))])
    assert type(our) is Parameter
    assert issubclass(ours.Int, Parameter)
    assert pickle.loads(pickle.dumps(our)) == copy.deepcopy(our) == our  # noqa: S301


@pytest.mark.parametrize(
    "conditions",
    [[Condition("model", ("mlp",))], [Condition("model", ["mlp"])], Condition("model", ("mlp",))],
    ids=["in a list", "with a list", "alone"],
)
def test_conditions_make_it_inactive(conditions):
    hp = HyperParameters()
    hp.merge(
        [ours.Choice("model", ["mlp", "cnn"]), ours.Int("layers", 1, 3, conditions=conditions)]
    )
    assert hp.values == {"model": "mlp", "layers": 1}
    assert hp.space[1].conditions == (Condition("model", ("mlp",)),)
    hp.values["model"] = "cnn"
    hp.ensure_active_values()
    assert hp.values == {"model": "cnn"}


@pytest.mark.slow
@pytest.mark.parametrize("overwrite", [True, False])
def test_merging_a_list_agrees(theirs, overwrite):
    merged = []
    for types in (theirs, ours):
        hp = types.HyperParameters()
        assert hp.Int("a", 0, 100, default=5) == 5
        hp.merge([types.Fixed("a", 3), types.Choice("b", [1, 2], default=2)], overwrite)
        merged.append((hp.values, hp.Int("a", 0, 100), hp.Boolean("b")))
    assert merged[0] == merged[1]


def test_members_that_hp_declared_have_a_type():
    hp = HyperParameters()
    hp.Int("a", 1, 2)
    hp.Fixed("b", 1)
    assert [isinstance(each, ours.Fixed) for each in hp.space] == [False, True]
    assert not isinstance(FloatDomain(0.0, 1.0), ours.Float)


def test_the_base_has_no_values():
    with pytest.raises(TypeError, match=r"HyperParameter is abstract\. Use Choice, Int,"):
        ours.HyperParameter("a", default=0)


def test_an_error_names_the_hyperparameter():
    with pytest.raises(ValueError, match=r"^Int\('units'\): `min_value` must not be greater"):
        ours.Int("units", 5, 1)


def test_the_package_names_the_module_as_in_annotations():
    assert kt.engine.hyperparameters.HyperParameters is kt.HyperParameters
