"""Callbacks see what they would see in `fit`, and may do what they may do there."""

import csv
import pathlib

import numpy as np
import pytest

from tests.training.equality.cases import (
    MORE_UNITS,
    SEED,
    Door,
    Outcome,
    adam,
    arguments,
    by_door,
    by_fit,
    check_plain,
    check_same,
    check_shared,
    classes,
    keras,
    made,
    mlp,
    no_programs,
    no_warnings,
    numbers,
    one_output,
)

c, L = keras.callbacks, keras.layers
PATHS = ("shared trace", "own trace")

# Keras reads the learning rate in a way that NumPy 2 dislikes.
pytestmark = pytest.mark.filterwarnings("ignore:__array__ implementation")


def hidden(variant):
    return [L.Dense(MORE_UNITS[variant], activation="relu"), L.Dropout(0.3)]


def both(make, path, build=None, variants=(0, 1), **others):
    """Train by the door and by `fit`; `make(folder)` -> the callbacks.

    Yields:
        What the door and `fit` came to, with their callbacks and folders.
    """
    build = build or mlp(hidden, adam)
    with no_programs(), no_warnings():
        for variant in variants if path == "shared trace" else (0,):
            made_, used = [], []
            for train in (by_door, by_fit):
                callbacks = make(train.__name__)
                fit = arguments(**{"epochs": 6, **others, "callbacks": callbacks})
                outcome = train(build, fit, variant, *([path] if train is by_door else []))
                made_.append(outcome)
                used.append(callbacks)
            assert made_[0].path == path, made_[0].reason
            check_same(*made_)
            yield (*made_, *used)


def through(*arguments, **others):
    return list(both(*arguments, **others))


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


@pytest.mark.parametrize("path", PATHS)
@pytest.mark.parametrize("name", SIMPLE)
def test_callbacks_of_keras(name, path):
    through(lambda folder: [SIMPLE[name]()], path)


@pytest.mark.parametrize("path", PATHS)
def test_csv_logger(path, tmp_path):
    def make(folder):
        return [c.CSVLogger(tmp_path / f"{folder}.csv")]

    for _ in both(make, path):
        rows = []
        for name in ("by_door", "by_fit"):
            with open(tmp_path / f"{name}.csv") as lines:
                rows.append(list(csv.reader(lines)))
        assert rows[0][0] == rows[1][0]
        np.testing.assert_allclose(*(np.array(r[1:], float) for r in rows), 1e-5, 1e-6)


@pytest.mark.parametrize("path", PATHS)
@pytest.mark.parametrize("kind", ["weights.h5", "keras"])
@pytest.mark.parametrize("best", [False, True])
def test_model_checkpoint(kind, path, best, tmp_path):
    def make(folder):
        (tmp_path / folder).mkdir(exist_ok=True)
        file = tmp_path / folder / ("best." + kind if best else "{epoch}." + kind)
        return [
            c.ModelCheckpoint(
                file, save_weights_only=kind != "keras", save_best_only=best, monitor="val_loss"
            )
        ]

    for mine, right, *_ in both(make, path, epochs=3, variants=(1,)):
        files = sorted(p.name for p in (tmp_path / "by_door").iterdir())
        assert files == sorted(p.name for p in (tmp_path / "by_fit").iterdir())
        for name in files:
            for outcome, folder in ((mine, "by_door"), (right, "by_fit")):
                if kind == "keras":
                    outcome.model = keras.models.load_model(tmp_path / folder / name)
                else:
                    outcome.model.load_weights(tmp_path / folder / name)
            # A model that is loaded draws new seeds.
            for a, b in zip(mine.model.weights, right.model.weights):
                np.testing.assert_allclose(np.asarray(a), np.asarray(b), 1e-4, 2e-6)
            slots = zip(mine.model.optimizer.variables, right.model.optimizer.variables)
            for a, b in slots:
                np.testing.assert_allclose(np.asarray(a), np.asarray(b), 1e-4, 2e-6)


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


@pytest.mark.parametrize("path", PATHS)
@pytest.mark.filterwarnings("default")
def test_tensorboard(path, tmp_path):
    def make(folder):
        return [c.TensorBoard(tmp_path / folder, write_graph=False, histogram_freq=1)]

    for _ in both(make, path, epochs=3, variants=(1,)):
        mine, right = scalars(tmp_path / "by_door"), scalars(tmp_path / "by_fit")
        assert set(mine) == set(right)
        assert {tag for _, tag, _ in mine} >= {"epoch_loss", "epoch_accuracy"}
        for key, value in right.items():
            np.testing.assert_allclose(mine[key], value, 1e-4, 1e-5, err_msg=str(key))


def huge(epoch, rate):
    return 1e30 if epoch == 1 else 0.01


@pytest.mark.parametrize("path", PATHS)
def test_terminate_on_nan(path, capsys):
    through(
        lambda folder: [c.LearningRateScheduler(huge), c.TerminateOnNaN()],
        path,
        build=one_output(),
        data=numbers(),
        batch_size=10,
    )
    # Each of the trainings says so.
    lines = [line for line in capsys.readouterr().out.splitlines() if "Invalid loss" in line]
    assert lines[::2] == lines[1::2]
    assert lines


def test_a_loss_that_is_not_finite_without_anybody_who_minds():
    for mine, _, *_ in both(
        lambda folder: [c.LearningRateScheduler(huge)],
        "shared trace",
        build=one_output(),
        data=numbers(),
    ):
        assert len(mine.history.epoch) == 6


@pytest.mark.parametrize("path", PATHS)
@pytest.mark.parametrize("on_epoch", [False, True])
def test_swap_ema_weights(path, on_epoch):
    def ema(variant):
        return keras.optimizers.Adam(0.02, use_ema=True, ema_momentum=0.7)

    through(lambda folder: [c.SwapEMAWeights(swap_on_epoch=on_epoch)], path, mlp(hidden, ema))


@pytest.mark.parametrize("path", PATHS)
def test_backup_and_restore(path, tmp_path):
    """A training that was interrupted goes on at the epoch after its last one."""

    class Interrupted(c.Callback):
        def __init__(self, armed):
            super().__init__()
            self.armed = armed

        def on_epoch_begin(self, epoch, logs=None):
            if self.armed and epoch == 2:
                raise RuntimeError("the machine was switched off")

    outcomes = []
    for folder, train in (("door", by_door), ("fit", by_fit)):
        for armed in (True, False):
            backup = c.BackupAndRestore(tmp_path / folder)
            fit = arguments(epochs=4, callbacks=[backup, Interrupted(armed)])
            more = [path] if train is by_door else []
            if armed:
                with pytest.raises(RuntimeError, match="switched off"):
                    train(mlp(hidden, adam), fit, 0, *more)
            else:
                outcomes.append(train(mlp(hidden, adam), fit, 0, *more))
    assert outcomes[1].history.epoch == [2, 3]
    check_same(*outcomes)


# ------------------------------------------------------------------ the user's own


class Noted(c.Callback):
    """Notes what it is told, and what the model looks like then."""

    def __init__(self):
        super().__init__()
        self.noted = []

    def note(self, what, logs=None):
        weights = [np.array(w) for w in self.model.get_weights()]
        self.noted.append((what, dict(logs or {}), weights, int(self.model.optimizer.iterations)))

    def on_train_begin(self, logs=None):
        self.params_seen = dict(self.params)
        self.note("train begins", logs)

    def on_train_end(self, logs=None):
        self.note("train ends", logs)

    def on_epoch_begin(self, epoch, logs=None):
        self.note(f"epoch {epoch} begins", logs)

    def on_epoch_end(self, epoch, logs=None):
        self.note(f"epoch {epoch} ends", logs)

    def on_test_begin(self, logs=None):
        self.note("test begins", logs)

    def on_test_end(self, logs=None):
        self.note("test ends", logs)


@pytest.mark.parametrize("path", PATHS)
def test_what_callbacks_are_told_and_see(path):
    for _, _, (mine,), (right,) in both(lambda folder: [Noted()], path, epochs=2):
        assert mine.params_seen == right.params_seen
        assert [n[0] for n in mine.noted] == [n[0] for n in right.noted]
        for (what, logs, weights, steps), (_, logs_, weights_, steps_) in zip(
            mine.noted, right.noted
        ):
            assert list(logs) == list(logs_), what
            for name in logs:
                assert type(logs[name]) is type(logs_[name]), (what, name)
                np.testing.assert_allclose(logs[name], logs_[name], 1e-5, 1e-6, err_msg=what)
            for a, b in zip(weights, weights_):
                np.testing.assert_allclose(a, b, 1e-4, 2e-6, err_msg=what)
            assert steps == steps_, what


class Meddling(c.Callback):
    """Does at one moment what callbacks are known to do."""

    def __init__(self, when, do):
        super().__init__()
        self.when, self.do, self.seen = when, do, []

    def _at(self, moment):
        if moment == self.when:
            self.seen.append(self.do(self.model))

    def on_train_begin(self, logs=None):
        self._at("train begins")

    def on_epoch_begin(self, epoch, logs=None):
        self._at("epoch begins")

    def on_epoch_end(self, epoch, logs=None):
        self._at("epoch ends")

    def on_test_begin(self, logs=None):
        self._at("test begins")

    def on_test_end(self, logs=None):
        self._at("test ends")


X, Y = classes(20, seed=7)


def halve(model):
    model.set_weights([w / 2 for w in model.get_weights()])


def slower(model):
    model.optimizer.learning_rate = float(model.optimizer.learning_rate) * 0.6


def forget(model):
    for variable in model.optimizer.variables[2:]:
        variable.assign(keras.ops.zeros_like(variable))


DOINGS = {
    "set_weights": halve,
    "learning_rate": slower,
    "optimizer": forget,
    "evaluate": lambda model: model.evaluate(X, Y, verbose=0),
    "predict": lambda model: model.predict(X, verbose=0),
    "get_weights": lambda model: np.concatenate([w.ravel() for w in model.get_weights()]),
    "train_on_batch": lambda model: model.train_on_batch(X, Y),
}
MOMENTS = ("epoch ends", "epoch begins", "train begins", "test begins", "test ends")
MEDDLING = [
    *((moment, what) for moment in MOMENTS[:2] for what in ("set_weights", "learning_rate")),
    *((moment, "set_weights") for moment in MOMENTS[2:]),
    *(("epoch ends", w) for w in ("optimizer", "evaluate", "predict", "get_weights")),
    ("train begins", "learning_rate"),
    ("epoch ends", "train_on_batch"),
]


@pytest.mark.parametrize("path", PATHS)
@pytest.mark.parametrize(("when", "what"), MEDDLING)
def test_callbacks_that_meddle(when, what, path):
    def make(folder):
        return [Meddling(when, DOINGS[what])]

    for _, _, (mine,), (right,) in both(make, path, epochs=3, variants=(1,)):
        assert len(mine.seen) == len(right.seen)
        for a, b in zip(mine.seen, right.seen):
            if a is not None:
                np.testing.assert_allclose(a, b, 1e-4, 1e-5)


@pytest.mark.parametrize("path", PATHS)
def test_a_callback_that_saves_the_model(path, tmp_path):
    def make(folder):
        return [Meddling("epoch ends", lambda model: model.save(tmp_path / f"{folder}.keras"))]

    # Without Dropout: a model that is loaded draws new seeds.
    for _ in both(make, path, mlp(optimizer=adam), epochs=2, variants=(1,)):
        models = [keras.models.load_model(tmp_path / f"{f}.keras") for f in ("by_door", "by_fit")]
        given = arguments()(0)
        outcomes = [Outcome(m, m.fit(**given)) for m in models]
        check_same(*outcomes)


@pytest.mark.parametrize("path", PATHS)
@pytest.mark.parametrize("when", ["epoch ends", "epoch begins", "train begins"])
def test_a_callback_that_stops_the_training(path, when):
    def stop(model):
        model.stop_training = True

    for mine, _, *_ in both(lambda folder: [Meddling(when, stop)], path, variants=(1,)):
        assert len(mine.history.epoch) == 1


@pytest.mark.parametrize("path", PATHS)
@pytest.mark.parametrize("what", ["dropout", "momentum"])
def test_a_scalar_that_is_changed_before_the_first_epoch(what, path):
    def change(model):
        if what == "dropout":
            model.layers[2].rate = 0.05
        else:
            model.optimizer.beta_1 = 0.5

    through(lambda folder: [Meddling("train begins", change)], path, variants=(1,))


@pytest.mark.parametrize("path", PATHS)
def test_a_callback_that_adds_to_the_logs(path):
    class Adding(c.Callback):
        def on_epoch_end(self, epoch, logs=None):
            logs["val_twice"] = 2 * logs["val_loss"]

    def make(folder):
        return [Adding(), c.EarlyStopping("val_twice", patience=0, min_delta=0.1, mode="min")]

    for mine, *_ in both(make, path, variants=(1,)):
        assert "val_twice" in mine.history.history


@pytest.mark.parametrize("path", PATHS)
def test_functions_at_the_ends_of_epochs(path):
    seen = {"by_door": [], "by_fit": []}

    def make(folder):
        return [c.LambdaCallback(on_epoch_end=lambda e, logs: seen[folder].append((e, *logs)))]

    through(make, path, variants=(1,))
    assert seen["by_door"] == seen["by_fit"]


@pytest.mark.parametrize("path", PATHS)
def test_an_error_in_a_callback_is_the_users_to_see(path):
    calls = []

    def fails(model):
        calls.append(1)
        raise LookupError("in the callback")

    for when in ("train begins", "epoch begins", "epoch ends", "test begins"):
        calls.clear()
        fit = arguments(callbacks=lambda v, when=when: [Meddling(when, fails)])
        with pytest.raises(LookupError, match="in the callback"):
            by_door(mlp(), fit, fastest=path)
        assert len(calls) == 1


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


@pytest.mark.parametrize("name", PLAIN)
def test_callbacks_that_want_batches(name):
    make, named = PLAIN[name]
    check_plain(mlp(), arguments(callbacks=lambda variant: [make()]), named)


def test_a_callback_list_of_the_users_own():
    def build(variant):
        return mlp()(variant)

    model = made(build)
    given = c.CallbackList([c.History()], model=model)
    _, taken = Door().fit(model, (), {**arguments()(0), "callbacks": given}, SEED)
    assert taken.path == "model.fit"
    assert "CallbackList" in taken.reason


def test_one_callback_without_a_list():
    check_shared(mlp(), arguments(callbacks=lambda v: c.EarlyStopping("loss")), variants=(0, 1))


def test_files_are_written_nowhere_else(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    by_door(mlp(), arguments())
    assert not list(pathlib.Path().iterdir())
