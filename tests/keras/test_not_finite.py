"""A loss that is NaN: whether the data hold NaN or infinity."""

import math
import re

import numpy as np
import pandas as pd
import pytest
import scipy.sparse
import tensorflow as tf

import kerastune_lite as kt
from kerastune_lite._src.keras.not_finite import explanation
from tests.keras.models import data, linear

NAN, INF = math.nan, math.inf
X, Y = data(24)
X, Y = np.asarray(X, "float32"), np.asarray(Y, "float32").reshape(24)


def spoiled(array, *places, value=NAN):
    array = array.copy()
    array.reshape(-1)[list(places)] = value
    return array


class Closed(dict):
    """As a closed file of arrays is."""

    def items(self):
        raise OSError("it is closed")


@pytest.mark.parametrize(
    ("value", "words"),
    [
        (np.array([1.0, NAN, NAN]), "a holds 2 NaN among 3 values"),
        (np.array([[1.0, INF], [-INF, NAN]], "float16"), "a holds 1 NaN and 2 infinite among 4"),
        (np.array([1 + NAN * 1j]), "a holds 1 NaN among 1"),
        ((np.zeros(3), np.array([INF])), r"a\[1\] holds 1 infinite among 1 values"),
        ({"u": [np.array([NAN])]}, r"a\['u'\]\[0\] holds 1 NaN"),
        (tf.constant([NAN, 1.0]), "a holds 1 NaN among 2"),
        (tf.Variable([NAN, 1.0]), "a holds 1 NaN among 2"),
        (pd.Series([1.0, None]), "a holds 1 NaN among 2"),
        (pd.Series([1, None], dtype="Int64"), "a holds 1 NaN among 2"),
        (pd.DataFrame({"u": [1.0, 2.0], "v": [NAN, NAN]}), r"a\['v'\] holds 2 NaN among 2"),
        (scipy.sparse.csr_array(np.array([[0.0, NAN]])), r"a\[1\] holds 1 NaN among 1"),
        (np.array([1.0, NAN]).astype(">f4"), "a holds 1 NaN among 2"),
        (spoiled(np.zeros((2**11, 2**11), "float32"), 5, 2**22 - 1), "a holds 2 NaN among 4194304"),
        (np.full((2, 2), NAN).T, "a holds 4 NaN among 4"),
    ],
)
def test_what_is_not_finite_is_counted(value, words):
    assert re.match(words, explanation({"b": np.ones(2), "a": value}))


@pytest.mark.parametrize(
    "value",
    [
        np.arange(4),
        np.ones((3, 3)),
        np.zeros(0),
        ["a", None, NAN],
        "text",
        np.array(["a"]),
        np.array([NAN, "a"], object),
        pd.DataFrame({"u": ["x", "y"], "v": [1, 2]}),
        tf.data.Dataset.from_tensors([NAN]),
        (n for n in [NAN]),
        print,
        object(),
        np.array("2020", "M8[D]"),
        pd.DataFrame({"u": [np.zeros(3), np.zeros(2)], "v": [1, 2]}),
        Closed(),
    ],
    ids=lambda value: type(value).__name__,
)
def test_nothing_is_said_of_data_in_which_there_is_none_to_see(value):
    assert explanation({"a": value}) == ""


def build(hp):
    return linear(hp.Float("rate", 0.01, 0.1))


@pytest.mark.parametrize("fast", [True, False])
@pytest.mark.parametrize(
    ("args", "kwargs", "words"),
    [
        ((spoiled(X, 0, 7), Y), {}, rf"x holds 2 NaN among {X.size} values"),
        ((X, spoiled(Y, 1, value=INF)), {}, "y holds 1 infinite among 24"),
        ((X, Y), {"validation_data": (X, spoiled(Y, 3))}, r"validation_data\[1\] holds 1 NaN"),
        ((X, Y), {"sample_weight": spoiled(Y, 3)}, r"sample_weight holds 1 NaN"),
    ],
)
def test_a_search_names_the_data(tmp_path, args, kwargs, words, fast):
    kwargs = {"validation_data": (X, Y), **kwargs}
    tuner = kt.RandomSearch(build, "val_loss", max_trials=1, directory=tmp_path)
    with pytest.raises(RuntimeError, match=rf"val_loss is (nan|inf);.*{words}"):
        tuner.search(*args, **kwargs, verbose=0, fast=fast)
    assert "FloatingPointError: val_loss is" in tuner.trials[0].failure


def test_data_are_looked_at_once(tmp_path, monkeypatch):
    calls = []
    monkeypatch.setattr(
        "kerastune_lite._src.keras.fit_arguments.explanation",
        lambda named: calls.append(1) or "they do",
    )
    tuner = kt.RandomSearch(build, "val_loss", max_trials=3, directory=tmp_path)
    with pytest.raises(RuntimeError, match="they do"):
        tuner.search(X, spoiled(Y, 1), validation_split=0.5, verbose=0)
    assert len(tuner.trials) == 3
    assert calls == [1]


def test_otherwise_it_may_be_the_learning_rate(tmp_path):
    def too_fast(hp):
        return linear(hp.Float("rate", 1e30, 1e31))

    tuner = kt.RandomSearch(too_fast, "loss", max_trials=1, directory=tmp_path)
    with pytest.raises(RuntimeError, match="No NaN was found in the data; the learning rate may"):
        tuner.search(X, Y, epochs=9, batch_size=2, verbose=0)
    batches = tf.data.Dataset.from_tensor_slices((X, spoiled(Y, 2))).batch(8)
    again = kt.RandomSearch(too_fast, "loss", max_trials=2, directory=tmp_path)
    with pytest.raises(RuntimeError, match="or there may be NaN in the data"):
        again.search(batches, verbose=0)


def test_a_run_trial_of_the_users_own(tmp_path):
    class Trials(kt.RandomSearch):
        def run_trial(self, trial, table, held_out=None):
            return trial.hyperparameters.Float("r", 0.0, 1.0) + float(table.mean())

    tuner = Trials(max_trials=1, directory=tmp_path)
    with pytest.raises(RuntimeError, match=r"nan.*argument 0 holds 1 NaN among 24"):
        tuner.search(spoiled(Y, 4), verbose=0)
