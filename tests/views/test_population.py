"""Trials that continue from others: their parents and the schedule are seen everywhere."""

import json

import pytest

import kerastune_lite as kt
from kerastune_lite._src.cli.command import main
from kerastune_lite._src.views.tensorboard.ranking import ranking
from tests.doubles import LOSS, MemoryStore
from tests.projects import recorded
from tests.search.test_population import searched


@pytest.fixture
def project(tmp_path):
    store = MemoryStore()
    searched(tmp_path, store=store)
    return kt.open_project(recorded(tmp_path, store.events))


@pytest.fixture
def child(project):
    (best,) = project.get_best_trials()
    assert best.parent is not None
    return best


def test_tables(project, child, capsys):
    project.results_summary()
    printed = capsys.readouterr().out
    assert " parent " in printed
    assert f" {child.parent} " in printed
    assert f"How trial {child.number} was trained:" in printed
    for piece in project.schedule():
        assert f"\n  {piece}\n" in printed


def test_searches_without_parents_have_no_such_column(tmp_path, capsys):
    from kerastune_lite.schedulers import Hyperband

    store = MemoryStore()
    searched(tmp_path, store=store, scheduler=Hyperband(3))
    project = kt.open_project(recorded(tmp_path, store.events))
    project.results_summary()
    assert " parent " not in capsys.readouterr().out
    assert "parent" not in project.rows()[0]


def test_reports(project, child, tmp_path):
    project.report(tmp_path / "report.html")
    page = (tmp_path / "report.html").read_text()
    assert "How the best trial was trained" in page
    for piece in project.schedule():
        assert f"<td>{piece.start_epoch + 1} to {piece.end_epoch}</td>" in page


def test_curves_begin_where_trials_do(project, child):
    pytest.importorskip("matplotlib")
    (curve,) = project.history(child)
    start = child.parent.epoch
    assert [value != value for value in curve["loss"]] == [True] * start + [False] * (8 - start)
    assert curve["loss"][child.best_step] == child.score
    project.plot.learning_curves()


def test_cards(child):
    assert f"from trial {child.parent}" in child._repr_html_()


def test_the_ranking_in_tensorboard(project, child):
    text = ranking("p", LOSS, project.trials)
    assert "| parent |" in text
    assert f"| {child.parent} |" in text


def test_the_command(project, child, capsys):
    folder = project.project_dir
    assert main(["show", folder]) == 0
    assert f" {child.parent} " in capsys.readouterr().out
    assert main(["show", folder, "--trial", str(child.number)]) == 0
    assert f"parent: {child.parent}" in capsys.readouterr().out
    assert main(["show", folder, "--trial", str(child.number), "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert told["parent"] == {"trial": child.parent.trial, "epoch": child.parent.epoch}
    assert main(["list", folder]) == 0


def test_optuna(project, child):
    pytest.importorskip("optuna")
    study = project.to_optuna()
    assert study.trials[child.number].user_attrs["parent"] == str(child.parent)
    assert "parent" not in study.trials[0].user_attrs
    first = min(study.trials[child.number].intermediate_values)
    assert first == child.parent.epoch + 1, "counted from 1"
