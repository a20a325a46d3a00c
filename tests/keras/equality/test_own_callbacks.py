"""The user's own callbacks see what they would see in `fit`, and may do what they may do there."""

import numpy as np
import pytest

from tests.keras.equality.callback_cases import check, pairs
from tests.keras.equality.cases import (
    ARRAYS,
    PATHS,
    PLAIN,
    SHARED,
    Outcome,
    adam,
    arguments,
    by_fit,
    check_same,
    classes,
    dispatched,
    keras,
    mlp,
    rare_is_slow,
)

c = keras.callbacks

# Keras reads the learning rate in a way that NumPy 2 dislikes.
pytestmark = pytest.mark.filterwarnings("ignore:__array__ implementation")


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


def test_what_callbacks_are_told_and_see():
    for pair in pairs(lambda path: [Noted()], before=[0], epochs=2):
        (mine,), (right,) = pair.my_callbacks, pair.right_callbacks
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
    *(("epoch ends", what) for what in DOINGS),
    *((moment, "set_weights") for moment in MOMENTS[1:]),
    *((moment, "learning_rate") for moment in ("epoch begins", "train begins")),
]
COMMON_MEDDLING = [
    *(("epoch ends", w) for w in ("set_weights", "learning_rate", "optimizer", "evaluate")),
    *((moment, "set_weights") for moment in ("epoch begins", "test begins")),
]


@pytest.mark.parametrize("meddling", rare_is_slow(MEDDLING, COMMON_MEDDLING), ids=", ".join)
def test_callbacks_that_meddle(meddling):
    when, what = meddling
    for pair in pairs(lambda path: [Meddling(when, DOINGS[what])]):
        (mine,), (right,) = pair.my_callbacks, pair.right_callbacks
        assert len(mine.seen) == len(right.seen)
        for a, b in zip(mine.seen, right.seen):
            if a is not None:
                np.testing.assert_allclose(a, b, 1e-4, 1e-5)


def test_a_callback_that_saves_the_model(tmp_path):
    def make(path):
        return [Meddling("epoch ends", lambda model: model.save(tmp_path / f"{path}.keras"))]

    def trained_on(path):
        model = keras.models.load_model(tmp_path / f"{path}.keras")
        return Outcome(model, model.fit(**arguments()(0)))

    # Without Dropout: a model that is loaded draws new seeds.
    compared = pairs(make, mlp(optimizer=adam), epochs=2)
    paths = [pair.path for pair in compared]
    right = trained_on(None)
    for path in paths:
        check_same(trained_on(path), right)


@pytest.mark.parametrize(
    "when", rare_is_slow(["epoch ends", "epoch begins", "train begins"], ["epoch ends"])
)
def test_a_callback_that_stops_the_training(when):
    def stop(model):
        model.stop_training = True

    for pair in pairs(lambda path: [Meddling(when, stop)]):
        assert len(pair.mine.history.epoch) == 1


def freeze(model):
    model.layers[0].trainable = False


def test_a_callback_that_freezes_a_layer():
    """`fit` goes on training what it found in its first batch."""
    check(lambda path: [Meddling("epoch ends", freeze)], paths=(*PATHS, ARRAYS))


@pytest.mark.parametrize("path", [SHARED, ARRAYS])
def test_a_callback_that_freezes_a_layer_before_the_first_epoch(path):
    def fit(variant):
        return {**arguments()(variant), "callbacks": [Meddling("train begins", freeze)]}

    build = mlp(optimizer=adam)
    outcome = dispatched(build, fit, fastest=path)
    assert (outcome.path, outcome.reason) == (PLAIN, "the first epoch raised RuntimeError")
    check_same(outcome, by_fit(build, fit))


@pytest.mark.parametrize("what", ["dropout", "momentum"])
def test_a_scalar_that_is_changed_before_the_first_epoch(what):
    def change(model):
        if what == "dropout":
            model.layers[2].rate = 0.05
        else:
            model.optimizer.beta_1 = 0.5

    check(lambda path: [Meddling("train begins", change)])


def test_a_callback_that_adds_to_the_logs():
    class Adding(c.Callback):
        def on_epoch_end(self, epoch, logs=None):
            logs["val_twice"] = 2 * logs["val_loss"]

    def make(path):
        return [Adding(), c.EarlyStopping("val_twice", patience=0, min_delta=0.1, mode="min")]

    for pair in pairs(make, epochs=6):
        assert "val_twice" in pair.mine.history.history


def test_functions_at_the_ends_of_epochs():
    seen = {path: [] for path in (None, *PATHS)}

    def make(path):
        return [c.LambdaCallback(on_epoch_end=lambda e, logs: seen[path].append((e, *logs)))]

    check(make)
    assert len(seen[None]) == 3
    assert all(each == seen[None] for each in seen.values())


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
            dispatched(mlp(), fit, fastest=path)
        assert len(calls) == 1
