"""Keras's callbacks do in the epochs of each path what they do in `fit`."""

import csv
import pathlib

import numpy as np
import pytest

from tests.keras.equality.callback_cases import check, hidden, pairs
from tests.keras.equality.cases import (
    PATHS,
    SEED,
    SHARED,
    Dispatcher,
    adam,
    arguments,
    by_fit,
    check_plain,
    check_same,
    check_shared,
    dispatched,
    keras,
    made,
    mlp,
    no_programs,
    no_warnings,
    numbers,
    one_output,
    rare_is_slow,
)

c = keras.callbacks

# Keras reads the learning rate in a way that NumPy 2 dislikes.
pytestmark = pytest.mark.filterwarnings("ignore:__array__ implementation")


def raise_in_between(epoch, rate):
    return 0.1 if epoch == 2 else 0.01


SIMPLE = {
    "early stopping": lambda: c.EarlyStopping("val_loss", patience=1, min_delta=0.05),
    "early stopping with the best weights": lambda: c.EarlyStopping(
        "val_accuracy", patience=1, restore_best_weights=True, min_delta=0.2
    ),
    "early stopping from an epoch on": lambda: c.EarlyStopping(
        "loss", baseline=0.1, patience=2, start_from_epoch=1, restore_best_weights=True
    ),
    "reduce on plateau": lambda: c.ReduceLROnPlateau("val_loss", 0.3, patience=1, min_delta=0.3),
    "schedule": lambda: c.LearningRateScheduler(raise_in_between),
    "schedule of the rate before": lambda: c.LearningRateScheduler(lambda epoch, rate: rate * 0.7),
    "nothing": lambda: c.Callback(),
    "no nan": lambda: c.TerminateOnNaN(),
}


@pytest.mark.parametrize("name", SIMPLE)
def test_callbacks_of_keras(name):
    check(lambda path: [SIMPLE[name]()], before=[0], epochs=6)


def test_csv_logger(tmp_path):
    def make(path):
        return [c.CSVLogger(tmp_path / f"{path}.csv")]

    for pair in pairs(make, before=[0]):
        rows = []
        for path in (pair.path, None):
            with open(tmp_path / f"{path}.csv") as lines:
                rows.append(list(csv.reader(lines)))
        assert rows[0][0] == rows[1][0]
        np.testing.assert_allclose(*(np.array(r[1:], float) for r in rows), 1e-5, 1e-6)


CHECKPOINTS = {
    "weights": ("weights.h5", False),
    "the best weights": ("weights.h5", True),
    "models": ("keras", False),
    "the best model": ("keras", True),
}


@pytest.mark.parametrize("name", rare_is_slow(CHECKPOINTS, ["the best weights", "models"]))
def test_model_checkpoint(name, tmp_path):
    kind, best = CHECKPOINTS[name]

    def make(path):
        (tmp_path / str(path)).mkdir(exist_ok=True)
        file = tmp_path / str(path) / ("best." + kind if best else "{epoch}." + kind)
        return [
            c.ModelCheckpoint(
                file, save_weights_only=kind != "keras", save_best_only=best, monitor="val_loss"
            )
        ]

    def loaded(file):
        if kind == "keras":
            return keras.models.load_model(file)
        model = made(mlp(hidden, adam), 1)
        model.optimizer.build(model.trainable_variables)
        model.load_weights(file)
        return model

    for pair in pairs(make):
        folder, other = tmp_path / pair.path, tmp_path / "None"
        files = sorted(p.name for p in folder.iterdir())
        assert files == sorted(p.name for p in other.iterdir())
        for file in files:
            mine, right = loaded(folder / file), loaded(other / file)
            # A model that is loaded draws new seeds, which are no weights.
            close(mine.weights, right.weights)
            close(mine.optimizer.variables, right.optimizer.variables)


def close(variables, others):
    assert len(variables) == len(others) > 0
    for one, other in zip(variables, others):
        np.testing.assert_allclose(np.asarray(one), np.asarray(other), 1e-4, 2e-6)


def scalars(folder):
    """(run, tag, step) -> value, of all event files below."""
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    found = {}
    for run in ("train", "validation"):
        events = EventAccumulator(str(folder / run), size_guidance={"tensors": 0})
        events.Reload()
        for tag in events.Tags()["tensors"]:
            for event in events.Tensors(tag):
                value = event.tensor_proto
                if value.dtype == 1 and not value.tensor_shape.dim:
                    number = value.float_val[0] if value.float_val else np.frombuffer(
                        value.tensor_content, "float32")[0]  # fmt: skip
                    found[run, tag, event.step] = number
    return found


@pytest.mark.filterwarnings("default")
def test_tensorboard(tmp_path):
    def make(path):
        return [c.TensorBoard(tmp_path / str(path), write_graph=False, histogram_freq=1)]

    for pair in pairs(make):
        mine, right = scalars(tmp_path / pair.path), scalars(tmp_path / "None")
        assert set(mine) == set(right)
        assert {tag for _, tag, _ in mine} >= {"epoch_loss", "epoch_accuracy"}
        for key, value in right.items():
            np.testing.assert_allclose(mine[key], value, 1e-4, 1e-5, err_msg=str(key))


def huge(epoch, rate):
    return 1e30 if epoch == 1 else 0.01


def test_terminate_on_nan(capsys):
    check(
        lambda path: [c.LearningRateScheduler(huge), c.TerminateOnNaN()],
        build=one_output(),
        data=numbers(),
        batch_size=10,
    )
    # Each of the trainings says so.
    lines = [line for line in capsys.readouterr().out.splitlines() if "Invalid loss" in line]
    assert len(lines) == 1 + len(PATHS)
    assert len(set(lines)) == 1


def test_a_loss_that_is_not_finite_without_anybody_who_minds():
    for pair in pairs(
        lambda path: [c.LearningRateScheduler(huge)],
        build=one_output(),
        data=numbers(),
        paths=[SHARED],
    ):
        assert len(pair.mine.history.epoch) == 3


@pytest.mark.parametrize("on_epoch", rare_is_slow([False, True], [True]))
def test_swap_ema_weights(on_epoch):
    def ema(variant):
        return keras.optimizers.Adam(0.02, use_ema=True, ema_momentum=0.7)

    check(lambda path: [c.SwapEMAWeights(swap_on_epoch=on_epoch)], mlp(hidden, ema), before=[0])


def test_backup_and_restore(tmp_path):
    """A training that was interrupted goes on at the epoch after its last one."""

    class Interrupted(c.Callback):
        def on_epoch_begin(self, epoch, logs=None):
            if epoch == 2:
                raise RuntimeError("the machine was switched off")

    def trained(train, folder, *more):
        def fit(*others):
            backup = c.BackupAndRestore(tmp_path / folder)
            return arguments(epochs=4, callbacks=[backup, *others])

        with no_programs(), no_warnings():
            with pytest.raises(RuntimeError, match="switched off"):
                train(mlp(hidden, adam), fit(Interrupted()), 0, *more)
            return train(mlp(hidden, adam), fit(), 0, *more)

    right = trained(by_fit, "fit")
    assert right.history.epoch == [2, 3]
    for path in PATHS:
        mine = trained(dispatched, path, path)
        assert mine.path == path
        check_same(mine, right)


# ------------------------------------------------------------------ left to fit


class Batches(c.Callback):
    def on_train_batch_end(self, batch, logs=None):
        pass


class Older(c.Callback):
    def on_batch_begin(self, batch, logs=None):
        pass


PLAIN = {
    "the user's own": (lambda: Batches(), "Batches"),
    "the older name": (lambda: Older(), "Older"),
    "a function": (lambda: c.LambdaCallback(on_train_batch_end=lambda b, logs: None), "Lambda"),
    "checkpoints by batches": (
        lambda: c.ModelCheckpoint("/tmp/kerastune-never.keras", save_freq=10**6),
        "ModelCheckpoint",
    ),
    "in a list of lists": (lambda: [c.Callback(), Batches()], "Batches"),
}


@pytest.mark.parametrize("name", rare_is_slow(PLAIN, ["the user's own", "in a list of lists"]))
def test_callbacks_that_want_batches(name):
    make, named = PLAIN[name]
    check_plain(mlp(), arguments(callbacks=lambda variant: [make()]), named)


def test_a_callback_list_of_the_users_own():
    def build(variant):
        return mlp()(variant)

    model = made(build)
    given = c.CallbackList([c.History()], model=model)
    _, taken = Dispatcher().fit(model, (), {**arguments()(0), "callbacks": given}, SEED)
    assert taken.path == "model.fit"
    assert "CallbackList" in taken.reason


def test_one_callback_without_a_list():
    check_shared(mlp(), arguments(callbacks=lambda v: c.EarlyStopping("loss")))


def test_files_are_written_nowhere_else(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with no_programs():
        dispatched(mlp(), arguments())
    assert not list(pathlib.Path().iterdir())
