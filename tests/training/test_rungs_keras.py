"""Hyperband with real models: what is resumed ends as what is trained in one go."""

import numpy as np
import pytest

import kerastune_lite as kt
from kerastune_lite.training.quiet import load_keras

keras = load_keras()

from kerastune_lite.training.door import ARRAYS, STACKED, Door  # noqa: E402

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
    monkeypatch.setattr(Door.__init__, "__defaults__", (True, ARRAYS))
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
    Interrupts.now = False
    tuner = searched(tmp_path / "parts", callbacks=[Interrupts()])
    whole = searched(tmp_path / "whole", callbacks=[Interrupts()])
    assert [t.epochs for t in tuner.trials] == [t.epochs for t in whole.trials]
    assert [t.score for t in tuner.trials] == pytest.approx([t.score for t in whole.trials])


def test_epochs_cannot_be_tuned_where_they_are_scheduled(tmp_path):
    def tuned(hp):
        hp.Int("epochs", 1, 9)
        return build(hp)

    tuner = kt.Hyperband(tuned, "val_loss", max_epochs=3, directory=tmp_path)
    with pytest.raises(ValueError, match="its scheduler decides"):
        tuner.search(X, Y, validation_split=0.25, verbose=0)
    assert tuner.trials == []
