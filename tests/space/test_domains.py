"""What every domain promises, whatever its kind; and the domains without a scale."""

import json
import pickle

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from kerastune_lite._src.space.domains import GRID_POINTS, plain, same
from kerastune_lite.hyperparameters import Boolean, Choice, Domain, Fixed, Float, Int

SCALES = st.sampled_from(["linear", "log", "reverse_log"])
UNITS = st.floats(0, 1)
PROPERTIES = settings(max_examples=300, deadline=None)


@st.composite
def ints(draw):
    sampling = draw(SCALES)
    low = draw(st.integers(-500, 500) if sampling == "linear" else st.integers(1, 200))
    high = low + draw(st.integers(0, 400))
    step = draw(st.none() | (st.integers(1, 90) if sampling == "linear" else st.integers(2, 9)))
    return Int(low, high, step, sampling)


@st.composite
def floats(draw):
    sampling = draw(SCALES)
    decimals = draw(st.integers(0, 5))
    low = draw(st.integers(-900, 900) if sampling == "linear" else st.integers(1, 900))
    low = low / 10**decimals
    if sampling == "linear":
        high = low + draw(st.integers(0, 600)) / 10**decimals
        step = draw(st.none() | st.integers(1, 400).map(lambda n: n / 10**decimals))
    else:
        high = low * draw(st.sampled_from([1, 1.5, 2, 10, 97.3, 1e3, 1e5]))
        step = draw(st.none() | st.sampled_from([1.25, 2, 3, 10]))
    return Float(low, high, step, sampling)


SCALARS = [
    st.integers(-99, 99),
    st.floats(-1e6, 1e6),
    st.text(max_size=4),
    st.booleans(),
    st.integers(-99, 99).map(float) | st.integers(-99, 99),
]


@st.composite
def choices(draw):
    values = draw(
        st.one_of([st.lists(kind, min_size=1, max_size=6, unique=True) for kind in SCALARS])
    )
    if draw(st.booleans()):
        values.insert(draw(st.integers(0, len(values))), None)
    default = draw(st.sampled_from(values))
    return Choice(values, draw(st.sampled_from([None, False])), default)


FIXED = st.one_of([*SCALARS, st.none()]).map(Fixed)
DOMAINS = st.one_of(ints(), floats(), choices(), st.booleans().map(Boolean), FIXED)


@PROPERTIES
@given(DOMAINS)
def test_members_go_to_the_unit_interval_and_back(domain):
    for value in domain.members() or domain.grid():
        unit = domain.to_unit(value)
        assert 0 <= unit <= 1
        back = domain.from_unit(unit)
        if domain.members() is None:
            assert back == pytest.approx(value, rel=1e-9, abs=1e-9)
        else:
            assert same(back, value)


@PROPERTIES
@given(DOMAINS, UNITS)
def test_whatever_comes_from_the_unit_interval_is_a_member(domain, unit):
    value = domain.from_unit(unit)
    assert domain.contains(value)
    assert same(domain.coerce(value), value)
    assert type(domain.coerce(value)) is type(value)


@PROPERTIES
@given(DOMAINS)
def test_json_and_back(domain):
    back = Domain.from_json(json.loads(json.dumps(domain.to_json())))
    assert back == domain
    assert hash(back) == hash(domain)
    assert back.describe() == domain.describe()
    assert back.start == domain.start


@PROPERTIES
@given(DOMAINS)
def test_the_start_is_a_member(domain):
    assert domain.contains(domain.start)


@pytest.mark.parametrize(
    ("domain", "start"),
    [
        (Float(-2.0, 4.0), 1.0),
        (Float(1e-4, 1.0, sampling="log"), 0.01),
        (Float(0.5, 0.995, sampling="reverse_log"), 1.495 - (0.5 * 0.995) ** 0.5),
        (Float(0.0, 0.5, step=0.1), 0.2),
        (Int(1, 3), 2),
        (Int(1, 4), 2),
        (Int(8, 128, step=2, sampling="log"), 32),
        (Int(10, 1000, sampling="log"), 97),
        (Choice([16, 32, 64]), 32),
        (Choice([0.1, 0.01, 0.001, 0.0001]), 0.01),
        (Choice([1, 2, 3], ordered=False), 1),
        (Choice(["relu", "tanh", "selu"]), "relu"),
        (Boolean(), False),
        (Fixed(7), 7),
        (Float(0.0, 0.5, default=0.0), 0.0),
        (Int(8, 64, default=8), 8),
        (Choice([16, 32, 64], default=16), 16),
        (Boolean(default=True), True),
    ],
)
def test_the_start_is_the_users_default_or_the_middle(domain, start):
    assert domain.start == pytest.approx(start)
    assert Domain.from_json(domain.to_json()).start == domain.start
    assert pickle.loads(pickle.dumps(domain)).start == domain.start  # noqa: S301


def test_projects_of_earlier_versions_start_at_their_defaults():
    known = {"type": "Int", "min_value": 1, "max_value": 9, "step": 1, "sampling": "linear"}
    assert Domain.from_json({**known, "default": 1}).start == 1


@PROPERTIES
@given(DOMAINS)
def test_the_default_is_a_member(domain):
    assert domain.contains(domain.default)


@PROPERTIES
@given(DOMAINS)
def test_cardinality_counts_the_members(domain):
    members = domain.members()
    if members is None:
        assert domain.cardinality is None
    else:
        assert domain.cardinality == len(members)
        assert all(domain.contains(member) for member in members)
        assert not any(same(a, b) for i, a in enumerate(members) for b in members[:i][-9:])


@PROPERTIES
@given(DOMAINS)
def test_the_grid_is_in_the_domain_and_complete_where_it_is_finite(domain):
    grid = domain.grid()
    assert all(domain.contains(value) for value in grid)
    if domain.members() is None or (isinstance(domain, Int) and domain.step is None):
        assert 1 <= len(grid) <= GRID_POINTS
        assert (grid[0], grid[-1]) == (domain.min_value, domain.max_value)
    else:
        assert grid == domain.members()
    if isinstance(domain, (Int, Float)):
        assert grid == sorted(set(grid))


@PROPERTIES
@given(DOMAINS, st.integers(0, 2**32 - 1))
def test_a_sample_is_a_member_and_depends_on_the_seed_only(domain, seed):
    value = domain.sample(np.random.default_rng(seed))
    assert domain.contains(value)
    assert same(domain.sample(np.random.default_rng(seed)), value)


@PROPERTIES
@given(DOMAINS, DOMAINS)
def test_a_domain_covers_itself_and_only_what_it_contains(domain, other):
    assert domain.covers(domain)
    assert domain.covers(Fixed(domain.default))
    if domain.covers(other):
        assert all(domain.contains(value) for value in other.grid())


@pytest.mark.parametrize(
    "domain",
    [
        Choice(["a", "b", None]),
        Choice([1, 10, 100]),
        Boolean(),
        Int(3, 9),
        Int(1, 64, 2, "log"),
        Float(0, 1, 0.1),
        Float(1e-4, 1, 10, "reverse_log"),
    ],
    ids=str,
)
def test_samples_of_a_finite_domain_are_uniform(domain):
    rng = np.random.default_rng(1)
    draws = [domain.sample(rng) for _ in range(4000)]
    counts = [sum(same(draw, member) for draw in draws) for member in domain.members()]
    assert sum(counts) == len(draws)
    assert stats.chisquare(counts).pvalue > 0.01


@pytest.mark.parametrize("sampling", ["linear", "log", "reverse_log"])
@pytest.mark.parametrize("ends", [(1e-4, 1e-1), (3.0, 7.0)])
def test_samples_of_a_real_domain_are_uniform_in_the_unit_interval(sampling, ends):
    domain = Float(*ends, sampling=sampling)
    rng = np.random.default_rng(7)
    units = [domain.to_unit(domain.sample(rng)) for _ in range(2000)]
    assert stats.kstest(units, "uniform").pvalue > 0.01


@pytest.mark.parametrize("sampling", ["log", "reverse_log"])
def test_samples_of_integers_on_a_log_scale_follow_their_cells(sampling):
    domain = Int(1, 30, sampling=sampling)
    rng = np.random.default_rng(9)
    draws = [domain.sample(rng) for _ in range(5000)]
    counts = [draws.count(value) for value in range(1, 31)]
    cells = np.log(np.arange(1.5, 31)) - np.log(np.arange(0.5, 30))
    expected = cells / cells.sum() * len(draws)
    assert stats.chisquare(counts, expected[:: 1 if sampling == "log" else -1]).pvalue > 0.01


def test_booleans_stay_booleans_and_are_not_numbers():
    assert [type(value) for value in Choice([True, False]).grid()] == [bool, bool]
    assert type(Boolean(np.bool_(True)).default) is bool
    assert not Choice([True, False]).contains(1)
    assert not Choice([0, 1]).contains(True)
    assert not Boolean().contains(1)
    assert not Fixed(1).contains(True)
    assert not Int(0, 1).contains(True)
    assert not Float(0, 1).contains(True)


def test_domains_whose_values_compare_equal_are_kept_apart():
    kinds = [Choice([v], ordered=False) for v in (True, 1, 1.0)] + [
        Fixed(v) for v in (True, 1, 1.0)
    ]
    assert len(set(kinds)) == len(kinds)
    assert Choice([0, 1]) != "Choice"


def test_none_may_stand_among_the_values_and_be_the_default():
    domain = Choice(["a", None], default=None)
    assert domain.default is None
    assert domain.contains(None)
    assert domain.from_unit(domain.to_unit(None)) is None
    assert not domain.ordered
    assert not Choice([1, None]).ordered
    assert not Choice(["a"]).contains(None)
    assert Fixed(None).default is None


def test_numpy_scalars_become_plain_ones():
    domain = Choice(np.array([16, 32]))
    assert [type(value) for value in domain.values] == [int, int]
    assert domain.coerce(np.int64(32)) == 32
    assert Choice([np.float32(0.5)]).values == (0.5,)
    assert type(Fixed(np.str_("a")).value) is str
    assert Fixed(True).contains(np.bool_(True))
    assert plain(np.bool_(False)) is False


def test_a_choice_is_ordered_when_it_holds_numbers_only():
    assert Choice([1, 2]).ordered is True
    assert Choice([1, 2], ordered=False).ordered is False
    assert Choice(["a", "b"]).ordered is False
    assert Choice([True, False]).ordered is False
    assert Choice(["a", "b"], ordered=False).ordered is False


def test_covers_needs_the_same_kind_and_scale():
    assert Choice([1, 2, 3]).covers(Choice([3, 1]))
    assert not Choice([1, 2, 3]).covers(Choice([1, 2], ordered=False))
    assert not Choice([1, 2]).covers(Choice([1, 2, 3]))
    assert not Choice([1, 2]).covers(Int(1, 2))
    assert Boolean().covers(Fixed(True))
    assert not Boolean().covers(Fixed(1))
    assert not Boolean().covers(Choice([True, False]))
    assert not Fixed(1).covers(Fixed(2))


def test_descriptions_are_short():
    assert Choice(["relu", None]).describe() == "Choice relu, None"
    assert Boolean().describe() == "Boolean"
    assert Fixed(3).describe() == "Fixed 3"


@pytest.mark.parametrize(
    ("make", "error", "words"),
    [
        (lambda: Choice([]), ValueError, "at least one value. Received an empty list"),
        (lambda: Choice("relu"), TypeError, "must be a list of values. Received: 'relu'"),
        (lambda: Choice(3), TypeError, "must be a list of values. Received: 3"),
        (lambda: Choice({"a"}), TypeError, "the order of a set differs between processes"),
        (lambda: Choice([1, "a"]), TypeError, r"one type.*Received: \[1, 'a'\]"),
        (lambda: Choice([1, True]), TypeError, r"one type.*Received: \[1, True\]"),
        (lambda: Choice([1, 2], default=3), ValueError, "`default` .* 3 is not in Choice 1, 2"),
        (lambda: Choice(["a"], default=None), ValueError, "None is not in Choice a"),
        (lambda: Choice(["a"], ordered=True), ValueError, r"needs values .*Received: \['a'\]"),
        (lambda: Choice([1, None], ordered=True), ValueError, "all numbers"),
        (
            lambda: Choice([len]),
            TypeError,
            "must be a str, int, float, bool or None.*names instead",
        ),
        (lambda: Choice([float("nan")]), ValueError, "cannot be NaN"),
        (
            lambda: Boolean("yes"),
            ValueError,
            "`default` must be a value of the domain: 'yes' is not in Boolean",
        ),
        (lambda: Fixed([1, 2]), TypeError, r"Received: \[1, 2\] of type list"),
        (lambda: Choice(["a"]).coerce("b"), ValueError, "'b' is not in Choice a"),
        (lambda: Choice(["a"]).coerce([]), ValueError, "must be a str"),
        (lambda: Fixed(1).coerce(np.ones(2)), ValueError, "must be a str"),
        (lambda: Choice(["a"]).to_unit("b"), ValueError, "'b' is not in Choice a"),
        (lambda: Fixed(1).to_unit(2), ValueError, "2 is not in Fixed 1"),
        (lambda: Domain.from_json({"type": "Sphere"}), ValueError, "Boolean.*Received: 'Sphere'"),
        (lambda: Domain.from_json({"type": "Numeric"}), ValueError, "Received: 'Numeric'"),
        (lambda: Domain.from_json({}), ValueError, "Received: None"),
    ],
)
def test_errors_state_the_rule_and_what_was_received(make, error, words):
    with pytest.raises(error, match=words):
        make()


@pytest.mark.parametrize(
    ("values", "kept"),
    [([1, 2, 1.0], (1, 2)), (["a", "a"], ("a",)), ([None, "b", None], (None, "b"))],
)
def test_what_is_listed_several_times_counts_once(values, kept):
    domain = Choice(values)
    assert domain.values == kept
    assert domain.cardinality == len(kept)
    assert domain.grid() == list(kept)


@pytest.mark.parametrize("default", [0, 1, 1.0, np.bool_(True), np.int64(0)])
def test_zero_and_one_are_defaults_of_a_boolean(default):
    assert Boolean(default).default is bool(default)
    assert Boolean(default).to_json() == Boolean(bool(default)).to_json()


@pytest.mark.parametrize("default", [2, "yes", None])
def test_nothing_else_is(default):
    with pytest.raises((TypeError, ValueError)):
        Boolean(default)
