"""What becomes of trials whose code raises, whose memory runs out, or whose loss is no number."""

import math

import pytest

import kerastune_lite as kt
from kerastune_lite._src.util.errors import FailedTrialError, FatalError, FatalValueError
from tests.keras.models import data, keras, linear

X, Y = data(24)
FIT = {"validation_split": 0.25, "verbose": 0}


class Script:
    """A builder that does, in its n-th trial, what the n-th entry says.

    Args:
        steps: for each call of `build` while searching: an exception to raise, a model, or None.
    """

    def __init__(self, *steps):
        self._steps = list(steps)
        self.calls = -1  # the first build reads the space

    def __call__(self, hp):
        hp.Float("x", 0, 1)
        self.calls += 1
        step = self._steps[self.calls - 1] if 0 < self.calls <= len(self._steps) else None
        if isinstance(step, BaseException):
            raise step
        return linear() if step is None else step()


def make(tmp_path, build, max_trials=2, **arguments):
    arguments = {"seed": 3, "directory": tmp_path, **arguments}
    return kt.RandomSearch(build, "val_loss", max_trials, **arguments)


def out_of_memory():
    import tensorflow as tf

    return tf.errors.ResourceExhaustedError(None, None, "OOM when allocating a tensor")


def not_a_number():
    return linear(loss=lambda y_true, y_pred: y_pred * math.nan)


def infinite():
    return linear(loss=lambda y_true, y_pred: 0.0 * y_pred + math.inf)


@pytest.mark.parametrize(
    ("step", "expected"),
    [
        (ValueError("bad luck"), "ValueError: bad luck"),
        (MemoryError("no more"), "MemoryError: no more"),
        (out_of_memory, "OOM when allocating a tensor"),
        (not_a_number, "FloatingPointError: val_loss is nan"),
        (infinite, "FloatingPointError: val_loss is inf"),
        (FailedTrialError("too deep"), "FailedTrialError: too deep"),
    ],
)
def test_a_failure_is_that_trials_alone(tmp_path, step, expected):
    if step is out_of_memory:
        step = out_of_memory()
    tuner = make(tmp_path, Script(step))
    tuner.search(X, Y, **FIT)
    failed, good = tuner.trials
    assert (failed.status, good.status) == ("FAILED", "COMPLETED")
    assert expected in failed.failure
    assert failed.message.startswith("Traceback (most recent call last)")
    assert (failed.score, failed.metrics) == (None, {})
    assert tuner.get_best_trials(5) == [good]
    assert tuner.remaining_trials == 0


def test_epochs_before_the_nan_count(tmp_path):
    class Spoil(keras.callbacks.Callback):
        def on_epoch_begin(self, epoch, logs=None):
            if epoch == 1:
                self.model.layers[-1].bias.assign([math.nan])

    tuner = make(tmp_path, Script(), max_trials=1)
    tuner.search(X, Y, epochs=3, callbacks=[Spoil()], **FIT)
    (trial,) = tuner.trials
    assert (trial.status, trial.best_step) == ("COMPLETED", 0)
    assert math.isnan(tuner.history(trial)[0]["val_loss"][2])
    assert tuner.get_best_models()[0].evaluate(X[18:], Y[18:], verbose=0) == pytest.approx(
        trial.score, rel=1e-5
    )


@pytest.mark.parametrize("step", [ValueError("bad luck"), not_a_number])
def test_a_retry_that_succeeds_is_a_success(tmp_path, step):
    tuner = make(tmp_path, Script(step, step), max_trials=1, max_retries_per_trial=2)
    tuner.search(X, Y, **FIT)
    (trial,) = tuner.trials
    assert (trial.status, trial.message) == ("COMPLETED", None)
    assert [e.outcome.value for e in trial.executions] == ["FAILED", "FAILED", "COMPLETED"]
    assert [e.attempt for e in trial.executions] == [0, 1, 2]
    assert trial.score == trial.executions[2].score


def test_a_retry_keeps_the_executions_that_are_finished(tmp_path):
    build = Script(None, ValueError("bad luck"))
    tuner = make(tmp_path, build, max_trials=1, executions_per_trial=3, max_retries_per_trial=1)
    tuner.search(X, Y, **FIT)
    (trial,) = tuner.trials
    completed = [e for e in trial.executions if e.outcome == "COMPLETED"]
    assert [e.index for e in completed] == [0, 1, 2]
    assert build.calls == 4
    assert trial.score == pytest.approx(sum(e.score for e in completed) / 3)


def test_too_many_retries(tmp_path):
    errors = [ValueError(f"number {i}") for i in range(3)]
    tuner = make(tmp_path, Script(*errors), max_retries_per_trial=2)
    tuner.search(X, Y, **FIT)
    assert [len(trial.executions) for trial in tuner.trials] == [3, 1]
    assert tuner.trials[0].failure == "ValueError: number 2"


def test_values_that_cannot_work_are_not_tried_again(tmp_path):
    build = Script(FailedTrialError("too deep"))
    tuner = make(tmp_path, build, max_retries_per_trial=5)
    tuner.search(X, Y, **FIT)
    assert [len(trial.executions) for trial in tuner.trials] == [1, 1]
    assert build.calls == 2


def test_too_many_failures_in_a_row_and_then_a_resume(tmp_path):
    broken = Script(*(ValueError(f"number {i}") for i in range(9)))
    tuner = make(tmp_path, broken, max_trials=5, max_consecutive_failed_trials=2)
    with pytest.raises(RuntimeError, match="2 trials in a row failed") as caught:
        tuner.search(X, Y, **FIT)
    assert "Traceback (most recent call last)" in str(caught.value)
    assert "ValueError: number 1" in str(caught.value)
    assert [trial.status for trial in tuner.trials] == ["FAILED", "FAILED"]
    mended = make(tmp_path, Script(), max_trials=5, max_consecutive_failed_trials=2)
    mended.search(X, Y, **FIT)
    assert [str(trial.status) for trial in mended.trials] == ["FAILED"] * 2 + ["COMPLETED"] * 3


def test_successes_between_failures(tmp_path):
    bad = ValueError("bad luck")
    tuner = make(
        tmp_path, Script(bad, None, bad, None), max_trials=4, max_consecutive_failed_trials=2
    )
    tuner.search(X, Y, **FIT)
    assert [str(t.status)[0] for t in tuner.trials] == ["F", "C", "F", "C"]


@pytest.mark.parametrize("error", [FatalError("stop"), FatalValueError("stop")])
def test_a_fatal_error_stops_the_search(tmp_path, error):
    tuner = make(tmp_path, Script(None, error), max_trials=4, max_retries_per_trial=3)
    with pytest.raises(type(error), match="stop"):
        tuner.search(X, Y, **FIT)
    assert [str(trial.status) for trial in tuner.trials] == ["COMPLETED", "RUNNING"]
    again = make(tmp_path, Script(), max_trials=4)
    again.search(X, Y, **FIT)
    assert [str(trial.status) for trial in again.trials] == ["COMPLETED"] * 4


def test_an_error_in_a_callback_or_in_the_middle_of_fit(tmp_path):
    class Breaks(keras.callbacks.Callback):
        def on_train_batch_end(self, batch, logs=None):
            raise OSError("the disk of the user's own log is full")

    tuner = make(tmp_path, Script(), max_consecutive_failed_trials=9)
    with pytest.raises(RuntimeError, match="All 2 trials failed"):
        tuner.search(X, Y, callbacks=[Breaks()], **FIT)
    assert {trial.failure for trial in tuner.trials} == {
        "OSError: the disk of the user's own log is full"
    }


def test_a_full_disk_stops_the_search_and_loses_nothing(tmp_path, monkeypatch):
    original, writes = keras.Model.save_weights, []

    def save_weights(self, path, *args, **kwargs):
        writes.append(path)
        if len(writes) == 2:
            raise OSError(28, "No space left on device")
        return original(self, path, *args, **kwargs)

    monkeypatch.setattr(keras.Model, "save_weights", save_weights)
    tuner = make(tmp_path, Script(), max_trials=3)
    with pytest.raises(kt.errors.StoreError, match="No space left on device"):
        tuner.search(X, Y, **FIT)
    assert [str(trial.status) for trial in tuner.trials] == ["COMPLETED", "RUNNING"]
    tuner.search(X, Y, **FIT)
    assert [str(trial.status) for trial in tuner.trials] == ["COMPLETED"] * 3
    assert len(tuner.get_best_models(3)) == 3


def test_models_that_are_too_large_are_skipped(tmp_path, caplog):
    def build(hp):
        units = keras.layers.Dense(hp.Int("units", 1, 40))
        model = keras.Sequential([keras.Input(X.shape[1:]), units, keras.layers.Dense(1)])
        model.compile(loss="mse", run_eagerly=True)
        return model

    tuner = make(tmp_path, build, max_trials=12, max_model_size=20 * (X.shape[1] + 2) + 1)
    tuner.search(X, Y, **FIT)
    too_large = [trial for trial in tuner.trials if trial.values["units"] > 20]
    assert 2 < len(too_large) < 10
    assert [trial for trial in tuner.trials if trial.rejected] == too_large
    assert len(tuner.get_best_trials(99)) == 12 - len(too_large)
    assert f"{len(too_large)} of 12 trials were rejected" in caplog.text
