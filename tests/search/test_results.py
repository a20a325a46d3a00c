"""A project as its results tell of it: the same from a tuner and from disk."""

import contextlib
import dataclasses
import html

import numpy as np
import pytest

import kerastune_lite as kt
from kerastune_lite._src.core import events as ev
from kerastune_lite._src.core.trial import Execution, Outcome, Trial
from kerastune_lite._src.store.project_folder import ProjectFolder
from kerastune_lite._src.util.errors import StoreError
from kerastune_lite.hyperparameters import Float, Parameter, Space
from tests.analysis.trials import LOSS

SPACE = Space([Parameter(f"x{i}", Float(0.0, 1.0)) for i in range(10)])


class Bowl(kt.RandomSearch):
    """Trains nothing."""

    def run_trial(self, trial):
        hp = trial.hyperparameters
        x, y = hp.Float("x", -1.0, 1.0), hp.Float("y", 0.0, 1.0)
        return [x**2, x**2 + 0.01 * y]


@pytest.fixture
def bowl(tmp_path):
    tuner = Bowl(max_trials=12, seed=0, directory=tmp_path, project_name="bowl")
    tuner.search(verbose=0)
    return tuner


def big_project(tmp_path, trials=1000, epochs=20):
    """A search as it stands on disk; no search is that quick."""
    folder = ProjectFolder(tmp_path, "big")
    settings = {"objective": LOSS.to_json(), "seed": 3}
    rng = np.random.default_rng(0)
    events = [ev.SearchStarted("big", LOSS, SPACE, trials, (), settings, 1e9)]
    events.append(ev.SpaceGrown(tuple(SPACE), None))
    for number in range(trials):
        values = SPACE.sample(rng)
        curve = values["x0"] + 0.5 * values["x1"] + 1 / np.arange(1, epochs + 1)
        trial = Trial(number, values, SPACE, started=1e9 + number)
        done = Execution(0, Outcome.COMPLETED, 0, curve[-1], curve[-1], epochs=epochs)
        events.append(ev.TrialStarted(trial))
        events += [
            ev.EpochEnded(number, 0, 0, epoch, {"val_loss": float(value), "loss": float(value)})
            for epoch, value in enumerate(curve)
        ]
        events.append(ev.ExecutionEnded(number, done))
        ended = dataclasses.replace(trial, executions=(done,))
        events.append(ev.TrialEnded(ended.scored(LOSS, 1e9 + number + 1)))
    with folder.writing(), contextlib.closing(folder.open()) as store:
        store.record(events)
    return folder.root


def test_a_thousand_trials_are_told_of_at_once(tmp_path):
    root = big_project(tmp_path)
    project = kt.open_project(root)
    assert len(project.trials) == 1000
    found = project.importances()
    assert list(found.values)[:2] == ["x0", "x1"]
    project.report(tmp_path / "report.html")
    text = (tmp_path / "report.html").read_text(encoding="utf-8")
    assert "1000 trials (1000 completed)" in text
    assert "200 of 1000 curves are drawn" in text


def test_a_project_tells_what_its_tuner_does(bowl, tmp_path, capsys):
    project = kt.open_project(bowl.project_dir)
    assert project.importances() == bowl.importances()
    assert next(iter(bowl.importances().values)) == "x"
    assert bowl.importances(seed=1) != bowl.importances()
    bowl.report(tmp_path / "a.html")
    project.report(tmp_path / "b.html")
    one, other = ((tmp_path / name).read_text(encoding="utf-8") for name in ("a.html", "b.html"))
    assert one.split("<footer>")[0] == other.split("<footer>")[0]
    assert repr(str(tmp_path / "bowl")) in html.unescape(one)
    project.results_summary()
    assert "over 2 trainings (mean ± standard deviation)" in capsys.readouterr().out


def test_figures_and_study_of_a_project(bowl):
    pytest.importorskip("optuna")
    pytest.importorskip("matplotlib").use("agg")
    project = kt.open_project(bowl.project_dir)
    study = project.to_optuna()
    assert study.study_name == "bowl"
    assert [trial.params for trial in study.trials] == [trial.values for trial in bowl.trials]
    assert study.best_trial.number == bowl.get_best_trials()[0].number
    for results in (bowl, project):
        assert results.plot.edf(backend="matplotlib")
        with pytest.raises(ValueError, match="Nothing was measured by epoch"):
            results.plot.learning_curves(backend="matplotlib")


def test_before_the_first_search(tmp_path):
    tuner = Bowl(max_trials=3, directory=tmp_path, project_name="new")
    with pytest.raises(StoreError, match="No search was recorded in"):
        tuner.report(tmp_path / "report.html")
    with pytest.raises(ValueError, match="There are 0: raise"):
        tuner.importances()
    assert tuner.to_optuna().trials == []
    assert not (tmp_path / "report.html").exists()


def test_a_report_while_it_is_searched(tmp_path):
    class Reporting(Bowl):
        def on_trial_end(self, trial):
            self.report(tmp_path / "report.html")

    Reporting(max_trials=2, seed=0, directory=tmp_path, project_name="live").search(verbose=0)
    assert "2 trials (2 completed)" in (tmp_path / "report.html").read_text(encoding="utf-8")
