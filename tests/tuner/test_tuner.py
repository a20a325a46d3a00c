"""The tuner over plain functions: no Keras, a real store."""

import gc
import logging
import math
import weakref

import pytest

import kerastune_lite as kt
from kerastune_lite._src.core.trial import TrialStatus
from kerastune_lite._src.search.settings import check_settings
from kerastune_lite._src.util.errors import (
    FatalRuntimeError,
    FatalTypeError,
    FatalValueError,
    ProjectInUseError,
    SettingsMismatchError,
    StoreError,
)


class Bowl(kt.RandomSearch):
    """f(x, n) = x^2 + n over x in [-1, 1] and n in 1..3; declared on the way."""

    calls = 0

    def run_trial(self, trial, scale=1.0):
        type(self).calls += 1
        hp = trial.hyperparameters
        return scale * hp.Float("x", -1.0, 1.0) ** 2 + hp.Int("n", 1, 3)


class GridBowl(kt.GridSearch):
    calls = 0
    run_trial = Bowl.run_trial


@pytest.fixture
def where(tmp_path):
    return {"directory": tmp_path, "project_name": "bowl"}


def scores(results):
    return [trial.score for trial in results.trials]


def test_search_and_results(where):
    tuner = Bowl(max_trials=12, seed=1, **where)
    assert tuner.remaining_trials == 12
    tuner.search(verbose=0)
    assert tuner.remaining_trials == 0
    best = tuner.get_best_hyperparameters(3)
    assert [hp.get("n") for hp in best] == [1, 1, 1]
    trials = tuner.oracle.get_best_trials(12)
    assert [t.score for t in trials] == sorted(scores(tuner))
    assert trials[0].status == "COMPLETED"
    assert tuner.oracle.get_trial("0003") is tuner.trials[3]
    assert tuner.oracle.get_space().space.names == ["x", "n"]
    with pytest.raises(KeyError, match="no trial '77'"):
        tuner.oracle.get_trial("77")


def test_seed_zero_is_a_seed(tmp_path):
    def run(seed, name):
        tuner = Bowl(max_trials=5, seed=seed, directory=tmp_path, project_name=name)
        tuner.search(verbose=0)
        return scores(tuner)

    assert run(0, "a") == run(0, "b") != run(1, "c")
    assert run(None, "d") != run(None, "e")


def test_second_run_resumes_instead_of_repeating(where):
    Bowl(max_trials=4, seed=1, **where).search(verbose=0)
    Bowl.calls = 0
    again = Bowl(max_trials=4, seed=1, **where)
    assert len(again.trials) == 4
    again.search(verbose=0)
    assert Bowl.calls == 0
    more = Bowl(max_trials=6, seed=1, **where)
    more.search(verbose=0)
    assert Bowl.calls == 2
    whole = Bowl(max_trials=6, seed=1, directory=where["directory"], project_name="whole")
    whole.search(verbose=0)
    assert scores(more) == scores(whole)


def test_the_seed_of_the_first_run_is_kept(where):
    first = Bowl(max_trials=3, **where)
    first.search(verbose=0)
    again = Bowl(max_trials=3, **where)
    assert again.seed == first.seed is not None


def test_overwrite_starts_afresh(where):
    Bowl(max_trials=4, seed=1, **where).search(verbose=0)
    tuner = Bowl(max_trials=2, seed=2, overwrite=True, **where)
    assert tuner.trials == []
    tuner.search(verbose=0)
    assert len(tuner.trials) == 2


def test_grid_can_be_raised_later(where):
    def run(max_trials):
        class Grid(kt.GridSearch):
            def run_trial(self, trial):
                hp = trial.hyperparameters
                return hp.Int("a", 1, 3) * 10 + hp.Int("b", 1, 2)

        tuner = Grid(max_trials=max_trials, **where)
        tuner.search(verbose=0)
        return scores(tuner)

    assert run(2) == [11, 12]
    assert run(None) == [11, 12, 21, 22, 31, 32]


def test_exhausted_says_so(where, capsys):
    tuner = GridBowl(**where)
    tuner.search(verbose=2)
    assert len(tuner.trials) == 30
    assert "every point of the space was tried" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("change", "text"),
    [
        (
            {"objective": kt.Objective("loss", "min")},
            "objective: default_objective .min. in the pro",
        ),
        ({"seed": 2}, "seed: 1 in the project, 2 now"),
        ({"executions_per_trial": 2}, "executions_per_trial: 1 in the project, 2 now"),
    ],
)
def test_settings_that_do_not_fit_are_refused(where, change, text):
    Bowl(max_trials=2, seed=1, **where).search(verbose=0)
    with pytest.raises(SettingsMismatchError, match=rf"{text}(.|\n)*overwrite=True"):
        Bowl(**{"max_trials": 2, "seed": 1, **where, **change})


def test_other_oracle_is_refused(where):
    Bowl(max_trials=2, seed=1, **where).search(verbose=0)
    with pytest.raises(SettingsMismatchError, match="RandomOracle in the project, GridOracle now"):
        GridBowl(seed=1, **where)


def test_changed_arguments_of_search_are_said(where, caplog):
    Bowl(max_trials=2, seed=1, **where).search(verbose=0, scale=1.0)
    with caplog.at_level(logging.WARNING):
        Bowl(max_trials=3, seed=1, **where).search(verbose=0, scale=2.0)
    assert "scale: 1.0 before, 2.0 now" in caplog.text


def space_of(**ranges):
    hp = kt.HyperParameters()
    for name, (low, high) in ranges.items():
        hp.Int(name, low, high)
    return hp


class Given(kt.RandomSearch):
    def run_trial(self, trial):
        return float(trial.hyperparameters.get("a"))


def test_space_may_grow_but_not_shrink(where):
    Given(max_trials=3, seed=1, hyperparameters=space_of(a=(1, 9)), **where).search(verbose=0)
    with pytest.raises(
        SettingsMismatchError, match=r"a: Int 1\.\.9 in the project, Int 1\.\.5 now"
    ):
        Given(max_trials=3, seed=1, hyperparameters=space_of(a=(1, 5)), **where)
    wider = Given(max_trials=6, seed=1, hyperparameters=space_of(a=(0, 20), b=(1, 2)), **where)
    wider.search(verbose=0)
    assert wider.space.names == ["a", "b"]
    assert wider.space[0].domain.max_value == 20
    project = kt.open_project(wider.project_dir)
    assert project.space == wider.space


def test_enqueued_points_go_first_and_survive(where):
    tuner = Given(max_trials=4, seed=1, hyperparameters=space_of(a=(1, 9), b=(1, 9)), **where)
    tuner.enqueue({"a": 7, "b": 3})
    tuner.enqueue({"a": 8})
    tuner.search(verbose=0)
    assert [dict(t.values) for t in tuner.trials[:2]] == [{"a": 7}, {"a": 8}]
    assert [t.origin for t in tuner.trials] == ["enqueued"] * 2 + ["oracle"] * 2
    again = Given(max_trials=6, seed=1, hyperparameters=space_of(a=(1, 9), b=(1, 9)), **where)
    again.enqueue({"a": 7, "b": 3})
    again.search(verbose=0)
    assert [t.origin for t in again.trials].count("enqueued") == 2


def test_what_an_enqueued_point_leaves_out_is_as_a_search_starts_with_it(where):
    class Built(kt.RandomSearch):
        def run_trial(self, trial):
            self.hypermodel.build(trial.hyperparameters)
            return 0.0

    def build(hp):
        for i in range(hp.Int("layers", 1, 3)):
            hp.Int(f"units_{i}", 8, 128, step=2, sampling="log")
        hp.Float("rate", 1e-4, 1e-2, sampling="log", default=3e-3)

    tuner = Built(build, max_trials=2, **where)
    tuner.enqueue({})
    tuner.enqueue({"layers": 1, "rate": 1e-3})
    tuner.search(verbose=0)
    assert [dict(t.values) for t in tuner.trials] == [
        {"layers": 2, "units_0": 32, "units_1": 32, "rate": 3e-3},
        {"layers": 1, "units_0": 32, "rate": 1e-3},
    ]
    given = Given(hyperparameters=space_of(a=(1, 9)), max_trials=1, **where | {"project_name": "b"})
    given.enqueue({})
    given.search(verbose=0)
    assert given.trials[0].values == {"a": 5}


def test_enqueue_refuses_what_cannot_be(where):
    tuner = Given(hyperparameters=space_of(a=(1, 9)), **where)
    with pytest.raises(ValueError, match=r"'c' is not in the space; the space has \['a'\]"):
        tuner.enqueue({"c": 1})
    with pytest.raises(ValueError, match=r"'a': 99 is not in Int 1\.\.9"):
        tuner.enqueue({"a": 99})


def test_run_trial_may_ask_for_nothing_new_when_told_so(where):
    with pytest.raises(FatalRuntimeError, match=r"given.*\['a'\]\. Your code also asked for \['x'"):
        Bowl(hyperparameters=space_of(a=(1, 9)), allow_new_entries=False, **where).search(verbose=0)


@pytest.mark.parametrize(
    "returned",
    [
        0.5,
        {"val_loss": 0.5, "other": 3.0},
        {"val_loss": [0.9, 0.5, 0.7]},
        [0.25, 0.75],
        [{"val_loss": 0.4}, {"val_loss": 0.6}],
    ],
    ids=["float", "dict", "curve", "floats", "dicts"],
)
def test_run_trial_may_return(where, returned):
    class Custom(kt.RandomSearch):
        def run_trial(self, trial):
            trial.hyperparameters.Int("n", 1, 3)
            return returned

    tuner = Custom(objective="val_loss", max_trials=1, **where)
    tuner.search(verbose=0)
    (trial,) = tuner.trials
    assert trial.score == pytest.approx(0.5)
    assert len(trial.executions) == (len(returned) if isinstance(returned, list) else 1)
    assert trial.metrics["val_loss"] == pytest.approx(0.5)


@pytest.mark.parametrize(
    ("returned", "error", "text"),
    [
        (None, FatalTypeError, "Did you forget to return"),
        ("good", FatalTypeError, "must return a float"),
        ({"accuracy": 1.0}, FatalValueError, "no 'val_loss'; there are: accuracy"),
        ([], FatalValueError, "at least one result"),
    ],
)
def test_run_trial_may_not_return(where, returned, error, text):
    class Custom(kt.RandomSearch):
        def run_trial(self, trial):
            return returned

    with pytest.raises(error, match=text):
        Custom(objective="val_loss", max_trials=1, **where).search(verbose=0)


@pytest.mark.parametrize("score", [math.nan, math.inf, -math.inf])
def test_a_score_that_is_no_number_fails_the_trial(where, score):
    class Custom(kt.RandomSearch):
        def run_trial(self, trial):
            return score if trial.hyperparameters.Int("n", 1, 3) == 2 else 1.0

    tuner = Custom(max_trials=3, **where)
    tuner.search(verbose=0)
    by_n = {t.values["n"]: t for t in tuner.trials}
    assert by_n[2].status is TrialStatus.FAILED
    assert str(score) in by_n[2].failure
    assert len(tuner.get_best_hyperparameters(5)) == 2


def test_a_sum_of_objectives_with_dicts(where):
    class Custom(kt.RandomSearch):
        def run_trial(self, trial):
            n = trial.hyperparameters.Int("n", 1, 3)
            return {"accuracy": n / 10, "seconds": 1.0 / n}

    parts = [kt.Objective("accuracy", "max"), kt.Objective("seconds", "min")]
    tuner = Custom(objective=kt.objectives.Sum(parts), max_trials=3, **where)
    tuner.search(verbose=0)
    assert tuner.get_best_hyperparameters()[0].get("n") == 3
    assert min(scores(tuner)) == pytest.approx(1 / 3 - 0.3)


def test_hooks_and_their_order(where):
    class Hooked(Bowl):
        def __init__(self, *args, **kwargs):
            self.seen = []
            super().__init__(*args, **kwargs)

        def on_search_begin(self):
            self.seen.append("search begins")

        def on_trial_begin(self, trial):
            self.seen.append(f"{trial.trial_id} begins {trial.status}")

        def on_trial_end(self, trial):
            self.seen.append(f"{trial.trial_id} ends {trial.status}")

        def on_search_end(self):
            self.seen.append("search ends")

    tuner = Hooked(max_trials=1, **where)
    tuner.search(verbose=0)
    assert tuner.seen == [
        "search begins",
        "0000 begins RUNNING",
        "0000 ends COMPLETED",
        "search ends",
    ]


def test_results_can_be_read_in_the_middle_of_a_search(where):
    class Watching(Bowl):
        def on_trial_end(self, trial):
            project = kt.open_project(self.project_dir)
            assert project.trials[-1].trial_id == trial.trial_id
            assert project.trials[-1].status == "COMPLETED"

    Watching(max_trials=3, **where).search(verbose=0)


def test_searching_twice_at_once_is_refused(where):
    class Nested(Bowl):
        def on_trial_begin(self, trial):
            Bowl(max_trials=1, **where).search(verbose=0)

    with pytest.raises(ProjectInUseError, match="this very process"):
        Nested(max_trials=1, **where).search(verbose=0)


def test_open_project(where):
    with pytest.raises(StoreError, match="There is no folder"):
        kt.open_project(where["directory"] / "bowl")
    tuner = Bowl(max_trials=4, seed=1, **where)
    tuner.search(verbose=0)
    with pytest.raises(StoreError, match=r"is not the folder of a project, but .*\n  .*bowl$"):
        kt.open_project(where["directory"])
    project = kt.open_project(tuner.project_dir)
    assert scores(project) == scores(tuner)
    assert [dict(t.values) for t in project.trials] == [dict(t.values) for t in tuner.trials]
    assert project.objective == tuner.objective
    assert project.settings["seed"] == 1
    assert "numpy" in project.versions
    assert "4 trials" in repr(project)


def test_to_dataframe(where):
    tuner = Bowl(max_trials=3, seed=1, **where)
    tuner.search(verbose=0)
    frame = tuner.to_dataframe()
    assert list(frame["trial"]) == ["0000", "0001", "0002"]
    assert list(frame["hp_n"]) == [t.values["n"] for t in tuner.trials]
    assert list(frame["score"]) == scores(tuner)
    assert list(frame["path"]) == [None] * 3


def test_to_dataframe_without_pandas(where, monkeypatch):
    monkeypatch.setitem(__import__("sys").modules, "pandas", None)
    with pytest.raises(ImportError, match="pip install pandas"):
        Bowl(**where).to_dataframe()


def test_summaries_print(where, capsys):
    tuner = Bowl(max_trials=3, seed=1, **where)
    tuner.search(verbose=0)
    assert capsys.readouterr().out == ""
    tuner.results_summary(2)
    text = capsys.readouterr().out
    assert "default_objective" in text
    tuner.search_space_summary()
    short = capsys.readouterr().out
    assert "Float -1..1" in short
    assert "any number" not in short
    tuner.search_space_summary(extended=True)
    assert "any number" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("arguments", "error", "text"),
    [
        ({"max_trials": 0}, ValueError, "`max_trials` must be at least 1. Received: max_trials=0"),
        ({"max_trials": "ten"}, TypeError, "`max_trials` must be a whole number"),
        ({"executions_per_trial": 0}, ValueError, "executions_per_trial"),
        ({"max_retries_per_trial": -1}, ValueError, "max_retries_per_trial"),
        ({"seed": -1}, ValueError, "seed"),
        ({"max_time": -5}, ValueError, "max_time"),
        ({"objective": 5}, TypeError, "`objective` must be the name of a metric"),
        ({"objective": "speed"}, ValueError, r"kerastune_lite.Objective\('speed', direction="),
        ({"keep_checkpoint": 5}, TypeError, "keep_checkpoint"),
    ],
)
def test_bad_arguments(where, arguments, error, text):
    with pytest.raises(error, match=text):
        Bowl(**{**where, **arguments})


def test_neither_hypermodel_nor_run_trial(where):
    with pytest.raises(ValueError, match=r"needs a `hypermodel`, or a subclass"):
        kt.RandomSearch(objective="val_loss", **where)


def test_class_in_place_of_an_instance(where):
    class Model(kt.HyperModel):
        pass

    with pytest.raises(TypeError, match=r"write Model\(\.\.\.\)"):
        kt.RandomSearch(Model, objective="val_loss", **where)


def test_functions_are_known_again_by_the_names_that_earlier_versions_kept():
    """Those of functions within functions, without what they were within."""
    stored = {"compile": {"loss": "nested", "metrics": ["gap", "mse"]}}
    current = {"compile": {"loss": "make.<locals>.nested", "metrics": ["f.<locals>.gap", "mse"]}}
    check_settings(stored, current, "a folder", has_scores=True)
    current["compile"]["loss"] = "make.<locals>.other"
    with pytest.raises(SettingsMismatchError, match="compile"):
        check_settings(stored, current, "a folder", has_scores=True)


class Remembers(kt.RandomSearch):
    """Notes what its `run_trial` is called with."""

    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)
        self.calls = []

    def run_trial(self, trial, *args, **kwargs):
        trial.hyperparameters.Int("n", 0, 99)
        self.calls.append((args, kwargs))
        if len(self.calls) == 2 and args[0] == "first":
            with pytest.raises(ProjectInUseError):
                self.search("second", verbose=0)
        return 1.0


def test_a_search_that_is_refused_changes_nothing_in_the_one_under_way(tmp_path):
    tuner = Remembers(max_trials=4, directory=tmp_path, project_name="p")
    tuner.search("first", verbose=0)
    assert [args for args, _ in tuner.calls] == [("first",)] * 4


def test_a_chief_or_worker_of_keras_tuner_does_not_start(where, monkeypatch):
    Bowl(**where, max_trials=1).search(verbose=0)
    monkeypatch.setenv("KERASTUNER_TUNER_ID", "chief")
    assert len(Bowl(**where).trials) == 1
    monkeypatch.setenv("KERASTUNER_ORACLE_IP", "127.0.0.1")
    monkeypatch.setenv("KERASTUNER_ORACLE_PORT", "8000")
    with pytest.raises(RuntimeError, match=r"search\(workers=\.\.\.\)"):
        Bowl(**where, overwrite=True)
    monkeypatch.delenv("KERASTUNER_ORACLE_IP")
    assert len(Bowl(**where).trials) == 1


def test_nothing_that_a_search_was_given_is_kept(tmp_path):
    class Data:
        pass

    data = Data()
    tuner = Remembers(max_trials=2, directory=tmp_path, project_name="p")
    tuner.search(data, verbose=0)
    tuner.calls.clear()
    gone = weakref.ref(data)
    del data
    gc.collect()
    assert gone() is None


def test_a_run_trial_that_is_assigned_later_is_called(tmp_path):
    tuner = Remembers(max_trials=2, directory=tmp_path, project_name="p")
    tuner.run_trial = lambda trial: float(trial.hyperparameters.Int("n", 0, 99))
    tuner.search(verbose=0)
    assert not tuner.calls


def test_a_scheduler_decides_whatever_epochs_search_was_given(tmp_path):
    class Told(kt.ASHA):
        def run_trial(self, trial, *args, **kwargs):
            epochs.append(kwargs["epochs"])
            return trial.hyperparameters.Int("n", 0, 99) / kwargs["epochs"]

    epochs = []
    tuner = Told(max_trials=4, max_epochs=4, factor=2, directory=tmp_path, project_name="p")
    tuner.search(epochs=77, verbose=0)
    assert set(epochs) == {1, 2, 4}
