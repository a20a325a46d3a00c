"""Ctrl-C in the middle of training, and a limit on the time."""

import os
import signal
import time

import pytest

import kerastune_lite as kt
from tests.keras.models import data, keras, linear

X, Y = data(24)
FIT = {"validation_split": 0.25, "epochs": 2, "batch_size": 6, "verbose": 0}

pytestmark = pytest.mark.skipif(os.name != "posix", reason="sends POSIX signals")


def build(hp):
    return linear(hp.Float("learning_rate", 0.001, 0.1))


def make(tmp_path, name, **arguments):
    arguments = {"max_trials": 4, "seed": 9, "directory": tmp_path, **arguments}
    return kt.RandomSearch(build, "val_loss", project_name=name, **arguments)


class PressesControlC(keras.callbacks.Callback):
    """In the middle of the second epoch of a trial.

    Args:
        trial: which one, in the order of this process.
        swallow: wrap the interrupt in another exception, as some code does.
    """

    trials = 0
    reached_the_end = False

    def __init__(self, trial, swallow=False):
        super().__init__()
        self._trial = trial
        self._swallow = swallow

    def on_train_begin(self, logs=None):
        PressesControlC.trials += 1

    def on_train_end(self, logs=None):
        PressesControlC.reached_the_end = True

    def on_train_batch_end(self, batch, logs=None):
        if PressesControlC.trials != self._trial or self.model.optimizer.iterations != 5:
            return
        PressesControlC.reached_the_end = False
        try:
            os.kill(os.getpid(), signal.SIGINT)
            time.sleep(5)
        except KeyboardInterrupt:
            if self._swallow:
                raise ValueError("what was that?") from None
            raise


@pytest.fixture(autouse=True)
def _reset():
    PressesControlC.trials = 0


def outcome(tuner):
    return [(trial.number, trial.values, trial.score, str(trial.status)) for trial in tuner.trials]


@pytest.mark.parametrize("swallow", [False, pytest.param(True, marks=pytest.mark.slow)])
def test_control_c_ends_the_search_and_it_goes_on_as_if_nothing_had_been(tmp_path, swallow):
    undisturbed = make(tmp_path, "undisturbed")
    undisturbed.search(X, Y, **FIT)

    handler = signal.getsignal(signal.SIGINT)
    tuner = make(tmp_path, "interrupted")
    tuner.search(X, Y, callbacks=[PressesControlC(3, swallow)], **FIT)
    assert not PressesControlC.reached_the_end
    assert signal.getsignal(signal.SIGINT) is handler
    assert outcome(tuner)[:2] == outcome(undisturbed)[:2]
    assert [str(trial.status) for trial in tuner.trials[2:]] == ["RUNNING"]
    assert tuner.remaining_trials == 2
    assert tuner.get_best_models()[0]

    tuner.search(X, Y, **FIT)
    assert outcome(tuner) == outcome(undisturbed)
    assert tuner.history(2) == undisturbed.history(2)


@pytest.mark.slow
def test_it_goes_on_in_another_process_as_well(tmp_path):
    undisturbed = make(tmp_path, "undisturbed", executions_per_trial=2, max_trials=2)
    undisturbed.search(X, Y, **FIT)
    first = make(tmp_path, "interrupted", executions_per_trial=2, max_trials=2)
    first.search(X, Y, callbacks=[PressesControlC(2)], **FIT)
    assert [len(trial.executions) for trial in first.trials] == [1]
    again = make(tmp_path, "interrupted", executions_per_trial=2, max_trials=2)
    again.search(X, Y, **FIT)
    assert outcome(again) == outcome(undisturbed)


def test_an_interrupt_in_a_run_trial_of_the_users_own(tmp_path):
    class Own(kt.RandomSearch):
        def run_trial(self, trial, *args, **kwargs):
            return super().run_trial(trial, *args, **kwargs)

    tuner = Own(build, "val_loss", 2, seed=9, directory=tmp_path)
    tuner.search(X, Y, callbacks=[PressesControlC(2)], **FIT)
    assert [str(trial.status) for trial in tuner.trials] == ["COMPLETED", "RUNNING"]
    tuner.search(X, Y, **FIT)
    assert [str(trial.status) for trial in tuner.trials] == ["COMPLETED"] * 2


def test_a_time_limit_finishes_the_trial_under_way(tmp_path):
    """The first trial takes longer than there is time: it is the only one, and it is whole."""
    tuner = make(tmp_path, "limited", max_time=1.0)
    slow = keras.callbacks.LambdaCallback(on_epoch_end=lambda epoch, logs: time.sleep(0.6))
    tuner.search(X, Y, callbacks=[slow], **FIT)
    assert [str(trial.status) for trial in tuner.trials] == ["COMPLETED"]
    assert len(tuner.history(0)[0]["loss"]) == 2
