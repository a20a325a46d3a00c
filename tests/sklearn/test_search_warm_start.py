"""TunerSearchCV that remembers former searches."""

import pytest
from sklearn.base import clone
from sklearn.linear_model import LogisticRegression

from kerastune_lite import open_project
from kerastune_lite.errors import StoreError
from kerastune_lite.sklearn import TunerSearchCV
from tests.sklearn.data import blobs

X, Y = blobs()
GRID = {"C": [0.01, 0.1, 1.0, 10.0], "fit_intercept": [True, False]}


def searched(directory, name, **params):
    params = {"cv": 3, "max_trials": 5, "random_state": 0, "tuner": "random"} | params
    search = TunerSearchCV(
        LogisticRegression(), GRID, directory=directory, project_name=name, **params
    )
    return search.fit(X, Y)


@pytest.fixture
def old(tmp_path):
    return searched(tmp_path / "runs", "old", max_trials=8, random_state=1)


def project(tmp_path, name):
    return open_project(tmp_path / "runs" / name)


@pytest.mark.parametrize("named", ["list", "auto"])
def test_the_best_point_of_the_former_search_comes_first(tmp_path, old, named, capsys):
    given = "auto" if named == "auto" else [str(tmp_path / "runs" / "old")]
    new = searched(tmp_path / "runs", "new", warm_start_from=given, verbose=1)
    assert new.cv_results_["params"][0] == old.best_params_
    assert "Remembering 1 former project: old (8 trials)" in capsys.readouterr().out
    trials = project(tmp_path, "new").trials
    assert trials[0].origin == "former"
    page = tmp_path / "report.html"
    project(tmp_path, "new").report(page)
    assert "The search knew former projects" in page.read_text(encoding="utf-8")


def test_a_search_that_is_not_stored_remembers_too(tmp_path, old):
    new = searched(None, None, warm_start_from=[project(tmp_path, "old")])
    assert new.cv_results_["params"][0] == old.best_params_


def test_what_is_remembered_is_kept_with_the_project(tmp_path, old, caplog):
    source = [str(tmp_path / "runs" / "old")]
    whole = searched(tmp_path / "runs", "whole", warm_start_from=source, max_trials=7)
    searched(tmp_path / "runs", "cut", warm_start_from=source, max_trials=3)
    resumed = searched(tmp_path / "runs", "cut", max_trials=7)
    assert resumed.cv_results_["params"] == whole.cv_results_["params"]
    assert not caplog.records
    other = [str(tmp_path / "runs" / "whole")]
    searched(tmp_path / "runs", "cut", max_trials=7, warm_start_from=other)
    assert "remembers old since it began" in caplog.text


def test_mistakes_are_named_before_anything_is_trained(tmp_path, old):
    with pytest.raises(ValueError, match=r"under the same `directory`. Received: directory=None"):
        searched(None, None, warm_start_from="auto")
    with pytest.raises(StoreError, match="There is no folder"):
        searched(tmp_path / "runs", "new", warm_start_from=[str(tmp_path / "nothing")])
    with pytest.raises(TypeError, match="`warm_start_from` must be a list of projects"):
        searched(tmp_path / "runs", "new", warm_start_from=[7])
    assert not (tmp_path / "runs" / "new").exists()


def test_it_is_a_parameter_like_others():
    search = TunerSearchCV(LogisticRegression(), GRID, warm_start_from=["runs/old"])
    assert clone(search).get_params()["warm_start_from"] == ["runs/old"]


def test_only_a_search_that_is_stored_says_how_it_continues(tmp_path, capsys):
    for directory, name in ((tmp_path, "stored"), (None, None)):
        searched(directory, name, max_trials=None, max_time=0.01, verbose=1)
    said = capsys.readouterr().out
    assert said.count("max_time=0.01 s reached; call fit() again to continue") == 1
    assert said.count("max_time=0.01 s reached") == 2
