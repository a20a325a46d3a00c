"""Methods that KerasTuner's scripts override, and attributes that they set."""

import logging

import pytest

import kerastune_lite as kt
from kerastune_lite._src.compat_kerastuner import overrides
from kerastune_lite.oracles import RandomOracle
from tests.keras.models import data, keras, linear

X, Y = data(24)
FIT = {"validation_data": data(12, seed=1), "epochs": 2, "verbose": 0}


def build(hp):
    return linear(hp.Float("rate", 0.01, 0.5))


def tuner_with(members, tmp_path, base=kt.RandomSearch, **arguments):
    kind = type("Own", (base,), members)
    arguments = {"max_trials": 2, "seed": 1, "directory": tmp_path, **arguments}
    return kind(build, "val_loss", **arguments)


@pytest.mark.parametrize("executions", [1, 3])
def test_build_and_fit_model_is_called_for_each_execution(tmp_path, executions):
    calls = []

    def own(self, trial, *args, **kwargs):
        calls.append((trial.trial_id, len(args)))
        kwargs["epochs"] = 3
        return super(type(self), self)._build_and_fit_model(trial, *args, **kwargs)

    tuner = tuner_with({"_build_and_fit_model": own}, tmp_path, executions_per_trial=executions)
    tuner.search(X, Y, **FIT)
    assert calls == [(trial.trial_id, 2) for trial in tuner.trials for _ in range(executions)]
    for trial in tuner.trials:
        assert [each.index for each in trial.executions] == list(range(executions))
        assert [each.epochs for each in trial.executions] == [3] * executions
        assert len({each.score for each in trial.executions}) == executions  # seeds differ
        tuner.load_model(trial)


def test_build_and_fit_model_may_train_by_itself(tmp_path):
    def own(self, trial, x, y, **kwargs):
        model = self._build_hypermodel(trial.hyperparameters)
        return {"val_loss": model.fit(x, y, **kwargs).history["val_loss"][-1] + 100}

    tuner = tuner_with({"_build_and_fit_model": own}, tmp_path)
    tuner.search(X, Y, **FIT)
    assert all(trial.score > 100 for trial in tuner.trials)


def test_build_hypermodel_makes_all_models(tmp_path):
    def own(self, hp):
        model = super(type(self), self)._build_hypermodel(hp)
        model.compile(keras.optimizers.SGD(hp.Float("other", 0.001, 0.002)), "mae")
        return model

    tuner = tuner_with({"_build_hypermodel": own}, tmp_path)
    assert tuner.space.names == ["rate", "other"]
    tuner.search(X, Y, **FIT)
    for trial in tuner.trials:
        model = tuner.load_model(trial)
        assert model.loss == "mae"
        assert float(model.optimizer.learning_rate.numpy()) == pytest.approx(trial.values["other"])
        assert trial.score == pytest.approx(model.evaluate(*FIT["validation_data"], verbose=0))
    assert tuner.retrain(None, X, Y, verbose=0).loss == "mae"


@pytest.mark.parametrize("name", sorted(overrides.REPLACED))
def test_an_override_that_would_be_ignored_is_refused_with_the_way_to_go(tmp_path, name):
    with pytest.raises(TypeError, match=rf"Own overrides {name}\(\)") as error:
        tuner_with({name: lambda self, *args: None}, tmp_path)
    assert overrides.REPLACED[name] in str(error.value)


def test_methods_that_only_keras_tuner_calls_are_told_of(tmp_path, caplog):
    with caplog.at_level(logging.WARNING):
        tuner_with({"get_state": lambda self: {}, "helper": lambda self: None}, tmp_path)
    (message,) = [record.getMessage() for record in caplog.records]
    assert "Own defines get_state()" in message


@pytest.mark.parametrize("name", sorted(overrides.OF_ORACLES))
def test_an_oracle_written_for_keras_tuner_is_refused(tmp_path, name):
    oracle = type("Mine", (RandomOracle,), {name: lambda self, *args: None})()
    with pytest.raises(TypeError, match=rf"Mine defines {name}\(\).*propose\(space"):
        kt.Tuner(build, "val_loss", oracle=oracle, directory=tmp_path)


@pytest.mark.parametrize("of", ["tuner", "oracle"])
def test_max_trials_can_be_set_before_a_search(tmp_path, of):
    tuner = tuner_with({}, tmp_path)
    (tuner if of == "tuner" else tuner.oracle).max_trials = 4
    assert tuner.oracle.max_trials == tuner.remaining_trials == 4
    tuner.search(X, Y, **FIT)
    assert len(tuner.trials) == 4
    tuner.max_trials = 5
    tuner.search(X, Y, **FIT)
    assert len(tuner.trials) == 5
    with pytest.raises(ValueError, match="`max_trials` must be at least 1"):
        tuner.oracle.max_trials = 0


def test_executions_can_be_set_before_a_search(tmp_path):
    tuner = tuner_with({}, tmp_path)
    tuner.executions_per_trial = 2
    tuner.search(X, Y, **FIT)
    assert [len(trial.executions) for trial in tuner.trials] == [2, 2]


@pytest.mark.parametrize("name", sorted(overrides.SET_AT_CONSTRUCTION))
def test_what_is_read_at_construction_is_refused_later(tmp_path, name):
    tuner = tuner_with({}, tmp_path)
    for owner in (tuner, tuner.oracle):
        with pytest.raises(AttributeError, match=rf"`{name}` is read only when.*Own\(\.\.\., "):
            setattr(owner, name, None)


def test_attributes_of_the_users_own_can_be_set(tmp_path):
    def init(self, *args, **kwargs):
        self.before = 1
        super(type(self), self).__init__(*args, **kwargs)
        self.after = 2

    tuner = tuner_with({"__init__": init}, tmp_path)
    tuner.later = 3
    assert (tuner.before, tuner.after, tuner.later) == (1, 2, 3)
    with pytest.raises(AttributeError, match=r"'later' of tuner\.oracle cannot be set"):
        tuner.oracle.later = 3


def test_all_methods_of_keras_tuner_are_known():
    """Those of its tuners that ours lack, and those of its oracles."""
    import keras_tuner

    def defined(*classes):
        kinds = {each for kind in classes for each in kind.__mro__}
        kinds = [each for each in kinds if each.__module__.startswith("keras_tuner")]
        names = {name for each in kinds for name in vars(each) if not name.startswith("__")}
        return {name for name in names if not name.startswith("_api_export")}

    tuners = defined(keras_tuner.RandomSearch, keras_tuner.Hyperband, keras_tuner.GridSearch)
    ours = {*dir(kt.RandomSearch)}
    assert tuners - ours == {*overrides.REPLACED, *overrides.NEVER_CALLED} - ours
    assert defined(keras_tuner.Oracle) >= overrides.OF_ORACLES
