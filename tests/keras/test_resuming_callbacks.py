"""Callbacks remember across the boundary of two segments what they would have known."""

import csv
import os

import numpy as np
import pytest

from kerastune_lite._src.core.objective import Objective
from kerastune_lite._src.keras.callbacks import EpochReporter
from kerastune_lite._src.keras.state_files import read_state, write_state
from tests.keras.models import FEATURES, keras
from tests.keras.resumed import (
    EPOCHS,
    assert_alike,
    assert_resumes,
    assert_same,
    begin,
    build,
    fit,
    go_on,
    momentum,
    remembered,
    restless,
)

# Between Keras and TensorFlow, about their own conversions to NumPy.
pytestmark = pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")


class Noted(keras.callbacks.Callback):
    """A user's callback with all kinds of memory, in which the training depends on it."""

    def __init__(self):
        super().__init__()
        self.epochs, self.losses, self.best = 0, [], np.float32("inf")
        self.by_epoch, self.pair, self.seen = {}, (0, None), set()
        self.mean = np.zeros(FEATURES)

    def on_train_begin(self, logs=None):
        self.epochs, self.pair = 0, (0, None)

    def on_epoch_end(self, epoch, logs=None):
        self.epochs += 1
        self.losses.append(logs["loss"])
        self.best = min(self.best, np.float32(logs["loss"]))
        self.by_epoch[epoch] = dict(logs)
        self.pair = (epoch, logs["val_loss"])
        self.seen.add(epoch)
        self.mean += self.model.layers[0].kernel.numpy().mean(axis=1)
        self.model.optimizer.learning_rate = 0.1 / (self.epochs + len(self.losses))


CALLBACKS = {
    "early stopping": lambda: [
        keras.callbacks.EarlyStopping(patience=2, min_delta=0.01, restore_best_weights=True)
    ],
    "more is better": lambda: [
        keras.callbacks.EarlyStopping(
            "val_mae", mode="max", patience=4, min_delta=0.01, restore_best_weights=True
        ),
        keras.callbacks.ReduceLROnPlateau("val_mae", patience=1, min_delta=0.01, mode="max"),
    ],
    "reducing the rate": lambda: [
        keras.callbacks.ReduceLROnPlateau(patience=1, factor=0.5, cooldown=1, min_delta=0.01),
        keras.callbacks.History(),
    ],
    "a schedule": lambda: [
        keras.callbacks.LearningRateScheduler(lambda epoch, rate: rate * 0.7 + 0.01 * epoch),
        keras.callbacks.TerminateOnNaN(),
    ],
    "averages in the model": lambda: [keras.callbacks.SwapEMAWeights(swap_on_epoch=True)],
    "averages in validation": lambda: [keras.callbacks.SwapEMAWeights()],
    "the user's": lambda: [Noted(), keras.callbacks.History()],
}


@pytest.mark.parametrize("make", CALLBACKS.values(), ids=CALLBACKS.keys())
def test_callbacks_go_on(tmp_path, make):
    def optimizer():
        averages = any(isinstance(c, keras.callbacks.SwapEMAWeights) for c in make())
        return keras.optimizers.SGD(0.05, momentum=0.9, use_ema=averages, ema_momentum=0.8)

    whole, later = assert_resumes(
        lambda seed: build(optimizer, seed, metrics=["mae"]), make, tmp_path
    )
    for callbacks in later:
        for one, other in zip(callbacks, whole):
            assert_alike(remembered(one), remembered(other))


def test_the_trainings_with_callbacks_are_eventful():
    """Or the test above would compare nothing."""
    stopping, reducing = CALLBACKS["early stopping"]()[0], CALLBACKS["reducing the rate"]()[0]
    history = fit(build(restless), [stopping])
    assert 2 < len(history["loss"]) < EPOCHS
    assert stopping.best_epoch == 1
    history = fit(build(restless), [reducing])
    assert len(set(history["learning_rate"])) > 1


def test_a_stop_before_the_boundary_is_recorded(tmp_path):
    stopping = CALLBACKS["early stopping"]
    ran = len(fit(build(restless), stopping())["loss"])
    for end in (ran, ran + 1):
        begin(lambda seed: build(restless, seed), stopping, tmp_path / "state", end)
        state = read_state(tmp_path / "state")
        assert (state.epoch, state.stopped) == (ran, True)


def test_our_own_reporter_goes_on(tmp_path):
    def make(keep_below=None):
        objective = Objective("val_loss", "min")
        return [EpochReporter(objective, lambda epoch, metrics: True, keep_below, strict=True)]

    def make_model(seed):
        return build(restless, seed)

    [whole] = make()
    fit(make_model(0), [whole])
    for boundary in (1, 3):
        begin(make_model, make, tmp_path / "state", boundary)
        _, [reporter], _ = go_on(make_model, make, tmp_path / "state", EPOCHS)
        assert (reporter.best_epoch, reporter.epochs) == (whole.best_epoch, EPOCHS)
        assert reporter.history.keys() == whole.history.keys()
        np.testing.assert_allclose(reporter.history["val_loss"], whole.history["val_loss"], 1e-6)
        for one, other in zip(reporter.best_weights, whole.best_weights):
            np.testing.assert_allclose(one, other, rtol=1e-6, atol=1e-7)
    # What the later segment keeps is its own affair.
    _, [reporter], _ = go_on(make_model, lambda: make(-1.0), tmp_path / "state", EPOCHS + 1)
    assert reporter._keep_below == -1.0


def rows(path):
    with open(path, newline="") as file:
        return list(csv.reader(file))


@pytest.mark.parametrize(("boundary", "append"), [(1, False), (2, False), (3, True)])
def test_a_csv_file_is_appended_to(tmp_path, boundary, append):
    def make(name):
        # The rate is among the columns then; and with validation in every other epoch, which
        # columns there are depends on the first epoch alone.
        return lambda: [
            keras.callbacks.LearningRateScheduler(lambda epoch, rate: rate),
            keras.callbacks.CSVLogger(tmp_path / name, append=append),
        ]

    arguments = {"validation_freq": 2}
    fit(build(momentum), make("whole.csv")(), **arguments)
    path = tmp_path / "state"
    begin(lambda seed: build(momentum, seed), make("broken.csv"), path, boundary, **arguments)
    go_on(lambda seed: build(momentum, seed), make("broken.csv"), path, EPOCHS, **arguments)
    whole, broken = rows(tmp_path / "whole.csv"), rows(tmp_path / "broken.csv")
    assert broken[0] == whole[0]
    assert [row[0] for row in broken] == ["epoch", *map(str, range(EPOCHS))]
    for one, other in zip(broken[1:], whole[1:]):
        for ours, theirs in zip(one, other):
            assert ours == theirs or float(ours) == pytest.approx(float(theirs), rel=1e-5)


def test_steps_in_tensorboard_go_on(tmp_path):
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    def make():
        return [keras.callbacks.TensorBoard(tmp_path / "logs", update_freq=1, write_graph=False)]

    path = tmp_path / "state"
    begin(lambda seed: build(momentum, seed), make, path, 2)
    go_on(lambda seed: build(momentum, seed), make, path, EPOCHS)

    def steps(run, tag):
        events = EventAccumulator(str(tmp_path / "logs" / run), {"tensors": 0})
        events.Reload()
        return [event.step for event in events.Tensors(tag)]

    batches = 3
    assert steps("train", "batch_loss") == list(range(1, batches * EPOCHS + 1))
    assert steps("train", "epoch_loss") == list(range(EPOCHS))
    assert steps("validation", "epoch_loss") == list(range(EPOCHS))


@pytest.mark.parametrize(("save_freq", "most"), [("epoch", EPOCHS - 1), (4, 3)])
def test_the_best_checkpoint_stays_the_best(tmp_path, save_freq, most):
    def make(name):
        return lambda: [
            keras.callbacks.ModelCheckpoint(
                tmp_path / name / "{epoch}.weights.h5",
                "mae",
                save_best_only=True,
                save_weights_only=True,
                save_freq=save_freq,
            )
        ]

    def make_model(seed):
        return build(restless, seed, metrics=["mae"])

    fit(make_model(0), make("whole")())
    whole = sorted(os.listdir(tmp_path / "whole"))
    assert 1 < len(whole) <= most, "the first is not the best, and not all are"
    for boundary in (2, 4):
        name = f"broken{boundary}"
        begin(make_model, make(name), tmp_path / "state", boundary)
        go_on(make_model, make(name), tmp_path / "state", EPOCHS)
        assert sorted(os.listdir(tmp_path / name)) == whole


def test_a_backup_of_keras_own_does_not_take_over(tmp_path):
    def make():
        backup = keras.callbacks.BackupAndRestore(str(tmp_path / "backup"), delete_checkpoint=False)
        return [backup]

    def make_model(seed):
        return build(momentum, seed)

    model = make_model(0)
    unbroken = model, fit(model, [])
    begin(make_model, make, tmp_path / "state", 2)
    state = read_state(tmp_path / "state")
    # The process trained on to the end of epoch 3 and died: the backup is ahead of the state.
    go_on(make_model, make, tmp_path / "state", 4)
    write_state(state, tmp_path / "state")
    resumed, _, history = go_on(make_model, make, tmp_path / "state", EPOCHS)
    assert_same(unbroken, (resumed, history))


def test_what_a_callback_does_as_training_begins_is_done_once(tmp_path):
    class Warm(keras.callbacks.Callback):
        def on_train_begin(self, logs=None):
            self.model.optimizer.learning_rate = 0.2
            self.model.layers[0].kernel.assign(np.ones((FEATURES, 6)))

    def make_model(seed):
        return build(momentum, seed)

    model = make_model(0)
    unbroken = model, fit(model, [Warm()])
    begin(make_model, lambda: [Warm()], tmp_path / "state", 2)
    resumed, _, history = go_on(make_model, lambda: [Warm()], tmp_path / "state", EPOCHS)
    assert_same(unbroken, (resumed, history))


def test_a_stopping_of_the_users_own_that_changes_its_settings(tmp_path):
    class Lenient(keras.callbacks.EarlyStopping):
        def on_epoch_end(self, epoch, logs=None):
            self.patience += epoch % 2
            super().on_epoch_end(epoch, logs)

    def make():
        return [Lenient(patience=1, min_delta=0.05)]

    whole, later = assert_resumes(lambda seed: build(restless, seed), make, tmp_path)
    for callbacks in later:
        assert_alike(remembered(callbacks[0]), remembered(whole[0]))
