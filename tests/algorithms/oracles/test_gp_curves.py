"""Trials that were trained for different numbers of epochs."""

import dataclasses
import math

import numpy as np
import pytest

from kerastune_lite._src.algorithms.oracles.gp.learning_curves import timed
from kerastune_lite._src.core.history import TrialHistory
from kerastune_lite._src.core.trial import Execution, Outcome, Trial, TrialStatus
from kerastune_lite.hyperparameters import Float, Parameter, Space
from kerastune_lite.oracles import BayesianOracle
from tests.algorithms.oracles.test_bayesian import SQUARE, bowl

PAUSED, COMPLETED, RUNNING = TrialStatus.PAUSED, TrialStatus.COMPLETED, TrialStatus.RUNNING


def entered(history, losses, status=PAUSED, goal=9, values=None, stopped=False, epochs=None):
    """Add a trial with these losses by epoch."""
    number = len(history)
    finite = [loss for loss in losses if math.isfinite(loss)]
    loss = min(finite) if finite and status is not RUNNING else None
    epochs = len(losses) if epochs is None else epochs
    done = Execution(0, Outcome.COMPLETED, loss=loss, score=loss, epochs=epochs, stopped=stopped)
    values = {"x": 0.1 * number, "y": 0.5} if values is None else values
    executions = (done,) if epochs else ()
    history.add(Trial(number, values, SQUARE, status, executions=executions, loss=loss, goal=goal))
    for epoch, each in enumerate(losses):
        history.note(number, 0, epoch, each)
    return history


def power_law(asymptote, epochs):
    return (asymptote * (1.0 + 2.0 / np.arange(1, epochs + 1))).tolist()


def test_nothing_where_all_were_trained_to_the_end():
    history = TrialHistory()
    for loss in (1.0, 2.0, 3.0):
        entered(history, [loss] * 9, COMPLETED)
    assert timed(history) is None
    entered(history, [0.5] * 3, COMPLETED, goal=None)
    assert timed(history) is None, "a callback ended it"
    entered(history, [0.5] * 4, COMPLETED, stopped=True)
    assert timed(history) is None


def test_shifts_make_curves_level():
    """All fall by the same factors, so at each rung a trial has the loss of its end."""
    history = TrialHistory()
    for number, epochs in enumerate([1, 3, 9, 1, 3, 9, 1]):
        entered(history, power_law(1.0 + number, epochs))
    found = timed(history)
    expected = (1.0 + found.numbers) * (1.0 + 2.0 / 9.0)
    assert found.losses == pytest.approx(expected)
    assert sorted(set(found.times.tolist())) == pytest.approx([0.0, 0.5, 1.0])
    assert np.bincount(found.numbers).tolist() == [1, 2, 3, 1, 2, 3, 1]


def test_survivors_do_not_bias_the_shifts():
    """Only good trials came far; all of them fall by 0.5 from rung to rung."""
    history = TrialHistory()
    for number in range(20):
        level = number - 10.0
        entered(history, [level] if number > 4 else [level, level - 0.1, level - 0.5])
    found = timed(history)
    assert found.losses[found.times == 0.0] == pytest.approx(np.arange(20) - 10.5)


def test_the_best_until_a_rung_counts():
    history = entered(entered(TrialHistory(), [3.0, 1.0, 2.0, 4.0]), [5.0])
    found = timed(history)
    assert found.losses[found.times == 1.0] == pytest.approx([1.0])


def test_failures_and_epochs_that_diverged():
    history = entered(entered(TrialHistory(), [2.0, math.nan, math.nan]), [3.0])
    history.add(Trial(2, {"x": 0.9, "y": 0.9}, SQUARE, TrialStatus.FAILED))
    entered(history, [math.nan])
    found = timed(history)
    assert found.losses[found.numbers == 2].tolist() == [math.inf]
    assert found.losses[found.numbers == 3].tolist() == [math.inf]
    assert np.isfinite(found.losses[found.numbers == 0]).all()


def test_running_trials_tell_of_the_rungs_they_passed():
    history = entered(entered(TrialHistory(), [2.0] * 9, COMPLETED), [3.0, 2.5, 2.4])
    entered(history, [4.0, 3.5, 3.0, 2.9], RUNNING, epochs=0)
    found = timed(history)
    assert (found.numbers == 2).sum() == 1, "of epoch 3, not of 9"


def test_trials_without_curves_stand_with_their_losses():
    history = TrialHistory()
    for number, epochs in enumerate([1, 3, 9, 3]):
        entered(history, [], epochs=epochs)
        trial = dataclasses.replace(history[number], loss=float(number))
        history.update(trial)
    found = timed(history)
    assert found.numbers.tolist() == [0, 1, 2, 3]
    assert found.times == pytest.approx([0.0, 0.5, 1.0, 0.5])


def test_many_ends_are_thinned_out():
    history = TrialHistory()
    for epochs in range(1, 40):
        entered(history, [1.0 + 1.0 / epochs] * epochs)
    assert len(set(timed(history).times.tolist())) <= 6


# ---------------------------------------------------------------------- proposals


def rungs(count, loss_at, seed=0):
    """Successive halving as it goes: a third of the trials to 3 epochs, a ninth to 9."""
    history = TrialHistory()
    for number in range(count):
        rng = np.random.default_rng([seed, number])
        (values,) = BayesianOracle(seed=seed).propose(SQUARE, history, 1, rng)
        epochs = 9 if number % 9 == 8 else 3 if number % 3 == 2 else 1
        entered(history, [loss_at(values, e) for e in range(1, epochs + 1)], values=values)
    return history


def test_learns_from_short_trainings():
    history = rungs(36, lambda values, epoch: (0.05 + bowl(values)) * (1 + 2 / epoch))
    late = np.median([bowl(trial.values) for trial in history[18:]])
    assert late < 0.06, "0.17 for random points"
    assert min(bowl(trial.values) for trial in history) < 0.002


def test_judges_points_at_the_end_of_training():
    """Large x is better after an epoch, small x after nine; there are enough of both."""
    space = Space([Parameter("x", Float(0.0, 1.0)), Parameter("y", Float(0.0, 1.0))])

    def loss_at(values, epoch):
        share = math.log(epoch) / math.log(9)
        return 1.0 + share * values["x"] + (1 - share) * (3 - values["x"])

    history, rng = TrialHistory(), np.random.default_rng(0)
    for number in range(30):
        values = space.sample(rng)
        epochs = (1, 3, 9)[number % 3]
        entered(history, [loss_at(values, e) for e in range(1, epochs + 1)], values=values)
    points = BayesianOracle().propose(space, history, 4, rng)
    assert np.median([point["x"] for point in points]) < 0.2


def test_a_trial_that_runs_on_is_pending():
    history = rungs(20, lambda values, epoch: (0.05 + bowl(values)) * (1 + 2 / epoch))
    (free,) = BayesianOracle().propose(SQUARE, history, 1, np.random.default_rng(5))
    paused = history[7]
    history.update(dataclasses.replace(paused, status=RUNNING))
    assert len(BayesianOracle().propose(SQUARE, history, 3, np.random.default_rng(5))) == 3
    assert free not in history.visited
