"""Shared by all tests."""

import os
import signal

import pytest

# TensorFlow's threads fight over the cores of a small machine; the models here are tiny.
os.environ.setdefault("TF_NUM_INTRAOP_THREADS", "2")
os.environ.setdefault("TF_NUM_INTEROP_THREADS", "2")


@pytest.fixture
def heard():
    """Ctrl-C is heard, here and in processes that are started here.

    Tests that were themselves started in the background of a shell ignore it, and so would those.
    """
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)
