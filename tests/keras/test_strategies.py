"""Searches with a distribution strategy: on one device here, on two in another process."""

import os
import subprocess
import sys

import numpy as np
import pytest
import tensorflow as tf

import kerastune_lite as kt
from kerastune_lite._src.keras import session
from kerastune_lite._src.keras.fast.dispatcher import PLAIN
from kerastune_lite._src.keras.strategies import checked_strategy, maybe_distribute
from tests.keras.models import Subclassed, keras
from tests.processes import environment

TWO = "TESTS_WITH_TWO_DEVICES"
CPUS = ["/cpu:0", "/cpu:1"] if TWO in os.environ else ["/cpu:0"]
if TWO in os.environ:
    (cpu,) = tf.config.list_physical_devices("CPU")
    two = [tf.config.LogicalDeviceConfiguration()] * 2
    tf.config.set_logical_device_configuration(cpu, two)

# Between Keras and TensorFlow, about their own conversions to NumPy.
pytestmark = pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")

rng = np.random.default_rng(0)
X = rng.normal(size=(80, 4)).astype("float32")
Y = (X.sum(axis=1) > 0).astype("int64")
FIT = {"validation_split": 0.25, "batch_size": 16, "shuffle": False, "verbose": 0}
REASON = "a distribution strategy"


@pytest.fixture(scope="module")
def strategy():
    return tf.distribute.MirroredStrategy(CPUS)


def build(hp):
    model = keras.Sequential([keras.Input((4,)), keras.layers.Dense(8, activation="relu")])
    model.add(keras.layers.Dropout(hp.Float("dropout", 0.1, 0.4)))
    model.add(keras.layers.Dense(2, activation="softmax"))
    optimizer = keras.optimizers.Adam(hp.Float("rate", 1e-3, 0.3, sampling="log"))
    model.compile(optimizer, loss="sparse_categorical_crossentropy", metrics=["accuracy"])
    return model


def build_late(hp):
    model = Subclassed(hp.Int("units", 2, 8))
    model.compile("adam", "mse")
    return model


def made(path, strategy, kind=kt.RandomSearch, builder=build, **arguments):
    arguments.setdefault("max_trials", 2)
    return kind(
        builder,
        "val_loss",
        seed=0,
        directory=path,
        project_name="p",
        distribution_strategy=strategy,
        **arguments,
    )


def searched(*args, epochs=3, callbacks=None, checkpoint_interval=60.0, **arguments):
    tuner = made(*args, **arguments)
    interval = checkpoint_interval
    tuner.search(X, Y, **FIT, epochs=epochs, callbacks=callbacks, checkpoint_interval=interval)
    return tuner


class Watches(keras.callbacks.Callback):
    """Notes the models that are trained."""

    models = ()

    def on_epoch_end(self, epoch, logs=None):
        Watches.models.append(self.model)


@pytest.fixture
def trained(monkeypatch):
    """The model of each epoch that is trained with a `Watches`."""
    monkeypatch.setattr(Watches, "models", [])
    return Watches.models


def is_distributed(variable):
    return isinstance(variable.value, tf.distribute.DistributedValues)


@pytest.mark.parametrize("mirrored", [True, False])
def test_trials_are_made_and_trained_in_its_scope(tmp_path, strategy, trained, mirrored):
    if not mirrored:
        strategy = tf.distribute.OneDeviceStrategy("/cpu:0")
    adam = keras.optimizers.Adam(0.01)  # made outside of the scope, and copied in it
    tuner = searched(tmp_path, strategy, callbacks=[Watches()], optimizer=adam, epochs=1)
    assert tuner.distribution_strategy is strategy
    assert len(trained) == 2
    for model in trained:
        assert model.distribute_strategy is strategy
        for variable in (*model.variables, *model.optimizer.variables):
            assert is_distributed(variable) is mirrored
    for trial in tuner.trials:
        (execution,) = trial.executions
        assert (execution.path, execution.path_reason) == (PLAIN, REASON)
    assert tuner.get_best_models()[0].distribute_strategy is strategy
    assert tuner.retrain(None, X, Y, **FIT).distribute_strategy is strategy


def test_results_are_those_of_a_plain_loop(tmp_path, strategy, monkeypatch):
    seeds, begin = [], session.begin
    monkeypatch.setattr(session, "begin", lambda seed, _: (seeds.append(seed), begin(seed, True)))
    callbacks = [keras.callbacks.EarlyStopping(patience=1, restore_best_weights=True)]
    given = {"epochs": 6, "callbacks": callbacks}
    tuner = searched(tmp_path, strategy, **given, max_trials=1, executions_per_trial=2)
    (trial,) = tuner.trials
    assert len(seeds) == 2
    for history, seed in zip(tuner.history(trial), seeds):
        keras.utils.clear_session()
        keras.utils.set_random_seed(seed)
        with strategy.scope():
            model = build(trial.hyperparameters.copy())
        keras.utils.set_random_seed(seed)
        assert history == model.fit(X, Y, **FIT, **given).history


def test_the_best_model_predicts_as_one_without_a_strategy(tmp_path, strategy):
    tuner = searched(tmp_path, strategy, epochs=1)
    best = tuner.get_best_models()[0]
    scores = best.evaluate(X[60:], Y[60:], verbose=0, return_dict=True)
    assert scores["loss"] == pytest.approx(tuner.get_best_trials()[0].score, rel=1e-5)
    # Another machine has other devices: the project is opened without the strategy.
    reopened = made(tmp_path, None)
    plain = reopened.get_best_models()[0]
    assert not any(map(is_distributed, plain.variables))
    for one, other in zip(best.get_weights(), plain.get_weights()):
        np.testing.assert_array_equal(one, other)
    expected = plain.predict(X, verbose=0)
    np.testing.assert_allclose(best.predict(X, verbose=0), expected, rtol=1e-5)


@pytest.mark.parametrize("builder", [build, build_late])
def test_what_is_resumed_in_rungs_ends_as_what_is_trained_in_one_go(
    tmp_path, strategy, builder, trained
):
    callbacks = [keras.callbacks.ReduceLROnPlateau(patience=1, factor=0.5), Watches()]
    given = {"builder": builder, "epochs": 2, "callbacks": callbacks}
    scheduler = kt.schedulers.ASHA(max_epochs=2, factor=2)
    halving = searched(tmp_path / "h", strategy, kt.Tuner, scheduler=scheduler, **given)
    assert all(is_distributed(v) for model in trained for v in model.optimizer.variables)
    assert {trial.epochs for trial in halving.trials} == {1, 2}
    whole = searched(tmp_path / "w", strategy, kt.Tuner, **given)
    for trial, right in zip(halving.trials, whole.trials):
        assert trial.values == right.values
        expected = {
            name: values[: trial.epochs] for name, values in whole.history(right)[0].items()
        }
        for name, values in halving.history(trial)[0].items():
            assert values == pytest.approx(expected[name], rel=1e-6)


class Interrupts(keras.callbacks.Callback):
    """In the third epoch of the first trial."""

    epochs = 0

    def on_epoch_begin(self, epoch, logs=None):
        Interrupts.epochs += 1
        if Interrupts.epochs == 3:
            raise KeyboardInterrupt


def test_an_interrupted_search_goes_on(tmp_path, strategy, monkeypatch):
    monkeypatch.setattr(Interrupts, "epochs", 0)
    whole = searched(tmp_path / "whole", strategy, epochs=3, max_trials=1)
    arguments = {"epochs": 3, "callbacks": [Interrupts()], "max_trials": 1}
    arguments["checkpoint_interval"] = 0.0
    searched(tmp_path / "parts", strategy, **arguments)
    parts = searched(tmp_path / "parts", strategy, **arguments)
    assert Interrupts.epochs == 4  # two epochs were trained before
    (mine,), (right,) = parts.history(parts.trials[0]), whole.history(whole.trials[0])
    assert mine == {name: pytest.approx(values, rel=1e-6) for name, values in right.items()}


def test_a_search_in_a_scope_of_the_users(tmp_path, strategy):
    with strategy.scope():
        tuner = made(tmp_path, None)
        tuner.search(X, Y, epochs=1, **FIT)
    for trial in tuner.trials:
        assert (trial.path, trial.executions[0].path_reason) == (PLAIN, REASON)
    assert not tf.distribute.has_strategy()


def test_super_run_trial_trains_in_its_scope(tmp_path, strategy, trained):
    class Own(kt.RandomSearch):
        def run_trial(self, trial, *args, **kwargs):
            return super().run_trial(trial, *args, **kwargs)

    searched(tmp_path, strategy, Own, epochs=1, callbacks=[Watches()], max_trials=1)
    assert [model.distribute_strategy for model in trained] == [strategy]


@pytest.mark.slow
@pytest.mark.skipif(TWO in os.environ, reason="this is the other process")
def test_all_of_this_on_two_devices():
    # What does not depend on the number of devices is left out.
    chosen = "(scope or plain_loop or rungs or predicts or two_devices_are_two) and not False"
    this = [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", "-n0", __file__, "-k", chosen]
    result = subprocess.run(
        this, capture_output=True, text=True, check=False, env=environment(**{TWO: "1"})
    )
    assert result.returncode == 0, result.stdout


def test_two_devices_are_two():
    assert len(tf.config.list_logical_devices("CPU")) == len(CPUS)


def several_machines():
    # A real one must be the first thing that a process does with TensorFlow.
    kind = tf.distribute.MultiWorkerMirroredStrategy
    return kind.__new__(kind)


class TestWhatIsNoStrategyOfThisMachine:
    @pytest.mark.parametrize("given", ["mirrored", tf.distribute.MirroredStrategy])
    def test_other_types(self, given):
        with pytest.raises(TypeError, match=r"is a tf\.distribute\.Strategy, or None.*Received"):
            checked_strategy(given)

    def test_several_machines(self):
        with pytest.raises(ValueError, match=r"one machine.*several processes.*search\(workers="):
            checked_strategy(several_machines())

    def test_another_backend(self, monkeypatch):
        monkeypatch.setattr(keras.backend, "backend", lambda: "jax")
        with pytest.raises(ValueError, match=r"TensorFlow backend.*with the jax backend"):
            checked_strategy("any")

    def test_none(self):
        assert checked_strategy(None) is None
        with maybe_distribute(None):
            assert not tf.distribute.has_strategy()

    def test_an_earlier_project_is_not_deleted(self, tmp_path):
        searched(tmp_path, None, epochs=1)
        with pytest.raises(TypeError, match="MirroredStrategy"):
            made(tmp_path, "mirrored", overwrite=True)
        assert len(made(tmp_path, None).trials) == 2

    @pytest.mark.parametrize("elsewhere", [{"workers": 2}, {"runner": "ray"}])
    def test_other_processes(self, tmp_path, elsewhere):
        tuner = made(tmp_path, tf.distribute.OneDeviceStrategy("/cpu:0"))
        with pytest.raises(ValueError, match=r"cannot be sent to other processes.*in build\(hp\)"):
            tuner.search(X, Y, **FIT, **elsewhere)
        assert list(tmp_path.iterdir()) == []

    def test_after_the_constructor(self, tmp_path):
        tuner = made(tmp_path, None)
        with pytest.raises(AttributeError, match=r"Pass it to RandomSearch\("):
            tuner.distribution_strategy = tf.distribute.OneDeviceStrategy("/cpu:0")
