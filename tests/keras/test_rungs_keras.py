"""Hyperband with real models: what is resumed ends as what is trained in one go."""

import copy
import threading

import numpy as np
import pytest

import kerastune_lite as kt
from kerastune_lite._src.cli.command import main
from kerastune_lite._src.core import events as ev
from kerastune_lite._src.keras.loading import load_keras
from kerastune_lite._src.keras.state_files import read_state, write_state
from kerastune_lite._src.tuner import user_trials
from tests.views.loggers.test_trial_logger import Written

keras = load_keras()

from kerastune_lite._src.keras.fast.dispatcher import ARRAYS, STACKED, Dispatcher  # noqa: E402

# Between Keras and TensorFlow, about their own conversions to NumPy.
pytestmark = pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")

rng = np.random.default_rng(0)
X = rng.normal(size=(80, 4)).astype("float32")
Y = (X.sum(axis=1) > 0).astype("int64")
MAX_EPOCHS = 9


def build(hp):
    model = keras.Sequential([keras.Input((4,))])
    model.add(keras.layers.Dense(8, activation="relu"))
    model.add(keras.layers.Dropout(hp.Float("dropout", 0.1, 0.4)))
    model.add(keras.layers.Dense(2, activation="softmax"))
    optimizer = keras.optimizers.Adam(hp.Float("rate", 1e-3, 0.3, sampling="log"))
    model.compile(optimizer, loss="sparse_categorical_crossentropy", metrics=["accuracy"])
    return model


def searched(path, kind=kt.Hyperband, callbacks=None, fast=True, **kwargs):
    arguments = {"max_epochs": MAX_EPOCHS} if kind is kt.Hyperband else {}
    tuner = kind(build, "val_loss", seed=0, directory=path, project_name="p", **arguments, **kwargs)
    tuner.search(
        X,
        Y,
        validation_split=0.25,
        epochs=MAX_EPOCHS,
        batch_size=16,
        callbacks=callbacks,
        verbose=0,
        fast=fast,
        shuffle=fast,  # model.fit draws the order from a global generator
    )
    return tuner


class Slow(Written):
    """Has it that each rung took a thousand seconds more."""

    def __init__(self, folder):
        super().__init__()
        self.folder = folder

    def on_event(self, event):
        if isinstance(event, ev.TrialPaused):
            (execution,) = event.trial.executions
            state = read_state(self.folder / execution.state)
            assert state.extra["seconds"] == execution.seconds
            slower = state.with_extra(seconds=execution.seconds + 1000.0)
            write_state(slower, self.folder / execution.state)


@pytest.mark.parametrize("fast", [True, False])
def test_a_training_took_the_time_of_all_its_rungs(tmp_path, fast):
    tuner = searched(tmp_path, fast=fast, callbacks=[Slow(tmp_path / "p")])
    first = {trial.number: (1, 3, 9)[trial.bracket] for trial in tuner.trials}
    rungs = {
        t.number: 1 + (t.epochs > first[t.number]) + (t.epochs == 9 > 3 * first[t.number])
        for t in tuner.trials
    }
    assert set(rungs.values()) >= {1, 2}
    for trial in tuner.trials:
        assert trial.executions[0].seconds // 1000 == rungs[trial.number] - 1


def paths(tuner):
    return {e.path for trial in tuner.trials for e in trial.executions}


@pytest.mark.parametrize("fast", [True, pytest.param(False, marks=pytest.mark.slow)])
def test_trials_that_were_resumed_are_as_those_trained_in_one_go(tmp_path, fast):
    halving = searched(tmp_path / "h", fast=fast)
    random = searched(tmp_path / "r", kt.RandomSearch, max_trials=5, fast=fast)
    assert ({STACKED} & paths(halving) != set()) is fast
    for trial, whole in zip(halving.trials, random.trials):
        assert trial.values == whole.values
        mine, right = (tuner.history(t)[0] for tuner, t in ((halving, trial), (random, whole)))
        for name, values in mine.items():
            assert values == pytest.approx(right[name][: trial.epochs], rel=1e-4)


def test_stacks_of_rungs_are_as_trials_one_by_one(tmp_path, monkeypatch):
    callbacks = [keras.callbacks.ReduceLROnPlateau(patience=1, factor=0.5)]
    together = searched(tmp_path / "together", callbacks=callbacks)
    monkeypatch.setattr(Dispatcher.__init__, "__defaults__", (True, ARRAYS))
    apart = searched(tmp_path / "apart", callbacks=callbacks)
    assert paths(apart) == {ARRAYS}
    assert STACKED in paths(together)
    for trial, other in zip(together.trials, apart.trials):
        assert trial.values == other.values
        assert trial.epochs == other.epochs
        assert trial.score == pytest.approx(other.score, rel=1e-4)


def test_early_stopping_remembers_from_rung_to_rung(tmp_path):
    stop = keras.callbacks.EarlyStopping(patience=2, restore_best_weights=True)
    tuner = searched(tmp_path, callbacks=[stop])
    for trial in tuner.trials:
        losses = tuner.history(trial)[0]["val_loss"]
        if trial.executions[-1].stopped:
            assert len(losses) == int(np.argmin(losses)) + 3
    best = tuner.get_best_trials()[0]
    scores = tuner.get_best_models()[0].evaluate(X[60:], Y[60:], verbose=0, return_dict=True)
    assert scores["loss"] == pytest.approx(best.score, rel=1e-5)
    assert not list((tmp_path / "p" / "checkpoints").glob("*.state*"))


def test_it_goes_on_after_an_interrupt(tmp_path):
    class Interrupts(keras.callbacks.Callback):
        now = True

        def on_epoch_end(self, epoch, logs=None):
            if epoch == 4 and Interrupts.now:
                raise KeyboardInterrupt

    tuner = searched(tmp_path / "parts", callbacks=[Interrupts()])
    assert any(trial.epochs == 3 and trial.goal == 9 for trial in tuner.trials)
    states = list((tmp_path / "parts").rglob("*.state.zip"))
    assert main(["prune", tuner.project_dir, "--keep", "0", "--yes", "--quiet"]) == 0
    assert states
    assert all(path.exists() for path in states), "it needs them to go on"
    Interrupts.now = False
    tuner = searched(tmp_path / "parts", callbacks=[Interrupts()])
    whole = searched(tmp_path / "whole", callbacks=[Interrupts()])
    assert [t.epochs for t in tuner.trials] == [t.epochs for t in whole.trials]
    assert [t.score for t in tuner.trials] == pytest.approx([t.score for t in whole.trials])


def test_epochs_that_a_builder_asks_for_have_no_effect_where_they_are_scheduled(tmp_path, caplog):
    def tuned(hp):
        hp.Int("epochs", 4, 9)
        return build(hp)

    tuner = kt.Hyperband(tuned, "val_loss", max_epochs=3, directory=tmp_path)
    tuner.search(X, Y, validation_split=0.25, verbose=0)
    assert {trial.epochs for trial in tuner.trials} == {1, 3}
    said = [record.getMessage() for record in caplog.records]
    assert len([each for each in said if "'epochs' has no effect on model.fit()" in each]) == 1


class Own(kt.Hyperband):
    """What scripts for KerasTuner do to tune an argument of `fit`."""

    def run_trial(self, trial, *args, **kwargs):
        kwargs["batch_size"] = trial.hyperparameters.Choice("batch_size", [16, 32])
        return super().run_trial(trial, *args, **kwargs)


def own(path, callbacks=(), kind=Own, **kwargs):
    """The tuner, and (trial, epoch) as they were trained."""
    trained = []

    def make(trial):
        def note(epoch, logs):
            trained.append((trial.number, epoch))

        return [keras.callbacks.LambdaCallback(on_epoch_end=note), *copy.deepcopy(callbacks)]

    arguments = {"seed": 0, "directory": path, "project_name": "p", "max_epochs": 9, **kwargs}
    tuner = kind(build, "val_loss", **arguments)
    tuner.search(X, Y, validation_split=0.25, callbacks=make, verbose=0)
    return tuner, trained


def trained_epochs(trial):
    """How many a trial of `own` should have trained.

    Each epoch once; but an execution that a callback has ended is trained anew in each rung in
    which another execution goes on, as `run_trial` receives the results of all.
    """
    count = 0
    for execution in trial.executions:
        later = [end for end in (1, 3, 9) if execution.epochs <= end <= trial.goal]
        count += execution.epochs * (len(later) if execution.stopped else 1)
    return count


@pytest.mark.parametrize("seed", [0, 1])
@pytest.mark.parametrize("executions", [1, pytest.param(2, marks=pytest.mark.slow)])
def test_a_run_trial_of_ones_own_goes_on_too(tmp_path, monkeypatch, executions, seed):
    stop = [keras.callbacks.EarlyStopping(patience=2)]
    halving, trained = own(tmp_path / "a", stop, executions_per_trial=executions, seed=seed)
    done = [(t.number, e) for t in halving.trials for e in range(t.epochs)]
    assert set(done) <= set(trained), "each epoch"
    assert len(trained) == sum(map(trained_epochs, halving.trials)), "once"
    assert {t.epochs for t in halving.trials} >= {1, 3}
    assert not list((tmp_path / "a" / "p" / "checkpoints").glob("*.state*"))

    monkeypatch.setattr(user_trials, "can_resume", lambda *_: False)
    again, trained_again = own(tmp_path / "b", stop, executions_per_trial=executions, seed=seed)
    assert len(trained_again) > len(trained)
    for trial, other in zip(halving.trials, again.trials):
        assert (trial.values, trial.epochs) == (other.values, other.epochs)
        assert trial.score == pytest.approx(other.score, rel=1e-4)
        for curves, others in zip(halving.history(trial), again.history(other)):
            assert curves["loss"] == pytest.approx(others["loss"], rel=1e-4)
            assert curves["val_loss"] == pytest.approx(others["val_loss"], rel=1e-4)


def test_a_run_trial_that_sums_up_is_given_all_epochs_by_super(tmp_path):
    class Means(kt.Hyperband):
        def run_trial(self, trial, *args, **kwargs):
            (history,) = super().run_trial(trial, *args, **kwargs)
            lengths.append(len(history.history["val_loss"]))
            return {"val_loss": min(history.history["val_loss"])}

    lengths = []
    tuner, trained = own(tmp_path, kind=Means)
    assert set(lengths) == {1, 3, 9}
    assert len(trained) == sum(t.epochs for t in tuner.trials)
    for trial in tuner.trials:
        assert trial.score == pytest.approx(min(tuner.history(trial)[0]["val_loss"]))


def test_a_run_trial_that_trains_twice_begins_anew_in_each_rung(tmp_path):
    class Folds(kt.Hyperband):
        def run_trial(self, trial, *args, **kwargs):
            histories = [super(Folds, self).run_trial(trial, *args, **kwargs)[0] for _ in "ab"]
            return sum(min(each.history["val_loss"]) for each in histories) / 2

    tuner, trained = own(tmp_path, kind=Folds, max_epochs=3)
    assert {t.epochs for t in tuner.trials} == {1, 3}
    beginnings = sum(epoch == 0 for _, epoch in trained)
    rungs = len(tuner.trials) + sum(t.epochs == 3 and t.bracket == 0 for t in tuner.trials)
    assert beginnings == 2 * rungs
    assert not list((tmp_path / "p" / "checkpoints").glob("*.state*"))


class Forgets(keras.callbacks.Callback):
    """Has a memory that cannot be kept."""

    def __init__(self):
        super().__init__()
        self.lock = threading.Lock()


def test_callbacks_that_forget_are_trained_from_the_start(tmp_path):
    class Forgetting(kt.Hyperband):
        def run_trial(self, trial, *args, **kwargs):
            kwargs["callbacks"] = [*kwargs["callbacks"](trial), Forgets()]
            kwargs["callbacks"] = (lambda made: lambda trial: made)(kwargs["callbacks"])
            return super().run_trial(trial, *args, **kwargs)

    tuner, trained = own(tmp_path, kind=Forgetting, max_epochs=3)
    assert {t.epochs for t in tuner.trials} == {1, 3}
    assert len(trained) > sum(t.epochs for t in tuner.trials)


@pytest.mark.parametrize(
    "scheduler",
    [
        kt.schedulers.ASHA(9, stop=True),
        pytest.param(kt.schedulers.ASHA(9), marks=pytest.mark.slow),
        kt.schedulers.MedianStopping(9, warmup_epochs=2, min_trials=2),
    ],
    ids=["stopping", "promotion", "median"],
)
def test_who_ended_a_training_can_be_told(tmp_path, scheduler):
    """EarlyStopping ends some trials, the scheduler others."""
    tuner = kt.Tuner(
        build,
        "val_loss",
        max_trials=16,
        seed=0,
        oracle=kt.oracles.RandomOracle(),
        scheduler=scheduler,
        directory=tmp_path,
    )
    stop = keras.callbacks.EarlyStopping(patience=1)
    tuner.search(X, Y, validation_split=0.25, batch_size=16, callbacks=[stop], verbose=0)
    told = []
    for trial in tuner.trials:
        (execution,) = trial.executions
        losses = tuner.history(trial)[0]["val_loss"]
        assert len(losses) == execution.epochs
        ended_itself = len(losses) == int(np.argmin(losses)) + 2
        if execution.epochs < 9:
            told.append(execution.stopped)
            assert execution.stopped or trial.goal == execution.epochs
            assert ended_itself or not execution.stopped
        assert trial.status == "COMPLETED"
        assert trial.score == pytest.approx(min(losses))
    assert set(told) == {True, False}, "there are both"
