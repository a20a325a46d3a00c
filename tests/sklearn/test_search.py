"""TunerSearchCV as what GridSearchCV is, on scikit-learn's own estimators."""

import contextlib
import json
import re
import sqlite3
import subprocess
import sys

import numpy as np
import pytest
from scipy.stats import loguniform, randint
from sklearn.base import clone, is_classifier
from sklearn.ensemble import RandomForestClassifier
from sklearn.exceptions import FitFailedWarning
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.metrics import accuracy_score, make_scorer
from sklearn.model_selection import GridSearchCV, GroupKFold, ShuffleSplit, cross_val_score
from sklearn.pipeline import Pipeline
from sklearn.preprocessing import MinMaxScaler, StandardScaler
from sklearn.svm import SVC

from kerastune_lite import open_project
from kerastune_lite._src.util.errors import FailedTrialError, SettingsMismatchError
from kerastune_lite.oracles import RandomOracle
from kerastune_lite.sklearn import TunerSearchCV
from tests.processes import environment
from tests.sklearn.data import blobs

X, Y = blobs()
GRID = {"C": [0.01, 0.1, 1.0], "fit_intercept": [True, False]}


def searched(space=GRID, estimator=None, x=X, y=Y, fit=None, **params):
    params = {"cv": 3, "max_trials": 4, "random_state": 0, **params}
    estimator = LogisticRegression() if estimator is None else estimator
    search = TunerSearchCV(estimator, space, **params)
    return search.fit(x, y, **(fit or {}))


# ------------------------------------------------------------------ the contract


@pytest.mark.parametrize("scoring", [None, "roc_auc", ["accuracy", "roc_auc"]])
def test_a_grid_gives_what_grid_search_gives(scoring):
    refit = "roc_auc" if isinstance(scoring, list) else True
    kwargs = {"cv": 3, "scoring": scoring, "refit": refit, "return_train_score": True}
    ours = TunerSearchCV(LogisticRegression(), GRID, tuner="grid", max_trials=None, **kwargs)
    ours.fit(X, Y)
    theirs = GridSearchCV(LogisticRegression(), GRID, **kwargs).fit(X, Y)
    assert set(ours.cv_results_) == {*theirs.cv_results_, "trial_id", "epochs", "start_time"}
    order = [ours.cv_results_["params"].index(each) for each in theirs.cv_results_["params"]]
    for name, column in theirs.cv_results_.items():
        if "time" not in name:
            assert list(np.asarray(ours.cv_results_[name])[order]) == list(column), name
    assert ours.best_score_ == theirs.best_score_
    assert ours.best_params_ in theirs.cv_results_["params"]
    np.testing.assert_array_equal(ours.predict(X), ours.best_estimator_.predict(X))
    assert ours.score(X, Y) == ours.best_estimator_.score(X, Y) if scoring is None else True
    assert (ours.n_splits_, ours.multimetric_) == (theirs.n_splits_, theirs.multimetric_)
    assert list(ours.classes_) == list(theirs.classes_)
    assert type(ours.scorer_) is type(theirs.scorer_)
    assert ours.refit_time_ > 0


@pytest.mark.parametrize("tuner", ["random", "sobol", "bayesian", "evolution", RandomOracle()])
def test_tuners(tuner):
    space = {"C": loguniform(1e-3, 1e3), "fit_intercept": [True, False]}
    search = searched(space, tuner=tuner)
    assert len(search.cv_results_["params"]) == 4
    assert list(search.cv_results_["trial_id"]) == ["0000", "0001", "0002", "0003"]
    assert search.best_score_ == search.cv_results_["mean_test_score"].max()
    again = searched(space, tuner=tuner)
    assert again.cv_results_["params"] == search.cv_results_["params"]


@pytest.mark.parametrize("tuner", ["sobol", "evolution"])
def test_each_random_state_has_points_of_its_own(tuner):
    space = {"C": loguniform(1e-3, 1e3)}
    found = [searched(space, tuner=tuner, random_state=state) for state in (0, 1)]
    first, second = ({p["C"] for p in each.cv_results_["params"][1:]} for each in found)
    assert not first & second


def test_it_is_what_its_estimator_is():
    search = TunerSearchCV(LogisticRegression(), GRID)
    assert is_classifier(search)
    copy = clone(search)
    assert copy.get_params()["estimator__C"] == 1.0
    assert not hasattr(search, "predict_log_proba") or hasattr(LogisticRegression, "predict_proba")


def test_a_grid_that_is_cut_off_is_told_of():
    with pytest.warns(UserWarning, match="more points than max_trials=4"):
        searched(tuner="grid")
    searched(tuner="grid", max_trials=6)  # all of them: nothing to tell


def test_refit_by_a_function_and_not_at_all():
    slowest = searched(refit=lambda results: 2)
    assert slowest.best_index_ == 2
    assert not hasattr(slowest, "best_score_")
    none = searched(refit=False)
    assert none.best_params_ == none.cv_results_["params"][none.best_index_]
    assert not hasattr(none, "best_estimator_")
    several = searched(refit=False, scoring=["accuracy", "roc_auc"])
    assert not hasattr(several, "best_index_")
    assert "mean_test_roc_auc" in several.cv_results_


def two_scores(estimator, x, y):
    right = accuracy_score(y, estimator.predict(x))
    return {"right": right, "wrong": 1 - right}


def test_scoring_by_functions():
    single = searched(scoring=lambda estimator, x, y: -1.0)
    assert single.best_score_ == -1.0
    several = searched(scoring=two_scores, refit="right")
    assert several.multimetric_
    assert several.best_score_ == several.cv_results_["mean_test_right"].max()
    with pytest.raises(ValueError, match=r"`refit` says which one counts.*\['right', 'wrong'\]"):
        searched(scoring=two_scores)
    with pytest.raises(ValueError, match="multi-metric scoring"):
        searched(scoring=["accuracy", "roc_auc"])
    with pytest.raises(ValueError, match="'roc_auc_'"):
        searched(scoring="roc_auc_")


def test_groups_and_other_splitters():
    groups = np.arange(60) // 10
    search = searched(cv=GroupKFold(3), fit={"groups": groups})
    assert search.n_splits_ == 3
    assert searched(cv=ShuffleSplit(2, random_state=None)).n_splits_ == 2
    rows = np.arange(60)
    assert searched(cv=[(rows[:40], rows[40:])]).n_splits_ == 1


def test_weights_of_samples_reach_fit():
    weights = np.where(Y == 1, 1e6, 1e-6)

    def share_of_ones(estimator, x, y, sample_weight=None):
        return estimator.predict(x).mean()

    search = searched({"C": [100.0]}, fit={"sample_weight": weights}, scoring=share_of_ones)
    assert search.best_score_ > 0.8  # of 0.5 without the weights


class Failing(LogisticRegression):
    def fit(self, X, y):
        if self.C > 0.5:
            raise ArithmeticError("C is too large")
        return super().fit(X, y)


@pytest.mark.filterwarnings("ignore:One or more of the test scores are non-finite")
def test_fits_that_fail():
    grid = {"C": [0.1, 1.0]}
    with pytest.warns(FitFailedWarning, match="C is too large"):
        search = searched(grid, Failing(), tuner="grid")
    scores = dict(zip(search.cv_results_["param_C"], search.cv_results_["mean_test_score"]))
    assert np.isnan(scores[1.0])
    assert search.best_params_ == {"C": 0.1}
    with pytest.warns(FitFailedWarning):
        search = searched(grid, Failing(), tuner="grid", error_score=-3.0)
    assert search.cv_results_["mean_test_score"].min() == -3.0
    with pytest.raises(ArithmeticError):
        searched(grid, Failing(), tuner="grid", error_score="raise")
    with pytest.raises(ValueError, match="All the 6 fits failed"):
        searched({"C": [1.0, 2.0]}, Failing(), tuner="grid")


@pytest.mark.filterwarnings("ignore:One or more of the test scores are non-finite")
def test_a_fold_may_reject_its_values(tmp_path):
    class Picky(LogisticRegression):
        def fit(self, X, y, sample_weight=None):
            if self.C > 0.5:
                raise FailedTrialError("C is too large")
            if self.C < 0.05:
                raise ValueError("C is too small")
            return super().fit(X, y, sample_weight)

    with pytest.warns(FitFailedWarning):
        search = searched(
            {"C": [0.01, 0.1, 1.0]},
            Picky(),
            tuner="grid",
            directory=tmp_path,
            project_name="picky",
        )
    trials = open_project(tmp_path / "picky").trials
    assert {t.values["C"]: t.rejected for t in trials} == {0.01: False, 0.1: False, 1.0: True}
    assert search.best_params_ == {"C": 0.1}


@pytest.mark.filterwarnings("ignore:Scoring failed")
@pytest.mark.filterwarnings("ignore:One or more of the test scores are non-finite")
def test_scores_that_are_no_numbers():
    search = searched(scoring=lambda e, x, y: np.nan if e.C < 0.05 else 1.0, max_trials=6)
    assert search.best_params_["C"] > 0.05
    assert np.isnan(search.cv_results_["mean_test_score"]).sum() == 2


def test_steps_of_a_pipeline_and_lists_of_dicts():
    pipeline = Pipeline([("scale", StandardScaler()), ("model", LogisticRegression())])
    space = [
        {"model": [SVC()], "model__C": loguniform(0.1, 10)},
        {"scale": [StandardScaler(), MinMaxScaler(), "passthrough"], "model__C": [1.0]},
    ]
    search = searched(space, pipeline, tuner="random", max_trials=8)
    kinds = {type(each.get("model")).__name__ for each in search.cv_results_["params"]}
    assert kinds == {"SVC", "NoneType"}
    assert search.predict(X).shape == (60,)


def test_a_regressor_and_several_targets():
    targets = np.stack([X[:, 0], X[:, 1]], axis=1)
    search = searched({"alpha": loguniform(1e-3, 1)}, Ridge(), y=targets)
    assert search.predict(X).shape == (60, 2)


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore:A worker stopped while some jobs:UserWarning")
@pytest.mark.usefixtures("processes")
def test_two_processes_find_what_one_finds():
    forest = RandomForestClassifier(random_state=0, n_estimators=5)
    space = {"max_depth": randint(1, 5), "criterion": ["gini", "entropy"]}
    one, two = (
        searched(space, forest, tuner="random", max_trials=5, n_jobs=n_jobs) for n_jobs in (1, 2)
    )
    assert one.cv_results_["params"] == two.cv_results_["params"]
    np.testing.assert_array_equal(
        one.cv_results_["mean_test_score"], two.cv_results_["mean_test_score"]
    )


@pytest.mark.slow
def test_processes_need_no_import_of_the_users():
    code = """
from sklearn.svm import SVC
from kerastune_lite.sklearn import TunerSearchCV

search = TunerSearchCV(SVC(), {"C": [1.0, 2.0]}, tuner="grid", cv=2, n_jobs=2)
print(len(search.fit([[0], [1], [2], [3]], [0, 1, 0, 1]).cv_results_["params"]))
"""
    ended = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, env=environment()
    )
    assert ended.stdout == "2\n", ended.stderr


def test_estimators_without_a_seed_draw_anew_for_each_fold():
    forest = RandomForestClassifier(n_estimators=1)
    seen = []
    searched(
        {"max_depth": [3, 4]},
        forest,
        tuner="grid",
        scoring=lambda e, x, y: seen.append(e.estimators_[0].random_state) or 0.0,
    )
    assert len(set(seen)) == len(seen)


def test_estimators_without_keras_load_no_tensorflow():
    code = """
import sys
from sklearn.linear_model import LogisticRegression
from kerastune_lite.sklearn import TunerSearchCV
x, y = [[0.0], [1.0]] * 10, [0, 1] * 10
TunerSearchCV(LogisticRegression(), {"C": [0.1, 1.0]}, cv=2, max_trials=2).fit(x, y)
print(*sys.modules)
"""
    loaded = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    ).stdout.split()
    assert "tensorflow" not in loaded
    assert "keras" not in loaded


# ------------------------------------------------------------------ mistakes


@pytest.mark.parametrize(
    ("params", "error", "message"),
    [
        ({"space": {"D": [1]}}, ValueError, r"Received: 'D' for LogisticRegression, which has: C,"),
        ({"space": None}, TypeError, r"Received: LogisticRegression without `param_distributions`"),
        ({"tuner": "baysian"}, ValueError, r"Received: tuner='baysian'"),
        ({"tuner": "hyperband"}, ValueError, r"needs KerasClassifier"),
        ({"max_trials": 0}, ValueError, r"`max_trials` must be at least 1"),
        ({"max_trials": "9"}, TypeError, r"`max_trials` must be a whole number"),
        ({"random_state": "9"}, ValueError, r"`random_state` must be None, a whole"),
        ({"cv": "five"}, ValueError, r"cv"),
        ({"error_score": "warn"}, ValueError, r"error_score"),
        ({"max_time": 0}, ValueError, r"None was finished: max_time reached.*max_time=0"),
    ],
)
def test_mistakes_are_told(params, error, message):
    with pytest.raises(error, match=message):
        searched(**params)


# ------------------------------------------------------------------ projects


def test_a_search_goes_on_where_it_stood(tmp_path):
    kwargs = {"directory": tmp_path, "project_name": "it", "random_state": None}
    first = searched(max_trials=2, tuner="random", **kwargs)
    second = searched(max_trials=5, tuner="random", **kwargs)
    assert second.cv_results_["params"][:2] == first.cv_results_["params"]
    assert list(second.cv_results_["start_time"][:2]) == list(first.cv_results_["start_time"])
    calls = []
    third = searched(
        max_trials=5,
        tuner="random",
        scoring=make_scorer(lambda y, p: calls.append(1) or accuracy_score(y, p)),
        **kwargs,
    )
    assert not calls, "what was scored is not scored again"
    assert third.best_params_ == second.best_params_
    with pytest.raises(SettingsMismatchError, match=r"other data, folds or another estimator"):
        searched(x=X + 1, tuner="random", **kwargs)
    with pytest.raises(SettingsMismatchError, match=r"y: other values than before"):
        searched(y=Y[::-1], tuner="random", **kwargs)
    with pytest.raises(
        SettingsMismatchError, match=r"parameters of fit: .*\['sample_weight'\] now"
    ):
        searched(fit={"sample_weight": np.ones(len(X))}, tuner="random", **kwargs)
    with pytest.raises(SettingsMismatchError, match="oracle"):
        searched(tuner="sobol", **kwargs)
    assert (tmp_path / "it" / "tensorboard" / "trial_0001" / "execution2").is_dir()


def test_each_fold_of_a_cross_validation_has_a_project_named_by_its_data(tmp_path):
    fits = []

    class Counting(LogisticRegression):
        def fit(self, X, y):
            fits.append(1)
            return super().fit(X, y)

    kwargs = {"cv": 3, "max_trials": 2, "random_state": 0, "tuner": "random"}
    search = TunerSearchCV(
        Counting(), GRID, directory=tmp_path, project_name="outer-{data}", **kwargs
    )
    scores = cross_val_score(search, X, Y, cv=3, error_score="raise")
    assert list(scores) == list(
        cross_val_score(TunerSearchCV(LogisticRegression(), GRID, **kwargs), X, Y, cv=3)
    )
    names = [each.name for each in tmp_path.iterdir()]
    assert len(names) == 3
    assert all(re.fullmatch("outer-[0-9a-f]{8}", name) for name in names)
    fits.clear()
    assert list(cross_val_score(search, X, Y, cv=3, error_score="raise")) == list(scores)
    assert len(fits) == 3, "only the best trials are fitted again"

    search.set_params(project_name="one")
    with pytest.raises(SettingsMismatchError, match=r"leave out `directory`.*'outer-\{data\}'"):
        cross_val_score(search, X, Y, cv=3, error_score="raise")


def test_without_a_directory_nothing_is_left(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    searched()
    assert list(tmp_path.iterdir()) == []


def test_progress_is_shown_when_it_is_wanted(capsys):
    searched(verbose=2)
    shown = capsys.readouterr().out
    assert "trial 3" in shown
    assert re.search(
        r"\n13 trainings in \d+\.\d s: 4 trials x 3 folds, and the best trial on all samples\n$",
        shown,
    )
    searched()
    assert capsys.readouterr().out == ""


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.FitFailedWarning")
@pytest.mark.filterwarnings("ignore:One or more of the test scores are non-finite")
def test_the_trainings_that_are_told_are_those_of_this_fit(tmp_path, capsys):
    fits = []

    class Counting(Failing):
        def fit(self, X, y):
            fits.append(1)
            return super().fit(X, y)

    grid = {"C": [0.1, 0.2, 1.0]}
    kwargs = {"tuner": "random", "directory": tmp_path, "verbose": 1, "refit": False}
    for trials in (1, 3):
        fits.clear()
        searched(grid, Counting(), max_trials=trials, **kwargs)
        *_, last = capsys.readouterr().out.splitlines()
        assert last.startswith(f"{len(fits)} trainings in ")
        assert "all samples" not in last
    assert last.endswith(f": {len(fits)} of the 9 folds of 3 trials x 3 folds")
    assert 4 <= len(fits) < 9


def test_a_project_of_a_version_that_described_estimators_otherwise(tmp_path):
    """The parameters stood beside the class; they are not compared, what else there is is."""
    kwargs = {"directory": tmp_path, "project_name": "it", "tuner": "random"}
    first = searched(max_trials=2, **kwargs)
    with contextlib.closing(sqlite3.connect(tmp_path / "it" / "study.sqlite3")) as database:
        (told,) = database.execute("SELECT value FROM project WHERE key = 'settings'").fetchone()
        settings = json.loads(told)
        estimator = settings["fit"]["estimator"]
        settings["fit"]["estimator"] = {"class": estimator["class"], **estimator["parameters"]}
        row = (json.dumps(settings),)
        database.execute("UPDATE project SET value = ? WHERE key = 'settings'", row)
        database.commit()
    with pytest.raises(SettingsMismatchError, match=r"y: other values than before"):
        searched(y=Y[::-1], max_trials=2, **kwargs)
    assert searched(max_trials=2, **kwargs).best_params_ == first.best_params_
