"""Keras on another backend than TensorFlow: all is there, by way of `model.fit`."""

import importlib.util
import json
import shutil
import subprocess
import sys

import numpy as np
import pytest

import kerastune_lite as kt
from tests.processes import environment

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(importlib.util.find_spec("jax") is None, reason="JAX is not installed"),
]

# Only our own warnings are errors: what Keras and JAX say of each other is theirs to mend.
SCRIPT = """
import json, sys, warnings
warnings.filterwarnings("error", module="kerastune_lite")
import numpy as np
import kerastune_lite as kt
from kerastune_lite._src.keras.loading import load_keras

keras = load_keras()

def build(hp):
    model = keras.Sequential([keras.Input((4,))])
    model.add(keras.layers.Dense(hp.Int("units", 2, 8), activation="tanh"))
    model.add(keras.layers.Dropout(0.1))
    model.add(keras.layers.Dense(1))
    model.compile(keras.optimizers.Adam(hp.Float("rate", 0.01, 0.1)), "mse", metrics=["mae"])
    return model

x = np.random.default_rng(0).normal(size=(64, 4)).astype("float32")
y = x.sum(axis=1, keepdims=True)

def tuner(max_trials):
    # The epoch that counts is the first, so that weights of the last one would be told apart.
    return kt.RandomSearch(build, kt.Objective("val_loss", "max"), max_trials=max_trials, seed=3,
                           directory=sys.argv[1], project_name="p")

def search(tuner):
    stopping = keras.callbacks.EarlyStopping("val_loss", patience=1)
    tuner.search(x, y, validation_split=0.25, epochs=2, batch_size=8, verbose=0,
                 callbacks=[stopping])

def say(tuner):
    model = tuner.get_best_models()[0]
    print(json.dumps({
        "backend": keras.backend.backend(),
        "trials": [[t.status, t.score, t.best_step, t.path] for t in tuner.trials],
        "reasons": [e.path_reason for t in tuner.trials for e in t.executions],
        "messages": [t.message for t in tuner.trials],
        "best": tuner.get_best_trials()[0].score,
        "evaluated": model.evaluate(x[48:], y[48:], verbose=0)[0],
        "predicted": np.asarray(model.predict(x[48:], verbose=0)).tolist(),
    }))
"""


def run(directory, code, backend="jax"):
    """What `code` says, in a process of its own."""
    process = subprocess.run(
        [sys.executable, "-c", SCRIPT + code, str(directory)],
        capture_output=True,
        text=True,
        env=environment(KERAS_BACKEND=backend),
    )
    assert process.returncode == 0, process.stderr
    assert "port.cc" not in process.stderr  # TensorFlow's start-up notes
    return [json.loads(line) for line in process.stdout.splitlines()]


@pytest.fixture(scope="module")
def searched(tmp_path_factory):
    directory = tmp_path_factory.mktemp("jax")
    (said,) = run(directory, "t = tuner(2); search(t); say(t)")
    return directory, said


@pytest.fixture(scope="module")
def continued(searched, tmp_path_factory):
    """What another process says of the reopened project, and after another trial."""
    copy = shutil.copytree(searched[0], tmp_path_factory.mktemp("continued") / "copy")
    return run(copy, "say(tuner(2)); t = tuner(3); search(t); say(t)")


def test_a_search_on_jax(searched):
    _, said = searched
    assert said["backend"] == "jax"
    assert said["messages"] == [None, None]
    assert [(status, best, path) for status, _, best, path in said["trials"]] == [
        ("COMPLETED", 0, "model.fit")
    ] * 2
    assert said["reasons"] == ["the jax backend"] * 2


def test_the_best_model_scores_what_its_trial_scored(searched):
    _, said = searched
    assert said["evaluated"] == pytest.approx(said["best"], rel=1e-5)
    assert len(said["predicted"]) == 16


def test_another_process_reopens_the_project(searched, continued):
    directory, said = searched
    reopened, _ = continued
    assert reopened["trials"] == said["trials"]
    np.testing.assert_allclose(reopened["predicted"], said["predicted"], rtol=1e-5)
    # Reading needs no backend, so it does not matter which one this process has.
    assert [trial.path for trial in kt.open_project(directory / "p").trials] == ["model.fit"] * 2


def test_a_search_goes_on_in_another_process(searched, continued):
    _, said = searched
    _, longer = continued
    assert longer["trials"][:2] == said["trials"]
    assert [status for status, *_ in longer["trials"]] == ["COMPLETED"] * 3
    assert longer["evaluated"] == pytest.approx(longer["best"], rel=1e-5)


def test_weights_are_read_on_another_backend(searched):
    directory, said = searched
    (read,) = run(directory, "say(tuner(2))", backend="tensorflow")
    assert read["backend"] == "tensorflow"
    np.testing.assert_allclose(read["predicted"], said["predicted"], rtol=1e-4, atol=1e-5)
