"""The tree of what was tried, against a brute-force model of builders as decision trees."""

import dataclasses

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kerastune_lite._src.core.visited import Visited
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

DOMAINS = [
    Boolean(),
    Choice(["a", "b", None]),
    Int(1, 3),
    Choice([0, 1]),
    Float(0, 1, 0.5),
    Fixed(7),
]
PROPERTIES = settings(max_examples=80, deadline=None)


@dataclasses.dataclass(frozen=True)
class Question:
    """A builder: ask `name`, then go on with the question for its answer, if there is one."""

    name: str
    domain: object
    then: tuple  # of (Question or None), in the order of the domain's members

    def models(self):
        """The answers of each model that this builder can build, in order."""
        found = []
        for value, question in zip(self.domain.members(), self.then, strict=True):
            rest = [{}] if question is None else question.models()
            found += [{self.name: value, **answers} for answers in rest]
        return found

    def parameters(self, conditions=()):
        """What this builder declares when it says its conditions with scopes."""
        found = [Parameter(self.name, self.domain, conditions)]
        for value, question in zip(self.domain.members(), self.then, strict=True):
            if question is not None:
                here = (*conditions, Condition(self.name, (value,)))
                found += question.parameters(here)
        return found

    def ask(self, hp):
        """Build with plain ifs: the space shows what this build came across, and no conditions."""
        value = {
            Choice: lambda d: hp.Choice(self.name, d.values),
            Boolean: lambda d: hp.Boolean(self.name),
            Int: lambda d: hp.Int(self.name, d.min_value, d.max_value),
            Float: lambda d: hp.Float(self.name, d.min_value, d.max_value, d.step),
            Fixed: lambda d: hp.Fixed(self.name, d.value),
        }[type(self.domain)](self.domain)
        index = [repr(member) for member in self.domain.members()].index(repr(value))
        question = self.then[index]
        return None if question is None else question.ask(hp)


@st.composite
def builders(draw, names=("p", "q", "r", "s")):
    """Decision trees; a name has the same domain wherever it is asked, but any order."""
    domains = dict(zip(names, [draw(st.sampled_from(DOMAINS)) for _ in names], strict=True))

    def question(left):
        name = draw(st.sampled_from(left))
        after = [other for other in left if other != name]
        then = [
            question(after) if after and draw(st.integers(0, 2)) else None
            for _ in domains[name].members()
        ]
        return Question(name, domains[name], tuple(then))

    return question(list(names))


def agrees(point, values):
    """Whether `values` say the same as `point` on all that it holds."""
    return all(
        name in values and repr(values[name]) == repr(value) for name, value in point.items()
    )


def completed(space, answers, fill):
    """The answers, and `fill` for whatever else is active: what a caller proposes."""
    return space.walk(lambda each: answers[each.name] if each.name in answers else fill(each))


def first(parameter):
    return parameter.domain.grid()[0]


def distinct(points):
    return {repr(sorted(point.items())) for point in points}


@PROPERTIES
@given(builders(), st.data())
def test_membership_is_that_of_a_brute_force_model(builder, data):
    models = builder.models()
    visited, kept = Visited(), []
    for point in data.draw(st.lists(st.sampled_from(models), max_size=12)):
        visited.add(point)
        kept.append(point)
    for _ in range(data.draw(st.integers(0, len(kept)))):
        point = kept.pop(data.draw(st.integers(0, len(kept) - 1)))
        visited.remove(point)
    for values in models:
        extended = {"stranger": 1, **values}
        assert (values in visited) == any(agrees(point, values) for point in kept)
        assert (extended in visited) == (values in visited)
    space = Space(builder.parameters())
    tried = distinct(kept)
    exhausted = tried == distinct(models)
    for seed in range(5):
        rng = np.random.default_rng(seed)
        answers = visited.sample_untried(space, rng)
        assert (answers is None) == exhausted
        if answers is not None:
            point = completed(space, answers, lambda each, rng=rng: each.domain.sample(rng))
            assert point not in visited
            assert distinct([point]) <= distinct(models)
            assert agrees(answers, point)
    assert exhausted == (next(visited.untried(space), None) is None)


@PROPERTIES
@given(builders(), st.lists(st.integers(0, 3), max_size=60), st.data())
def test_a_grid_with_known_conditions_meets_each_model_once_whatever_is_pending(
    builder, moves, data
):
    """Trials start and end in any order, and the tree is rebuilt from them in between."""
    models, space = builder.models(), Space(builder.parameters())
    visited, pending, met = Visited(), [], []
    moves = iter(moves)
    while True:
        move = next(moves, 3)
        if move == 0 and pending:
            point = pending.pop(data.draw(st.integers(0, len(pending) - 1)))
            # It ends: what was used replaces what was proposed.
            visited.remove(point)
            visited.add(point)
            continue
        if move == 1:
            visited = Visited()
            for point in met:
                visited.add(point)
            continue
        answers = next(visited.untried(space), None)
        if answers is None:
            break
        point = completed(space, answers, first)
        assert point not in visited
        visited.add(point)
        pending.append(point)
        met.append(point)
    assert len(met) == len(models)
    assert distinct(met) == distinct(models)


@PROPERTIES
@given(builders())
def test_a_grid_over_plain_ifs_meets_each_model_once(builder):
    """The conditions are not known; the tree learns from what each finished trial asked for."""
    space, visited, met = Space(), Visited(), []
    while True:
        answers = next(visited.untried(space), None)
        if answers is None:
            break
        proposal = completed(space, answers, first)
        assert proposal not in visited
        visited.add(proposal)
        hp = HyperParameters(space, proposal, fill=first)
        builder.ask(hp)
        space = hp.space
        visited.remove(proposal)
        visited.add(hp.used_values())
        met.append(hp.used_values())
    assert len(met) == len(builder.models())
    assert distinct(met) == distinct(builder.models())


@PROPERTIES
@given(builders(), st.integers(0, 99))
def test_sampling_over_plain_ifs_exhausts_the_models(builder, seed):
    space, visited, met = Space(), Visited(), []
    rng = np.random.default_rng(seed)

    def draw(parameter):
        return parameter.domain.sample(rng)

    while True:
        answers = visited.sample_untried(space, rng)
        if answers is None:
            break
        proposal = completed(space, answers, draw)
        assert proposal not in visited
        hp = HyperParameters(space, proposal, fill=draw)
        builder.ask(hp)
        space = hp.space
        visited.add(hp.used_values())
        met.append(hp.used_values())
    assert len(met) == len(distinct(met)) == len(builder.models())


@PROPERTIES
@given(builders(), st.integers(0, 99))
def test_points_in_another_order_of_questions_are_found_as_well(builder, seed):
    """Pending points hold the order of the space, finished ones the order of the builder."""
    models, space = builder.models(), Space(builder.parameters())
    rng = np.random.default_rng(seed)
    visited = Visited()
    for point in models:
        names = list(rng.permutation(list(point)))
        visited.add({str(name): point[name] for name in names})
    assert all(point in visited for point in models)
    offered = [completed(space, answers, first) for answers in visited.untried(space)]
    assert all(point in visited for point in offered)


SPACE = Space([Parameter("a", Choice(["x", "y"])), Parameter("b", Int(1, 3))])


def test_the_grid_is_in_depth_first_order_the_last_question_turning_fastest():
    visited = Visited()
    assert list(visited.untried(SPACE)) == [{}]
    visited.add({"a": "x", "b": 1})
    assert list(visited.untried(SPACE)) == [{"a": "x", "b": 2}, {"a": "x", "b": 3}, {"a": "y"}]
    visited.add({"a": "y", "b": 2})
    assert list(visited.untried(SPACE)) == [
        {"a": "x", "b": 2},
        {"a": "x", "b": 3},
        {"a": "y", "b": 1},
        {"a": "y", "b": 3},
    ]


def test_a_builder_that_asks_for_nothing_has_one_model():
    visited = Visited()
    assert visited.sample_untried(SPACE, np.random.default_rng(0)) == {}
    visited.add({})
    assert {"a": "x"} in visited
    assert list(visited.untried(SPACE)) == []
    assert visited.sample_untried(SPACE, np.random.default_rng(0)) is None


def test_true_and_one_are_two_answers_and_one_is_one_point_zero():
    visited = Visited()
    visited.add({"a": True})
    assert {"a": 1} not in visited
    visited.add({"a": 2})
    assert {"a": 2.0} in visited


def test_the_same_values_of_another_type_have_their_own_list():
    for kind in (bool, int):
        values = [kind(0), kind(1)]
        visited = Visited()
        visited.add({"a": values[0]})
        space = Space([Parameter("a", Choice(values, ordered=False))])
        assert [type(point["a"]) for point in visited.untried(space)] == [kind]


def test_points_off_the_grid_are_tried_but_do_not_stop_it():
    space = Space([Parameter("rate", Float(0, 1)), Parameter("b", Boolean())])
    visited = Visited()
    visited.add({"rate": 0.123, "b": True})
    rates = [point["rate"] for point in visited.untried(space)]
    assert rates == space[0].domain.grid()
    assert {"rate": 0.123, "b": True} in visited


def test_a_parameter_that_is_not_tuned_keeps_the_answers_it_got():
    visited = Visited()
    visited.add({"new": 5, "b": 1})
    assert list(visited.untried(SPACE)) == [{"new": 5, "b": 2}, {"new": 5, "b": 3}]
    point = visited.sample_untried(SPACE, np.random.default_rng(0))
    assert point["new"] == 5
    assert point["b"] in (2, 3)


def test_what_was_complete_is_open_again_when_the_space_grows():
    visited = Visited()
    visited.add({"new": 5})
    assert list(visited.untried(SPACE)) == []
    assert visited.sample_untried(SPACE, np.random.default_rng(0)) is None
    grown = SPACE.merged([Parameter("new", Int(5, 6))])
    assert list(visited.untried(grown)) == [{"new": 6}]
    assert visited.sample_untried(grown, np.random.default_rng(0)) == {"new": 6}


def test_a_point_taken_back_during_the_walk_is_offered_again():
    visited = Visited()
    visited.add({"a": "x", "b": 1})
    visited.add({"a": "y", "b": 1})
    for answers in visited.untried(SPACE):
        visited.add(answers)
        if answers == {"a": "y", "b": 3}:
            visited.remove({"a": "x", "b": 3})
    assert list(visited.untried(SPACE)) == [{"a": "x", "b": 3}]


def test_a_point_stays_tried_until_each_of_its_trials_was_removed():
    visited = Visited()
    visited.add({"a": "x"})
    visited.add({"a": "x"})
    visited.remove({"a": "x"})
    assert {"a": "x"} in visited
    visited.remove({"a": "x"})
    assert {"a": "x"} not in visited
    assert list(visited.untried(SPACE)) == [{}]


@pytest.mark.parametrize("values", [{"a": "y"}, {"a": "x"}, {}, {"a": "x", "b": 1, "c": 1}])
def test_only_what_was_added_can_be_removed(values):
    visited = Visited()
    visited.add({"a": "x", "b": 1})
    with pytest.raises(KeyError, match="Only a point that was added can be removed"):
        visited.remove(values)
    visited.remove({"a": "x", "b": 1})
    assert list(visited.untried(SPACE)) == [{}]


def test_a_range_with_hardly_any_floats_ends():
    top = float(np.nextafter(1.0, 2.0))
    space = Space([Parameter("a", Float(1.0, top))])
    visited = Visited()
    visited.add({"a": 1.0})
    visited.add({"a": top})
    assert visited.sample_untried(space, np.random.default_rng(0)) is None


def test_a_failed_point_is_tried_again_with_parameters_that_became_known():
    a, b = Parameter("a", Int(1, 2)), Parameter("b", Int(1, 2))
    visited = Visited()
    visited.add({"a": 1}, failed=True)
    assert {"a": 1} in visited
    assert {"a": 1, "b": 1} not in visited
    rng = np.random.default_rng(0)
    small, grown = Space([a]), Space([a, b])
    assert list(visited.untried(small)) == [{"a": 2}]
    assert list(visited.untried(grown)) == [{"a": 1}, {"a": 2}]
    visited.add({"a": 2})
    assert visited.sample_untried(small, rng) is None
    assert visited.sample_untried(grown, rng) == {"a": 1}
    visited.add({"a": 1, "b": 1}, failed=True)
    assert list(visited.untried(grown)) == [{"a": 1, "b": 2}]
