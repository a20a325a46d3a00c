"""Several objectives and constraints: what is compared, measured, and made of a trial's metrics."""

import json
import math

import pytest

from kerastune_lite._src.core.constraint import constraints_of
from kerastune_lite._src.core.goals import (
    MEASURED,
    Goals,
    create_objective,
    largest_model,
    objective_from_json,
)
from kerastune_lite._src.core.objective import DefaultObjective, Objective, Sum
from kerastune_lite._src.core.trial import Execution, Outcome, Trial, TrialStatus

ACCURACY, LOSS = Objective("val_accuracy", "max"), Objective("val_loss", "min")
SIZE = Objective("model_size", "min")


def executed(*metrics, objective):
    """A running trial whose executions had these metrics."""
    executions = tuple(
        Execution(
            index,
            Outcome.COMPLETED,
            score=objective.guide.score(each),
            loss=objective.guide.loss(each),
            metrics=each,
            best_epoch=2,
            epochs=4,
        )
        for index, each in enumerate(metrics)
    )
    return Trial(0, {"x": 1}, executions=executions)


class TestWhatUsersWrite:
    def test_one_in_a_list_is_that_one(self):
        assert (
            create_objective(["val_loss"]) == create_objective("val_loss") == Objective("val_loss")
        )
        assert create_objective([ACCURACY]) == ACCURACY
        assert create_objective(None) == create_objective(None, []) == DefaultObjective()

    def test_several(self):
        goals = create_objective(["val_loss", ACCURACY])
        assert goals == Goals((Objective("val_loss"), ACCURACY))
        assert (goals.name, goals.direction) == ("val_loss", None)
        assert create_objective(("val_loss", ACCURACY)) == goals

    def test_a_constraint_makes_goals_of_one_objective(self):
        goals = create_objective(ACCURACY, ["model_size <= 10"])
        assert goals == Goals((ACCURACY,), constraints_of(["model_size <= 10"]))
        assert goals.parts == (ACCURACY,)
        assert create_objective(None, "model_size <= 1").parts == (DefaultObjective(),)

    @pytest.mark.parametrize("name", MEASURED)
    def test_what_is_measured_makes_goals_of_one_objective(self, name):
        assert create_objective(name) == Goals((Objective(name),))

    def test_goals_get_further_constraints(self):
        # As when an oracle of KerasTuner has the objective, and the tuner the constraints.
        goals = create_objective([ACCURACY, SIZE])
        assert create_objective(goals) == goals
        both = create_objective(goals, ["model_size <= 5"])
        assert both == create_objective([ACCURACY, SIZE], ["model_size <= 5"])

    def test_a_sum_stays_one_objective(self):
        both = Sum([ACCURACY, "val_loss"])
        assert create_objective(both) is both

    @pytest.mark.parametrize(
        ("objective", "constraints"),
        [(Sum(["val_loss", "model_size"]), None), (Sum(["val_loss", "auc"]), "model_size <= 9")],
    )
    def test_a_sum_is_of_epochs_alone(self, objective, constraints):
        with pytest.raises(
            ValueError,
            match=r"adds up metrics of single epochs. It cannot contain model_size, .*, and cannot "
            "be combined with constraints. Write a list of objectives. Received: ",
        ):
            create_objective(objective, constraints)

    def test_mistakes(self):
        with pytest.raises(
            ValueError, match=r"must name at least one metric. Received an empty list"
        ):
            create_objective([])
        with pytest.raises(ValueError, match=r"named once. Received 'val_loss' more than once"):
            create_objective(["val_loss", LOSS])
        with pytest.raises(
            TypeError, match=r"must contain only names of metrics .* Received: 3 of"
        ):
            create_objective(["val_loss", 3])
        with pytest.raises(TypeError, match=r"must contain only names of metrics .* Received: Sum"):
            create_objective(["loss", Sum(["auc", "val_loss"])])
        with pytest.raises(
            TypeError, match=r"must be the name of a metric.* Received: 5 of type int"
        ):
            create_objective(5)
        with pytest.raises(TypeError, match=r"A constraint must be a text"):
            create_objective("val_loss", [3])


class TestGuide:
    """By what the epochs of a training are compared."""

    @pytest.mark.parametrize(
        ("objective", "constraints", "name", "required", "measured"),
        [
            ([ACCURACY, LOSS], None, "val_accuracy", ("val_accuracy", "val_loss"), ()),
            ([SIZE, LOSS], None, "val_loss", ("val_loss",), ("model_size",)),
            (LOSS, ["train_time <= 5"], "val_loss", ("val_loss",), ("train_time",)),
            (LOSS, ["val_loss <= 1"], "val_loss", ("val_loss",), ()),
            (LOSS, ["auc >= 0.5"], "val_loss", ("val_loss", "auc"), ()),
            ("model_size", ["auc >= 0.5"], "auc", ("auc",), ("model_size",)),
            (
                ["inference_time", LOSS],
                ["model_size <= 5", "model_size >= 2", "auc >= 1"],
                "val_loss",
                ("val_loss", "auc"),
                ("inference_time", "model_size"),
            ),
            # Only a user's own run_trial can report these.
            (["model_size", "train_time"], None, "model_size", ("model_size",), ("model_size",)),
        ],
    )
    def test_the_first_that_training_reports(
        self, objective, constraints, name, required, measured
    ):
        guide = create_objective(objective, constraints).guide
        assert (guide.name, guide.names) == (name, required)
        assert guide.measured[: len(measured)] == measured

    def test_its_direction_is_that_of_the_objective_or_of_the_bound(self):
        assert create_objective([SIZE, ACCURACY]).guide.direction == "max"
        assert create_objective(SIZE, ["auc >= 0.5"]).guide.direction == "max"
        assert create_objective(SIZE, ["val_loss <= 0.5"]).guide.direction == "min"

    def test_constraints_that_are_functions_need_no_metric(self):
        goals = create_objective(ACCURACY, [lambda trial: True])
        assert goals.guide == ACCURACY
        assert goals.measured == ()

    def test_one_objective_is_its_own_guide(self):
        assert ACCURACY.guide is ACCURACY
        assert ACCURACY.measured == ()
        both = Sum([ACCURACY, LOSS])
        assert both.guide is both

    def test_an_epoch_without_a_finite_value_of_each_goal_does_not_count(self):
        guide = create_objective([ACCURACY, LOSS]).guide
        assert guide.loss({"val_accuracy": 0.5, "val_loss": 9.0}) == -0.5
        for value in (math.nan, math.inf):
            assert math.isnan(guide.score({"val_accuracy": 0.5, "val_loss": value}))
        assert guide.missing({"val_accuracy": 0.5}) == ["val_loss"]


class TestJudged:
    def test_losses_of_all_objectives_and_excesses_of_all_constraints(self):
        goals = create_objective([ACCURACY, SIZE], ["model_size <= 100", "val_loss <= 0.5"])
        trial = executed(
            {"val_accuracy": 0.75, "val_loss": 1.0, "model_size": 50.0}, objective=goals
        ).scored(goals, 7.0)
        assert trial.status is TrialStatus.COMPLETED
        assert (trial.score, trial.loss, trial.losses) == (0.75, -0.75, (-0.75, 50.0))
        assert trial.excesses == (-0.5, 1.0)
        assert trial.violation == 1.0

    def test_the_score_is_that_of_the_first_objective_even_if_another_one_guides(self):
        goals = create_objective([SIZE, ACCURACY])
        trial = executed({"val_accuracy": 0.75, "model_size": 50.0}, objective=goals)
        assert trial.executions[0].score == 0.75
        trial = trial.scored(goals, 7.0)
        assert (trial.score, trial.loss, trial.losses) == (50.0, 50.0, (50.0, -0.75))

    def test_means_over_executions(self):
        goals = create_objective([ACCURACY, "train_time"], ["train_time <= 2"])
        goals = goals.with_parts([ACCURACY, Objective("train_time", "min")])
        trial = executed(
            {"val_accuracy": 0.5, "train_time": 1.0},
            {"val_accuracy": 1.0, "train_time": 5.0},
            objective=goals,
        ).scored(goals, 0.0)
        assert trial.losses == (-0.75, 3.0)
        assert trial.excesses == (0.5,)

    def test_one_objective_with_constraints_has_one_loss(self):
        goals = create_objective(LOSS, ["val_loss <= 1"])
        trial = executed({"val_loss": 2.0}, objective=goals).scored(goals, 0.0)
        assert (trial.loss, trial.losses, trial.excesses) == (2.0, (), (1.0,))

    def test_results_of_functions_become_metrics_and_are_read_from_them(self):
        asked = []

        def cheap(trial):
            asked.append(trial)
            return trial.metrics["val_loss"] < 1.0

        goals = create_objective(LOSS, [cheap])
        trial = executed({"val_loss": 2.0}, objective=goals).scored(goals, 0.0)
        assert trial.metrics["constraint/cheap"] == 1.0
        assert trial.violation == 1.0
        assert (asked[0].score, asked[0].values, asked[0].number) == (2.0, {"x": 1}, 0)
        stored = objective_from_json(json.loads(json.dumps(goals.to_json())))
        assert stored.judged(trial) == goals.judged(trial) == trial
        assert len(asked) == 1

    def test_a_trial_without_a_score_is_left_alone(self):
        goals = create_objective([ACCURACY, LOSS], [lambda trial: 1 / 0])
        for trial in (Trial(0, {}), Trial(0, {}, status=TrialStatus.FAILED)):
            assert goals.judged(trial) is trial

    def test_the_violation_is_that_of_all_constraints_together(self):
        trial = Trial(0, {}, excesses=(0.5, -3.0, 0.25, 0.0))
        assert trial.violation == 0.75
        assert Trial(0, {}, excesses=(-1.0, 0.0)).violation == 0.0
        assert Trial(0, {}, excesses=(-math.inf, math.inf)).violation == math.inf
        assert Trial(0, {}).violation == 0.0


@pytest.mark.parametrize(
    ("objective", "constraints"),
    [
        (ACCURACY, None),
        (None, None),
        (Sum([ACCURACY, LOSS]), None),
        ([ACCURACY, SIZE], None),
        ([ACCURACY, LOSS, SIZE], ["model_size <= 1e6", "inference_time >= 0.5"]),
        (LOSS, ["auc >= 0.5", lambda trial: True]),
        (None, ["train_time <= 5"]),
        (SIZE, None),
    ],
)
def test_json_and_back(objective, constraints):
    made = create_objective(objective, constraints)
    again = objective_from_json(json.loads(json.dumps(made.to_json())))
    assert again == made
    assert type(again) is type(made)
    assert again.guide == made.guide
    assert str(again) == str(made)


def test_a_project_of_before_whose_objective_was_a_list_has_their_sum():
    stored = [
        {"name": "val_accuracy", "direction": "max"},
        {"name": "val_loss", "direction": "min"},
    ]
    assert objective_from_json(stored) == Sum([ACCURACY, LOSS])
    assert Sum([ACCURACY, LOSS]).to_json() == stored


@pytest.mark.parametrize(
    ("limit", "constraints", "largest"),
    [
        (None, None, None),
        (50, None, 50),
        (None, ["model_size <= 1e3"], 1000),
        (50, ["model_size <= 1e3"], 50),
        (5000, ["model_size <= 1e3"], 1000),
        (None, ["model_size <= 10.9", "model_size <= 20"], 10),
        (None, ["model_size >= 10", "train_time <= 3"], None),
    ],
)
def test_the_largest_model_that_is_trained(limit, constraints, largest):
    assert largest_model(limit, create_objective("val_loss", constraints)) == largest


def test_what_views_show_besides_the_first_objective():
    goals = create_objective(
        [ACCURACY, SIZE], ["model_size <= 5", "train_time <= 3", lambda trial: True]
    )
    assert goals.further == ["model_size", "train_time", "constraint/lambda 3"]


def test_with_parts_keeps_the_constraints():
    goals = create_objective(["val_loss", "model_size"], ["auc >= 1"])
    directed = goals.with_parts([LOSS, SIZE])
    assert directed.parts == (LOSS, SIZE)
    assert directed.constraints == goals.constraints
    assert directed.direction == "min"
