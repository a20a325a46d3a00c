import logging
import random

import numpy as np

from kerastune_lite.training import session
from tests.training.models import keras


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
    with session.new_models_trace():
        logger.warning(advice, 5)
        logger.warning("something else")
    logger.warning(advice, 6)
    shown = [record.getMessage() for record in caplog.records]
    assert shown == ["something else", advice % 6]
