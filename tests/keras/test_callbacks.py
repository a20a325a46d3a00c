import math
import os
import threading

import numpy as np
import pytest

from kerastune_lite._src.core.objective import Objective
from kerastune_lite._src.core.trial import Trial
from kerastune_lite._src.keras.callbacks import (
    BatchHookCaller,
    EpochReporter,
    HookCaller,
    SizeLimit,
    check_callbacks,
    fresh_callbacks,
    redirect_tensorboard,
    tensorboard_directories,
)
from kerastune_lite._src.util.errors import FailedTrialError, FatalTypeError, FatalValueError
from tests.keras.models import VAL_LOSS, data, keras, linear, same_weights

TRIAL = Trial(3, {})


class Uncopyable(keras.callbacks.Callback):
    def __init__(self):
        super().__init__()
        self.lock = threading.Lock()


class Counting(keras.callbacks.Callback):
    def __init__(self):
        super().__init__()
        self.epochs = []

    def on_epoch_end(self, epoch, logs=None):
        self.epochs.append(epoch)


# ---------------------------------------------------------------------- the user's


def test_each_execution_gets_copies():
    given = [Counting(), keras.callbacks.EarlyStopping(patience=3)]
    first, second = fresh_callbacks(given, TRIAL), fresh_callbacks(given, TRIAL)
    assert [type(each) for each in first] == [Counting, keras.callbacks.EarlyStopping]
    assert len({*map(id, given), *map(id, first), *map(id, second)}) == 6
    assert first[0].epochs is not second[0].epochs
    assert first[1].patience == 3


def test_one_callback_needs_no_list():
    assert type(fresh_callbacks(Counting(), TRIAL)[0]) is Counting
    assert fresh_callbacks(None, TRIAL) == []
    assert len(fresh_callbacks((Counting(), Counting()), TRIAL)) == 2


def test_a_function_is_asked_for_each_trial():
    made = []

    def make(trial):
        made.append(trial)
        return [Uncopyable()]

    assert type(fresh_callbacks(make, TRIAL)[0]) is Uncopyable
    assert made == [TRIAL]
    assert fresh_callbacks(lambda trial: None, TRIAL) == []
    assert len(fresh_callbacks(lambda trial: Counting(), TRIAL)) == 1


def test_the_model_of_an_earlier_fit_is_not_copied_along():
    callback = Counting()
    callback.set_model(linear())
    callback.model.lock = threading.Lock()
    (copy,) = fresh_callbacks([callback], TRIAL)
    assert copy.model is None
    assert callback.model is not None


def test_what_cannot_be_copied_is_refused_before_the_search():
    with pytest.raises(FatalValueError) as caught:
        check_callbacks([Counting(), Uncopyable()])
    assert "Uncopyable cannot be copied" in str(caught.value)
    assert "callbacks=lambda trial: [...]" in str(caught.value)


def test_a_class_is_no_callback():
    with pytest.raises(FatalTypeError, match=r"the class EarlyStopping\. Write EarlyStopping\("):
        fresh_callbacks([keras.callbacks.EarlyStopping], Trial(0, {}))


@pytest.mark.parametrize("wrong", [["early"], [Counting], [print], 3, [[Counting()]]])
def test_what_is_no_callback_is_refused_before_the_search(wrong):
    with pytest.raises(FatalTypeError, match="must hold Keras callbacks"):
        check_callbacks(wrong)


def test_a_function_is_not_called_ahead_of_its_time():
    check_callbacks(lambda trial: pytest.fail("called"))
    check_callbacks(None)
    with pytest.raises(FatalTypeError, match="Received: 'early' of type str"):
        fresh_callbacks(lambda trial: ["early"], TRIAL)


# ---------------------------------------------------------------------- TensorBoard


class MyTensorBoard(keras.callbacks.TensorBoard):
    pass


def test_tensorboard_callbacks_write_to_a_directory_of_the_execution(tmp_path):
    given = [MyTensorBoard(tmp_path / "a"), Counting(), keras.callbacks.TensorBoard("b")]
    copies = fresh_callbacks(given, TRIAL)
    redirect_tensorboard(copies, "trial_0003/execution0")
    assert copies[0].log_dir == os.path.join(tmp_path, "a", "trial_0003/execution0")
    assert copies[2].log_dir == os.path.join("b", "trial_0003/execution0")
    assert given[2].log_dir == "b"


def test_the_directories_of_tensorboard_callbacks(tmp_path):
    given = [MyTensorBoard(tmp_path / "a"), Counting()]
    assert tensorboard_directories(given) == [tmp_path / "a"]
    assert tensorboard_directories(given[0]) == [tmp_path / "a"]
    assert tensorboard_directories(lambda trial: given) == []
    assert tensorboard_directories(None) == []


# ---------------------------------------------------------------------- our own


def reporter(objective=VAL_LOSS, keep_below=None, strict=True, reported=None, go_on=True):
    def report(epoch, metrics):
        if reported is not None:
            reported.append((epoch, dict(metrics)))
        return go_on

    return EpochReporter(objective, report, keep_below, strict)


def fit(*callbacks, epochs=4, model=None, **arguments):
    x, y = data()
    model = model or linear()
    arguments.setdefault("validation_split", 0.25)
    history = model.fit(x, y, epochs=epochs, verbose=0, callbacks=list(callbacks), **arguments)
    return model, history


def test_each_epoch_is_reported_as_keras_logs_it():
    reported = []
    each = reporter(reported=reported)
    _, history = fit(each, epochs=3)
    assert [epoch for epoch, _ in reported] == [0, 1, 2]
    assert each.history == history.history
    assert reported[1][1] == {name: values[1] for name, values in history.history.items()}


def test_the_best_epochs_weights_are_kept():
    seen = []
    snapshots = keras.callbacks.LambdaCallback(
        on_epoch_end=lambda epoch, logs: seen.append(model.get_weights())
    )
    model = linear(learning_rate=0.9)
    each = reporter(Objective("val_loss", "max"))
    _, history = fit(each, snapshots, model=model)
    best = int(np.argmax(history.history["val_loss"]))
    assert each.best_epoch == best
    assert same_weights(each.best_weights, seen[best])
    assert each.metrics_at_best()["val_loss"] == history.history["val_loss"][best]


def test_weights_that_are_not_wanted_are_not_kept():
    each = reporter(keep_below=-1.0)
    fit(each)
    assert each.best_weights is None
    assert each.best_epoch == 3


def test_it_stops_when_told_to():
    each = reporter(go_on=False)
    _, history = fit(each, epochs=9)
    assert len(history.epoch) == 1


def test_a_wrong_name_is_found_after_the_first_epoch():
    each = reporter(Objective("val_acc", "max"))
    with pytest.raises(FatalValueError, match="no 'val_acc'; there are: loss, val_loss"):
        fit(each)
    assert each.epochs == 0
    lenient = reporter(Objective("val_acc", "max"), strict=False)
    fit(lenient)
    assert (lenient.epochs, lenient.best_epoch, lenient.best_weights) == (4, None, None)
    assert lenient.metrics_at_best() == {}


def test_metrics_stay_aligned_where_validation_is_rare():
    each = reporter(strict=False)
    _, history = fit(each, epochs=4, validation_freq=2)
    first, second = history.history["val_loss"]
    np.testing.assert_array_equal(each.history["val_loss"], [math.nan, first, math.nan, second])
    assert each.best_epoch in (1, 3)
    assert each.metrics_at_best()["loss"] == history.history["loss"][each.best_epoch]


def test_called_by_hand_in_a_loop_of_the_users():
    reported = []
    each = reporter(Objective("gain", "max"), strict=False, reported=reported)
    model = linear()
    each.set_model(model)
    for epoch, gain in enumerate([1.0, 3.0, 2.0]):
        model.set_weights([np.full((4, 1), gain), np.zeros(1)])
        each.on_epoch_end(epoch, logs={"gain": keras.ops.convert_to_tensor(gain)})
    assert each.best_epoch == 1
    assert each.best_weights[0][0] == 3.0
    assert reported == [(0, {"gain": 1.0}), (1, {"gain": 3.0}), (2, {"gain": 2.0})]


def test_without_a_model_nothing_is_kept_but_the_numbers():
    each = reporter(Objective("gain", "max"), strict=False, go_on=False)
    each.on_epoch_end(0, {"gain": 1.0})
    assert (each.best_epoch, each.best_weights) == (0, None)
    each.on_epoch_end(1)
    assert each.epochs == 2


def test_epochs_of_a_second_fit_follow_on():
    reported = []
    each = reporter(reported=reported)
    model, _ = fit(each, epochs=2)
    fit(each, epochs=2, model=model)
    assert [epoch for epoch, _ in reported] == [0, 1, 2, 3]
    each = reporter(reported=reported)
    del reported[:]
    fit(each, initial_epoch=5, epochs=7)
    assert [epoch for epoch, _ in reported] == [5, 6]
    assert each.best_epoch == 1


def test_weights_of_another_model_are_forgotten():
    each = reporter(strict=False)
    each.set_model(linear())
    each.on_epoch_end(0, {"val_loss": 0.0})
    other = linear()
    each.set_model(other)
    assert each.best_weights is None
    each.on_epoch_end(0, {"val_loss": 1.0})
    assert each.best_epoch == 1
    assert same_weights(each.best_weights, other.get_weights())


def test_epochs_that_are_not_finite_are_never_the_best():
    each = reporter(strict=False)
    each.set_model(linear())
    for loss in (math.nan, -math.inf, math.inf, 5.0):
        each.on_epoch_end(each.epochs, {"val_loss": loss})
    assert each.best_epoch == 3


def test_vectors_are_left_out_of_the_report():
    reported = []
    model = keras.Sequential([keras.Input((4,)), keras.layers.Dense(3, activation="softmax")])
    model.compile("sgd", "categorical_crossentropy", metrics=[keras.metrics.F1Score()])
    x, _ = data()
    y = np.eye(3, dtype="float32")[np.arange(len(x)) % 3]
    each = reporter(reported=reported)
    model.fit(x, y, validation_split=0.5, verbose=0, callbacks=[each])
    assert set(reported[0][1]) == {"loss", "val_loss"}
    each = reporter(Objective("val_f1_score", "max"))
    with pytest.raises(FatalValueError, match="must be a single number"):
        model.fit(x, y, validation_split=0.5, verbose=0, callbacks=[each])


class Hooks:
    def __init__(self):
        self.calls = []

    def __getattr__(self, name):
        return lambda trial, model, number, logs=None: self.calls.append(
            (name, trial.number, number, sorted(logs or {}))
        )


def test_hooks_are_called_as_kerastuner_calls_them():
    hooks = Hooks()
    fit(HookCaller(hooks, TRIAL), epochs=1)
    assert hooks.calls == [
        ("on_epoch_begin", 3, 0, []),
        ("on_epoch_end", 3, 0, ["loss", "val_loss"]),
    ]
    hooks = Hooks()
    fit(BatchHookCaller(hooks, TRIAL), epochs=1, batch_size=12)
    names = [call[0] for call in hooks.calls]
    batch = ["on_batch_begin", "on_batch_end"]
    assert names == ["on_epoch_begin", *batch, *batch, "on_epoch_end"]
    assert hooks.calls[2] == ("on_batch_end", 3, 0, ["loss"])


def is_asynchronous(*callbacks):
    """What Keras looks at on backends that dispatch callbacks in the background."""
    ends = ("on_batch_end", "on_train_batch_end", "on_test_batch_end", "on_predict_batch_end")
    return all(hasattr(getattr(c, end), "_is_default") for c in callbacks for end in ends)


def test_our_callbacks_leave_keras_its_asynchronous_dispatch():
    ours = [reporter(), SizeLimit(10), HookCaller(Hooks(), TRIAL)]
    assert is_asynchronous(*ours)
    assert not is_asynchronous(*ours, BatchHookCaller(Hooks(), TRIAL))


def test_a_model_that_is_built_late_is_measured_late():
    model = keras.Sequential([keras.layers.Dense(1)])
    model.compile("sgd", "mse")
    with pytest.raises(FailedTrialError, match="5 parameters, more than the 4 "):
        fit(SizeLimit(4), model=model)
    fit(SizeLimit(5), model=model)
    model = keras.Sequential([keras.layers.Dense(1)])
    model.compile("sgd", "mse")
    with pytest.raises(FailedTrialError):
        fit(SizeLimit(4), model=model, batch_size=32)
