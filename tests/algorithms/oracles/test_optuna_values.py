import numpy as np
import optuna
import pytest

from kerastune_lite._src.algorithms.oracles.optuna_values import encoded, optuna_parameters
from kerastune_lite.hyperparameters import (
    Boolean,
    Choice,
    Condition,
    Fixed,
    Float,
    Int,
    Parameter,
    Space,
)

DOMAINS = [
    Float(0.0, 1.0),
    Float(1e-5, 1.0, sampling="log"),
    Float(0.5, 0.99, sampling="reverse_log"),
    Float(0.001, 0.1, step=10, sampling="log"),
    Float(-1.0, 1.0, step=0.3),
    Int(0, 10**6),
    Int(8, 512, sampling="log"),
    Int(8, 64, step=2, sampling="log"),
    Int(3, 20, step=4),
    Choice((8, 64, 16)),
    Choice(("a", "b", None)),
    Choice((1, 2), ordered=False),
    Choice((True, False)),
    Boolean(),
]


def the_one(domain):
    (found,) = optuna_parameters(Space([Parameter("p", domain)]))
    return found


@pytest.mark.parametrize("domain", DOMAINS, ids=lambda domain: domain.describe())
def test_there_and_back(domain):
    parameter, rng = the_one(domain), np.random.default_rng(0)
    kind = parameter.distribution(optuna)
    for value in [domain.default, *(domain.sample(rng) for _ in range(50))]:
        param = parameter.encoded({"p": value})
        again = parameter.suggested(optuna.trial.FixedTrial({"p": param}))
        assert (
            again == pytest.approx(value)
            if isinstance(value, float)
            else again is value or (type(again) is type(value) and again == value)
        )
        assert kind.to_external_repr(kind.to_internal_repr(param)) == param
        assert parameter.settled(param) == param


@pytest.mark.parametrize("domain", DOMAINS, ids=lambda domain: domain.describe())
def test_what_optuna_suggests_is_settled_before_it_is_used(domain):
    parameter = the_one(domain)
    study = optuna.create_study(sampler=optuna.samplers.RandomSampler(seed=1))
    for _ in range(50):
        param = parameter.settled(study.ask({"p": parameter.distribution(optuna)}).params["p"])
        value = parameter.suggested(optuna.trial.FixedTrial({"p": param}))
        assert domain.contains(value)
        assert parameter.encoded({"p": value}) == param


@pytest.mark.parametrize("domain", [Fixed(3), Choice(("a",)), Int(4, 4), Float(0.5, 0.5)])
def test_what_has_one_value_is_not_told(domain):
    assert optuna_parameters(Space([Parameter("p", domain)])) == ()


def test_only_what_is_active_and_inside_is_told():
    space = Space(
        [
            Parameter("kind", Choice(("sgd", "adam"))),
            Parameter("m", Float(0.0, 1.0), (Condition("kind", ("sgd",)),)),
            Parameter("m", Float(0.0, 4.0), (Condition("kind", ("adam",)),)),
        ]
    )
    assert encoded(space, {"kind": "sgd", "m": 0.5}) == {"kind": 0, "m if kind in ['sgd']": 0.5}
    assert encoded(space, {"kind": "adam", "m": 2.0}) == {"kind": 1, "m if kind in ['adam']": 0.5}
    assert encoded(space, {"kind": "sgd", "m": 2.0}) == {"kind": 0}
    assert encoded(space, {"m": 0.5, "kind": "rms", "other": 1}) == {}
