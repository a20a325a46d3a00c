import gc
import logging
import random

import numpy as np

from kerastune_lite._src.keras import session
from tests.keras.models import data, keras, linear


def test_names_count_from_one_again():
    for _ in range(2):
        session.begin(0, collect=False)
        assert keras.layers.Dense(1).name == "dense"
        assert keras.metrics.AUC().name == "auc"


def draws():
    return random.random(), np.random.random(), float(keras.random.uniform(()))


def test_all_generators_start_from_the_seed():
    session.begin(7, collect=False)
    first = draws()
    session.begin(7, collect=True)
    assert draws() == first
    session.begin(8, collect=False)
    assert not set(draws()) & set(first)


def test_settings_of_the_process_stay_in_force():
    before = keras.config.dtype_policy()
    keras.config.set_dtype_policy("mixed_bfloat16")
    keras.config.disable_traceback_filtering()
    keras.config.disable_interactive_logging()
    try:
        session.begin(0, collect=False)
        assert keras.config.dtype_policy().name == "mixed_bfloat16"
        assert keras.layers.Dense(1).compute_dtype == "bfloat16"
        assert not keras.config.is_traceback_filtering_enabled()
        assert not keras.config.is_interactive_logging_enabled()
    finally:
        keras.config.set_dtype_policy(before)
        keras.config.enable_traceback_filtering()
        keras.config.enable_interactive_logging()
    session.begin(0, collect=False)
    assert keras.config.is_traceback_filtering_enabled()
    assert keras.config.is_interactive_logging_enabled()


def test_the_advice_about_tracing_is_held_back_and_nothing_else(caplog):
    logger = logging.getLogger("tensorflow")
    advice = "5 out of the last %d calls to f triggered tf.function retracing."
    with session.traced_functions():
        logger.warning(advice, 5)
        logger.warning("something else")
    logger.warning(advice, 6)
    shown = [record.getMessage() for record in caplog.records]
    assert shown == ["something else", advice % 6]


def graphs():
    from tensorflow.python.framework.func_graph import FuncGraph

    gc.collect()
    return sum(type(each) is FuncGraph for each in gc.get_objects())


def test_collections_leave_out_what_was_there_before():
    gc.unfreeze()  # what the suite has frozen
    with session.short_collections():
        assert gc.get_freeze_count()
    assert not gc.get_freeze_count()
    gc.freeze()
    with session.short_collections():
        pass
    assert gc.get_freeze_count(), "the program's own"


def test_what_was_traced_is_let_go_of():
    def train():
        session.begin(0, collect=False)
        model = linear(run_eagerly=False)
        with session.traced_functions():
            model.fit(*data(8), verbose=0)

    train()
    before = graphs()
    for _ in range(2):
        train()
    assert graphs() == before


def test_gradients_that_were_there_before_stay():
    import tensorflow as tf

    @tf.custom_gradient
    def doubled(x):
        return 2 * x, lambda upstream: 3 * upstream

    @tf.function
    def traced(x):
        return doubled(x)

    traced(tf.constant(1.0))
    with session.traced_functions():
        linear(run_eagerly=False).fit(*data(8), verbose=0)
    x = tf.constant(1.0)
    with tf.GradientTape() as tape:
        tape.watch(x)
        y = traced(x)
    assert float(tape.gradient(y, x)) == 3.0
