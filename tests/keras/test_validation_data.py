"""The samples that `model.fit` validates on are found again."""

import itertools

import numpy as np
import pytest
import tensorflow as tf

from kerastune_lite._src.keras.fit_arguments import FitArguments
from kerastune_lite._src.keras.validation_data import NotThere
from tests.keras.models import keras

x = np.arange(40, dtype="float32").reshape(20, 2)
y = np.arange(20, dtype="float32").reshape(20, 1)
weight = np.linspace(0.5, 2.0, 20, dtype="float32")


class Seeing(keras.Model):
    """Remembers what it is validated on."""

    def __init__(self):
        super().__init__()
        self.seen = []

    def train_step(self, batch):
        return {"loss": tf.constant(0.0)}

    def test_step(self, batch):
        parts = keras.utils.unpack_x_y_sample_weight(batch)
        self.seen.append([None if each is None else np.asarray(each) for each in parts])
        return {"loss": tf.constant(0.0)}


def by_fit(arguments):
    model = Seeing()
    model.compile("sgd", run_eagerly=True)
    made = {name: each() if callable(each) else each for name, each in arguments.items()}
    model.fit(**made, verbose=0)
    return [None if each[0] is None else np.concatenate(each) for each in zip(*model.seen)]


def read(samples):
    if samples[1] is not None:
        return [None if each is None else np.asarray(each) for each in samples]
    batches = [keras.utils.unpack_x_y_sample_weight(batch) for batch in samples[0]]
    return [None if each[0] is None else np.concatenate(each) for each in zip(*batches)]


def slices(*parts):
    return tf.data.Dataset.from_tensor_slices(parts).batch(3)


def frames():
    pandas = pytest.importorskip("pandas")
    return {"x": pandas.DataFrame(x), "y": pandas.Series(y[:, 0]), "validation_split": 0.3}


GIVEN = {
    "a split": lambda: {"x": x, "y": y, "validation_split": 0.23},
    "a split with weights": lambda: {
        "x": x, "y": y, "sample_weight": weight, "validation_split": 0.2,
    },
    "a split of frames": frames,
    "a split with class weights": lambda: {
        "x": x, "y": y[:, 0].astype(int) % 2, "class_weight": {0: 2.0, 1: 1.0},
        "validation_split": 0.5,
    },
    "arrays": lambda: {"x": x, "y": y, "validation_data": (x[7:], y[7:])},
    "arrays and a split": lambda: {
        "x": x, "y": y, "validation_data": (x[7:], y[7:]), "validation_split": 0.1,
    },
    "arrays with weights": lambda: {
        "x": x, "y": y, "validation_data": (x[7:], y[7:], weight[7:]),
    },
    "a dataset": lambda: {"x": x, "y": y, "validation_data": slices(x[3:], y[3:])},
    "steps of a dataset": lambda: {
        "x": x, "y": y, "validation_data": slices(x, y, weight).repeat(), "validation_steps": 4,
    },
    "a function": lambda: {"x": x, "y": y, "validation_data": lambda: (x[4:], y[4:])},
    "functions": lambda: {"x": lambda: x, "y": y, "validation_split": 0.5},
}  # fmt: skip


@pytest.mark.parametrize("kind", GIVEN)
def test_they_are_those_of_fit(kind):
    arguments = GIVEN[kind]()
    found = read(FitArguments((), arguments, overridden=False).validation())
    for part, expected in itertools.zip_longest(found, by_fit(arguments)):
        if expected is None:
            assert part is None
        else:
            np.testing.assert_array_equal(np.reshape(part, expected.shape), expected)


def refused(**arguments):
    with pytest.raises(NotThere) as raised:
        FitArguments((x, y), arguments, overridden=False).validation()
    return str(raised.value)


def test_what_cannot_be_had():
    assert "neither `validation_data` nor `validation_split`" in refused()
    used_up = (each for each in [(x, y)])
    for generator in (used_up, lambda: (each for each in [(x, y)])):
        assert "only once" in refused(validation_data=generator, validation_steps=1)
    assert "validation_steps=2" in refused(validation_data=(x, y), validation_steps=2)
    assert "validation_steps=2" in refused(validation_split=0.5, validation_steps=2)
