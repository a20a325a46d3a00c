"""The dispatcher: which path is taken as seen from a search, and what happens when one fails."""

import logging

import numpy as np
import pytest

import kerastune_lite as kt
from kerastune_lite._src.keras.loading import load_keras

keras = load_keras()

from kerastune_lite._src.keras.fast.dispatcher import ARRAYS, OWN, PLAIN, SHARED, Dispatcher  # noqa: E402
from kerastune_lite._src.keras.fast.program_cache import Programs  # noqa: E402
from kerastune_lite._src.keras.fast.stack import Stack  # noqa: E402

rng = np.random.default_rng(0)
X = rng.normal(size=(60, 4)).astype("float32")
Y = (X.sum(axis=1) > 0).astype("int64")


def model(units=8, **compiled):
    made = keras.Sequential(
        [
            keras.Input((4,)),
            keras.layers.Dense(units, activation="relu"),
            keras.layers.Dense(2, activation="softmax"),
        ]
    )
    arguments = {"loss": "sparse_categorical_crossentropy", "metrics": ["accuracy"], **compiled}
    made.compile(arguments.pop("optimizer", "sgd"), **arguments)
    return made


def build(hp):
    return model(hp.Int("units", 4, 64), optimizer=keras.optimizers.SGD(hp.Float("rate", 0.01, 1)))


def tuner(path, hypermodel=build, **kwargs):
    return kt.RandomSearch(
        hypermodel, "val_loss", max_trials=3, seed=0, directory=path, project_name="p", **kwargs
    )


def test_a_search_trains_on_shared_traces_and_says_so(tmp_path, capsys, caplog):
    searched = tuner(tmp_path)
    with caplog.at_level(logging.INFO, "kerastune_lite.training"):
        searched.search(X, Y, validation_split=0.2, epochs=2, verbose=0)
    assert [trial.path for trial in searched.trials] == [ARRAYS] * 3
    assert [r.getMessage() for r in caplog.records] == [ARRAYS] * 3
    searched.results_summary()
    assert "3 trials in NumPy" in capsys.readouterr().out
    # What was recorded is what the model that is handed out has.
    best = searched.get_best_trials()[0]
    scores = searched.get_best_models()[0].evaluate(X[48:], Y[48:], verbose=0, return_dict=True)
    assert scores["loss"] == pytest.approx(best.score, rel=1e-5)


def test_fast_false_is_model_fit(tmp_path):
    searched = tuner(tmp_path)
    searched.search(X, Y, validation_split=0.2, verbose=0, fast=False)
    assert {trial.path for trial in searched.trials} == {PLAIN}
    assert {e.path_reason for trial in searched.trials for e in trial.executions} == {"fast=False"}


def test_a_fit_of_ones_own_goes_through_it_each_time(tmp_path):
    class Twice(kt.HyperModel):
        def build(self, hp):
            return build(hp)

        def fit(self, hp, model, x, y, callbacks=None):
            model.fit(x, y, verbose=0)
            steps = int(model.optimizer.iterations.numpy())
            history = model.fit(x, y, validation_split=0.2, callbacks=callbacks, verbose=0)
            assert steps == 2
            assert model.optimizer.iterations.numpy() == 4
            assert "fit" not in vars(type(model))
            return history

    searched = tuner(tmp_path, Twice())
    searched.search(X, Y, verbose=0)
    assert [trial.path for trial in searched.trials] == [ARRAYS] * 3


def test_the_models_own_fit_is_back_afterwards():
    made = model()
    with Dispatcher().in_place_of_fit(made, 0, whole=False) as taken:
        made.fit(X, Y, verbose=0)
        made.fit(X, Y, verbose=0)
    assert [path.path for path in taken] == [ARRAYS] * 2
    assert "fit" not in vars(made)


def test_each_fit_of_an_execution_has_an_order_of_its_own():
    orders = []

    def histories(seed):
        keras.utils.set_random_seed(1)
        made = model(optimizer=keras.optimizers.SGD(0.5))
        with Dispatcher().in_place_of_fit(made, seed, whole=True):
            return [made.fit(X, Y, batch_size=8, verbose=0).history["loss"][0] for _ in range(2)]

    orders = [histories(0), histories(0), histories(1)]
    assert orders[0] == pytest.approx(orders[1])
    assert orders[0] != pytest.approx(orders[2], rel=1e-6)


@pytest.mark.parametrize("fastest", [OWN, SHARED, ARRAYS])
def test_the_users_mistake_is_said_by_fit_itself(fastest):
    with pytest.raises(Exception, match="label") as by_fit:
        model().fit(X, Y + 7, verbose=0)
    with pytest.raises(type(by_fit.value), match="label"):
        Dispatcher(fastest=fastest).fit(model(), (X, Y + 7), {"verbose": 0}, [0])


@pytest.mark.parametrize("fastest", [OWN, SHARED, ARRAYS])
def test_what_a_callback_raises_is_not_caught(fastest):
    class Raises(keras.callbacks.Callback):
        def on_epoch_end(self, epoch, logs=None):
            raise KeyError("mine")

    with pytest.raises(KeyError, match="mine"):
        Dispatcher(fastest=fastest).fit(
            model(), (X, Y), {"callbacks": [Raises()], "verbose": 0}, [0]
        )


@pytest.mark.parametrize("fastest", [OWN, SHARED, ARRAYS])
def test_a_program_that_fails_is_replaced_by_fit_from_the_start(monkeypatch, fastest):
    trained = Stack.train

    def breaks(self, *args, **kwargs):
        trained(self, *args, **kwargs)
        raise MemoryError

    monkeypatch.setattr(Stack, "train", breaks)
    made, other = model(), model()
    other.set_weights(made.get_weights())
    arguments = {"verbose": 0, "shuffle": False, "epochs": 2}
    history, taken = Dispatcher(fastest=fastest).fit(made, (X, Y), arguments, [0])
    assert (taken.path, taken.reason) == (PLAIN, "the first epoch raised MemoryError")
    expected = other.fit(X, Y, **arguments)
    assert history.history["loss"] == pytest.approx(expected.history["loss"])


def test_programs_that_were_not_used_for_long_are_forgotten():
    programs = Programs(2)
    for key in "abc":
        programs.put(key, key)
        assert programs.get("a" if key != "c" else "b") == ("a" if key != "c" else None)
    assert (programs.get("a"), programs.get("c"), len(programs)) == ("a", "c", 2)


@pytest.mark.slow
def test_memory_does_not_grow_with_trials():
    import gc

    def graphs():
        from tensorflow.python.framework.func_graph import FuncGraph

        gc.collect()
        return sum(type(each) is FuncGraph for each in gc.get_objects())

    dispatcher = Dispatcher()
    for units in range(4, 7):
        dispatcher.fit(model(units), (X, Y), {"verbose": 0}, [0])
    before = graphs()
    for units in range(7, 17):
        dispatcher.fit(model(units), (X, Y), {"verbose": 0}, [0])
    assert graphs() <= before


def test_an_interrupt_leaves_the_epochs_that_were_trained(monkeypatch):
    """Also where no callback looks at the model, so that it is not kept up to date."""
    fit = {"x": X, "y": Y, "shuffle": False, "verbose": 0}
    keras.utils.set_random_seed(0)
    interrupted = model()
    right = model()
    right.set_weights(interrupted.get_weights())
    Dispatcher().fit(right, (), {**fit, "epochs": 2}, [0])

    train = Stack.train

    def presses_control_c(stack, epoch, stopped=()):
        if epoch == 2:
            raise KeyboardInterrupt
        return train(stack, epoch, stopped)

    monkeypatch.setattr(Stack, "train", presses_control_c)
    with pytest.raises(KeyboardInterrupt):
        Dispatcher().fit(interrupted, (), {**fit, "epochs": 4}, [0])
    for mine, theirs in zip(interrupted.get_weights(), right.get_weights()):
        np.testing.assert_array_equal(mine, theirs)
