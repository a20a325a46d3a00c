"""What is shown and exported of searches with several objectives and constraints."""

import json

import pytest

import kerastune_lite as kt
from kerastune_lite._src.cli.command import main
from kerastune_lite._src.core.goals import Goals
from tests.tuner.test_several_goals import FAR, NEAR, SIZE, few, measured, numbers, search


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("exported")
    search([NEAR, FAR], 9, constraints=["model_size <= 30", few], directory=folder)
    return folder / "measured"


class TestOpenedAndExported:
    def test_open_project(self, folder):
        project = kt.open_project(folder)
        assert isinstance(project.objective, Goals)
        front = project.pareto_front()
        assert front
        assert all(t.violation == 0.0 and len(t.losses) == 2 for t in front)
        assert project.rows()[0]["constraint/few"] in (-1.0, 1.0)
        assert project.hypervolumes()[-1] > 0.0

    def test_show_list_and_best(self, folder, capsys):
        best = kt.open_project(folder).get_best_trials()[0]
        assert main(["best", str(folder)]) == 0
        assert json.loads(capsys.readouterr().out) == dict(best.values)
        assert main(["list", str(folder)]) == 0
        assert "near" in capsys.readouterr().out
        assert main(["show", str(folder)]) == 0
        out = " ".join(capsys.readouterr().out.split())
        goals = "near (min) and far (max), with model_size <= 30, few(trial)"
        assert f"trials by {goals}" in out
        assert f"objective: {goals}" in out

    def test_csv_and_json(self, folder, capsys):
        for kind in ("csv", "json"):
            assert main(["export", str(folder), "--to", kind]) == 0
            out = capsys.readouterr().out
            assert "far" in out
            assert "constraint/few" in out

    def test_the_files_of_keras_tuner(self, folder, tmp_path, capsys):
        assert main(["export", str(folder), "--keras-tuner", str(tmp_path / "kt")]) == 0
        said = " ".join("".join(capsys.readouterr()).split())
        assert "the objectives far: the score is near" in said
        assert "the constraints model_size <= 30, few(trial)" in said
        again = kt.open_project(tmp_path / "kt", objective=NEAR)
        assert [t.score for t in again.trials] == [t.score for t in kt.open_project(folder).trials]

    def test_optuna(self, folder):
        optuna = pytest.importorskip("optuna")
        project = kt.open_project(folder)
        study = project.to_optuna()
        assert [each.name for each in study.directions] == ["MINIMIZE", "MAXIMIZE"]
        for theirs, ours in zip(study.trials, project.trials, strict=True):
            assert theirs.values == [ours.metrics["near"], ours.metrics["far"]]
            assert theirs.system_attrs["constraints"] == list(ours.excesses)
        front = {trial.number for trial in study.best_trials}
        assert front == set(numbers(project.pareto_front()))
        single = search(NEAR, 6, constraints=["far >= -1"])
        assert single.to_optuna().best_trial.number == single.get_best_trials()[0].number
        assert optuna.study.Study


class TestFigures:
    @pytest.mark.parametrize("backend", ["matplotlib", "plotly"])
    @pytest.mark.parametrize("objectives", [2, 3, 4])
    def test_the_front(self, backend, objectives):
        pytest.importorskip("optuna")
        pytest.importorskip(backend)
        goals = [NEAR, FAR, SIZE, kt.Objective("x", "min")][:objectives]

        def function(point):
            return {**measured(point), "x": point["x"]}

        tuner = search(goals, 6, function, constraints=[few])
        figure = tuner.plot.pareto_front(backend=backend)
        assert type(figure).__module__.split(".")[0] == backend
        other = tuner.plot.pareto_front(kt.Objective("model_size", "min"), backend=backend)
        assert type(other) is type(figure)

    @pytest.mark.parametrize("backend", ["matplotlib", "plotly"])
    @pytest.mark.parametrize("kind", ["history", "parallel_coordinates", "slice", "edf", "contour"])
    def test_the_others_show_the_first_objective(self, kind, backend):
        pytest.importorskip("optuna")
        pytest.importorskip(backend)
        tuner = search([NEAR, FAR], 6, constraints=[few])
        figure = getattr(tuner.plot, kind)(backend=backend)
        assert type(figure).__module__.split(".")[0] == backend

    def test_the_report(self, tmp_path):
        tuner = search([NEAR, FAR], 12, constraints=["model_size <= 35"])
        tuner.report(tmp_path / "r.html")
        text = (tmp_path / "r.html").read_text(encoding="utf-8")
        count = len(tuner.pareto_front())
        assert f"No other trial dominates the first {count} trials" in text
        assert "The front" in text
        assert "far over near" in text
        assert "model_size &lt;= 35" in text

    def test_the_table(self, capsys):
        tuner = search([NEAR, FAR], 8, constraints=["model_size <= 35"])
        tuner.results_summary()
        head, *rows = [
            line.split() for line in capsys.readouterr().out.splitlines() if line.strip()
        ]
        assert " ".join(head).endswith("by near (min) and far (max), with model_size <= 35")
        (columns,) = (row for row in rows if row[:2] == ["rank", "trial"])
        assert columns[2:7] == ["near", "far", "model_size", "allowed", "front"]
        body = [row for row in rows if row[0].isdigit()]
        assert [int(row[1]) for row in body] == numbers(tuner._trials().best())
        allowed = {int(row[1]) for row in body if row[5] == "yes"}
        assert allowed == {t.number for t in tuner.trials if t.violation == 0.0}
