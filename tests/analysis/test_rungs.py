import pytest

from kerastune_lite._src.analysis.comparable_losses import in_rungs, losses_at_the_end
from tests.analysis.trials import ACCURACY, LOSS, completed, cube, failed

NAN = float("nan")


def trial(number, score, goal, objective=LOSS):
    return completed(number, {"x0": 0.5}, cube(1), score, goal=goal, objective=objective)


def curve(*values, name="val_loss"):
    return [{name: list(values)}]


def test_those_that_ended_early_gain_what_the_others_gained():
    trials = [trial(0, 9.0, 1), trial(1, 5.0, 2), trial(2, 2.0, 4), trial(3, 1.0, 4)]
    curves = {
        0: curve(9.0),
        1: curve(6.0, 5.0),
        2: curve(5.0, 3.0, 4.0, 2.0),
        3: curve(4.0, 3.0, NAN, 1.0),
    }
    # From 1 to 2 epochs: 1, 2, 1. From 2 to 4: 1, 2.
    found = losses_at_the_end([*trials, failed(4, {}, cube(1))], LOSS, curves)
    assert found == pytest.approx({0: 9.0 - 1.0 - 1.5, 1: 5.0 - 1.5, 2: 2.0, 3: 1.0})
    assert in_rungs(trials)


def test_scores_to_be_maximised():
    trials = [trial(0, 0.5, 1, ACCURACY), trial(1, 0.9, 2, ACCURACY)]
    curves = {
        0: curve(0.5, name="val_accuracy"),
        1: curve(0.6, 0.9, name="val_accuracy"),
    }
    found = losses_at_the_end(trials, ACCURACY, curves)
    assert found == pytest.approx({0: -0.8, 1: -0.9})


def test_without_curves_rungs_are_made_equal_in_their_medians():
    trials = [trial(0, 9.0, 1), trial(1, 7.0, 1), trial(2, 2.0, 4), trial(3, 1.0, 4)]
    found = losses_at_the_end(trials, LOSS, {})
    assert found == pytest.approx({0: 2.5, 1: 0.5, 2: 2.0, 3: 1.0})


def test_trials_of_one_length_are_left_alone():
    trials = [trial(0, 9.0, None), trial(1, 7.0, None)]
    assert losses_at_the_end(trials, LOSS, {0: curve(1.0, 2.0)}) == {0: 9.0, 1: 7.0}
    assert not in_rungs(trials)
    assert losses_at_the_end([], LOSS, {}) == {}
