"""Optuna's samplers as oracles: what they see of a search, and that only its history counts."""

import dataclasses
import functools
import importlib.util
import math
import sys
import warnings

import cloudpickle
import numpy as np
import optuna
import pytest

from kerastune_lite._src.algorithms.oracles import optuna_study
from kerastune_lite._src.core.history import TrialHistory
from kerastune_lite._src.core.trial import Trial, TrialStatus
from kerastune_lite.hyperparameters import Condition, Float, Int, Parameter, Space
from kerastune_lite.oracles import OptunaOracle, RandomOracle
from tests.algorithms.oracles.conformance import (
    FLAT,
    OracleConformance,
    ended,
    far_from_the_front,
    run,
)
from tests.algorithms.oracles.test_cmaes import CUBE, MIXED, mixed, searched

SAMPLERS = {
    "tpe": lambda: optuna.samplers.TPESampler(n_startup_trials=4),
    "random": lambda: optuna.samplers.RandomSampler(),
    "cmaes": lambda: optuna.samplers.CmaEsSampler(popsize=4),
    "nsga2": lambda: optuna.samplers.NSGAIISampler(population_size=4),
    "qmc": lambda: optuna.samplers.QMCSampler(),
}
GROWN = MIXED.merged([Parameter("late", Float(0.5, 0.99, sampling="reverse_log"))])


def oracle_with(name, seed=None):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", optuna.exceptions.ExperimentalWarning)
        return OptunaOracle(SAMPLERS[name](), seed)


class TestOptunaOracle(OracleConformance):
    @pytest.fixture(params=SAMPLERS)
    def oracle(self, request):
        return oracle_with(request.param)


def proposal(oracle, history, space=CUBE):
    return oracle.propose(space, history, 1, np.random.default_rng(5))


# ---------------------------------------------------------------------- what it finds


@pytest.mark.parametrize(("name", "trials", "factor"), [("tpe", 60, 2), ("cmaes", 120, 2)])
def test_finds_a_mixed_point_with_fewer_trials_than_random_search(name, trials, factor):
    def bests(oracle_of):
        runs = (searched(oracle_of(seed), MIXED, mixed, trials, seed) for seed in range(4))
        return np.array([history.best(1)[0].loss for history in runs])

    ours = bests(lambda seed: oracle_with(name, seed))
    assert np.median(ours) < np.median(bests(lambda seed: RandomOracle())) / factor


def test_a_sequence_is_that_of_optuna_itself():
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", optuna.exceptions.ExperimentalWarning)
        own = optuna.samplers.QMCSampler(qmc_type="halton")
    study = optuna.create_study(sampler=own)
    kind = optuna.distributions.FloatDistribution(0.0, 1.0)
    for _ in range(20):
        trial = study.ask({f"x{i}": kind for i in range(4)})
        study.tell(trial, 1.0)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", optuna.exceptions.ExperimentalWarning)
        oracle = OptunaOracle(optuna.samplers.QMCSampler(qmc_type="halton"))
    history = run(oracle, CUBE, 20)
    for theirs, ours in list(zip(study.trials, history))[1:]:
        assert ours.values == pytest.approx(theirs.params, abs=1e-9)


# ---------------------------------------------------------------------- history


@pytest.mark.parametrize("name", SAMPLERS)
def test_what_is_kept_in_memory_is_what_follows_from_the_history(name):
    """Also with failed, enqueued, rejected and paused trials, and a space that has grown."""
    kept, history = oracle_with(name, 3), TrialHistory()
    for number in range(24):
        space = MIXED if number < 10 else GROWN
        if number in (2, 9):
            point = space.sample(np.random.default_rng(number))
            origin = "enqueued"
        else:
            rng = [np.random.default_rng([1, number]) for _ in range(2)]
            (point,) = kept.propose(space, history, 1, rng[0])
            read = TrialHistory(dataclasses.replace(trial) for trial in history)
            assert oracle_with(name, 3).propose(space, read, 1, rng[1]) == [point]
            origin = "oracle"
        trial = dataclasses.replace(ended(number, point, space, mixed(point)), origin=origin)
        if number % 7 == 3:
            trial = Trial(number, point, space, TrialStatus.FAILED)
        elif number % 5 == 1:
            trial = dataclasses.replace(trial, goal=3)
        history.add(trial)


def test_what_is_only_filled_in_is_what_would_be_asked_again(monkeypatch):
    """A fast path: TPE keeps nothing in the study but the trials."""
    history = searched(oracle_with("tpe", 3), MIXED, mixed, 25)
    history.add(Trial(25, MIXED.sample(np.random.default_rng(0)), MIXED))
    filled = proposal(oracle_with("tpe", 3), history, MIXED)
    monkeypatch.setattr(optuna_study, "_WITHOUT_NOTES", ())
    assert proposal(oracle_with("tpe", 3), history, MIXED) == filled


@pytest.mark.parametrize("name", ["tpe", "cmaes", "nsga2"])
def test_workers(name):
    """Trials end in another order than they began; what was known when is in their times."""
    kept, history, clock, rng = oracle_with(name, 3), TrialHistory(), 0.0, np.random.default_rng(0)
    while len(history) < 30:
        read = TrialHistory(dataclasses.replace(trial) for trial in history)
        number, points = len(history), proposal(kept, history)
        assert proposal(oracle_with(name, 3), read) == points
        history.add(Trial(number, points[0], CUBE, started=clock))
        clock += 1.0
        while len(history.running) > 3:
            trial = history.running[int(rng.integers(4))]
            loss = sum(trial.values.values())
            done = ended(trial.number, trial.values, CUBE, loss)
            history.update(dataclasses.replace(done, started=trial.started, finished=clock))
            clock += 1.0


def test_points_that_begin_together_differ():
    for name in SAMPLERS:
        history = searched(oracle_with(name, 1), CUBE, lambda v: v["x0"], 12)
        batch = oracle_with(name, 1).propose(CUBE, history, 4, np.random.default_rng(0))
        assert len({tuple(point.values()) for point in batch}) == 4
        assert batch[:1] == proposal(oracle_with(name, 1), history)


def test_the_seed_of_the_search_is_taken_where_none_was_given():
    first = proposal(oracle_with("tpe").seeded(4), TrialHistory())
    assert first == proposal(oracle_with("tpe", 4), TrialHistory())
    assert first != proposal(oracle_with("tpe", 5), TrialHistory())
    assert first == proposal(oracle_with("tpe", 4).seeded(5), TrialHistory())


def test_a_sampler_with_a_seed_of_its_own_does_not_repeat_itself():
    with_seed = OptunaOracle(optuna.samplers.RandomSampler(seed=1))
    values = [trial.values["x0"] for trial in run(with_seed, CUBE, 5)]
    assert len(set(values)) == 5


def test_it_travels_without_its_studies():
    oracle = oracle_with("nsga2", 3)
    history = searched(oracle, CUBE, lambda values: values["x0"], 10)
    other = cloudpickle.loads(cloudpickle.dumps(oracle))
    assert proposal(other, history) == proposal(oracle, history)


# ---------------------------------------------------------------------- several goals


def test_several_objectives_are_those_of_the_study():
    far = functools.partial(far_from_the_front, space=CUBE, trials=90, latest=30)
    ours = OptunaOracle(optuna.samplers.NSGAIISampler(population_size=10), 2)
    assert far(ours) < 0.7 * far(RandomOracle())


def test_constraints_are_those_of_the_study():
    def late(oracle):
        history = TrialHistory()
        for number in range(60):
            (values,) = oracle.propose(CUBE, history, 1, np.random.default_rng([3, number]))
            trial = ended(number, values, CUBE, sum(values.values()))
            history.add(dataclasses.replace(trial, excesses=(0.7 - values["x0"],)))
        return np.array([trial.values["x0"] for trial in history[-30:]])

    assert (late(oracle_with("tpe", 2)) > 0.7).mean() > 0.6


def test_a_sampler_for_one_objective_says_so():
    history = TrialHistory()
    for number in range(3):
        trial = ended(number, {"x0": number / 5}, CUBE)
        history.add(dataclasses.replace(trial, losses=(1.0, 2.0)))
    with pytest.raises(ValueError, match="multi-objective"):
        proposal(oracle_with("cmaes"), history)


# ---------------------------------------------------------------------- spaces


def test_one_name_under_two_conditions():
    space = Space(
        [
            Parameter("deep", Int(0, 1)),
            Parameter("units", Int(1, 8), (Condition("deep", (0,)),)),
            Parameter("units", Int(100, 800), (Condition("deep", (1,)),)),
        ]
    )
    for trial in run(oracle_with("tpe"), space, 40):
        assert dict(trial.values) == space.complete(trial.values)


def test_values_that_the_space_does_not_hold_any_more():
    history = TrialHistory(ended(n, {"n": 90 + n, "old": 1}, Space()) for n in range(6))
    space = Space([Parameter("n", Int(1, 10)), Parameter("m", Int(1, 10))])
    for name in SAMPLERS:
        point = proposal(oracle_with(name), history, space)[0]
        assert space.complete(point) == point


# ---------------------------------------------------------------------- as it is used


def test_settings_name_the_sampler_and_what_was_changed():
    def said(sampler):
        return OptunaOracle(sampler).settings()["sampler"]

    assert said(None) == "TPESampler()"
    assert said(optuna.samplers.TPESampler(seed=3)) == "TPESampler()"
    assert said(optuna.samplers.TPESampler(n_startup_trials=5)) == "TPESampler(n_startup_trials=5)"
    assert said(optuna.samplers.CmaEsSampler(popsize=6)) == "CmaEsSampler(popsize=6)"


def test_refuses_what_is_no_sampler():
    for wrong in ("tpe", optuna.samplers.TPESampler, 3):
        with pytest.raises(TypeError, match=r"must be a sampler of Optuna, .* Received: "):
            OptunaOracle(wrong)


@pytest.mark.parametrize(
    "sampler",
    [
        lambda: optuna.samplers.GridSampler({"x": [1, 2]}),
        lambda: optuna.samplers.BruteForceSampler(),
        lambda: optuna.samplers.PartialFixedSampler({"x": 1}, optuna.samplers.RandomSampler()),
    ],
)
def test_refuses_samplers_that_are_given_values(sampler):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", optuna.exceptions.ExperimentalWarning)
        given = sampler()
    with pytest.raises(ValueError, match=rf"Received: a {type(given).__name__}\. Use "):
        OptunaOracle(given)


def test_without_optuna_the_line_that_installs_it(monkeypatch):
    monkeypatch.setitem(sys.modules, "optuna", None)
    with pytest.raises(ImportError, match=r'pip install "kerastune_lite\[optuna\]"'):
        OptunaOracle()


def test_nothing_is_printed(capfd):
    optuna.logging.set_verbosity(optuna.logging.INFO)  # whatever the tests before have set
    run(oracle_with("cmaes"), FLAT, 12)
    assert capfd.readouterr() == ("", "")
    assert optuna.logging.get_verbosity() == optuna.logging.INFO


def test_losses_that_are_not_finite_are_failures():
    history = TrialHistory()
    for number, loss in enumerate((math.inf, math.nan, 1.0)):
        history.add(ended(number, {"x0": number / 5}, CUBE, loss))
    states = [e.state for e in optuna_study.events(CUBE, history) if hasattr(e, "state")]
    assert states == ["FAIL", "FAIL", "COMPLETE"]


@pytest.mark.parametrize(
    ("name", "package", "pip"),
    [
        ("GPSampler", "torch", "pip install torch"),
        ("CmaEsSampler", "cmaes", r'pip install "kerastune_lite\[cmaes\]"'),
    ],
)
def test_what_a_sampler_needs_is_known_before_the_first_trial(monkeypatch, name, package, pip):
    found = importlib.util.find_spec
    monkeypatch.setattr(
        importlib.util, "find_spec", lambda each: None if each == package else found(each)
    )

    class Own(getattr(optuna.samplers, name)):
        def __init__(self):
            """Of a user; nothing is loaded."""

    with pytest.raises(ImportError, match=f"{name} needs {package}. Install it with: {pip}"):
        OptunaOracle(Own())
    OptunaOracle(optuna.samplers.TPESampler())
