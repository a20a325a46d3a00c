"""Shared by all tests."""

import os

# TensorFlow's threads fight over the cores of a small machine; the models here are tiny.
os.environ.setdefault("TF_NUM_INTRAOP_THREADS", "2")
os.environ.setdefault("TF_NUM_INTEROP_THREADS", "2")

import pytest


@pytest.fixture(autouse=True)
def environment():
    """What a library sets in a test (jax: how much TensorFlow says) is not passed on."""
    said = os.environ.get("TF_CPP_MIN_LOG_LEVEL")
    yield
    if said is None:
        os.environ.pop("TF_CPP_MIN_LOG_LEVEL", None)
    else:
        os.environ["TF_CPP_MIN_LOG_LEVEL"] = said
