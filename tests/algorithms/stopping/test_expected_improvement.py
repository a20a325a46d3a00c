"""A search ends when a model expects too little of more trials."""

import math
import statistics

import numpy as np
import pytest

from kerastune_lite._src.algorithms.stopping.expected_improvement import _noise_of, _outlook
from kerastune_lite.hyperparameters import Choice, Float, Parameter, Space
from kerastune_lite.oracles import BayesianOracle, Execution, Outcome, Trial, TrialHistory
from kerastune_lite.oracles import TrialStatus as Status
from kerastune_lite.stopping import NotWorthwhile, RegretBelowNoise

SPACE = Space([Parameter("x", Float(-2.0, 2.0)), Parameter("kind", Choice(("a", "b")))])


def loss_of(values):
    return values["x"] ** 2 + (values["kind"] == "b")


def searched(trials, noise=0.0, repeats=1, loss=loss_of, seconds=10.0, workers=1):
    """A Bayesian search of `loss`, whose trials took ten seconds each, so many side by side."""
    oracle, history, rng = BayesianOracle(seed=0), TrialHistory(), np.random.default_rng(0)
    for number in range(trials):
        (values,) = oracle.propose(SPACE, history, 1, np.random.default_rng(number))
        losses = [loss(values) + noise * rng.standard_normal() for _ in range(repeats)]
        executions = tuple(
            Execution(index, Outcome.COMPLETED, score=each, loss=each)
            for index, each in enumerate(losses)
        )
        mean = statistics.fmean(losses)
        done = {"score": mean, "loss": mean, "executions": executions, "excesses": (-1.0,)}
        began = number // workers * seconds
        done |= {"started": began, "finished": began + seconds}
        history.add(Trial(number, values, SPACE, Status.COMPLETED, **done))
    return history


def test_what_is_left_to_gain_shrinks():
    early, late = (_outlook(searched(count)) for count in (16, 40))
    assert late.improvement < early.improvement
    assert late.regret < early.regret
    assert early.seconds == 10.0


def test_the_noise_is_that_of_repeats():
    found = _outlook(searched(30, noise=0.1, repeats=2))
    assert found.noise == pytest.approx(0.1 / math.sqrt(2), rel=0.4)
    assert _noise_of([[], [1.0]]) is None
    assert _noise_of([[0.0, 2.0], [5.0, 5.0]]) == pytest.approx(math.sqrt(1.0 / 2))


def test_without_repeats_the_noise_is_learned():
    noise = _outlook(searched(40, noise=0.2)).noise
    assert 0.05 < noise < 0.5
    assert _outlook(searched(40)).noise < 0.05


def test_a_noisy_search_ends_before_an_exact_one():
    rule = RegretBelowNoise()
    reason = rule.reason(searched(40, noise=0.3, repeats=2))
    assert reason is not None
    assert "less than the noise of a trial" in reason
    assert rule.reason(searched(18, noise=0.001, repeats=2)) is None


def test_an_improvement_is_priced_in_seconds():
    history = searched(30)
    expected = _outlook(history).improvement / 10.0  # in a second
    assert NotWorthwhile(expected * 101, seconds=100).reason(history) is not None
    assert NotWorthwhile(expected * 99, seconds=100).reason(history) is None
    slow = searched(30, seconds=1000.0)
    assert NotWorthwhile(expected * 99, seconds=100).reason(slow) is not None


def test_trials_that_train_side_by_side_share_the_time():
    assert _outlook(searched(32, workers=4)).seconds == 2.5
    expected = _outlook(searched(32)).improvement / 10.0
    rule = NotWorthwhile(expected * 101, seconds=100)
    assert rule.reason(searched(32)) is not None
    assert rule.reason(searched(32, workers=4)) is None, "four times as many trials"


def test_the_time_between_two_calls_of_search_does_not_count():
    history = searched(16)
    night = {"started": 1e5, "finished": 1e5 + 10.0, "score": 1.0, "loss": 1.0}
    history.add(Trial(16, {"x": 0.5, "kind": "a"}, SPACE, Status.COMPLETED, **night))
    assert _outlook(history).seconds == pytest.approx(10.0)
    failed = {"started": 1e6, "finished": 1e6 + 17.0}
    history.add(Trial(17, {"x": 0.6, "kind": "a"}, SPACE, Status.FAILED, **failed))
    assert _outlook(history).seconds == pytest.approx(11.0), "failures take time"


def test_too_few_or_equal_trials_say_nothing():
    assert _outlook(TrialHistory()) is None
    assert _outlook(searched(15)) is None
    assert _outlook(searched(20, loss=lambda values: 1.0)) is None
    assert RegretBelowNoise().reason(TrialHistory()) is None


def test_failed_and_forbidden_trials_do_not_count():
    history = searched(16)
    history.add(Trial(16, {"x": 0.5, "kind": "a"}, SPACE, Status.FAILED))
    done = {"score": -9.0, "loss": -9.0, "excesses": (1.0,), "started": 160.0, "finished": 170.0}
    history.add(Trial(17, {"x": 0.6, "kind": "a"}, SPACE, Status.COMPLETED, **done))
    assert _outlook(history) == _outlook(searched(16))


@pytest.mark.parametrize("wrong", [0, -1, math.nan, math.inf, None, "1", True])
def test_arguments_are_checked(wrong):
    with pytest.raises(ValueError, match=r"`improvement` must be a number above 0. Received"):
        NotWorthwhile(wrong, 1)
    with pytest.raises(ValueError, match=r"`seconds` must be a number above 0. Received"):
        NotWorthwhile(1, wrong)
    assert NotWorthwhile(1, 2).settings()["seconds"] == 2.0
