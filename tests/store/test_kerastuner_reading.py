"""Projects that KerasTuner has written are opened like ours."""

import json
import math
import os
import shutil

import pytest

import kerastune_lite as kt
from kerastune_lite._src.core.trial import Outcome, TrialStatus
from kerastune_lite._src.store.kerastuner_reading import KerasTunerFolder
from kerastune_lite._src.util.errors import StoreError
from kerastune_lite.hyperparameters import Boolean, Choice, Condition, Fixed, Float, Int
from tests.kerastuner_projects import edit, kerastuner, quietly, searched


def declared(hp):
    """One of each type, and conditions."""
    kind = hp.Choice("kind", ["mlp", "cnn"])
    with hp.conditional_scope("kind", ["mlp"]):
        units = hp.Int("units", 8, 64, step=8)
        with hp.conditional_scope("units", [8, 16]):
            hp.Boolean("wide", default=True)
    with hp.conditional_scope("kind", ["cnn"]):
        hp.Int("filters", 2, 64, sampling="log")
    rate = hp.Float("rate", 1e-4, 1e-1, sampling="log")
    hp.Float("dropout", 0.0, 0.5, step=0.1, default=0.2)
    hp.Choice("batch", [16, 32, 64], default=32)
    hp.Fixed("epochs", 7)
    return rate + (0.01 * units if kind == "mlp" else 0.5)


def scored(hp):
    value = declared(hp)
    return {"loss": value, "val_accuracy": 1 - value, "other": math.sin(value)}


@pytest.fixture(scope="module")
def theirs(tmp_path_factory):
    return searched(tmp_path_factory.mktemp("runs"), scored, ("val_accuracy", "max"), max_trials=12)


@pytest.fixture(scope="module")
def opened(theirs):
    return kt.open_project(theirs.project_dir)


@pytest.fixture
def copy(theirs, tmp_path):
    """A copy of the project, to be changed."""
    return shutil.copytree(theirs.project_dir, tmp_path / "copy")


def their_trials(tuner):
    return [tuner.oracle.trials[name] for name in tuner.oracle.start_order]


def test_trials_are_those_of_kerastuner(theirs, opened):
    trials = their_trials(theirs)
    assert len(opened.trials) == 12
    for number, (trial, theirs_is) in enumerate(zip(opened.trials, trials, strict=True)):
        assert trial.number == number
        assert trial.origin == f"KerasTuner's trial {theirs_is.trial_id}"
        assert trial.values == theirs_is.hyperparameters.values
        assert trial.score == theirs_is.score
        assert trial.loss == -theirs_is.score
        assert trial.best_step == theirs_is.best_step == 0
        assert trial.status.value == theirs_is.status == "COMPLETED"
        assert trial.metrics == {
            name: theirs_is.metrics.get_best_value(name)
            for name in ("loss", "val_accuracy", "other")
        }
        assert trial.started is not None
    best = theirs.oracle.get_best_trials(5)
    assert [trial.score for trial in opened.get_best_trials(5)] == [each.score for each in best]
    assert opened.get_best_hyperparameters()[0].values == best[0].hyperparameters.values
    assert opened.objective == kt.Objective("val_accuracy", "max")


def test_the_space_is_that_of_kerastuner(opened):
    mlp, few = Condition("kind", ("mlp",)), Condition("units", (8, 16))
    found = {parameter.name: (parameter.domain, parameter.conditions) for parameter in opened.space}
    assert found == {
        "kind": (Choice(("mlp", "cnn")), ()),
        "units": (Int(8, 64, 8), (mlp,)),
        "wide": (Boolean(True), (mlp, few)),
        "filters": (Int(2, 64, sampling="log"), (Condition("kind", ("cnn",)),)),
        "rate": (Float(1e-4, 1e-1, sampling="log"), ()),
        "dropout": (Float(0.0, 0.5, 0.1, default=0.2), ()),
        "batch": (Choice((16, 32, 64), default=32), ()),
        "epochs": (Fixed(7), ()),
    }


def test_everything_that_results_can_do(opened, tmp_path, capsys):
    pytest.importorskip("matplotlib").use("agg")
    opened.results_summary()
    opened.search_space_summary()
    assert "val_accuracy" in capsys.readouterr().out
    assert next(iter(opened.importances().values)) in ("kind", "units")
    opened.report(tmp_path / "report.html")
    assert "12 trials (12 completed)" in (tmp_path / "report.html").read_text(encoding="utf-8")
    assert opened.plot.history(backend="matplotlib")
    study = opened.to_optuna()
    assert study.best_value == opened.get_best_trials()[0].score
    assert list(opened.to_dataframe()["score"]) == [trial.score for trial in opened.trials]
    assert "12 trials" in repr(opened)
    assert "12 trials" in opened._repr_html_()
    assert opened.session.ended is not None
    assert not opened.being_searched


def test_nothing_is_written(copy):
    def state():
        return {path: path.stat().st_mtime_ns for path in [copy, *copy.rglob("*")]}

    before = state()
    project = kt.open_project(copy)
    project.refresh()
    project.histories()
    assert state() == before
    store = KerasTunerFolder(copy).open()
    with pytest.raises(StoreError, match="can only be read"):
        store.record([])
    assert store.epochs(99) == []


def test_failed_trials(tmp_path):
    errors = kerastuner().errors

    def run(hp):
        x = hp.Int("x", 0, 9)
        if x < 3:
            raise errors.FailedTrialError("too small")
        if x > 7:
            raise ValueError("too large")
        return {"loss": math.nan if x == 5 else float(x)}

    tuner = searched(
        tmp_path, run, max_trials=10, max_consecutive_failed_trials=10, max_retries_per_trial=1
    )
    trials = kt.open_project(tuner.project_dir).trials
    assert {trial.values["x"] for trial in trials} >= {2, 4, 5, 9}
    for trial in trials:
        x = trial.values["x"]
        if x < 3:
            assert trial.rejected
            assert trial.failure.endswith("too small")
        elif x > 7:
            assert trial.executions[0].outcome is Outcome.FAILED
            assert trial.failure == "ValueError: too large"
        if 3 <= x <= 7 and x != 5:
            assert (trial.status, trial.score) == (TrialStatus.COMPLETED, x)
        else:
            assert (trial.status, trial.score) == (TrialStatus.FAILED, None)


def test_no_trial_was_completed(tmp_path, capsys):
    def run(hp):
        raise kerastuner().errors.FailedTrialError(f"never with {hp.Int('x', 0, 9)}")

    tuner = searched(tmp_path, run, max_trials=2)
    project = kt.open_project(tuner.project_dir)
    project.results_summary()
    assert "2 trials rejected" in capsys.readouterr().out
    with pytest.raises(ValueError, match="No trial has been completed: 2 of 2 failed"):
        project.get_best_hyperparameters()


def test_a_search_that_was_cut_off(tmp_path):
    def run(hp):
        if hp.Int("x", 0, 99) and len(os.listdir(tmp_path / "theirs")) > 3:
            raise KeyboardInterrupt
        return {"loss": 1.0}

    with pytest.raises(KeyboardInterrupt):
        searched(tmp_path, run)
    project = kt.open_project(tmp_path / "theirs")
    assert [trial.status for trial in project.trials][-1] is TrialStatus.RUNNING
    assert "not ended yet" in project.session.message


def test_a_float_is_the_default_objective(tmp_path):
    tuner = searched(tmp_path, lambda hp: hp.Float("x", 0, 1), objective=None)
    project = kt.open_project(tuner.project_dir)
    assert project.objective.to_json() == {"name": "default_objective", "direction": "min"}
    assert project.get_best_trials()[0].score == min(trial.score for trial in project.trials)


def test_hyperband_s_plan_is_no_hyperparameter(tmp_path):
    def run(hp):
        epochs = hp.values["tuner/epochs"]
        return {"loss": hp.Float("x", 0, 1) + 1 / epochs}

    known = kerastuner().HyperParameters()
    known.Float("x", 0, 1)
    settings = {"max_epochs": 4, "factor": 2, "seed": 1, "hyperparameters": known}
    tuner = searched(tmp_path, run, kind=kerastuner().Hyperband, **settings)
    project = kt.open_project(tuner.project_dir)
    assert {name for trial in project.trials for name in trial.values} == {"x"}
    for trial, theirs_is in zip(project.trials, their_trials(tuner), strict=True):
        plan = theirs_is.hyperparameters.values
        assert trial.goal == trial.epochs == plan["tuner/epochs"]
        assert trial.bracket == plan["tuner/bracket"]
        if plan["tuner/round"]:
            assert trial.origin.endswith(f"continues its trial {plan['tuner/trial_id']}")
    assert any("continues" in trial.origin for trial in project.trials)
    assert project.settings["oracle"]["max_epochs"] == 4


# ---------------------------------------------------------------------- the objective


def twins(hp):
    x = hp.Float("x", 0, 1)
    return {"a": x, "b": x, "val_c": x, "d": -x}


def test_metrics_with_the_same_values_and_direction(tmp_path):
    tuner = searched(tmp_path, twins, ("a", "min"))
    project = kt.open_project(tuner.project_dir)
    assert project.objective == kt.Objective("val_c", "min")
    assert kt.open_project(tuner.project_dir, "a").objective == kt.Objective("a", "min")


def test_metrics_with_the_same_values_and_other_directions(tmp_path):
    tuner = searched(tmp_path, twins, ("a", "max"))
    with pytest.raises(StoreError, match=r"'a' \(max\) and of 'b' \(min\).*objective="):
        kt.open_project(tuner.project_dir)
    project = kt.open_project(tuner.project_dir, objective="a")
    assert project.objective == kt.Objective("a", "max")
    assert project.get_best_trials()[0].score == max(trial.score for trial in project.trials)
    project.refresh()
    assert project.objective.name == "a"


def test_a_score_that_is_no_metric(copy):
    for path in copy.glob("trial_*/trial.json"):
        edit(path, lambda state: state.update(score=state["score"] ** 2))
    with pytest.raises(StoreError, match="those of no metric"):
        kt.open_project(copy)
    with pytest.raises(StoreError, match="has the metric 'mine'"):
        kt.open_project(copy, "mine")
    project = kt.open_project(copy, kt.Objective("mine", "min"))
    assert project.get_best_trials()[0].score == min(trial.score for trial in project.trials)


def test_our_own_projects_have_their_objective(tmp_path):
    kt.tune_function(
        lambda x: x, {"x": range(9)}, max_trials=1, directory=tmp_path, project_name="p", verbose=0
    )
    with pytest.raises(ValueError, match="`objective` is only for projects of KerasTuner"):
        kt.open_project(tmp_path / "p", objective="loss")


# ---------------------------------------------------------------------- files


@pytest.mark.parametrize(
    "text", ["", '{"trial_id": "00', "[]", "{}", "null", '{"trial_id": "1", "score": null}']
)
def test_damaged_files_are_named(copy, text):
    for name in ("trial_05/trial.json", "oracle.json"):
        path = copy / name
        intact = path.read_text(encoding="utf-8")
        path.write_text(text, encoding="utf-8")
        with pytest.raises(StoreError) as raised:
            kt.open_project(copy)
        assert str(path) in str(raised.value)
        path.write_text(intact, encoding="utf-8")


def test_an_unknown_type_of_hyperparameter(copy):
    def change(state):
        state["hyperparameters"]["space"][0]["class_name"] = "Cauchy"

    edit(copy / "oracle.json", change)
    with pytest.raises(StoreError, match="no hyperparameter of the type 'Cauchy'"):
        kt.open_project(copy)


def test_hyperparameters_that_only_trials_have(copy, opened):
    """As with `tune_new_entries=False`."""
    edit(copy / "oracle.json", lambda state: state["hyperparameters"]["space"].pop())
    assert '"name": "epochs"' not in (copy / "oracle.json").read_text(encoding="utf-8")
    assert kt.open_project(copy).space == opened.space


def test_trials_whose_folder_was_deleted(copy):
    shutil.rmtree(copy / "trial_03")
    project = kt.open_project(copy)
    assert [trial.number for trial in project.trials] == list(range(11))
    assert project.get_trial(3).origin == "KerasTuner's trial 04"


def test_files_of_early_versions(copy, opened):
    """No conditions, no messages, no order but that of the files; numbers that are not checked."""

    def old_space(space):
        for entry in space:
            if not entry["config"]["conditions"]:
                del entry["config"]["conditions"]
            if entry["config"]["name"] == "filters":
                entry["config"].update(step=1)
            if entry["config"]["name"] == "rate":
                entry["config"].update(step=1e-4, default=5.0)
            if entry["config"]["name"] == "dropout":
                entry["config"].update(sampling=None)

    def old_oracle(state):
        old_space(state["hyperparameters"]["space"])
        for name in ("start_order", "end_order", "run_times", "retry_queue", "display"):
            del state[name]

    def old_trial(state):
        old_space(state["hyperparameters"]["space"])
        del state["message"]
        state["trial_id"] = path.parent.name.removeprefix("trial_")

    edit(copy / "oracle.json", old_oracle)
    order = [7, 2, 11, 0, 1, 3, 4, 5, 6, 8, 9, 10]
    for place, number in enumerate(order):
        path = copy / f"trial_{number:02d}"
        path = path.rename(copy / f"trial_{hash(str(number)) % 16**32:032x}") / "trial.json"
        edit(path, old_trial)
        os.utime(path, (1e9 + place, 1e9 + place))
    project = kt.open_project(copy)
    scores = [trial.score for trial in opened.trials]
    assert [trial.score for trial in project.trials] == [scores[number] for number in order]
    assert all(trial.started is None for trial in project.trials)
    (rate,) = project.space.named("rate")
    assert rate.domain == Float(1e-4, 1e-1, sampling="log")
    assert [each.domain for each in project.space if each.name == "filters"] == [
        Int(2, 64, sampling="log")
    ]


def test_a_folder_above_says_where_the_project_is(theirs, tmp_path):
    shutil.copytree(theirs.project_dir, tmp_path / "runs" / "one")
    with pytest.raises(StoreError, match="there is one below it"):
        kt.open_project(tmp_path)


def test_curves_are_what_was_recorded(copy):
    def change(state):
        metrics = state["metrics"]["metrics"]
        metrics["val_accuracy"]["observations"] = [
            {"value": [state["score"] - 1], "step": 1},
            {"value": [state["score"] - 0.5, state["score"] + 0.5], "step": 3},
        ]
        metrics["loss"]["observations"][0]["step"] = 3
        state["best_step"] = 3

    edit(copy / "trial_02" / "trial.json", change)
    project = kt.open_project(copy)
    score = project.get_trial(2).score
    assert project.get_trial(2).metrics["val_accuracy"] == score
    (curves,) = project.history(2)
    loss = project.get_trial(2).metrics["loss"]
    expected = {
        "val_accuracy": [math.nan, score - 1, math.nan, score],
        "loss": [math.nan] * 3 + [loss],
    }
    for name, values in expected.items():
        assert curves[name] == pytest.approx(values, nan_ok=True)


# ---------------------------------------------------------------------- a model


@pytest.mark.slow
def test_a_project_with_models(tmp_path):
    import keras
    import numpy as np

    theirs = kerastuner()

    def build(hp):
        model = keras.Sequential([keras.layers.Input((3,)), keras.layers.Dense(1)])
        rate = hp.Float("rate", 1e-3, 1e-1, sampling="log")
        model.compile(keras.optimizers.SGD(rate), "mse", metrics=["mae"])
        return model

    x = np.random.default_rng(0).normal(size=(40, 3))
    y = x.sum(axis=1)
    with quietly():
        tuner = theirs.RandomSearch(
            build,
            ["val_loss", "val_mae"],
            max_trials=3,
            executions_per_trial=2,
            directory=tmp_path,
            project_name="p",
        )
        tuner.search(x, y, validation_data=(x, y), epochs=4, verbose=0)
    project = kt.open_project(tmp_path / "p")
    assert project.objective == kt.Objective("multi_objective", "min")
    for trial, theirs_is in zip(project.trials, their_trials(tuner), strict=True):
        assert (trial.score, trial.best_step) == (theirs_is.score, theirs_is.best_step)
        assert trial.score == pytest.approx(trial.metrics["val_loss"] + trial.metrics["val_mae"])
        weights = trial.executions[0].weights
        model = build(trial.hyperparameters)
        model.load_weights(tmp_path / "p" / weights)
    parts = kt.open_project(tmp_path / "p", ["val_loss", "val_mae"])
    assert parts.objective.to_json() == [
        {"name": "val_loss", "direction": "min"},
        {"name": "val_mae", "direction": "min"},
    ]
    assert [trial.loss for trial in parts.trials] == [trial.loss for trial in project.trials]
    (curves,) = parts.history(0)
    assert len(curves["val_loss"]) == parts.get_trial(0).best_step + 1
    saved = json.loads((tmp_path / "p" / "trial_0" / "trial.json").read_text())
    assert project.get_trial(0).trial_id == "0000"
    assert saved["trial_id"] == "0"
