"""The same builders with KerasTuner's `hp` and with ours give the same values and names."""

import inspect

import pytest

from kerastune_lite.hyperparameters import HyperParameters


@pytest.fixture(scope="module")
def theirs():
    """KerasTuner's class; importing it imports TensorFlow."""
    return pytest.importorskip("keras_tuner").HyperParameters


def flat(hp):
    return [
        hp.Int("units", 32, 256, step=32),
        hp.Int("depth", 1, 100, sampling="log"),
        hp.Int("power", 2, 64, 2, "log"),
        hp.Float("rate", 1e-4, 1e-1, sampling="log"),
        hp.Float("dropout", 0, 0.5, 0.1, default=0.2),
        hp.Choice("activation", ["relu", "tanh"]),
        hp.Choice("batch", [32, 64, 128], default=64),
        hp.Choice("size", [0.5, 1.5], True, 1.5),
        hp.Boolean("norm"),
        hp.Boolean("bias", default=True),
        hp.Fixed("seed", 7),
        hp.Fixed("name", "x"),
    ]


def loop(hp):
    units = [hp.Int(f"units_{i}", 8, 64, step=8) for i in range(hp.Int("layers", 1, 3, default=2))]
    return [*units, hp.get("layers"), hp["units_0"], "units_1" in hp, "units_2" in hp]


def scopes(hp):
    seen = [hp.Choice("model", ["mlp", "cnn"])]
    with hp.conditional_scope("model", ["mlp"]):
        seen.append(hp.Int("layers", 1, 3))
        seen.append(hp.Boolean("wide", True))
        with hp.conditional_scope("layers", [2, 3]):
            seen.append(hp.Float("dropout", 0, 0.5))
    with hp.conditional_scope("model", ["cnn"]):
        seen.append(hp.Int("filters", 8, 64))
    seen.append(hp.Int("kernel", 3, 5, parent_name="model", parent_values=["cnn"]))
    seen.append(hp.Int("width", 3, 5, parent_name="model", parent_values=["cnn", "mlp"]))
    return seen


def branches(hp):
    seen = [hp.Choice("size", ["small", "large"], default="large")]
    with hp.conditional_scope("size", ["small"]):
        seen.append(hp.Int("units", 1, 9))
    with hp.conditional_scope("size", ["large"]):
        seen.append(hp.Int("units", 100, 900))
    return seen


def names(hp):
    with hp.name_scope("encoder"):
        kind = hp.Choice("kind", ["a", "b"])
        with hp.name_scope("block"):
            units = hp.Int("units", 1, 5)
        with hp.conditional_scope("kind", ["a"]):
            depth = hp.Int("depth", 1, 3)
        with hp.conditional_scope("kind", ["b"]):
            width = hp.Int("width", 1, 3)
        seen = [hp.get("kind"), hp["block/units"], "units" in hp]
    return [kind, units, depth, width, *seen, hp.Int("units", 7, 9)]


def twice(hp):
    return [hp.Int("units", 1, 9), hp.Int("units", 5, 20), hp.Choice("a", ["x"]), hp.Int("a", 1, 2)]


BUILDERS = [flat, loop, scopes, branches, names, twice]


def read(hp, call):
    """What a call answers, or the type of what it raises."""
    try:
        return call(hp)
    except (KeyError, TypeError, ValueError) as error:
        return type(error)


@pytest.mark.slow
@pytest.mark.parametrize("build", BUILDERS)
def test_values_and_names_agree(theirs, build):
    their_hp, our_hp = theirs(), HyperParameters()
    assert build(our_hp) == build(their_hp)
    assert our_hp.values == their_hp.values
    assert list(our_hp.values) == list(their_hp.values)
    assert [each.name for each in our_hp.space] == [each.name for each in their_hp.space]
    assert [len(each.conditions) for each in our_hp.space] == [
        len(each.conditions) for each in their_hp.space
    ]
    assert [our_hp.is_active(each) for each in our_hp.space] == [
        their_hp.is_active(each) for each in their_hp.space
    ]
    for name in [*our_hp.space.names, "nobody"]:
        assert read(our_hp, lambda hp, name=name: hp.get(name)) == read(
            their_hp, lambda hp, name=name: hp.get(name)
        )


@pytest.mark.slow
@pytest.mark.parametrize(
    ("build", "values"),
    [
        (scopes, {"model": "cnn", "filters": 9, "kernel": 4, "width": 5}),
        (scopes, {"model": "mlp", "layers": 3, "wide": False, "dropout": 0.25, "width": 3}),
        (branches, {"size": "small", "units": 4}),
        (loop, {"layers": 3, "units_2": 32}),
        (names, {"encoder/kind": "b"}),
    ],
)
def test_values_given_beforehand_agree(theirs, build, values):
    their_hp, our_hp = theirs(), HyperParameters(values=values)
    their_hp.values = dict(values)
    assert build(our_hp) == build(their_hp)
    assert our_hp.values == their_hp.values


@pytest.mark.slow
@pytest.mark.parametrize("first", BUILDERS)
@pytest.mark.parametrize("second", [flat, loop, scopes])
@pytest.mark.parametrize("overwrite", [True, False])
def test_merging_agrees(theirs, first, second, overwrite):
    merged = []
    for kind in (theirs, HyperParameters):
        hp, other = kind(), kind()
        first(hp)
        second(other)
        hp.merge(other, overwrite=overwrite)
        merged.append((hp.values, {each.name for each in hp.space}))
    (their_values, their_names), (our_values, our_names) = merged
    assert our_names == their_names
    # Ours also gives a value to what the merge made active.
    assert our_values.items() >= their_values.items()


@pytest.mark.slow
@pytest.mark.parametrize(
    "call",
    [
        lambda hp: hp.Int("a", 5, 1),
        lambda hp: hp.Int("a", 0, 5, sampling="log"),
        lambda hp: hp.Int("a", 1, 5, 1, "log"),
        lambda hp: hp.Float("a", 1, 5, sampling="cubic"),
        lambda hp: hp.Choice("a", []),
        lambda hp: hp.Choice("a", [1, "b"]),
        lambda hp: hp.Choice("a", ["b"], default="c"),
        lambda hp: hp.Choice("a", ["b"], ordered=True),
        lambda hp: hp.Int("a", 1, 2, parent_name="nobody", parent_values=[1]),
        lambda hp: [hp.Int("a", 1, 2), hp.Int("a", 1, 2, parent_name="a", parent_values=[1])],
        lambda hp: hp.get("nobody"),
    ],
)
def test_the_same_calls_are_refused(theirs, call):
    error = read(theirs(), call)
    assert isinstance(error, type)
    assert read(HyperParameters(), call) is error


@pytest.mark.slow
@pytest.mark.parametrize("arguments", [(1, 50), (6, 13, 3), (2, 32, 2, "log"), (5, 40, 5)])
def test_the_members_of_integers_agree(theirs, arguments):
    their_hp, our_hp = theirs(), HyperParameters()
    their_hp.Int("a", *arguments)
    our_hp.Int("a", *arguments)
    assert our_hp.space[0].domain.members() == list(their_hp.space[0].values)


@pytest.mark.slow
def test_all_public_names_are_there_with_their_arguments(theirs):
    public = {name for name in dir(theirs()) if name[0] != "_"} - {"from_proto", "to_proto"}
    assert public <= set(dir(HyperParameters()))
    for name in public & set(dir(theirs)):
        if callable(getattr(theirs, name)):
            expected = [*inspect.signature(getattr(theirs, name)).parameters]
            ours = [*inspect.signature(getattr(HyperParameters, name)).parameters]
            assert ours in (expected, [*expected, "prior"])


def nested(hp):
    hp.Choice("a", [1, 2, 3], default=3)
    with hp.conditional_scope("a", [1, 3]):
        hp.Boolean("b", True)
        with hp.conditional_scope("b", True):
            hp.Int("c", 1, 2)
        with hp.conditional_scope("b", False):
            hp.Int("d", 1, 2)
    with hp.conditional_scope("a", 2):
        hp.Int("e", 1, 2)


@pytest.mark.slow
@pytest.mark.parametrize("build", [scopes, branches, names, nested])
@pytest.mark.parametrize("scopes", ["active_scopes", "inactive_scopes"])
def test_the_scopes_that_were_entered_agree(theirs, build, scopes):
    entered = []
    for hp in (theirs(), HyperParameters()):
        build(hp)
        configs = [[each.get_config() for each in scope] for scope in getattr(hp, scopes)]
        # Theirs names a scope once for each time that it was entered.
        entered.append([scope for i, scope in enumerate(configs) if scope not in configs[:i]])
    assert entered[0] == entered[1]


def test_objects_are_equal_if_their_space_and_values_are():
    """KerasTuner compares identities; there `tuner.oracle.hyperparameters` is the user's object."""
    hp, other = HyperParameters(), HyperParameters()
    assert hp == other == hp.copy()
    assert hp.space == []
    hp.Int("n", 1, 3)
    assert hp != other
    other.Int("n", 1, 3)
    assert hp == other
    other.values["n"] = 2
    assert hp != other
    assert hp != "hp"
    with pytest.raises(TypeError, match="unhashable"):
        hash(hp)
