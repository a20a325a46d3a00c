"""scikit-learn's callbacks are told of a search what GridSearchCV tells them."""

from collections import Counter

import numpy as np
import pytest
from sklearn.decomposition import PCA
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import cross_validate
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from kerastune_lite._src.sklearn import compat
from kerastune_lite.sklearn import TunerSearchCV
from tests.sklearn.recording import (
    GRID,
    Deep,
    Interrupted,
    Recorder,
    X,
    Y,
    check_balanced,
    ours,
    piped,
    theirs,
)

callback = pytest.importorskip("sklearn.callback", reason="new in scikit-learn 1.9")


@pytest.mark.parametrize(
    ("estimator", "grid"),
    [
        (piped(), GRID),
        (make_pipeline(piped()), {"pipeline__model__C": [1.0]}),
        (piped(), [{"model__C": [0.1]}, {"scale__with_std": [True, False], "model__C": [1.0]}]),
        (piped(theirs(LogisticRegression(), {"C": [1.0, 2.0]})), {"model__cv": [2]}),
    ],
)
def test_of_all_estimators_inside(told, estimator, grid):
    calls = told(ours(estimator, grid))
    assert calls == told(theirs(estimator, grid))
    check_balanced(calls)


@pytest.mark.parametrize("depth", [0, 1])
def test_as_deep_as_a_callback_wants(told, depth):
    calls = told(ours(piped(), GRID), depth=depth)
    assert calls == told(theirs(piped(), GRID), depth=depth)
    assert any("Pipeline" in call[1] for call in calls) == bool(depth)


def test_weights_and_no_refit(told):
    weights = {"model__sample_weight": np.ones(60)}
    calls = told(ours(piped(), GRID, refit=False), fit=weights)
    assert calls == told(theirs(piped(), GRID, refit=False), fit=weights)
    plain = {"sample_weight": np.arange(60.0)}
    calls = told(ours(LogisticRegression(), {"C": [1.0]}), Recorder, fit=plain)
    assert calls == told(theirs(LogisticRegression(), {"C": [1.0]}), Recorder, fit=plain)
    assert repr(float(np.arange(60).sum())) in {call[4] for call in calls}


def test_no_targets(told):
    grid = {"n_components": [1, 2]}
    calls = told(ours(PCA(), grid), Recorder, y=None)
    assert calls == told(theirs(PCA(), grid), Recorder, y=None)


def test_a_search_in_a_pipeline_and_in_a_search(told):
    """Its tasks are below those of what it is in."""
    scale = StandardScaler()
    for outer in (
        lambda kind: make_pipeline(scale, kind(LogisticRegression(), {"C": [0.1, 1.0]})),
        lambda kind: theirs(kind(LogisticRegression(), {"C": [1.0]}), {"estimator__tol": [0.1]}),
    ):
        calls = told(outer(ours))
        assert [call[1:] for call in calls] == [call[1:] for call in told(outer(theirs))]
        check_balanced(calls)


def test_cross_validate_tells_of_each_search(tmp_path):
    found = []
    for kind in (ours, theirs):
        recorder = Deep(tmp_path / "calls")
        scores = cross_validate(kind(piped(), GRID).set_callbacks(recorder), X, Y, cv=2)
        found.append((scores["test_score"].tolist(), recorder.calls))
    assert found[0] == found[1]


def test_callbacks_of_an_estimator_inside(tmp_path):
    calls = []
    for kind in (ours, theirs):
        recorder = Recorder(tmp_path / "calls")
        kind(piped().set_callbacks(recorder), GRID).fit(X, Y)
        calls.append(recorder.calls)
    assert calls[0] == calls[1]


def test_scores_that_are_monitored():
    def scores(kind):
        monitor = callback.ScoringMonitor(scoring="neg_log_loss")
        inner = piped(LogisticRegression(max_iter=5).set_callbacks(monitor))
        kind(inner, {"model__C": [0.1, 1.0]}).fit(X, Y)
        return [(row["task_id_path"], row["neg_log_loss"]) for row in monitor.get_logs().data]

    with pytest.warns(Warning, match="converge"):
        found = scores(ours), scores(theirs)
    assert found[0] == found[1]
    assert found[0]


class Failing(LogisticRegression):
    def fit(self, X, y):
        if self.C > 0.5:
            raise ArithmeticError("C is too large")
        return super().fit(X, y)


@pytest.mark.filterwarnings("ignore:One or more of the test scores are non-finite")
@pytest.mark.filterwarnings("ignore::sklearn.exceptions.FitFailedWarning")
def test_folds_that_fail(told):
    """Each has its end; the other folds of the trial are not trained here."""
    grid = {"C": [0.1, 1.0]}
    calls = told(ours(Failing(), grid), Recorder)
    left_out = "evaluation', 4,", "evaluation', 5,"
    theirs_calls = told(theirs(Failing(), grid), Recorder)
    assert calls == [c for c in theirs_calls if not any(task in c[-1] for task in left_out)]
    check_balanced(calls)


@pytest.mark.parametrize(
    ("hook", "task"),
    [
        ("setup", "fit"),
        ("begin", "fit"),
        ("begin", "search"),
        ("end", "search"),
        ("end", "candidate-split-evaluation"),
        ("begin", "refit-with-best-params"),
        ("end", "fit"),
        ("teardown", "fit"),
    ],
)
def test_a_callback_that_raises_ends_the_search(told, hook, task):
    found = []
    for kind in (ours, theirs):
        with pytest.raises(ArithmeticError, match=f"in {hook}"):
            told(kind(LogisticRegression(), {"C": [1.0]}), Recorder, raises_in=(hook, task))
        found.append(told.calls)
    assert found[0] == found[1]
    assert found[0][-1][0] == "'teardown'"


def test_one_that_raises_at_the_beginning_of_a_fold_is_a_failed_fit(told):
    place = ("begin", "candidate-split-evaluation")
    for kind in (ours, theirs):
        search = kind(LogisticRegression(), {"C": [1.0]})
        with pytest.raises(ValueError, match="fits failed"):
            told(search, Recorder, raises_in=place)
        search.set_params(error_score="raise")
        with pytest.raises(ArithmeticError):
            told(search, Recorder, raises_in=place)


def test_what_is_on_record_is_not_told_of(told, tmp_path):
    def search(trials):
        kept = {"directory": tmp_path, "project_name": "it", "random_state": 0}
        return TunerSearchCV(piped(), GRID, tuner="random", max_trials=trials, cv=3, **kept)

    told(search(1))
    calls = told(search(2), Recorder)
    assert "'search', 0, 3, " in calls[2][-1]
    assert [call[-1] for call in calls[3:9:2]] == [
        repr(["candidate-split-evaluation", number, 0, True, None]) for number in (3, 4, 5)
    ]


@pytest.mark.slow
@pytest.mark.usefixtures("processes")
def test_two_processes(told):
    calls = told(ours(piped(), GRID, n_jobs=2))
    check_balanced(calls)
    assert Counter(calls) == Counter(told(theirs(piped(), GRID)))


def test_ctrl_c(told):
    search = ours(LogisticRegression(), {"C": [0.1, 1.0]}, scoring=Interrupted(5))
    calls = told(search, Recorder)
    check_balanced(calls)
    assert "refit" in calls[-3][-1], "the best so far is fitted"


def test_a_progress_bar(capsys):
    ours(piped(), GRID).set_callbacks(callback.ProgressBar()).fit(X, Y)
    shown = capsys.readouterr().out
    for task in ("fit", "search #0", "refit-with-best-params"):
        assert f"TunerSearchCV - {task}" in shown
    assert "Pipeline - fit #5" in shown


# ------------------------------------------------------------------ another scikit-learn


@pytest.fixture
def without(monkeypatch):
    """As if scikit-learn's callbacks differed."""
    compat.has_callbacks.cache_clear()
    monkeypatch.delattr(callback.CallbackContext, "propagate_callback_context")
    yield
    compat.has_callbacks.cache_clear()


@pytest.mark.usefixtures("without")
def test_searches_do_without(tmp_path):
    assert not compat.has_callbacks()
    search = ours(LogisticRegression(), {"C": [1.0]})
    assert search.fit(X, Y).best_params_ == {"C": 1.0}
    search.set_callbacks(Recorder(tmp_path / "calls"))
    with pytest.raises(ImportError, match=r"search.set_callbacks\(\); or pip install"):
        search.fit(X, Y)
