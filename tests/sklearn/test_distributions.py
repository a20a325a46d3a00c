"""`param_distributions` as a space."""

import numpy as np
import pytest
from scipy import stats
from sklearn.preprocessing import MinMaxScaler, StandardScaler

from kerastune_lite._src.sklearn.distributions import Distributions, domain_of
from kerastune_lite.hyperparameters import Choice, Float, Int


@pytest.mark.parametrize(
    ("given", "domain"),
    [
        (stats.randint(2, 9), Int(2, 8, default=5)),
        (stats.uniform(1, 3), Float(1.0, 4.0, default=2.5)),
        (stats.loguniform(1e-3, 10), Float(1e-3, 10.0, sampling="log", default=0.1)),
        ([1, 2, 4], Choice((1, 2, 4))),
        (np.linspace(0, 1, 3), Choice((0.0, 0.5, 1.0))),
        (range(3), Choice((0, 1, 2))),
        ((None, "balanced"), Choice((None, "balanced"))),
        (Int(1, 3), Int(1, 3)),
    ],
)
def test_domains(given, domain):
    found, decode = domain_of("x", given)
    assert found == domain
    value = found.default
    assert decode(value) == value


@pytest.mark.parametrize(
    "given",
    [stats.norm(3, 2), stats.expon(scale=5), stats.loguniform(1, 10, loc=-5), stats.poisson(4)],
)
def test_other_distributions_are_drawn_as_they_are(given):
    domain, decode = domain_of("x", given)
    rng = np.random.default_rng(0)
    drawn = [decode(domain.sample(rng)) for _ in range(400)]
    assert stats.kstest(drawn, given.rvs(2000, random_state=1)).pvalue > 1e-3
    assert all(isinstance(value, int) for value in drawn) == hasattr(given.dist, "pmf")
    assert decode(domain.default) == pytest.approx(given.median(), abs=1)


class OnlyDraws:
    def rvs(self, random_state):
        return np.random.RandomState(random_state).normal()


def test_what_can_only_draw_is_drawn_by_seed():
    domain, decode = domain_of("x", OnlyDraws())
    assert domain == Int(0, 2**31 - 1)
    assert decode(7) == decode(7) != decode(8)


def test_objects_are_known_by_names():
    scalers = [StandardScaler(), MinMaxScaler(), "passthrough", None]
    domain, decode = domain_of("scaler", scalers)
    assert [decode(value) for value in domain.grid()] == scalers
    assert domain.grid()[0] == "0: StandardScaler()"
    functions, _ = domain_of("f", [np.log1p, lambda x: x])
    assert not any("0x" in label for label in functions.grid())


def test_values_of_several_kinds():
    domain, decode = domain_of("max_features", ["sqrt", 0.5, 3])
    assert [decode(value) for value in domain.grid()] == ["sqrt", 0.5, 3]


def test_a_list_of_dicts_is_a_choice_of_dicts():
    given = Distributions([{"kernel": ["linear"]}, {"kernel": ["rbf"], "gamma": [0.1, 1.0]}])
    assert given.names == ["kernel", "gamma"]
    points = [given.space.sample(np.random.default_rng(seed)) for seed in range(20)]
    params = [given.params(point) for point in points]
    assert {frozenset(each) for each in params} == {
        frozenset({"kernel"}),
        frozenset({"kernel", "gamma"}),
    }
    assert all(("gamma" in each) == (each["kernel"] == "rbf") for each in params)


@pytest.mark.parametrize(
    ("given", "error", "message"),
    [
        (3, TypeError, r"must be a dict .*Received: 3"),
        ({}, TypeError, r"must be a dict .*Received: \{\}"),
        ({"C": 3}, TypeError, r"must be a list of values, a frozen.*Received: C=3"),
        ({"C": "rbf"}, TypeError, r"Received: C='rbf'"),
        ({"C": []}, ValueError, r"at least one. Received: C=\[\]"),
        ([{"C": [1]}, {}], TypeError, "a list of such"),
    ],
)
def test_what_is_none_is_refused(given, error, message):
    with pytest.raises(error, match=message):
        Distributions(given)
