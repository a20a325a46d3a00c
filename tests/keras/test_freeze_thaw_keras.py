"""Freeze-thaw with real networks, which pause and go on."""

import numpy as np
import pytest

import kerastune_lite as kt
from kerastune_lite._src.keras.loading import load_keras


def build(hp):
    keras = load_keras()
    model = keras.Sequential([keras.Input((4,))])
    for _ in range(hp.Int("layers", 1, 2)):
        model.add(keras.layers.Dense(8, "relu"))
    model.add(keras.layers.Dense(1))
    model.compile(keras.optimizers.Adam(hp.Float("rate", 1e-4, 0.3, sampling="log")), loss="mse")
    return model


def test_the_best_model_is_that_which_was_scored(tmp_path):
    x = np.random.default_rng(0).normal(size=(96, 4)).astype("float32")
    data = {"x": x, "y": x[:, :1] - x[:, 1:2], "validation_split": 0.25, "verbose": 0}
    tuner = kt.FreezeThaw(build, "val_loss", 12, 6, seed=3, directory=tmp_path / "a")
    tuner.search(**data)
    best = tuner.get_best_trials()[0]
    assert len(tuner.trials) == 12
    assert best.epochs == 6
    assert sum(trial.epochs for trial in tuner.trials) < 12 * 6
    model = tuner.get_best_models()[0]
    loss = model.evaluate(x[72:], data["y"][72:], verbose=0)
    assert loss == pytest.approx(best.score, rel=1e-5)

    again = kt.FreezeThaw(build, "val_loss", 12, 6, seed=3, directory=tmp_path / "b")
    again.search(**data)
    assert [t.score for t in again.trials] == [t.score for t in tuner.trials]
