"""How sure the winner is, against what chance does in simulated searches."""

import dataclasses

import numpy as np
import pytest

from kerastune_lite._src.analysis.certainty import COMPARED, certainty, spread
from kerastune_lite._src.core.trial import Execution, Outcome
from kerastune_lite.hyperparameters import Space
from tests.analysis.trials import ACCURACY, LOSS, completed, failed


def repeated(*scores, objective=ACCURACY):
    return [completed(i, {}, Space(), *row, objective=objective) for i, row in enumerate(scores)]


def test_one_training_says_nothing():
    assert certainty(repeated([0.9], [0.8]), ACCURACY) is None
    assert certainty([failed(0, {}, Space())], ACCURACY) is None
    assert certainty([], ACCURACY) is None


def test_a_clear_winner():
    found = certainty(repeated([0.70, 0.72], [0.90, 0.92], [0.60, 0.61]), ACCURACY)
    assert (found.best, found.executions, found.compared) == (1, 2, 3)
    assert found.score == pytest.approx(0.91)
    assert found.spread == pytest.approx(np.std([0.90, 0.92], ddof=1))
    assert found.rivals == ()
    assert found.warning() is None
    assert "Trial 1 scored 0.9100 ± 0.014 over 2 trainings" in found.result()


@pytest.mark.parametrize(("objective", "sign"), [(ACCURACY, 1), (LOSS, -1)], ids=["max", "min"])
def test_a_race_too_close_to_call(objective, sign):
    scores = [[0.90, 0.92], [0.915, 0.90], [0.50, 0.52], [0.95, 0.91]]
    found = certainty(repeated(*(sign * np.array(scores)), objective=objective), objective)
    assert found.best == 3
    assert found.rivals == (0, 1)
    assert "2 others (0, 1) are within the noise of it" in found.warning()


def test_folds_that_are_hard_for_all_are_no_noise():
    """The folds differ by far more than the trials, and by the same for each."""
    folds = np.array([0.5, 0.7, 0.9, 0.6])
    trials = repeated(*([*(folds + gain)] for gain in (0.0, 0.01, 0.02, 0.05)))
    found = certainty(trials, ACCURACY)
    assert found.spread > 0.1
    assert found.margin == pytest.approx(0.0, abs=1e-12)
    assert found.rivals == ()


def test_the_margin_is_what_chance_does_in_95_of_100_cases():
    """Equally good trials: the difference of two means, measured, against the margin told."""
    rng = np.random.default_rng(0)
    inside = []
    for _ in range(300):
        scores = rng.normal(0.9, 0.01, (4, 3))
        found = certainty(repeated(*scores), ACCURACY)
        other = rng.normal(0.9, 0.01, (2, 3)).mean(axis=1)
        inside.append(abs(other[0] - other[1]) <= found.margin)
    assert 0.9 < np.mean(inside) < 0.99


def test_only_the_best_are_compared():
    rng = np.random.default_rng(0)
    found = certainty(repeated(*rng.normal(0.9, 0.01, (30, 3))), ACCURACY)
    assert found.compared == COMPARED
    assert max(len(found.rivals), 1) < COMPARED


def test_a_single_trial_has_a_spread_and_no_margin():
    found = certainty(repeated([0.8, 0.9]), ACCURACY)
    assert (found.margin, found.rivals, found.warning()) == (None, (), None)


def test_failed_executions_do_not_count():
    trial = repeated([0.8, 0.9])[0]
    broken = Execution(2, Outcome.FAILED, message="ValueError")
    trial = dataclasses.replace(trial, executions=(*trial.executions, broken))
    assert spread(trial) == pytest.approx(np.std([0.8, 0.9], ddof=1))
    assert spread(repeated([0.8])[0]) is None
