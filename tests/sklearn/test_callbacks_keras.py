"""scikit-learn's callbacks, and searches over Keras models: side by side or not."""

from collections import Counter

import numpy as np
import pytest

from kerastune_lite import open_project
from kerastune_lite.sklearn import KerasClassifier, TunerSearchCV
from tests.sklearn.models import build_sigmoid
from tests.sklearn.recording import (
    Interrupted,
    Recorder,
    X,
    Y,
    check_balanced,
    ours,
    piped,
    theirs,
)

pytest.importorskip("sklearn.callback", reason="new in scikit-learn 1.9")


def network(**params):
    return KerasClassifier(build_sigmoid, **{"epochs": 2, "random_state": 0, **params})


NETWORKS = {"hp__units": [3, 5]}


def of_project(path):
    executions = [each for trial in open_project(path).trials for each in trial.executions]
    return {(each.path, each.path_reason) for each in executions}


def test_folds_side_by_side(told, tmp_path):
    """A fold begins before the one before it ends, as with GridSearchCV in several threads."""
    calls = told(ours(network(), NETWORKS, directory=tmp_path, project_name="it"), Recorder)
    assert of_project(tmp_path / "it") == {("stacked", None)}
    assert Counter(calls) == Counter(told(theirs(network(), NETWORKS), Recorder))
    check_balanced(calls)


def test_those_of_a_pipeline_are_trained_one_by_one_if_it_is_told_of(told, tmp_path):
    grid = {f"model__{name}": values for name, values in NETWORKS.items()}
    kept = {"directory": tmp_path, "project_name": "it"}
    calls = told(ours(piped(network()), grid, **kept), depth=1)
    # The last fold has none beside it.
    reason = "callbacks of scikit-learn in a Pipeline"
    assert of_project(tmp_path / "it") == {("NumPy", reason), ("NumPy", None)}
    assert calls == told(theirs(piped(network()), grid), depth=1)
    check_balanced(calls)
    calls = told(ours(piped(network()), grid, directory=tmp_path, project_name="top"), depth=0)
    assert of_project(tmp_path / "top") == {("stacked", None)}
    check_balanced(calls)
    inner = piped(network()).set_callbacks(Recorder(tmp_path / "inner"))
    ours(inner, grid, directory=tmp_path, project_name="inside").fit(X, Y)
    assert of_project(tmp_path / "inside") == of_project(tmp_path / "it")


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.FitFailedWarning")
def test_folds_side_by_side_of_a_trial_that_fails_have_an_end(told):
    scored = []

    def once(estimator, X, y):
        scored.append(1)
        return np.nan if len(scored) == 1 else 1.0

    with pytest.warns(UserWarning, match="non-finite"):
        calls = told(ours(network(), NETWORKS, scoring=once), Recorder)
    check_balanced(calls)
    assert len(scored) == 4, "the other folds of the trial are not scored"
    assert len(calls) == 20, "as if they were: their models were trained"


def test_ctrl_c(told):
    calls = told(ours(network(), NETWORKS, scoring=Interrupted(5)), Recorder)
    check_balanced(calls)
    assert "refit" in calls[-3][-1], "the best so far is fitted"


@pytest.mark.slow
@pytest.mark.usefixtures("processes")
def test_two_processes(told):
    calls = told(ours(network(), NETWORKS, n_jobs=2), Recorder)
    check_balanced(calls)
    assert Counter(calls) == Counter(told(theirs(network(), NETWORKS), Recorder))


def test_parts_of_a_training_have_numbers_of_their_own(told):
    search = TunerSearchCV(network(epochs=4), tuner="hyperband", cv=2, max_trials=4, random_state=0)
    calls = told(search, Recorder)
    check_balanced(calls)
    (opened,) = (call for call in calls if call[0] == "'begin'" and "'search'" in call[-1])
    assert "'search', 0, None," in opened[-1], "nobody knows how many there will be"
    assert len(set(search.cv_results_["epochs"])) > 1
