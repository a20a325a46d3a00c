"""Data that model.fit refuses is refused before the first trial, and nothing else is."""

import array
import collections
import decimal
import warnings

import numpy as np
import pandas as pd
import pytest
import scipy.sparse
import tensorflow as tf

import kerastune_lite as kt
from kerastune_lite._src.keras.data_checks import Needs, needs_of
from kerastune_lite._src.util.errors import FatalError
from tests.keras.models import data, keras, linear

X, Y = data(24)
X, Y = np.asarray(X, "float32"), np.asarray(Y, "float32").reshape(24)
WIDTH = X.shape[1]
CLASSES = np.int64(Y > 0)
TEXTS = np.array(["a", "b"] * 12)
VALIDATION = (X[:6], Y[:6])


def dataset(x=X, y=Y):
    return tf.data.Dataset.from_tensor_slices((x, y)).batch(8)


def endless():
    while True:
        yield X[:8], Y[:8]


def frame(column=None, **kinds):
    columns = {f"{place}": X[:, place] for place in range(WIDTH)}
    if column is not None:
        columns["0"] = column
    return pd.DataFrame(columns, **kinds)


class Batches(keras.utils.PyDataset):
    def __len__(self):
        return 2

    def __getitem__(self, index):
        return X[:8], Y[:8]


class Rows:
    """Has rows, and is no data that Keras knows."""

    def __len__(self):
        return 24

    def __getitem__(self, place):
        return X[place], Y[place]


REFUSED = {
    "x is an object with rows": ((Rows(),), {}),
    "x and y are in a UserDict": ((collections.UserDict(a=X), Y), {}),
    # types
    "x is a list of numbers": ((list(range(24)), Y), {}),
    "x is a list of lists": ((X.tolist(), Y), {}),
    "x is a text": (("data.csv", Y), {}),
    "x is a range": ((range(24), Y), {}),
    "x is a zip": ((zip(X, Y),), {}),
    "x is an array of Python's": ((array.array("d", Y.tolist()), Y), {}),
    "y is a queue": ((X, collections.deque(Y.tolist())), {}),
    "y is an iterator": ((X, iter(Y)), {}),
    "y is a list": ((X, Y.tolist()), {}),
    "y is a tuple": ((X, tuple(Y.tolist())), {}),
    "y is a list of NumPy's numbers": ((X, list(Y)), {}),
    "y is a list of texts": ((X, TEXTS.tolist()), {}),
    "y is a memoryview": ((X, memoryview(Y)), {}),
    "weights are a list": ((X, Y), {"sample_weight": [1.0] * 24}),
    "a number in a dict": (({"a": X, "b": 3}, Y), {}),
    # lengths
    "y is shorter": ((X, Y[:20]), {}),
    "x is shorter": ((X[:20], Y), {}),
    "y is shorter and cut": ((X, Y[:20]), {"validation_split": 0.25}),
    "y is much shorter and cut": ((X, Y[:7]), {"validation_split": 0.25}),
    "y is a list of arrays": ((X, [np.array([v]) for v in Y]), {}),
    "weights are shorter": ((X, Y), {"sample_weight": np.ones(23)}),
    "inputs of two lengths": (([X, X[:5]], Y), {}),
    "tensors": ((tf.constant(X), tf.constant(Y[:3])), {}),
    "tables": ((frame(), pd.Series(Y[:3])), {}),
    "a single target": ((X, np.array(3.0)), {}),
    "a single sample": ((np.float32(3), Y), {}),
    # values
    "y is texts": ((X, TEXTS), {}),
    "y is bytes": ((X, TEXTS.astype(bytes)), {}),
    "y is texts as objects": ((X, TEXTS.astype(object)), {}),
    "y is a tensor of texts": ((X, tf.constant(TEXTS.tolist())), {}),
    "y is a column of texts": ((X, pd.Series(TEXTS)), {}),
    "y is categories": ((X, pd.Series(TEXTS, dtype="category")), {}),
    "y is objects": ((X, np.array([1, 2] * 12, object)), {}),
    "y is dates": ((X, np.zeros(24, "M8[D]")), {}),
    "x is texts": ((np.tile(TEXTS[:, None], WIDTH), Y), {}),
    "x is objects": ((X.astype(object), Y), {}),
    "x is durations": ((X.astype("m8[s]"), Y), {}),
    "x is records": ((np.zeros(24, [("a", "f4"), ("b", "f4")]), Y), {}),
    "x has a column of texts": ((frame(TEXTS), Y), {}),
    "x has a column of categories": ((frame(pd.Categorical(TEXTS)), Y), {}),
    "x has a column of dates": ((frame(pd.to_datetime(["2020-01-01"] * 24)), Y), {}),
    "x has a column of lists": ((frame([[1]] * 24), Y), {}),
    # several arguments
    "no y": ((X,), {}),
    "both kinds of weights": (
        (X, CLASSES),
        {"sample_weight": np.ones(24), "class_weight": {0: 1.0, 1: 2.0}},
    ),
    "y beside a dataset": ((dataset(), Y), {}),
    "a dataset of single samples": ((dataset().unbatch(),), {}),
    "validation_data of single samples": ((dataset(),), {"validation_data": dataset().unbatch()}),
    "weights beside a dataset": ((dataset(),), {"sample_weight": Y}),
    "y beside a generator": ((endless(), Y), {"steps_per_epoch": 1}),
    "y beside a PyDataset": ((Batches(), Y), {}),
    "too few to be split": ((X[:1], Y[:1]), {"validation_split": 0.25}),
    "all are split off": ((X, Y), {"validation_split": 0.99}),
    # validation data
    "validation_data is an array": ((X, Y), {"validation_data": X}),
    "validation_data has one part": ((X, Y), {"validation_data": (X,)}),
    "validation_data has four parts": ((X, Y), {"validation_data": (X, Y, Y, Y)}),
    "validation_data has no part": ((X, Y), {"validation_data": ()}),
    "validation_data of two lengths": ((X, Y), {"validation_data": (X, Y[:5])}),
    "its weights are shorter": ((X, Y), {"validation_data": (X, Y, np.ones(5))}),
    "its y is a list": ((X, Y), {"validation_data": (X, Y.tolist())}),
    "its y is texts": ((X, Y), {"validation_data": (X, TEXTS)}),
    "validation_data is a number": ((X, Y), {"validation_data": 0.2}),
    "validation_data is a text": ((X, Y), {"validation_data": "0.2"}),
    "validation_data in a tuple": ((X, Y), {"validation_data": (VALIDATION,)}),
    "wrong data beside a dataset": ((dataset(),), {"validation_data": (X, Y[:5])}),
}

WORKS = {
    "arrays": ((X, Y), {}),
    "cut": ((X, Y), {"validation_split": 0.25}),
    "x is shorter and cut": ((X[:20], Y), {"validation_split": 0.25}),
    "lists of one array": (([X], [Y]), {}),
    "integers": ((np.int8(X), CLASSES), {}),
    "booleans": ((X > 0, Y > 0), {}),
    "complex numbers": ((X.astype(complex), Y), {}),
    "half precision": ((X.astype("float16"), Y), {}),
    "another order of bytes": ((X.astype(">f8"), Y), {}),
    "tensors": ((tf.constant(X), tf.constant(Y)), {}),
    "bfloat16": ((tf.cast(X, "bfloat16"), Y), {}),
    "a variable": ((tf.Variable(X), Y), {}),
    "tables": ((frame(), pd.Series(Y)), {}),
    "a table as y": ((frame(), pd.DataFrame({"y": Y})), {}),
    "booleans in a table": ((frame(Y.astype("float64")).assign(**{"1": Y > 0}), Y), {}),
    "decimals in a table": (
        (frame(Y.astype(float)).assign(**{"1": decimal.Decimal("0.5")}), Y),
        {},
    ),
    "texts of numbers in a table": ((frame(Y.astype(float)).assign(**{"1": "0.5"}), Y), {}),
    "NumPy's numbers as objects": (
        (frame(Y.astype(float)).assign(**{"1": pd.Series(list(Y), dtype=object)}), Y),
        {},
    ),
    "an index": ((X, pd.Index(Y)), {}),
    "a column of booleans": ((X, pd.Series(Y > 0)), {}),
    "a namedtuple": ((collections.namedtuple("One", "x")(X), Y), {}),
    "sparse": ((scipy.sparse.csr_matrix(X), Y), {}),
    "sparse and cut": ((scipy.sparse.coo_array(X), Y), {"validation_split": 0.25}),
    "masked": ((np.ma.masked_array(X), Y), {}),
    "weights": ((X, Y), {"sample_weight": np.ones(24)}),
    "class weights": ((X, CLASSES), {"class_weight": {0: 1.0, 1: 2.0}}),
    "few": ((X[:2], Y[:2]), {"validation_split": 0.25}),
    "validation data in a list": ((X, Y), {"validation_data": list(VALIDATION)}),
    "validation data with weights": ((X, Y), {"validation_data": (X, Y, np.ones(24))}),
    "a dataset": ((dataset(),), {"validation_data": dataset()}),
    "a PyDataset": ((Batches(),), {"validation_data": VALIDATION}),
    "a dataset in a tuple": ((X, Y), {"validation_data": (dataset(),)}),
    "a dataset and no y": ((X, Y), {"validation_data": (dataset(), None)}),
    "a PyDataset in a list": ((X, Y), {"validation_data": [Batches()]}),
    "a generator": ((endless(),), {"steps_per_epoch": 1, "validation_data": VALIDATION}),
    "a strange split": ((X, Y), {"validation_split": 1.5}),
    "NaN": ((X, Y * np.nan), {}),
}


def fit(args, kwargs):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        linear().fit(*args, **kwargs, verbose=0)


def search(tmp_path, args, kwargs, build=lambda hp: linear(hp.Float("r", 0.01, 0.1)), **more):
    tuner = kt.RandomSearch(build, "loss", max_trials=1, directory=tmp_path, **more)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        tuner.search(*args, **kwargs, verbose=0, fast=False)
    return tuner


@pytest.mark.parametrize("name", REFUSED)
def test_what_fit_refuses_is_refused_at_once(tmp_path, name):
    args, kwargs = REFUSED[name]
    tuner = kt.RandomSearch(
        lambda hp: linear(hp.Float("r", 0.01, 0.1)), "loss", max_trials=1, directory=tmp_path
    )
    with pytest.raises(FatalError, match=r"Received"):
        tuner.search(*args, **kwargs, verbose=0)
    assert tuner.trials == []
    assert not (tmp_path / "untitled_project").exists()
    with pytest.raises((ValueError, TypeError, IndexError, tf.errors.OpError)):
        fit(args, kwargs)


@pytest.mark.parametrize("name", WORKS)
def test_what_fit_takes_is_taken(tmp_path, name):
    args, kwargs = WORKS[name]
    fit(args, kwargs)
    if name == "NaN":
        with pytest.raises(RuntimeError, match="y holds 24 NaN among 24 values"):
            search(tmp_path, args, kwargs)
    else:
        assert search(tmp_path, args, kwargs).trials[0].failure is None


@pytest.mark.parametrize(
    ("args", "kwargs", "message"),
    [
        ((X, Y[:20]), {}, r"same number of samples.*x with 24, y with 20"),
        (({"a": X, "b": X[:3]}, Y), {}, r"x\['a'\] with 24, x\['b'\] with 3, y with 24"),
        ((X, Y), {"validation_data": (X, Y[:5])}, r"x of validation_data with 24, y of valid"),
        ((X, Y.tolist()), {}, r"`y` must be an array\. Received a list of 24 items, which Keras"),
        ((X, TEXTS), {}, r"y must hold numbers\. Received: dtype <U1\. Turn labels into numbers"),
        ((frame(TEXTS), Y), {}, r"x must hold numbers\. Received: 0: (object|str), 1: float32"),
        ((X[:0], Y[:0]), {}, r"samples to train on\. Received: x with 0, y with 0"),
        ((X, Y), {"validation_split": 0.99}, r"validation_split=0\.99 of 24 samples"),
    ],
)
def test_messages_name_what_is_wrong(tmp_path, args, kwargs, message):
    with pytest.raises(FatalError, match=message):
        search(tmp_path, args, kwargs)


def test_what_is_never_used_is_told(tmp_path, caplog):
    search(tmp_path, (X[:20], Y), {"validation_split": 0.25})
    assert "x with 20, y with 24. Those beyond 20 are not used" in caplog.text


def test_functions_that_make_the_data_are_left_alone(tmp_path):
    tuner = search(tmp_path, (dataset,), {"validation_data": dataset})
    assert tuner.trials[0].failure is None


# ---------------------------------------------------------------------- whose fit it is


class TakesLists(keras.Model):
    """Its own fit() takes anything."""

    def __init__(self):
        super().__init__()
        self.dense = keras.layers.Dense(1)

    def call(self, inputs):
        return self.dense(inputs)

    def fit(self, x=None, y=None, **kwargs):
        return super().fit(np.array(x), np.array(y), **kwargs)


class OwnStep(TakesLists):
    """Reads labels in its own way."""

    fit = keras.Model.fit

    def train_step(self, data):
        return {"loss": 0.5}


def compiled(model, **options):
    model.compile(**{"loss": "mse", "run_eagerly": True, **options})
    return model


@pytest.mark.parametrize(
    ("model", "needs"),
    [
        (lambda: linear(), (True, True)),
        (lambda: linear(loss=keras.losses.MeanSquaredError()), (True, True)),
        (lambda: linear(loss=keras.losses.mean_squared_error), (True, True)),
        (lambda: linear(loss=lambda y, p: p), (True, False)),
        (lambda: linear(loss={"dense": "mse"}), (True, False)),
        (lambda: compiled(TakesLists()), (False, True)),
        (lambda: compiled(OwnStep()), (True, False)),
        (lambda: compiled(OwnStep(), loss=None), (True, False)),
        (lambda: keras.Sequential([keras.layers.Dense(1)]), (True, False)),
        (lambda: 3, (False, False)),
    ],
)
def test_what_a_model_needs(model, needs):
    assert needs_of(model()) == Needs(*needs)


def test_a_fit_of_the_models_own_may_take_anything(tmp_path):
    def build(hp):
        hp.Float("r", 0.01, 0.1)
        return compiled(TakesLists())

    assert search(tmp_path, (X.tolist(), Y.tolist()), {}, build).trials[0].failure is None


@pytest.mark.parametrize("args", [(X, TEXTS.astype(object)), (X,)], ids=["texts", "none"])
def test_targets_are_the_business_of_an_own_train_step(tmp_path, args):
    def build(hp):
        hp.Float("r", 0.01, 0.1)
        return compiled(OwnStep())

    assert search(tmp_path, args, {}, build).trials[0].failure is None


def test_overrides_take_what_they_like(tmp_path):
    class Own(kt.HyperModel):
        def build(self, hp):
            return linear(hp.Float("r", 0.01, 0.1))

        def fit(self, hp, model, rows, **kwargs):
            return float(len(rows))

    class Trials(kt.RandomSearch):
        def run_trial(self, trial, rows):
            return trial.hyperparameters.Float("r", 0.0, 1.0) + len(rows)

    tuner = kt.RandomSearch(Own(), max_trials=1, directory=tmp_path, project_name="fit")
    tuner.search(["a", "b"], verbose=0)
    assert tuner.get_best_trials()[0].score == 2
    trials = Trials(max_trials=1, directory=tmp_path, project_name="run_trial")
    trials.search(collections.deque("ab"), verbose=0)
    assert trials.get_best_trials()[0].score >= 2
