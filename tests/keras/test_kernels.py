"""TensorFlow's kernels stay from trial to trial, but those that draw random numbers begin anew."""

import pytest
import tensorflow as tf

from kerastune_lite._src.keras import session
from kerastune_lite._src.keras.compat import kernels
from kerastune_lite.tuners import RandomSearch
from tests.keras.models import data, keras, linear


def traced(**kwargs):
    """A function that draws; it is traced in its first call."""
    return tf.function(lambda: tf.random.normal([3], **kwargs))


class Draws(keras.layers.Layer):
    def call(self, inputs):
        return tf.nn.dropout(inputs, 0.5)


DRAWING = {
    "eager": lambda: tf.random.uniform([3]),
    "with a seed": lambda: tf.random.uniform([3], seed=2),
    "a raw operation": lambda: tf.raw_ops.TruncatedNormal(
        shape=[3], dtype="float32", seed=1, seed2=2
    ),
    "integers": lambda: tf.random.uniform([3], maxval=10**6, dtype=tf.int32, seed=1),
    "another order": lambda: tf.random.shuffle(tf.range(20), seed=3),
    "candidates": lambda: (
        tf.random.log_uniform_candidate_sampler(
            tf.constant([[1]], tf.int64), 1, 3, False, 1000, seed=1
        ).sampled_expected_count
    ),
    "a crop": lambda: tf.image.random_crop(tf.range(1000), [3], seed=1),
    "a layer": lambda: Draws()(tf.ones([20])),
}


def draws_with_seed(draw, seed=5):
    """The first numbers after three times the same seed."""
    found = []
    for _ in range(3):
        session.seed_all(seed)
        found.append([draw().numpy().tolist() for _ in range(2)])
        session.seed_all(seed + 1)
    return found


@pytest.mark.parametrize("kind", DRAWING)
def test_what_draws_begins_anew(kind):
    with kernels.watched():
        first, *others = draws_with_seed(DRAWING[kind])
    assert first[0] != first[1]
    assert others == [first, first]


@pytest.mark.parametrize("before", [False, True])
@pytest.mark.parametrize("given", [{}, {"seed": 4}])
def test_so_do_traced_functions(before, given):
    function = traced(**given)
    if before:
        function()
    with kernels.watched():
        first, *others = draws_with_seed(function)
        assert len({*map(str, first)}) == 2
        # With the first seed it is traced here, and that is where its seed is from.
        assert others == [first, first]


def test_a_function_that_another_calls_counts():
    inner = traced(seed=3)
    outer = tf.function(lambda: inner() + 1)
    with kernels.watched():
        first, *others = draws_with_seed(outer)
    assert others == [first, first]


@pytest.fixture
def thrown_away(monkeypatch):
    """One entry for each time that the kernels were thrown away; without functions of before."""
    listed = type(kernels._context()).list_function_names
    others = listed(kernels._context())
    monkeypatch.setattr(
        type(kernels._context()), "list_function_names", lambda self: listed(self) - others
    )
    module, times = kernels._entry(), []
    throw = module.TFE_ContextClearCaches
    monkeypatch.setattr(
        module, "TFE_ContextClearCaches", lambda handle: (times.append(1), throw(handle))
    )
    return times


def computes():
    x = keras.random.uniform((3, 4))
    tf.function(lambda: keras.random.dropout(x, 0.5, seed=1))()
    return keras.layers.Dense(2)(x)


def test_all_others_stay(thrown_away):
    with kernels.watched():
        for seed in range(4):
            session.seed_all(seed)
            computes()
        assert len(thrown_away) == 1, "of what came before nothing is known"
        tf.random.normal([1])
        for seed in range(4):
            session.seed_all(seed)
            computes()
        assert len(thrown_away) == 2
        keras.utils.set_random_seed(1)
        assert len(thrown_away) == 3, "the user's own"
        function = traced()
        function()
        for seed in range(3):
            session.seed_all(seed)
        assert len(thrown_away) == 6


def test_they_do_not_become_too_many(thrown_away):
    with kernels.watched():
        for seed in range(3 * kernels._MOST):
            session.seed_all(seed)
    assert len(thrown_away) == 3


def test_without_a_search_and_after_it_they_are_thrown_away(thrown_away):
    run = kernels._entry().TFE_Py_FastPathExecute
    with kernels.watched(), kernels.watched():
        session.seed_all(1)
        session.seed_all(2)
    assert len(thrown_away) == 1
    session.seed_all(1)
    session.seed_all(2)
    assert len(thrown_away) == 3
    assert kernels._entry().TFE_Py_FastPathExecute is run


def test_generators_start_from_the_seed_all_the_same():
    def draws():
        computed = computes().numpy().tolist()
        return computed, tf.random.uniform([2]).numpy().tolist(), tf.random.get_global_generator()

    session.seed_all(7)
    first = draws()[:2]
    with kernels.watched():
        session.seed_all(3)
        session.seed_all(7)
        assert draws()[:2] == first


def test_a_search_whose_models_draw_is_the_same(tmp_path, thrown_away, monkeypatch):
    def build(hp):
        hp.Float("rate", 0.1, 1)
        model = linear()
        model.layers[0].kernel.assign(tf.random.normal(model.layers[0].kernel.shape, seed=1))
        return model

    def search(name):
        tuner = RandomSearch(
            build, "loss", max_trials=3, seed=0, directory=tmp_path, project_name=name
        )
        tuner.search(*data(16), verbose=0)
        return [trial.score for trial in tuner.trials]

    scores = search("kept")
    assert len(set(scores)) == 3
    monkeypatch.setattr(kernels, "kept", kernels.contextlib.nullcontext)
    assert search("thrown_away") == scores
