"""What KerasTuner's scripts pass to a tuner, call on it and read from it."""

import os

import pytest

import kerastune_lite as kt

LOSS = kt.Objective("loss", "min")


class Square(kt.Tuner):
    def run_trial(self, trial):
        return trial.hyperparameters.Float("x", -1.0, 1.0) ** 2


def random(**kwargs):
    return kt.oracles.RandomSearchOracle(LOSS, max_trials=3, seed=0, **kwargs)


def build(hp):
    import keras

    model = keras.Sequential([keras.Input((2,)), keras.layers.Dense(hp.Int("units", 1, 4))])
    model.compile("sgd", "mse")
    return model


class TestArguments:
    def test_kerastuners_order(self, tmp_path):
        tuner = Square(random(), None, 100, None, None, None, None, tmp_path, "p", None, "t1")
        tuner.search(verbose=0)
        assert (tmp_path / "p/study.sqlite3").exists()
        assert (tuner.tuner_id, tuner.max_model_size, tuner.project_name) == ("t1", 100, "p")
        assert tuner.directory == tmp_path
        assert len(tuner.trials) == 3

    def test_an_argument_by_position_and_by_name(self):
        with pytest.raises(TypeError, match=r"the order oracle, hypermodel, .*'hypermodel' twice"):
            kt.Tuner(random(), build, hypermodel=build)

    def test_oracles_of_ours_go_first_as_well(self, tmp_path):
        oracle = kt.oracles.GridOracle()
        tuner = Square(oracle, objective=LOSS, max_trials=4, directory=tmp_path)
        tuner.search(verbose=0)
        assert len(tuner.trials) == 4

    def test_a_subclass_with_a_constructor_of_its_own(self, tmp_path):
        class Own(kt.engine.base_tuner.BaseTuner):
            def __init__(self, oracle, hypermodel=None, folds=2, **kwargs):
                self.folds = folds
                self.metrics = ["own"]
                super().__init__(oracle=oracle, hypermodel=hypermodel, **kwargs)

            run_trial = Square.run_trial

        tuner = Own(random(), folds=3, directory=tmp_path, logger=None)
        tuner.search(verbose=0)
        assert tuner.folds == 3
        assert len(tuner.oracle.trials) == 3

    @pytest.mark.parametrize(
        ("name", "make"),
        [
            ("oracle", lambda theirs: theirs.oracles.RandomSearchOracle("val_loss")),
            ("hyperparameters", lambda theirs: theirs.HyperParameters()),
            ("objective", lambda theirs: theirs.Objective("val_loss", "min")),
        ],
    )
    def test_an_import_that_was_not_changed_is_told(self, name, make):
        import keras_tuner

        with pytest.raises(TypeError, match=rf"`{name}` is KerasTuner's \w+: import it from"):
            kt.Tuner(**{"hypermodel": build, name: make(keras_tuner)})

    def test_a_mistyped_argument_gets_a_suggestion(self):
        with pytest.raises(TypeError, match=r"Search has no argument `max_trial`\. Did you"):
            kt.RandomSearch(build, "val_loss", max_trial=3)
        with pytest.raises(TypeError, match=r"Tuner has no argument `unheard_of`\.$"):
            kt.Tuner(build, "val_loss", unheard_of=3)

    def test_what_was_given_can_be_read(self, tmp_path):
        given = {"optimizer": "rmsprop", "loss": "mse", "metrics": ["mae"], "max_model_size": 99}
        tuner = kt.RandomSearch(build, "val_loss", directory=str(tmp_path), **given)
        assert {name: getattr(tuner, name) for name in given} == given
        assert tuner.directory == str(tmp_path)
        assert tuner.project_name == "untitled_project"
        assert tuner.tuner_id == "tuner0"
        with pytest.raises(AttributeError, match="`loss` is read only when a tuner is created"):
            tuner.loss = "mae"


def test_folders_for_files_of_ones_own(tmp_path):
    class Writing(Square):
        def run_trial(self, trial):
            with open(os.path.join(self.get_trial_dir(trial.trial_id), "note"), "w") as file:
                file.write("x")
            return super().run_trial(trial)

    tuner = Writing(random(), directory=tmp_path, project_name="p")
    tuner.search(verbose=0)
    assert sorted(p.parent.name for p in tmp_path.glob("p/trial_*/note")) == [
        "trial_0000",
        "trial_0001",
        "trial_0002",
    ]
    assert tuner.get_trial_dir(1) == tuner.get_trial_dir("0001")


def test_reload_shows_what_another_process_has_found(tmp_path):
    class Preset(kt.RandomSearch):
        run_trial = Square.run_trial

    def make():
        return Preset(objective=LOSS, max_trials=3, seed=0, directory=tmp_path)

    early = make()
    make().search(verbose=0)
    assert early.trials == []
    early.reload()
    early.save()
    assert len(early.oracle.trials) == 3
    assert early.get_state() == {}


class TestReports:
    """`self.oracle.update_trial(...)` in `run_trial`."""

    def searched(self, tmp_path, tuner, **kwargs):
        found = tuner(random(), directory=tmp_path)
        found.search(verbose=0, **kwargs)
        return found

    class Reporting(kt.Tuner):
        def run_trial(self, trial):
            x = trial.hyperparameters.Float("x", -1.0, 1.0)
            for epoch, more in enumerate([2.0, 0.0, 1.0]):
                self.oracle.update_trial(trial.trial_id, {"loss": x**2 + more}, step=epoch)

    @pytest.mark.parametrize("workers", [None, 1])
    def test_nothing_need_be_returned(self, tmp_path, workers):
        tuner = self.searched(tmp_path, self.Reporting, workers=workers)
        trial = tuner.oracle.get_best_trials()[0]
        assert trial.score == trial.hyperparameters["x"] ** 2
        assert trial.best_step == 1
        assert trial.epochs == 3
        assert [each.step for each in trial.metrics.get_history("loss")] == [0, 1, 2]
        assert trial.metrics.get_best_value("loss") == trial.score
        assert trial.metrics.get_last_value("loss") == trial.score + 1
        assert tuner.history(trial)[0]["loss"][0] == trial.score + 2

    def test_the_mean_of_several_reports_at_one_step_counts(self, tmp_path):
        class Folds(kt.Tuner):
            def run_trial(self, trial):
                x = trial.hyperparameters.Float("x", -1.0, 1.0)
                for fold in (1.0, 2.0, 3.0):
                    self.oracle.update_trial(trial.trial_id, {"loss": x * fold})
                return {"loss": "what was reported counts"}

        tuner = self.searched(tmp_path, Folds)
        assert all(t.score == pytest.approx(2 * t.values["x"]) for t in tuner.trials)

    def test_steps_that_are_no_epochs(self, tmp_path):
        class Batches(kt.Tuner):
            def run_trial(self, trial):
                trial.hyperparameters.Float("x", -1.0, 1.0)
                for step in (1_000_000, 3_000_000, 2_000_000):
                    self.oracle.update_trial(trial.trial_id, {"loss": float(step)}, step=step)

        tuner = self.searched(tmp_path, Batches)
        assert tuner.trials[0].score == 1_000_000.0
        assert tuner.trials[0].best_step == 0

    @pytest.mark.parametrize(("status", "attempts"), [("INVALID", 2), ("FAILED", 1)])
    def test_a_trial_can_say_that_it_failed(self, tmp_path, status, attempts):
        class Ending(kt.Tuner):
            tried = 0

            def run_trial(self, trial):
                trial.hyperparameters.Float("x", -1.0, 1.0)
                type(self).tried += 1
                self.oracle.end_trial(trial.trial_id, status)

        oracle = kt.oracles.RandomSearchOracle(LOSS, max_trials=1, max_retries_per_trial=1)
        tuner = Ending(oracle, directory=tmp_path)
        with pytest.raises(RuntimeError, match=f"with the status {status}"):
            tuner.search(verbose=0)
        assert Ending.tried == attempts

    def test_ending_a_trial_as_completed_changes_nothing(self, tmp_path):
        class Ending(self.Reporting):
            def run_trial(self, trial):
                super().run_trial(trial)
                self.oracle.end_trial(trial.trial_id, kt.engine.trial.TrialStatus.COMPLETED)

        assert len(self.searched(tmp_path, Ending).get_best_trials(3)) == 3

    def test_by_hand_it_is_an_error(self, tmp_path):
        tuner = self.searched(tmp_path, self.Reporting)
        with pytest.raises(RuntimeError, match="may only be called in run_trial"):
            tuner.oracle.update_trial("0000", {"loss": 1.0})


class TestHyperband:
    def test_hp_has_the_epochs_and_the_rung(self, tmp_path):
        rungs = []

        class Noting(kt.Hyperband):
            def run_trial(self, trial, epochs, initial_epoch=0):
                hp = trial.hyperparameters
                x = hp.Float("x", -1.0, 1.0)
                assert (epochs, initial_epoch) == (hp["tuner/epochs"], hp["tuner/initial_epoch"])
                assert ("tuner/trial_id" in hp) == (initial_epoch > 0)
                rungs.append((hp.get("tuner/bracket"), hp.get("tuner/round"), epochs))
                assert hp.values["tuner/epochs"] == hp.values.get("tuner/epochs") == epochs
                assert ("tuner/trial_id" in hp.values) == (initial_epoch > 0)
                assert list(hp.values) == ["x"], "the others are no hyperparameters"
                return x**2

        def make():
            return Noting(objective=LOSS, max_epochs=4, factor=2, seed=0, directory=tmp_path)

        tuner = make()
        tuner.search(verbose=0)
        assert set(rungs) == {(2, 0, 1), (2, 1, 2), (2, 2, 4), (1, 0, 2), (1, 1, 4), (0, 0, 4)}
        assert make().get_best_hyperparameters()[0].get("tuner/epochs") == 4
        assert tuner.oracle.get_best_trials()[0].hyperparameters["tuner/round"] in (0, 1, 2)

    def test_kerastuner_numbers_brackets_and_rounds_alike(self):
        from keras_tuner.oracles import HyperbandOracle

        theirs = HyperbandOracle(max_epochs=81, factor=3)
        ours = kt.schedulers.Hyperband(max_epochs=81, factor=3)
        for index, sizes in enumerate(ours.brackets):
            for rung, (_, end) in enumerate(sizes):
                facts = ours.facts(kt.oracles.Trial(0, {}, bracket=index, goal=end))
                place = facts["tuner/bracket"], facts["tuner/round"]
                assert place == (len(ours.brackets) - 1 - index, rung)
                assert theirs._get_epochs(*place) == facts["tuner/epochs"] == end


def test_no_name_warns(tmp_path, recwarn, caplog):
    tuner = Square(random(), directory=tmp_path, logger=1, tuner_id="x")
    tuner.search(verbose=0)
    tuner.reload()
    tuner.save()
    tuner.oracle.get_best_trials()[0].metrics.get_history("loss")
    assert not recwarn.list
    assert not caplog.records


def test_only_the_running_trial_can_report(tmp_path):
    class Mistaken(kt.Tuner):
        def run_trial(self, trial):
            self.oracle.update_trial("0077", {"loss": 0.5})

    with pytest.raises(RuntimeError, match="'0077' is not the running one"):
        Mistaken(random(), directory=tmp_path).search(verbose=0)
    with pytest.raises(KeyError, match="'0000' is not there"):
        random().update_trial("0000", {"loss": 0.5})
    with pytest.raises(KeyError, match="'0000' is not there"):
        random().end_trial("0000")


def test_the_constructor_does_not_call_a_subclasss_reload(tmp_path):
    class Reloading(Square):
        def reload(self):
            raise AssertionError("called")

    Square(random(), directory=tmp_path).search(verbose=0)
    assert len(Reloading(random(), directory=tmp_path).trials) == 3
