"""Trainings in threads give the numbers that they give one after the other, on every path."""

import concurrent.futures
import functools
import sys
import threading
import warnings

import joblib
import numpy as np
import pytest
from sklearn.model_selection import GridSearchCV, KFold, cross_val_score
from threadpoolctl import threadpool_info, threadpool_limits

import kerastune_lite as kt
from kerastune_lite._src.keras.loading import load_keras
from kerastune_lite.sklearn import KerasClassifier, KerasRegressor
from tests.keras.equality.cases import no_programs

keras = load_keras()
L = keras.layers

ROWS = 60
RNG = np.random.default_rng(5)
X = RNG.normal(size=(ROWS, 8)).astype("float32")
Y = (X @ RNG.normal(size=8)).astype("float32")
LABELS = (Y > 0).astype(int)


@pytest.fixture(autouse=True)
def hasty():
    """Threads take over from one another all the time; nothing is known from other tests."""
    interval = sys.getswitchinterval()
    sys.setswitchinterval(1e-5)
    try:
        with no_programs():
            yield
    finally:
        sys.setswitchinterval(interval)


def in_threads(jobs):
    """What each returns, all begun at the same moment."""
    ready = threading.Barrier(len(jobs))

    def begun(job):
        ready.wait(60)
        return job()

    with concurrent.futures.ThreadPoolExecutor(len(jobs)) as pool:
        return list(pool.map(begun, jobs))


class Jitter(L.Layer):
    """Draws from Keras's own generator, which every thread has one of."""

    def call(self, x, training=False):
        return x + keras.random.normal((8,), stddev=0.1) if training else x


class Shaken(keras.Sequential):
    """Draws from TensorFlow's, in a step of its own."""

    def train_step(self, data):
        x, y = data
        return super().train_step((x + load_tensorflow().random.normal((8,), stddev=0.1), y))


def load_tensorflow():
    import tensorflow

    return tensorflow


def network(hp, layers, kind=keras.Sequential, last=None):
    model = kind([keras.Input((8,)), *layers(hp.Int("units", 3, 40)), L.Dense(1, last)])
    loss = "mse" if last is None else "binary_crossentropy"
    model.compile(keras.optimizers.Adam(0.01), loss)
    return model


NETWORKS = {
    "arrays": lambda u: [L.Dense(u, "tanh"), L.Dense(u, "relu")],
    "dropout": lambda u: [L.Dense(u, "tanh"), L.Dropout(0.3), L.Dense(4, "elu")],
    "normalized": lambda u: [L.Dense(u), L.BatchNormalization(), L.ReLU(), L.Dropout(0.2)],
    "convolution": lambda u: [L.Reshape((8, 1)), L.Conv1D(u, 3, activation="relu"), L.Flatten()],
    "own generator": lambda u: [Jitter(), L.Dense(u, "tanh")],
}


def estimator(name, units, seed, fast=True, **options):
    build = functools.partial(network, layers=NETWORKS[name], **options)
    kind = KerasRegressor if "last" not in options else KerasClassifier
    epochs = 3
    return kind(
        lambda hp: build(hp),
        hp__units=units,
        epochs=epochs,
        random_state=seed,
        fast=fast,
        verbose=0,
    )


def fitted(*given, **options):
    y = LABELS if "last" in options else Y
    model = estimator(*given, **options).fit(X, y)
    raw = model.model_.predict(X[:9], verbose=0)
    return dict(model.history_), [w.tolist() for w in model.model_.get_weights()], raw.tolist()


def check_same(jobs):
    """Threads against one after the other; the programs are made anew for each."""
    alone = [job() for job in jobs]
    with no_programs():
        together = in_threads(jobs)
    for one, other in zip(together, alone, strict=True):
        assert one == other


@pytest.mark.parametrize("fast", [True, False])
@pytest.mark.parametrize("name", ["dropout", "own generator"])
def test_fits_of_one_network(name, fast):
    check_same([functools.partial(fitted, name, 7, seed, fast=fast) for seed in (1, 2, 1)])


@pytest.mark.slow
@pytest.mark.parametrize("fast", [True, False])
@pytest.mark.parametrize("name", NETWORKS)
def test_many_fits_of_one_network(name, fast):
    jobs = [
        functools.partial(fitted, name, units, seed, fast=fast)
        for units in (5, 33)
        for seed in (1, 2, 1)
    ]
    check_same(jobs)


def test_fits_of_all_kinds():
    check_same(
        [
            functools.partial(fitted, "arrays", 12, 3),
            functools.partial(fitted, "arrays", 12, 3, fast=False),
            functools.partial(fitted, "normalized", 9, 3, last="sigmoid"),
            functools.partial(fitted, "convolution", 4, 3),
            functools.partial(fitted, "arrays", 5, 3, kind=Shaken),
        ]
    )


def test_a_grid_search_in_threads():
    def scores(threads):
        grid = GridSearchCV(
            estimator("dropout", 5, 0),
            {"hp__units": [5, 20]},
            cv=KFold(3),
            refit=False,
        )
        with no_programs(), joblib.parallel_config(backend="threading", n_jobs=threads):
            found = grid.fit(X, Y).cv_results_
        return [found[f"split{i}_test_score"].tolist() for i in range(3)]

    assert scores(4) == scores(1)


class Noisy(kt.HyperModel):
    """Its own `fit` draws from NumPy's generator."""

    def build(self, hp):
        return network(hp, NETWORKS["dropout"])

    def fit(self, hp, model, x, y, **kwargs):
        return model.fit(x + np.random.normal(0, 0.1, x.shape), y, **kwargs)


def search(folder, name, hypermodel, seed):
    tuner = kt.RandomSearch(
        hypermodel,
        objective="val_loss",
        max_trials=3,
        executions_per_trial=2,
        seed=seed,
        directory=folder,
        project_name=name,
    )
    tuner.search(X, Y, epochs=2, validation_split=0.3, verbose=0)
    (best,) = tuner.get_best_models(1)
    return (
        [(trial.hyperparameters.values, trial.score) for trial in tuner.oracle.trials.values()],
        [weight.tolist() for weight in best.get_weights()],
    )


SEARCHED = {
    "dropout": lambda: lambda hp: network(hp, NETWORKS["dropout"]),
    "convolution": lambda: lambda hp: network(hp, NETWORKS["convolution"]),
    "noisy": Noisy,
}


@pytest.mark.parametrize("names", [("dropout", "noisy"), ("convolution", "dropout")])
def test_two_searches(names, tmp_path):
    def jobs(folder):
        return [
            functools.partial(search, tmp_path / folder, f"{i}", SEARCHED[name](), i)
            for i, name in enumerate(names)
        ]

    alone = [job() for job in jobs("alone")]
    with no_programs():
        together = in_threads(jobs("together"))
    assert together == alone


class Validated(kt.HyperModel):
    """Its own `fit` trains in threads, and waits for them."""

    def build(self, hp):
        return network(hp, NETWORKS["dropout"])

    def fit(self, hp, model, x, y, **kwargs):
        folds = KerasRegressor(functools.partial(network, hp, NETWORKS["dropout"]), verbose=0)
        with joblib.parallel_backend("threading", n_jobs=2):
            scores = cross_val_score(folds, x, y, cv=2, scoring="neg_mean_squared_error")
        return -float(scores.mean())


def test_a_fit_of_ones_own_that_waits_for_threads(tmp_path):
    tuner = kt.RandomSearch(
        Validated(), kt.Objective("score", "min"), max_trials=2, seed=1, directory=tmp_path
    )
    searching = threading.Thread(target=tuner.search, args=(X, Y), daemon=True)
    searching.start()
    searching.join(120)
    assert [trial.status.name for trial in tuner.trials] == ["COMPLETED"] * 2


def test_nothing_of_the_process_is_changed_afterwards():
    import random

    import tensorflow as tf
    from tensorflow.python.framework import config

    def state():
        return (
            random.getstate(),
            repr(np.random.get_state()),
            config.is_op_determinism_enabled(),
            tf.config.optimizer.get_experimental_options(),
            list(warnings.filters),
            joblib_threads(),
        )

    fitted("arrays", 3, 0)
    with threadpool_limits(2):  # not the one that is used meanwhile
        before = state()
        in_threads([functools.partial(fitted, "arrays", 3 + seed % 2, seed) for seed in range(4)])
        assert state() == before


def joblib_threads():
    return [each["num_threads"] for each in threadpool_info()]


def test_settings_of_another_thread_stay_when_a_search_begins_afresh():
    from kerastune_lite._src.keras import session

    keras.config.set_dtype_policy("mixed_float16")
    keras.config.disable_traceback_filtering()
    try:
        in_threads([lambda: session.begin(0, collect=True)])
        assert keras.config.dtype_policy().name == "mixed_float16"
        assert not keras.config.is_traceback_filtering_enabled()
        L.Dense(1)
        session.begin(0, collect=False)
        assert keras.config.dtype_policy().name == "mixed_float16"
        assert L.Dense(1).name == "dense"
    finally:
        keras.config.set_dtype_policy("float32")
        keras.config.enable_traceback_filtering()


def test_what_is_swapped_for_a_thread_others_do_not_see():
    from kerastune_lite._src.keras.compat import internals

    function = internals.in_this_thread(lambda: "special", lambda: "general")
    assert function() == "special"
    assert in_threads([function]) == ["general"]


def test_functions_are_rewritten_as_ever_in_other_threads():
    from kerastune_lite._src.keras.compat.thread_state import quick_start

    proto = load_tensorflow().compat.v1.ConfigProto
    from tensorflow.python.eager import context

    def rewritten():
        config = proto.FromString(context.context().function_call_options.config_proto_serialized)
        return not config.graph_options.rewrite_options.disable_meta_optimizer

    assert rewritten()
    with quick_start():
        assert not rewritten()
        assert in_threads([rewritten, rewritten]) == [True, True]
    assert rewritten()
