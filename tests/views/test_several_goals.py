"""TensorBoard and the lines of progress, for several objectives and constraints."""

import pytest

import kerastune_lite as kt
from kerastune_lite._src.core.events import SearchStarted
from kerastune_lite._src.core.goals import create_objective
from kerastune_lite._src.core.trial import Execution, Outcome, Trial, TrialStatus
from kerastune_lite._src.views.console import best_text
from kerastune_lite._src.views.progress import Progress
from kerastune_lite._src.views.tensorboard.names import goal_scores
from kerastune_lite.hyperparameters import Float, Int
from tests.views.fake_search import scalars_of, sessions_of
from tests.views.test_tensorboard_search import run_of

NEAR, FAR = kt.Objective("near", "min"), kt.Objective("far", "max")
SPACE = {"x": Float(0.0, 1.0), "n": Int(0, 5)}


def measured(point, epochs=2):
    for epoch in range(2):
        yield {
            "near": point["x"] + 1 - epoch,
            "far": -point["x"] - point["n"],
            "model_size": 10 * point["n"],
        }


def few(trial):
    return trial.values["n"] <= 3


def search(folder, objective, count=5, **kwargs):
    return kt.tune_function(
        measured, SPACE, objective, count, seed=0, directory=folder, verbose=0, **kwargs
    )


class TestTensorBoard:
    def test_a_column_for_each_goal(self, tmp_path):
        tuner = search(
            tmp_path, [NEAR, FAR, "model_size"], constraints=["model_size <= 35", "far >= -9", few]
        )
        board = tmp_path / "measured" / "tensorboard"
        assert len(sessions_of(board)) == 5
        for trial in tuner.trials:
            found = scalars_of(board / f"trial_{trial.number:04d}")
            goals = {tag: points[0][1] for tag, points in found.items() if "objective" in tag}
            assert goals == {
                "objective": pytest.approx(trial.metrics["near"]),
                "objective/far": pytest.approx(trial.metrics["far"]),
                "objective/model_size": trial.metrics["model_size"],
                "objective/constraint/few": 1.0 - 2.0 * few(trial),
            }

    def test_one_objective_has_the_column_that_it_always_had(self, tmp_path):
        search(tmp_path, NEAR, 1)
        found = scalars_of(tmp_path / "measured" / "tensorboard" / "trial_0000")
        assert [tag for tag in found if "objective" in tag] == ["objective"]

    def test_curves_are_those_of_what_training_reports(self, tmp_path):
        tuner = search(tmp_path, ["model_size", NEAR, FAR], 6)
        found, _ = run_of(tmp_path / "measured" / "tensorboard")
        assert {tag for tag in found if tag.startswith("search/")} == {
            "search/model_size/objective",
            "search/model_size/best_so_far",
            "search/near/10_percent",
            "search/near/median",
            "search/near/90_percent",
        }
        scores = [(t.number, t.metrics["model_size"]) for t in tuner.trials]
        assert found["search/model_size/objective"] == scores

    def test_the_best_so_far_satisfies_the_constraints(self, tmp_path):
        tuner = search(tmp_path, NEAR, 8, constraints=[few])
        found, _ = run_of(tmp_path / "measured" / "tensorboard")
        _, last = found["search/near/best_so_far"][-1]
        assert last == pytest.approx(tuner.get_best_trials()[0].score)

    def test_an_execution_without_a_score_has_no_columns(self):
        goals = create_objective([NEAR, FAR])
        assert goal_scores(goals, {}, Execution(0, Outcome.FAILED)) == {}
        done = Execution(0, Outcome.COMPLETED, score=1.0, metrics={"near": 1.0})
        assert goal_scores(goals, {}, done) == {"objective": 1.0}
        assert goal_scores(goals, {"far": 3.0}, done) == {"objective": 1.0, "objective/far": 3.0}
        assert goal_scores(NEAR, {}, done) == {"objective": 1.0}


class TestProgress:
    @staticmethod
    def progress(objective, trials):
        progress = Progress()
        started = SearchStarted(
            "p", objective, kt.HyperParameters().space, 9, tuple(trials), {}, 0.0
        )
        progress.on_event(started)
        return progress

    @staticmethod
    def trial(number, *losses, excess=0.0):
        return Trial(
            number,
            {"x": number},
            status=TrialStatus.COMPLETED,
            score=losses[0],
            loss=losses[0],
            losses=losses if len(losses) > 1 else (),
            excesses=(excess,),
        )

    def test_the_front_is_counted(self):
        goals = create_objective([NEAR, kt.Objective("wide", "min")])
        trials = [self.trial(0, 2.0, 2.0), self.trial(1, 1.0, 3.0), self.trial(2, 5.0, 5.0)]
        text = best_text(self.progress(goals, trials))
        assert text == "best near 1.000 (trial 1), 2 trials on the front"
        text = best_text(self.progress(goals, trials[2:]))
        assert text == "best near 5.000 (trial 2), 1 trial on the front"

    def test_none_is_allowed_yet(self):
        goals = create_objective(NEAR, ["near <= 0"])
        text = best_text(self.progress(goals, [self.trial(0, 2.0, excess=1.0)]))
        assert text == "no trial satisfies the constraints yet"
        both = [self.trial(0, 2.0, excess=1.0), self.trial(1, 9.0, excess=-1.0)]
        assert best_text(self.progress(goals, both)) == "best near 9.000 (trial 1)"

    def test_lines_of_a_search(self, tmp_path, capsys):
        tuner = kt.tune_function(
            measured,
            SPACE,
            [NEAR, FAR],
            4,
            seed=0,
            directory=tmp_path,
            verbose=2,
            constraints=["model_size >= 1e6"],
        )
        out = capsys.readouterr().out
        assert "no trial satisfies the constraints yet" in out
        assert isinstance(out, str)
        assert len(tuner.trials) == 4
