"""Loggers among the callbacks of a search."""

import pytest

import kerastune_lite as kt
from kerastune_lite._src.tuner.loggers import separated
from tests.keras.models import data, keras, linear
from tests.views.loggers.test_trial_logger import Written

# Keras's own, when it saves weights.
pytestmark = pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")


def search(tmp_path, callbacks, **more):
    def build(hp):
        return linear(hp.Float("rate", 1e-3, 1e-1))

    tuner = kt.RandomSearch(build, "loss", 2, directory=tmp_path, project_name="p", seed=0)
    tuner.search(*data(), epochs=2, callbacks=callbacks, verbose=0, **more)
    return tuner


class Counted(keras.callbacks.Callback):
    epochs = 0

    def on_epoch_end(self, epoch, logs=None):
        Counted.epochs += 1


def test_a_logger_sees_the_search_and_callbacks_the_trainings(tmp_path):
    logger = Written()
    Counted.epochs = 0
    search(tmp_path, [Counted(), logger])
    assert Counted.epochs == 4
    assert [len(logger.points[number]) for number in (0, 1)] == [2, 2]
    assert logger.said[0] == "connect"


def test_the_best_model_is_sent_as_a_file_that_keras_reads(tmp_path):
    found = []

    class Reader(Written):
        def _send_model(self, path):
            found.append(keras.models.load_model(path))

    tuner = search(tmp_path, Reader())
    x, _ = data()
    (model,) = found
    expected = tuner.get_best_models()[0].predict(x, verbose=0)
    assert model.predict(x, verbose=0) == pytest.approx(expected)


def test_a_model_that_cannot_be_sent_is_no_reason_to_fail(tmp_path, caplog):
    class Full(Written):
        def _send_model(self, path):
            raise OSError("the disk is full")

    search(tmp_path, [Full()])
    assert "The best model was not logged: OSError: the disk is full" in caplog.text


def test_callbacks_without_loggers_are_as_they_were():
    given = [keras.callbacks.Callback()]
    assert separated(given) == (given, [])
    assert separated(None) == (None, [])
    assert separated(test_callbacks_without_loggers_are_as_they_were)[1] == []
    logger = Written()
    assert separated((logger,)) == (None, [logger])
