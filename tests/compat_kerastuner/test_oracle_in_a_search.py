"""Oracles that users wrote for KerasTuner, in searches of ours."""

import json
import math
import os
import re
import signal

import numpy as np
import pytest

import kerastune_lite as kt
from kerastune_lite._src.core.events import TrialEnded
from kerastune_lite._src.store.sqlite import SQLiteStore
from kerastune_lite._src.util.errors import FatalRuntimeError, FatalValueError, StoreError
from tests.processes import Forked

LOSS = kt.Objective("loss", "min")


class Square(kt.Tuner):
    def run_trial(self, trial):
        return trial.hyperparameters.Float("x", -1.0, 1.0) ** 2


def space():
    hp = kt.HyperParameters()
    hp.Float("x", -1.0, 1.0)
    return hp


class Spiral(kt.Oracle):
    """Has a state, in the way of KerasTuner's own oracles."""

    def __init__(self, **kwargs):
        super().__init__(LOSS, hyperparameters=space(), seed=3, **kwargs)
        self.scores = []
        self.asked = 0

    def populate_space(self, trial_id):
        self.asked += 1
        x = 0.9 if not self.scores else self.trials[f"{len(self.scores) - 1:04d}"].values["x"] / -2
        return {"status": "RUNNING", "values": {"x": x}}

    @kt.synchronized
    def end_trial(self, trial):
        super().end_trial(trial)
        self.scores.append(trial.score)

    def get_state(self):
        return {**super().get_state(), "scores": self.scores, "asked": self.asked}

    def set_state(self, state):
        super().set_state(state)
        self.scores = state["scores"]
        self.asked = state["asked"]


def searched(oracle, tmp_path, tuner=Square, **kwargs):
    tuner = tuner(oracle, directory=tmp_path, project_name="p", **kwargs)
    tuner.search(verbose=0)
    return tuner


def xs(tuner):
    return [trial.values["x"] for trial in tuner.trials]


def test_each_proposal_sees_the_results_before_it(tmp_path):
    oracle = Spiral(max_trials=4)
    tuner = searched(oracle, tmp_path)
    assert tuner.oracle is oracle
    assert xs(tuner) == [0.9, -0.45, 0.225, -0.1125]
    assert oracle.scores == [pytest.approx(x**2) for x in xs(tuner)]
    assert oracle.asked == 4
    assert oracle.start_order == oracle.end_order == ["0000", "0001", "0002", "0003"]
    assert oracle.get_best_trials()[0].trial_id == "0003"
    assert oracle.remaining_trials() == 0


def test_a_search_that_goes_on_has_the_state_of_the_one_before(tmp_path):
    searched(Spiral(max_trials=2), tmp_path)
    oracle = Spiral(max_trials=4)
    tuner = searched(oracle, tmp_path)
    assert xs(tuner) == [0.9, -0.45, 0.225, -0.1125]
    assert oracle.asked == 4
    assert len(oracle.scores) == 4


def test_what_ended_after_the_state_was_kept_is_told_again(tmp_path):
    searched(Spiral(max_trials=3), tmp_path)
    (path,) = tmp_path.glob("p/oracle_state.json")
    kept = json.loads(path.read_text())
    assert kept["told_of"] == [0, 1, 2]
    kept["told_of"].remove(2)
    del kept["state"]["scores"][2]
    path.write_text(json.dumps(kept))
    oracle = Spiral(max_trials=4)
    searched(oracle, tmp_path)
    assert len(oracle.scores) == 4


def test_a_state_that_cannot_be_read_is_named(tmp_path):
    searched(Spiral(max_trials=1), tmp_path)
    (tmp_path / "p/oracle_state.json").write_text("{")
    with pytest.raises(StoreError, match=r"oracle_state\.json cannot be read.*Delete the file"):
        searched(Spiral(max_trials=2), tmp_path)


def test_an_oracle_that_is_used_again_knows_only_its_new_trials(tmp_path):
    oracle = kt.oracles.RandomSearchOracle(LOSS, max_trials=3, seed=0, hyperparameters=space())
    oracle.create_trial("by hand")
    first = searched(oracle, tmp_path / "first")
    second = searched(oracle, tmp_path / "second")
    assert xs(first) == xs(second)
    assert oracle.get_best_trials()[0] is second.get_best_trials()[0]


def test_trials_of_another_process_are_told(tmp_path):
    early = Square(Spiral(max_trials=4), directory=tmp_path, project_name="p")
    searched(Spiral(max_trials=2), tmp_path)
    early.reload()
    early.search(verbose=0)
    assert len(early.oracle.scores) == 4
    assert xs(early) == [0.9, -0.45, 0.225, -0.1125]


def test_an_oracle_with_propose_need_not_call_the_constructor(tmp_path):
    class Listed(kt.Oracle):
        def __init__(self, points):
            self.points = points

        def propose(self, space, history, count, rng):
            return [{"x": x} for x in self.points[len(history) :][:count]]

    oracle = Listed([0.5, 0.25])
    tuner = Square(objective=LOSS, oracle=oracle, max_trials=None, directory=tmp_path)
    tuner.search(verbose=0)
    assert xs(tuner) == [0.5, 0.25]


def test_overwriting_deletes_the_state(tmp_path):
    searched(Spiral(max_trials=2), tmp_path)
    tuner = Square(Spiral(max_trials=2), directory=tmp_path, project_name="p", overwrite=True)
    assert not (tmp_path / "p/oracle_state.json").exists()
    tuner.search(verbose=0)
    assert xs(tuner) == [0.9, -0.45]


class Dying(Square):
    """Is killed in its third trial."""

    def run_trial(self, trial):
        if trial.number == 2:
            os.kill(os.getpid(), signal.SIGKILL)
        return super().run_trial(trial)


def test_a_killed_search_goes_on_as_if_nothing_had_happened(tmp_path):
    code = """
import sys
from pathlib import Path
from tests.compat_kerastuner.test_oracle_in_a_search import Dying, Spiral, searched
searched(Spiral(max_trials=4), Path(sys.argv[1]), Dying)
"""
    process = Forked(code, tmp_path)
    process.read()
    assert process.returncode == -signal.SIGKILL
    oracle = Spiral(max_trials=4)
    tuner = searched(oracle, tmp_path)
    assert xs(tuner) == [0.9, -0.45, 0.225, -0.1125]
    assert len(oracle.scores) == 4


class TestScore:
    class Scored(kt.oracles.RandomSearchOracle):
        def score_trial(self, trial):
            super().score_trial(trial)
            trial.score = -trial.score

    def test_the_oracles_score_counts(self, tmp_path):
        tuner = searched(self.Scored(LOSS, max_trials=5, seed=0), tmp_path)
        assert [t.score for t in tuner.trials] == [pytest.approx(-(x**2)) for x in xs(tuner)]
        assert tuner.get_best_trials()[0].score == min(t.score for t in tuner.trials)
        reopened = kt.open_project(tmp_path / "p")
        assert [t.score for t in reopened.trials] == [t.score for t in tuner.trials]

    @pytest.mark.parametrize("score", [math.nan, None])
    def test_a_score_that_is_no_number(self, tmp_path, score):
        class Lost(kt.oracles.RandomSearchOracle):
            def score_trial(self, trial):
                trial.score = score

        with pytest.raises(FatalValueError, match=r"Lost\.score_trial\(trial\) must set"):
            searched(Lost(LOSS, max_trials=2), tmp_path)

    def test_what_is_trained_is_kept_if_it_raises(self, tmp_path):
        class Broken(kt.oracles.RandomSearchOracle):
            raises = True

            def score_trial(self, trial):
                super().score_trial(trial)
                if self.raises:
                    raise ZeroDivisionError

        with pytest.raises(ZeroDivisionError):
            searched(Broken(LOSS, max_trials=2, seed=0), tmp_path)
        (trial,) = kt.open_project(tmp_path / "p").trials
        assert trial.status == "COMPLETED"
        Broken.raises = False
        assert len(searched(Broken(LOSS, max_trials=2, seed=0), tmp_path).trials) == 2

    def test_update_trial_and_end_trial_receive_the_result(self, tmp_path):
        calls = []

        class Noting(kt.oracles.RandomSearchOracle):
            def update_trial(self, trial_id, metrics, step=0):
                calls.append((trial_id, metrics, step))
                super().update_trial(trial_id, metrics, step)
                self.trials[trial_id].status = "STOPPED"

            def end_trial(self, trial):
                calls.append((trial.trial_id, trial.status))
                super().end_trial(trial)

        tuner = searched(Noting(LOSS, max_trials=1, seed=0), tmp_path)
        score = tuner.trials[0].score
        assert calls == [("0000", {"loss": score}, 0), ("0000", "COMPLETED")]

    def test_what_run_trial_has_reported_is_told_once_and_scored_with_all_steps(self, tmp_path):
        calls = []

        class Mean(kt.oracles.RandomSearchOracle):
            def update_trial(self, trial_id, metrics, step=0):
                calls.append((trial_id, metrics["loss"], step))
                return super().update_trial(trial_id, metrics, step)

            def score_trial(self, trial):
                losses = [each.mean() for each in trial.metrics.get_history("loss")]
                trial.score = sum(losses) / len(losses)

        class Stepwise(kt.Tuner):
            def run_trial(self, trial):
                trial.hyperparameters.Float("x", 0, 1)
                for step in range(3):
                    self.oracle.update_trial(trial.trial_id, {"loss": 3.0 - step}, step=step)

        tuner = searched(Mean(LOSS, max_trials=2), tmp_path, Stepwise)
        assert calls == [(each, 3.0 - n, n) for each in ("0000", "0001") for n in range(3)]
        assert [trial.score for trial in tuner.trials] == [2.0, 2.0]

    def test_failed_trials_are_told_as_well(self, tmp_path):
        told = []

        class Noting(kt.oracles.RandomSearchOracle):
            def end_trial(self, trial):
                super().end_trial(trial)
                told.append((trial.status, "no luck" in (trial.message or "")))

        class Failing(kt.Tuner):
            def run_trial(self, trial):
                trial.hyperparameters.Float("x", 0, 1)
                raise ValueError("no luck")

        with pytest.raises(RuntimeError, match="no luck"):
            searched(Noting(LOSS, max_trials=3), tmp_path, Failing)
        assert told == [("FAILED", True)] * 3


class TestStatuses:
    def test_stopped_ends_the_search(self, tmp_path):
        class Three(kt.Oracle):
            def populate_space(self, trial_id):
                if len(self.trials) == 3:
                    return {"status": "STOPPED"}
                return {"status": "RUNNING", "values": self._random_values()}

        assert len(searched(Three(LOSS, seed=0), tmp_path).trials) == 3

    def test_idle_is_asked_again(self, tmp_path):
        class Lazy(kt.oracles.RandomSearchOracle):
            asked = 0

            def populate_space(self, trial_id):
                self.asked += 1
                if self.asked % 3:
                    return {"status": kt.engine.trial.TrialStatus.IDLE, "values": None}
                return super().populate_space(trial_id)

        oracle = Lazy(LOSS, max_trials=3)
        assert len(searched(oracle, tmp_path).trials) == 3
        assert oracle.asked == 9

    def test_always_idle_is_an_error(self, tmp_path):
        class Idle(kt.Oracle):
            def populate_space(self, trial_id):
                return {"status": "IDLE"}

        with pytest.raises(FatalRuntimeError, match="Idle answered IDLE 1000 times although no"):
            searched(Idle(LOSS, max_trials=3), tmp_path)

    def test_create_trial_may_be_overridden(self, tmp_path):
        class Two(kt.oracles.RandomSearchOracle):
            @kt.synchronized
            def create_trial(self, tuner_id):
                trial = super().create_trial(tuner_id)
                if trial.trial_id == "0002":
                    trial.status = "STOPPED"
                return trial

        assert len(searched(Two(LOSS, max_trials=5), tmp_path).trials) == 2

    def test_with_workers_an_oracle_that_waits_is_asked_when_a_trial_has_ended(self, tmp_path):
        class OneByOne(kt.Oracle):
            seen = ()

            def populate_space(self, trial_id):
                self.seen = (*self.seen, len(self.ongoing_trials))
                if self.ongoing_trials:
                    return {"status": "IDLE"}
                return {"status": "RUNNING", "values": self._random_values()}

        oracle = OneByOne(LOSS, max_trials=4, hyperparameters=space(), seed=0)
        tuner = Square(oracle, directory=tmp_path)
        tuner.search(verbose=0, workers=2)
        assert len(tuner.trials) == 4
        assert max(oracle.seen) == 1, "it was also asked while one was running"
        starts = [t.started for t in tuner.trials[1:]]
        assert all(a >= b.finished for a, b in zip(starts, tuner.trials))


class TestValues:
    def test_those_that_are_missing_are_defaults(self, tmp_path):
        class Half(kt.Oracle):
            def populate_space(self, trial_id):
                return {"status": "RUNNING", "values": {"x": 0.5}}

        class Two(Square):
            def run_trial(self, trial):
                trial.hyperparameters.Int("n", 3, 9)
                return super().run_trial(trial)

        tuner = Two(Half(LOSS, max_trials=1), directory=tmp_path)
        tuner.search(verbose=0)
        assert tuner.trials[0].values == {"n": 3, "x": 0.5}

    def test_a_value_outside_the_domain_is_refused(self, tmp_path):
        class Far(kt.Oracle):
            def populate_space(self, trial_id):
                return {"status": "RUNNING", "values": {"x": 7.0}}

        with pytest.raises(FatalValueError, match=r"Far\.populate_space\(\): 'x': 7\.0 is not in"):
            searched(Far(LOSS, max_trials=1, hyperparameters=space()), tmp_path)

    def test_a_small_space_is_proposed_again_as_long_as_the_oracle_wants(self, tmp_path):
        class Alternating(kt.Oracle):
            def populate_space(self, trial_id):
                return {"status": "RUNNING", "values": {"x": [0.0, 0.5][len(self.trials) % 2]}}

        hp = kt.HyperParameters()
        hp.Choice("x", [0.0, 0.5])
        tuner = searched(Alternating(LOSS, max_trials=5, hyperparameters=hp), tmp_path)
        assert xs(tuner) == [0.0, 0.5, 0.0, 0.5, 0.0]

    def test_an_oracle_that_only_listens_ends_when_all_were_tried(self, tmp_path):
        class Counting(kt.oracles.RandomSearchOracle):
            ended = 0

            @kt.synchronized
            def end_trial(self, trial):
                super().end_trial(trial)
                self.ended += 1

        hp = kt.HyperParameters()
        hp.Choice("x", [0.0, 0.5])
        oracle = Counting(LOSS, max_trials=5, hyperparameters=hp)
        assert sorted(xs(searched(oracle, tmp_path))) == [0.0, 0.5]
        assert oracle.ended == 2

    @pytest.mark.parametrize(
        "answer",
        [
            None,
            {},
            {"values": {"x": 0.5}},
            {"status": "FAILED", "values": {"x": 0.5}},
            {"status": "RUNNING", "values": [0.5]},
            ("RUNNING", {"x": 0.5}),
        ],
    )
    def test_another_answer_is_refused(self, tmp_path, answer):
        class Wrong(kt.Oracle):
            def populate_space(self, trial_id):
                return answer

        said = r"Wrong\.populate_space\(\) must return a dict with a status.*Received: "
        with pytest.raises(FatalValueError, match=said + re.escape(repr(answer))):
            searched(Wrong(LOSS, max_trials=1, hyperparameters=space()), tmp_path)

    def test_the_helpers_of_kerastuners_oracles(self, tmp_path):
        class Fresh(kt.Oracle):
            def populate_space(self, trial_id):
                values = self._random_values()
                if values is None:
                    return {"status": "STOPPED"}
                assert not self._duplicate(values)
                return {"status": "RUNNING", "values": values}

        hp = kt.HyperParameters()
        hp.Choice("x", [0.0, 0.5, 1.0])
        tuner = searched(Fresh(LOSS, seed=1, hyperparameters=hp), tmp_path)
        assert sorted(xs(tuner)) == [0.0, 0.5, 1.0]


@pytest.mark.parametrize(
    "name",
    [
        "settings",
        "seeded",
        "scheduler",
        "arguments",
        "algorithm",
        "batch",
        "unseen",
        "learns",
        "ended",
        "waits",
        "is_waiting",
        "trial_ended",
        "told_of",
        "project_dir",
    ],
)
def test_a_users_oracle_may_have_any_attributes(tmp_path, name):
    class Own(kt.Oracle):
        def __init__(self, **kwargs):
            super().__init__(LOSS, max_trials=2, seed=0, **kwargs)
            setattr(self, name, "own")

        def populate_space(self, trial_id):
            return {"status": "RUNNING", "values": self._random_values()}

    oracle = Own()
    assert len(searched(oracle, tmp_path).trials) == 2
    assert getattr(oracle, name) == "own"


def test_a_trial_that_reports_sees_what_it_has_reported(tmp_path):
    class Reporting(kt.Tuner):
        def run_trial(self, trial):
            x = trial.hyperparameters.Float("x", -1.0, 1.0)
            live = self.oracle.update_trial(trial.trial_id, {"loss": x, "accuracy": 0.5}, step=3)
            live.status = "STOPPED"
            assert live is self.oracle.get_trial(trial.trial_id)
            assert live is self.oracle.trials[trial.trial_id]
            assert live.metrics.get_history("loss")[0].step == 3
            assert live.metrics.get_direction("accuracy") == "max"

    oracle = kt.oracles.RandomSearchOracle(LOSS, max_trials=2, seed=0)
    assert len(searched(oracle, tmp_path, Reporting).get_best_trials(2)) == 2


def test_only_tuners_take_it():
    from sklearn.linear_model import Ridge

    oracle = kt.oracles.RandomSearchOracle(LOSS)
    search = kt.sklearn.TunerSearchCV(Ridge(), {"alpha": [0.1, 1.0, 10.0]}, tuner=oracle)
    with pytest.raises(TypeError, match="RandomSearchOracle holds the settings of a search"):
        search.fit(np.eye(20), np.arange(20.0))


def test_plain_oracles_search_as_the_presets_do(tmp_path):
    class Preset(kt.RandomSearch):
        run_trial = Square.run_trial

    ours = Preset(objective=LOSS, max_trials=6, seed=5, directory=tmp_path, project_name="ours")
    ours.search(verbose=0)
    oracle = kt.oracles.RandomSearchOracle(LOSS, max_trials=6, seed=5)
    assert xs(searched(oracle, tmp_path)) == xs(ours)
    assert oracle.trials.keys() == {f"{n:04d}" for n in range(6)}


@pytest.mark.parametrize("kind", ["BayesianOptimization", "GridSearch", "Hyperband"])
def test_each_of_the_oracles(tmp_path, kind):
    class Epochs(Square):
        def run_trial(self, trial, epochs=3):
            return super().run_trial(trial)

    arguments = {"max_epochs": 4} if kind == "Hyperband" else {"max_trials": 5}
    oracle = getattr(kt.oracles, kind)(objective=LOSS, seed=1, **arguments)
    assert type(oracle).__name__ == f"{kind}Oracle"
    tuner = searched(oracle, tmp_path, Epochs)
    assert len(tuner.trials) == (arguments.get("max_trials") or len(tuner.trials)) > 3
    assert tuner.scheduler.decides_epochs == (kind == "Hyperband")
    assert min(np.abs(xs(tuner))) < 0.6


def test_settings_of_the_search_are_the_oracles_alone(tmp_path):
    with pytest.raises(TypeError, match=r"holds the settings.*seed= for the tuner. Write RandomS"):
        Square(kt.oracles.RandomSearchOracle(LOSS), seed=3, directory=tmp_path)


def test_new_entries_can_only_be_excluded_with_a_space():
    with pytest.raises(ValueError, match="allow_new_entries=False needs `hyperparameters`"):
        kt.oracles.RandomSearchOracle(LOSS, allow_new_entries=False)
    with pytest.raises(ValueError, match="tune_new_entries=False needs `hyperparameters`"):
        kt.oracles.RandomSearchOracle(LOSS, tune_new_entries=False)


def test_an_oracle_of_several_tuners_belongs_to_the_one_that_searches(tmp_path):
    class Noting(kt.oracles.RandomSearchOracle):
        def get_state(self):
            return {**super().get_state(), "of": self.project_name}

    oracle = Noting(LOSS, max_trials=2, seed=0)
    first = Square(oracle, directory=tmp_path, project_name="first")
    second = Square(oracle, directory=tmp_path, project_name="second")
    first.search(verbose=0)
    assert oracle.project_name == "first"
    assert not (tmp_path / "second/oracle_state.json").exists()
    second.max_trials = 1
    second.search(verbose=0)
    assert (len(first.trials), len(second.trials)) == (2, 1)
    kept = {p.parent.name: json.loads(p.read_text()) for p in tmp_path.glob("*/oracle_state.json")}
    assert {name: each["told_of"] for name, each in kept.items()} == {
        "first": [0, 1],
        "second": [0],
    }


def test_an_end_that_was_not_recorded_is_told_once_when_the_trial_ends_again(tmp_path, monkeypatch):
    record = SQLiteStore.record

    def failing(self, events):
        events = list(events)
        if any(isinstance(each, TrialEnded) and each.trial.number == 1 for each in events):
            raise StoreError("The disk is full.")
        record(self, events)

    monkeypatch.setattr(SQLiteStore, "record", failing)
    with pytest.raises(StoreError, match="disk is full"):
        searched(Spiral(max_trials=3), tmp_path)
    monkeypatch.undo()
    assert json.loads((tmp_path / "p/oracle_state.json").read_text())["told_of"] == [0]
    oracle = Spiral(max_trials=3)
    tuner = searched(oracle, tmp_path)
    assert xs(tuner) == [0.9, -0.45, 0.225]
    assert oracle.scores == [trial.score for trial in tuner.trials]
