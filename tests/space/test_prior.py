"""Priors: what users believe of the best values."""

import json
import pickle

import numpy as np
import pytest
from scipy import integrate, optimize, stats

import kerastune_lite as kt
from kerastune_lite._src.space.kerastuner_json import entries_of
from kerastune_lite.hyperparameters import (
    Boolean,
    Choice,
    Domain,
    Float,
    HyperParameters,
    Int,
    Parameter,
    Space,
)

around, weights = kt.prior.around, kt.prior.weights

DOMAINS = [
    Float(1e-5, 1e-1, sampling="log", prior=around(1e-3)),
    Float(0.0, 1.0, prior=around(0.0, spread=0.3)),
    Int(8, 512, sampling="log", prior=around(np.int64(500))),
    Int(1, 5, prior=around(4, 0.5)),
    Int(1, 5, prior=weights({2: 3, 3: 3.5})),
    Choice([16, 32, 64, 128], prior=around(32)),
    Choice(["a", "b", "c"], prior=weights({"b": 5, "c": 0.5})),
    Choice([1.5, 2, 4], ordered=False, prior=weights({np.float64(1.5): 2})),
    Boolean(prior=weights({True: 3})),
]


@pytest.mark.parametrize("domain", DOMAINS, ids=str)
def test_a_density_whose_mean_is_one_and_whose_mode_is_the_start(domain):
    units = (np.arange(40_000) + 0.5) / 40_000
    logs, _ = domain.prior.log_density(domain, units)
    assert np.exp(logs).mean() == pytest.approx(1.0, abs=1e-4)
    assert logs.min() > np.log(0.1) - 1e-9
    (peak,), _ = domain.prior.log_density(domain, np.array([domain.to_unit(domain.start)]))
    assert peak == pytest.approx(logs.max(), abs=1e-6)


@pytest.mark.parametrize("domain", DOMAINS[:4], ids=str)
def test_its_slope_against_finite_differences(domain):
    def value(unit):
        return domain.prior.log_density(domain, unit)[0][0]

    for unit in (0.1, 0.45, 0.8):
        numeric = optimize.approx_fprime(np.array([unit]), value)
        slope = domain.prior.log_density(domain, np.array([unit]))[1]
        assert slope == pytest.approx(numeric, rel=1e-3, abs=1e-4)


def test_quantiles_are_those_of_a_normal_distribution_that_is_cut_off():
    domain = DOMAINS[1]
    cut = stats.truncnorm(0.0, 1.0 / 0.3, loc=0.0, scale=0.3)
    assert integrate.quad(cut.pdf, 0, 1)[0] == pytest.approx(1.0)
    for share in (0.0, 0.2, 0.5, 0.9):
        assert domain.prior.quantile(domain, share) == pytest.approx(cut.ppf(share), abs=1e-9)


def test_values_are_believed_as_often_as_their_weights_say():
    domain = DOMAINS[6]
    found = [domain.believed(share) for share in (np.arange(650) + 0.5) / 650]
    assert [found.count(value) for value in "abc"] == [100, 500, 50]


def test_half_of_the_samples_follow_the_belief():
    space = Space([Parameter("a", DOMAINS[6]), Parameter("rate", DOMAINS[0])])
    rng = np.random.default_rng(0)
    points = [space.sample(rng) for _ in range(2000)]
    assert np.mean([p["a"] == "b" for p in points]) == pytest.approx(0.5 / 3 + 2.5 / 6.5, abs=0.04)
    near = np.mean([abs(np.log10(p["rate"]) + 3) < 0.6 for p in points])
    assert near == pytest.approx(0.5 * 0.3 + 0.5 * 0.683, abs=0.04)


@pytest.mark.parametrize("domain", DOMAINS, ids=str)
def test_stored_as_text_and_read_again(domain):
    back = Domain.from_json(json.loads(json.dumps(domain.to_json())))
    assert back == domain
    assert back.prior == domain.prior
    assert back.start == domain.start
    assert pickle.loads(pickle.dumps(domain)) == domain  # noqa: S301
    assert "prior" not in json.dumps(Int(1, 3).to_json())


def test_the_users_default_is_the_start_all_the_same():
    assert Float(0.0, 1.0, default=0.2, prior=around(0.7)).start == 0.2
    assert Boolean(True, prior=weights({False: 3})).start is True


def test_kerastuner_is_told_nothing_of_it():
    entries, lost = entries_of(Space(Parameter(f"p{i}", each) for i, each in enumerate(DOMAINS)))
    assert "prior" not in json.dumps(entries)
    assert not lost


def test_the_value_outside_of_a_search_is_kerastuners():
    hp = HyperParameters()
    assert hp.Float("rate", 1e-5, 1e-1, sampling="log", prior=around(1e-3)) == 1e-5
    assert hp.Int("units", 8, 64, prior=around(32)) == 8
    assert hp.Choice("kind", ["a", "b"], prior=weights({"b": 2})) == "a"
    assert hp.Boolean("on", prior=weights({True: 2})) is False
    assert hp.space.start() == {"rate": pytest.approx(1e-3), "units": 32, "kind": "b", "on": True}
    assert hp.space.columns()["prior"] == [
        "around 0.001 +- 15%",
        "around 32 +- 15%",
        "b x2",
        "True x2",
    ]
    assert "prior" not in Space([Parameter("n", Int(1, 3))]).columns()


@pytest.mark.parametrize(
    ("make", "error", "message"),
    [
        (
            lambda: Float(0, 1, prior=around(2)),
            ValueError,
            "of the domain: 2 is not in Float",
        ),
        (lambda: Choice([1, 2], prior=around(3)), ValueError, "3 is not in Choice 1, 2"),
        (lambda: Choice(["a", "b"], prior=around(1)), ValueError, "an ordered Choice.*weights"),
        (lambda: Boolean(prior=around(1)), ValueError, "Boolean. Use prior.weights"),
        (lambda: Float(0, 1, prior=weights({0.5: 2})), ValueError, "list of values.*around"),
        (lambda: Int(1, 9, sampling="log", prior=weights({2: 3})), ValueError, "list of values"),
        (lambda: Choice(["a"], prior=weights({"b": 2})), ValueError, "'b' is not in Choice a"),
        (lambda: Int(1, 3, prior=2), TypeError, "must be kt.prior.around.*Received: 2"),
        (
            lambda: around("a"),
            TypeError,
            r"must be a number\. Received: 'a'\. For texts there is prior\.weights",
        ),
        (lambda: around(1, spread=0), ValueError, "`spread` must be greater than 0. Received: 0"),
        (
            lambda: around(1, spread=True),
            TypeError,
            r"`spread` of prior\.around\(\) must be a number\. Received: True\.$",
        ),
        (lambda: weights(["a"]), TypeError, "must be a dict"),
        (lambda: weights({}), ValueError, "at least one value"),
        (lambda: weights({"a": "b"}), TypeError, "weight of 'a' must be a number"),
        (lambda: weights({"a": 0}), ValueError, "weight of 'a' must be above 0. Received: 0"),
    ],
)
def test_errors(make, error, message):
    with pytest.raises(error, match=message):
        make()


def test_errors_name_the_hyperparameter():
    with pytest.raises(ValueError, match=r"hp.Float\('rate'\): `prior.around.* 5 is not in Float"):
        HyperParameters().Float("rate", 0.0, 1.0, prior=around(5))
