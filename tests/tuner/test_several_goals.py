"""Searches with several objectives and constraints, of functions: nothing here needs Keras."""

import math
import time

import pytest

import kerastune_lite as kt
from kerastune_lite._src.cli.command import main
from kerastune_lite._src.core.trial import TrialStatus
from kerastune_lite._src.store.project_folder import ProjectFolder
from kerastune_lite._src.util.errors import (
    FatalTypeError,
    FatalValueError,
    SettingsMismatchError,
)
from kerastune_lite.hyperparameters import Float, Int
from kerastune_lite.oracles import EvolutionaryOracle, RandomOracle
from kerastune_lite.schedulers import ASHA, Hyperband

NEAR, FAR = kt.Objective("near", "min"), kt.Objective("far", "max")
SPACE = {"x": Float(0.0, 1.0), "n": Int(0, 5)}
SIZE = kt.Objective("model_size", "min")


def measured(point):
    """`near` prefers x = 0, `far` prefers x = 1; `n` only makes the model larger."""
    return {
        "near": point["x"] + point["n"],
        "far": -((point["x"] - 1) ** 2) - point["n"],
        "model_size": 10 * point["n"],
    }


def few(trial):
    return trial.values["n"] <= 3


def search(objective, count=8, function=measured, **kwargs):
    kwargs.setdefault("seed", 0)
    return kt.tune_function(function, SPACE, objective, count, verbose=0, **kwargs)


def told(trials):
    return [
        (t.number, dict(t.values), t.status, t.score, t.losses, t.excesses, t.metrics)
        for t in trials
    ]


def numbers(trials):
    return [trial.number for trial in trials]


class TestResults:
    def test_the_front_and_what_follows_from_it(self):
        tuner = search([NEAR, FAR], 16)
        front = tuner.pareto_front()
        losses = [(t.metrics["near"], -t.metrics["far"]) for t in tuner.trials]
        assert [t.losses for t in tuner.trials] == losses
        assert set(numbers(front)) == {
            number
            for number, (a, b) in enumerate(losses)
            if not any((c <= a and d <= b) and (c, d) != (a, b) for c, d in losses)
        }
        assert front == sorted(front, key=lambda trial: trial.score)
        assert tuner.get_best_trials(len(front)) == front
        assert len(tuner.get_best_trials(16)) == 16
        found = tuner.get_best_hyperparameters(2)
        assert [hp.values for hp in found] == [dict(t.values) for t in front[:2]]
        volumes = tuner.hypervolumes([7.0, -8.0])
        assert volumes == sorted(volumes)
        assert len(volumes) == 16
        assert volumes[-1] > volumes[0] > 0.0

    def test_a_measured_metric_that_the_function_returns(self):
        tuner = search([NEAR, "model_size"], 6)
        assert all(t.losses[1] == 10 * t.values["n"] for t in tuner.trials)
        assert tuner.objective.parts == (NEAR, SIZE)

    def test_measured_metrics_alone(self):
        tuner = search(["model_size"], 6)
        best = tuner.get_best_trials()[0]
        assert best.score == best.loss == 0.0
        assert best.losses == ()

    def test_the_time_of_each_is_known(self):
        tuner = search([NEAR, "train_time"], 3)
        assert all(t.losses[1] == t.executions[0].seconds > 0.0 for t in tuner.trials)

    def test_of_several_executions_the_means(self):
        values = iter(range(100))

        def function(point):
            return [{"near": next(values), "far": next(values)} for _ in range(2)]

        tuner = search([NEAR, FAR], 2, function)
        assert [t.losses for t in tuner.trials] == [(1.0, -2.0), (5.0, -6.0)]

    def test_constraints_and_functions(self):
        tuner = search(NEAR, 12, constraints=["far >= -2.5", "model_size >= 10", few])
        for trial in tuner.trials:
            assert trial.excesses == (
                pytest.approx((-2.5 - trial.metrics["far"]) / 2.5),
                pytest.approx((10 - trial.metrics["model_size"]) / 10),
                -1.0 if few(trial) else 1.0,
            )
        allowed = [t for t in tuner.trials if max(t.excesses) <= 0.0]
        assert 0 < len(allowed) < 12
        assert tuner.get_best_trials(12) == sorted(allowed, key=lambda t: (t.score, t.number))
        assert tuner.pareto_front() == tuner.get_best_trials(1)
        assert tuner.get_best_hyperparameters()[0]["n"] >= 1

    def test_with_other_searches(self):
        for oracle in (RandomOracle(), EvolutionaryOracle(population_size=4)):
            tuner = search([NEAR, FAR], 10, oracle=oracle, constraints=[few])
            assert all(few(trial) for trial in tuner.pareto_front())

    def test_two_workers_give_what_one_gives(self, workers_without_keras):
        one = search([NEAR, FAR], 5, constraints=[few], oracle=RandomOracle())
        two = search([NEAR, FAR], 5, constraints=[few], oracle=RandomOracle(), workers=2)
        assert told(two.trials) == told(one.trials)


@pytest.fixture(scope="module")
def unsatisfied(tmp_path_factory):
    folder = tmp_path_factory.mktemp("none")
    return search([NEAR, FAR], 6, constraints="model_size >= 1e6", directory=folder)


class TestNoneAllowed:
    WHY = (
        r"No trial satisfies the constraints: 6 of 6 were trained and violate them, 0 failed. The "
        r"nearest is trial 2: get_trial\(2\).metrics has its values."
    )

    def test_the_nearest_is_named(self, unsatisfied):
        assert max(t.metrics["model_size"] for t in unsatisfied.trials) == 30
        assert unsatisfied.get_trial(2).metrics["model_size"] == 30

    def test_it_is_said_wherever_a_result_is_asked_for(self, unsatisfied):
        assert unsatisfied.get_best_trials() == unsatisfied.pareto_front() == []
        for best in (unsatisfied.get_best_trials(), unsatisfied.pareto_front()):
            with pytest.raises(IndexError, match=self.WHY):
                best[0]
        for method in (
            unsatisfied.get_best_hyperparameters,
            unsatisfied.get_best_models,
            unsatisfied.retrain,
        ):
            with pytest.raises(ValueError, match=self.WHY):
                method()
        assert unsatisfied.hypervolumes() == [0.0] * 6
        assert "best" not in repr(unsatisfied)

    def test_in_summaries_and_figures(self, unsatisfied, capsys, tmp_path):
        unsatisfied.results_summary()
        assert "No trial satisfies the constraints" in capsys.readouterr().out
        assert "no trial satisfies the constraints yet" in unsatisfied._repr_html_()
        unsatisfied.report(tmp_path / "report.html")
        text = (tmp_path / "report.html").read_text(encoding="utf-8")
        assert "No trial satisfies the constraints" in text
        pytest.importorskip("optuna")
        with pytest.raises(ValueError, match=r"There is no front to draw. No trial satisfies"):
            unsatisfied.plot.pareto_front(backend="matplotlib")

    def test_on_the_command_line(self, unsatisfied, capsys):
        assert main(["best", unsatisfied.project_dir]) == 1
        said = capsys.readouterr().err
        assert "There is no result in" in said
        assert "No trial satisfies the constraints" in said
        assert main(["show", unsatisfied.project_dir]) == 0
        assert "No trial satisfies the constraints" in capsys.readouterr().out

    def test_before_the_first_trial_and_if_all_fail_something_else_is_said(self, tmp_path):
        def fails(point):
            raise kt.errors.FailedTrialError("no")

        with pytest.raises(RuntimeError):
            search([NEAR, FAR], 2, fails, constraints=[few], directory=tmp_path)
        project = kt.open_project(tmp_path / "fails")
        with pytest.raises(IndexError, match=r"No trial has been completed: 2 of 2 failed"):
            project.pareto_front()[0]


class TestMistakes:
    def test_a_metric_is_missing(self):
        with pytest.raises(
            FatalValueError,
            match=r"Each objective and constraint must be one of the metrics that <lambda>\(\) "
            r"reports. There is no 'far' and 'size'; there are: near.",
        ):
            search([NEAR, FAR], 2, lambda p: {"near": 1.0}, constraints=["size <= 1"])

    def test_a_measured_metric_cannot_be_measured(self):
        with pytest.raises(
            FatalValueError,
            match=r"<lambda>\(\) must return 'model_size' among its metrics: an objective or a "
            r"constraint names it, and no model was trained",
        ):
            search([NEAR, "model_size"], 2, lambda p: {"near": 1.0})

    def test_a_number_instead_of_several(self):
        with pytest.raises(
            FatalTypeError, match=r"must return a dict with all metrics .* near, far"
        ):
            search([NEAR, FAR], 2, lambda p: 1.0)

    @pytest.mark.parametrize("value", [math.nan, math.inf])
    @pytest.mark.parametrize("name", ["far", "model_size"])
    def test_a_goal_that_is_not_finite_fails_the_trial(self, name, value):
        def function(point):
            found = measured(point)
            return {**found, name: value} if point["n"] == 0 else found

        tuner = search([NEAR, FAR, SIZE], 6, function)
        failed = [t for t in tuner.trials if t.status is TrialStatus.FAILED]
        assert failed
        assert all(t.values["n"] == 0 and f"{name} is {value}" in t.failure for t in failed)
        assert all(t.losses for t in tuner.trials if t.status is TrialStatus.COMPLETED)

    def test_hypervolumes(self):
        tuner = search([NEAR, FAR], 2)
        with pytest.raises(ValueError, match=r"for each objective: near, far. Received: \[1.0\]"):
            tuner.hypervolumes([1.0])
        with pytest.raises(ValueError, match=r"that of several objectives. Received .* 'near'"):
            search(NEAR, 1).hypervolumes()


class TestResuming:
    OBJECTIVES = (NEAR, FAR, SIZE)

    @pytest.mark.parametrize("cut", [1, 4, 9])
    def test_cut_off_and_resumed_is_as_if_it_never_stopped(self, tmp_path, cut):
        options = {"constraints": ["model_size <= 35", few], "max_retries_per_trial": 0}
        whole = search(list(self.OBJECTIVES), 11, directory=tmp_path / "whole", **options)
        calls = []

        def interrupted(point):
            calls.append(point)
            if len(calls) == cut:
                raise KeyboardInterrupt
            return measured(point)

        interrupted.__name__ = "measured"
        for _ in range(2):
            tuner = search(
                list(self.OBJECTIVES), 11, interrupted, directory=tmp_path / "cut", **options
            )
        assert len(calls) == 12
        assert told(tuner.trials) == told(whole.trials)
        assert numbers(tuner.pareto_front()) == numbers(whole.pareto_front())
        # Losses and excesses are not stored; they follow from what is.
        read = kt.open_project(tuner.project_dir)
        assert told(read.trials) == told(whole.trials)
        assert read.trials[0].violation == whole.trials[0].violation

    def test_a_constraint_that_raises_loses_nothing_that_was_trained(self, tmp_path):
        calls = []

        def function(point):
            calls.append(point)
            return measured(point)

        def rule(trial):
            if trial.number == 2 and broken:
                raise KeyError("oops")
            return trial.values["n"] <= 3

        broken = True
        with pytest.raises(RuntimeError, match=r"rule\(trial\) failed for trial 2 with KeyError"):
            search(NEAR, 5, function, constraints=[rule], directory=tmp_path)
        read = kt.open_project(tmp_path / "function")
        assert [t.status.value for t in read.trials] == ["COMPLETED", "COMPLETED", "RUNNING"]
        assert len(read.trials[2].completed_executions) == 1
        broken = False
        tuner = search(NEAR, 5, function, constraints=[rule], directory=tmp_path)
        assert len(calls) == 5
        assert [t.status for t in tuner.trials] == [TrialStatus.COMPLETED] * 5
        whole = search(NEAR, 5, constraints=[rule])
        assert told(tuner.trials) == told(whole.trials)

    def test_a_constraint_that_returns_something_else_is_an_error_with_its_name(self, tmp_path):
        def odd(trial):
            return "yes"

        with pytest.raises(TypeError, match=r"The constraint odd\(trial\) must return True"):
            search(NEAR, 5, constraints=[odd], directory=tmp_path)

    @pytest.mark.parametrize(
        ("objective", "constraints", "now"),
        [
            (
                [NEAR, FAR],
                ["model_size <= 30"],
                r"near \(min\) and far \(max\), with model_size <= 30",
            ),
            ([NEAR], ["model_size <= 40"], r"near \(min\), with model_size <= 40"),
            (NEAR, None, r"near \(min\)"),
            (NEAR, ["model_size <= 30", few], r"near \(min\), with model_size <= 30, few\(trial\)"),
        ],
    )
    def test_other_goals_do_not_fit_a_project(self, tmp_path, objective, constraints, now):
        search(NEAR, 2, constraints=["model_size <= 30"], directory=tmp_path)
        with pytest.raises(
            SettingsMismatchError,
            match=rf"objective: near \(min\), with model_size <= 30 in the project, {now} now\n",
        ):
            search(objective, 3, constraints=constraints, directory=tmp_path)

    def test_functions_of_one_name_are_taken_for_the_same(self, tmp_path):
        search(NEAR, 2, constraints=[few], directory=tmp_path)
        tuner = search(NEAR, 3, constraints=[few], directory=tmp_path)
        assert len(tuner.trials) == 3

    def test_a_project_of_before_whose_list_was_a_sum(self, tmp_path):
        total = kt.objectives.Sum([NEAR, FAR])
        earlier = search(total, 3, directory=tmp_path)
        assert ProjectFolder.at(earlier.project_dir).load().settings["objective"] == [
            {"name": "near", "direction": "min"},
            {"name": "far", "direction": "max"},
        ]
        with pytest.raises(SettingsMismatchError) as refused:
            search([NEAR, FAR], 5, directory=tmp_path)
        assert "near (min) + far (max) in the project, near (min) and far (max) now" in str(
            refused.value
        )
        assert "objective=kerastune_lite.objectives.Sum([...])" in str(refused.value)
        tuner = search(total, 5, directory=tmp_path)
        assert len(tuner.trials) == 5
        assert tuner.get_best_trials()[0].score == min(
            t.metrics["near"] - t.metrics["far"] for t in tuner.trials
        )
        assert kt.open_project(tuner.project_dir).objective == total


class TestSchedulers:
    @pytest.mark.parametrize("scheduler", [Hyperband(9), ASHA(9)], ids=["hyperband", "asha"])
    def test_the_results_of_rungs(self, scheduler):
        def function(point, epochs, initial_epoch):
            for epoch in range(initial_epoch, epochs):
                yield {
                    "near": point["x"] + 1 / (1 + epoch),
                    "far": -point["x"],
                    "model_size": 10 * point["n"],
                }

        tuner = search(
            [SIZE, NEAR, FAR],
            12 if isinstance(scheduler, ASHA) else None,
            function,
            scheduler=scheduler,
            constraints=["model_size <= 30"],
        )
        assert len({trial.epochs for trial in tuner.trials}) > 1
        for trial in tuner.trials:
            size = 10.0 * trial.values["n"]
            near = trial.values["x"] + 1 / trial.epochs
            assert trial.losses == (size, pytest.approx(near), trial.values["x"])
            assert trial.excesses == ((size - 30) / 30,)
            assert trial.score == size
        assert all(trial.values["n"] <= 3 for trial in tuner.pareto_front())

    @pytest.mark.parametrize("cut", [5, 30, 45])
    @pytest.mark.parametrize(
        "scheduler", [Hyperband(9), ASHA(9), ASHA(9, stop=True)], ids=["hyperband", "asha", "stop"]
    )
    def test_cut_off_and_resumed_the_same_trials_continue(self, tmp_path, scheduler, cut):
        def named(left):
            def measured(point, epochs, initial_epoch):
                for epoch in range(initial_epoch, epochs):
                    left[0] -= 1
                    if left[0] == 0:
                        raise KeyboardInterrupt
                    near = point["x"] + point["n"] / 4 + 1 / (1 + epoch)
                    yield {"near": near, "far": point["n"] - point["x"], "model_size": 1}

            return measured

        options = {
            "scheduler": scheduler,
            "constraints": ["model_size <= 3", few],
            "max_retries_per_trial": 0,
        }
        count = None if isinstance(scheduler, Hyperband) else 20
        whole = search([NEAR, FAR], count, named([10**6]), directory=tmp_path / "w", **options)
        left = [cut]
        for _ in range(2):
            tuner = search([NEAR, FAR], count, named(left), directory=tmp_path / "c", **options)
        assert left[0] < 0, "it was cut"
        assert len({trial.epochs for trial in whole.trials}) > 1
        assert [(t.number, dict(t.values), t.epochs, t.losses) for t in tuner.trials] == [
            (t.number, dict(t.values), t.epochs, t.losses) for t in whole.trials
        ]

    def test_small_ones_stay_in_the_race(self):
        """`near` is the better the larger `n` is; `far` is the better the smaller it is."""

        def function(point, epochs, initial_epoch):
            for epoch in range(initial_epoch, epochs):
                yield {"near": 5 - point["n"] + point["x"] / (1 + epoch), "far": -point["n"]}

        alone = search(NEAR, 24, function, scheduler=ASHA(9))
        both = search([NEAR, FAR], 24, function, scheduler=ASHA(9))
        reached = [
            {trial.values["n"] for trial in tuner.trials if trial.epochs == 9}
            for tuner in (alone, both)
        ]
        assert min(reached[0]) >= 4
        assert min(reached[1]) == 0
        assert max(reached[1]) == 5

    def test_times_of_rungs_add_up(self):
        def function(point, epochs, initial_epoch):
            for epoch in range(initial_epoch, epochs):
                time.sleep(0.01)
                yield {"near": point["x"] + epoch}  # the first rung has the best result

        tuner = search([NEAR, "train_time"], None, function, scheduler=Hyperband(4, factor=2))
        longest = max(tuner.trials, key=lambda trial: trial.epochs)
        assert longest.epochs == 4
        assert longest.losses[1] == pytest.approx(longest.executions[0].seconds)
        assert longest.losses[1] >= 0.04
