"""Which row of `cv_results_` is the best."""

import numpy as np

from kerastune_lite._src.core.trial import Execution, Outcome, Trial, TrialStatus
from kerastune_lite._src.sklearn.rows import best_of


def trial(number, goal, epochs, stopped=(False, False)):
    folds = tuple(
        Execution(fold, Outcome.COMPLETED, score=0.0, epochs=epochs, stopped=ended)
        for fold, ended in enumerate(stopped)
    )
    return Trial(number, {}, status=TrialStatus.COMPLETED, goal=goal, executions=folds)


def test_of_those_that_were_trained_in_full():
    trials = [trial(0, 3, 3), trial(1, 9, 9), trial(2, 9, 9)]
    assert best_of(trials, np.array([1, 3, 2])) == 2


def test_what_callbacks_ended_is_trained_in_full():
    trials = [trial(0, 3, 2, stopped=(True, True)), trial(1, 9, 9), trial(2, 3, 3)]
    assert best_of(trials, np.array([2, 3, 1])) == 0
    half = [trial(0, 3, 2, stopped=(True, False)), trial(1, 9, 9)]
    assert best_of(half, np.array([1, 2])) == 1
