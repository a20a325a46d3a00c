"""The command `kerastune` and KerasTuner's projects: it shows them, and writes ours as such."""

import csv
import io
import json

import pytest

from kerastune_lite import open_project
from kerastune_lite._src.core.trial import TrialStatus
from kerastune_lite.hyperparameters import Choice, Parameter
from tests.kerastuner_projects import reloaded, searched
from tests.projects import recorded
from tests.views import streams


def losses(hp):
    x = hp.Int("x", 0, 20)
    if x == 7:
        raise ValueError("seven")
    return {"loss": float(x), "twin": -float(x)}


@pytest.fixture(scope="module")
def theirs(tmp_path_factory):
    return searched(tmp_path_factory.mktemp("runs"), losses, max_trials=8).project_dir


def test_commands_show_a_project_of_kerastuner(theirs, tmp_path, run):
    best = open_project(theirs).get_best_trials()[0]
    code, out, err = run("show", theirs)
    assert (code, err) == (0, "")
    for text in ("ended, 8 completed", "best", "Int 0..20", "oracle: KerasTuner, seed=3"):
        assert text in out
    assert "Versions" not in out
    assert "origin: KerasTuner's trial 2" in run("show", theirs, "--trial", "2")[1]
    assert json.loads(run("best", theirs)[1]) == best.values
    assert "so it cannot be followed" in run("watch", theirs)[2]
    (row,) = json.loads(run("list", theirs, "--json")[1])
    assert (row["objective"], row["best_score"], row["status"]) == ("loss", best.score, "ended")
    assert row["last_change"] is not None
    page = tmp_path / "report.html"
    assert run("report", theirs, "--output", page)[0] == 0
    assert "8 trials (8 completed)" in page.read_text(encoding="utf-8")


def test_a_project_of_kerastuner_is_exported(theirs, tmp_path, run):
    trials = open_project(theirs).trials
    rows = list(csv.DictReader(io.StringIO(run("export", theirs, "--to", "csv")[1])))
    assert [float(row["score"]) for row in rows] == [trial.score for trial in trials]
    shown = json.loads(run("export", theirs, "--to", "json")[1])
    assert [trial["values"] for trial in shown["trials"]] == [trial.values for trial in trials]
    assert run("export", theirs, "--keras-tuner", tmp_path / "again")[0] == 0
    again = open_project(tmp_path / "again")
    assert [(each.values, each.score) for each in again.trials] == [
        (each.values, each.score) for each in trials
    ]


def test_our_project_as_one_of_kerastuner(tmp_path, run):
    project = recorded(tmp_path, streams.eventful())
    code, out, err = run("export", project, "--keras-tuner", tmp_path / "new" / "theirs")
    assert (code, out, err) == (0, "", f"Written: {tmp_path / 'new' / 'theirs'}\n")
    ours = open_project(project)
    oracle = reloaded(tmp_path / "new", "theirs", ours.objective).oracle
    best = ours.get_best_trials(3)
    assert [trial.score for trial in oracle.get_best_trials(3)] == [trial.score for trial in best]
    assert [oracle.trials[trial.trial_id].status for trial in ours.trials] == [
        trial.status.value for trial in ours.trials
    ]
    assert oracle.trials["0002"].message == ours.get_trial(2).message
    assert [each.name for each in oracle.hyperparameters.space] == ours.space.names


def test_what_is_lost_is_told_in_one_line(tmp_path, run):
    added = streams.SpaceGrown((Parameter("act", Choice((None, "relu"))),), None)
    events = streams.interrupted()
    project = recorded(tmp_path, [events[0], added, *events[1:]])
    code, _, err = run("export", project, "--keras-tuner", tmp_path / "theirs")
    first, second = err.splitlines()
    assert code == 0
    assert first == "KerasTuner's files cannot express: None among the values of 'act'."
    assert second.startswith("Written: ")
    assert open_project(tmp_path / "theirs").trials[-1].status is TrialStatus.RUNNING


@pytest.mark.parametrize(
    ("further", "says"),
    [
        ([], "contains a project of KerasTuner. Choose another --keras-tuner."),
        (["--output", "a.csv"], "--output is for --to"),
    ],
)
def test_a_project_of_kerastuner_is_not_replaced(theirs, tmp_path, run, further, says):
    project = recorded(tmp_path, streams.simple())
    code, out, err = run("export", project, "--keras-tuner", theirs, *further)
    assert (code, out) == (1, "")
    assert says in err
    assert len(open_project(theirs).trials) == 8


def test_an_objective_that_is_not_clear(tmp_path, run):
    same = searched(tmp_path, lambda hp: {"loss": hp.Float("x", 0, 0), "twin": 0.0}, max_trials=1)
    for path in (tmp_path / "theirs").glob("trial_*/trial.json"):
        text = path.read_text(encoding="utf-8")
        path.write_text(text.replace('{"direction": "min"', '{"direction": "max"', 1), "utf-8")
    code, _, err = run("show", same.project_dir)
    assert code == 1
    assert "do not say what was optimised" in err
