"""A project that is reopened with other data of the same shape."""

import contextlib
import json
import sqlite3
from pathlib import Path

import numpy as np
import pytest

import kerastune_lite as kt
from kerastune_lite._src.store.project_folder import DATABASE

X, Y = np.arange(12.0).reshape(6, 2), np.arange(6)


class Sums(kt.RandomSearch):
    """Trains nothing."""

    def run_trial(self, trial, x, y=None, *rest, **options):
        return trial.hyperparameters.Float("a", 0.0, 1.0)


def search(tmp_path, *args, tuner=Sums, max_trials=2, **kwargs):
    found = tuner(max_trials=max_trials, directory=tmp_path, seed=0)
    found.search(*args, verbose=0, **kwargs)
    return found


@pytest.mark.parametrize(
    ("before", "now", "names"),
    [
        (((X, Y), {}), ((X * 2, Y), {}), ["x"]),
        (((X, Y), {}), ((X, Y[::-1]), {}), ["y"]),
        (((X, Y), {}), ((), {"x": X + 1, "y": Y + 1}), ["x", "y"]),
        (
            ((X, Y), {"validation_data": (X, Y)}),
            ((X, Y), {"validation_data": (X, -Y)}),
            ["validation_data[1]"],
        ),
        (((X, Y, X), {}), ((X, Y, -X), {}), ["argument 2"]),
        (((X, Y), {"w": [0.5] * 20}), ((X, Y), {"w": [0.5] * 19 + [0.6]}), ["w"]),
        (((X, ["a", "b"]), {}), ((X, ["b", "a"]), {}), []),  # told with their values anyway
        (((X, Y), {}), ((X.copy(), Y.astype(">i8")), {}), []),
        (((X, Y), {}), ((X[:5], Y[:5]), {}), []),  # shapes are told of as such
        (((X, None), {}), ((X, Y), {}), []),
        (((X, iter([1])), {"f": print}), ((X, iter([1])), {"f": max}), []),
    ],
    ids=range(11),
)
def test_a_warning_names_what_changed(tmp_path, caplog, before, now, names):
    search(tmp_path, *before[0], **before[1])
    assert caplog.text == ""
    search(tmp_path, *now[0], **now[1])
    told = [r.getMessage() for r in caplog.records if "other values" in r.getMessage()]
    assert [text.split("have changed: ")[1].split(":")[0] for text in told] == names
    assert all(record.levelname == "WARNING" for record in caplog.records)
    assert all("Earlier trials keep their scores" in text for text in told)


def test_the_same_data_again_and_a_project_that_is_new(tmp_path, caplog):
    for _ in range(2):
        search(tmp_path, X, Y, max_trials=2)
    assert caplog.text == ""


def test_a_second_search_of_the_same_tuner(tmp_path, caplog):
    tuner = search(tmp_path, X, Y)
    tuner.search(X, Y, verbose=0)
    assert caplog.text == ""
    tuner.search(X + 1, Y, verbose=0)
    assert "x: other values than before" in caplog.text


def test_nothing_clashes_while_no_trial_has_a_score(tmp_path, caplog):
    class Fails(Sums):
        def run_trial(self, trial, x, y):
            raise ValueError

    with pytest.raises(RuntimeError):
        search(tmp_path, X, Y, tuner=Fails)
    search(tmp_path, X + 1, Y, max_trials=4)
    assert "other values" not in caplog.text


def test_a_project_of_an_earlier_version_has_no_checksums(tmp_path, caplog):
    tuner = search(tmp_path, X, Y)
    with contextlib.closing(sqlite3.connect(Path(tuner.project_dir, DATABASE))) as connection:
        (text,) = connection.execute("SELECT value FROM project WHERE key='settings'").fetchone()
        settings = json.loads(text)
        assert set(settings.pop("data")) == {"x", "y"}
        connection.execute(
            "UPDATE project SET value = ? WHERE key = 'settings'", (json.dumps(settings),)
        )
        connection.commit()
    search(tmp_path, X + 1, Y)
    assert caplog.text == ""
    assert kt.open_project(tuner.project_dir).settings["data"].keys() == {"x", "y"}


def test_arguments_have_the_names_of_the_users_own_fit(tmp_path, caplog):
    keras = pytest.importorskip("keras")

    class Own(kt.HyperModel):
        def build(self, hp):
            hp.Float("a", 0.0, 1.0)
            return keras.Sequential([keras.Input((2,)), keras.layers.Dense(1)])

        def fit(self, hp, model, train, held_out, **kwargs):
            return float(train[0, 0])

    for shift in (0, 1):
        tuner = kt.RandomSearch(Own(), max_trials=1, directory=tmp_path)
        tuner.search(X + 1, X + shift, verbose=0)
    assert "held_out: other values than before" in caplog.text
    assert "train: other" not in caplog.text


def test_keras_and_tensorflow_have_data_of_their_own(tmp_path, caplog):
    import tensorflow as tf

    x, y = tf.constant(X), tf.constant(Y)
    search(tmp_path, x, y, data=tf.data.Dataset.from_tensor_slices(X).batch(2))
    search(tmp_path, x, y, data=tf.data.Dataset.from_tensor_slices(X + 1).batch(2))
    assert caplog.text == ""  # without a look into a dataset these are alike
    search(tmp_path, x + 1, y, data=tf.data.Dataset.from_tensor_slices(X).batch(3))
    told = [r.getMessage() for r in caplog.records]
    assert [text.split("have changed: ")[1].split(":")[0] for text in told] == ["x", "data"]
