"""Shared by all tests.

Of a table of slow cases `--cases=sample` runs a quarter, another one each week. The last lines say
which; `--sample=N` runs it again.
"""

import os
import signal
import time

import pytest

# TensorFlow's threads fight over the cores of a small machine; the models here are tiny.
os.environ.setdefault("TF_NUM_INTRAOP_THREADS", "2")
os.environ.setdefault("TF_NUM_INTEROP_THREADS", "2")

SAMPLES = 4
"""One of so many parts is a sample."""


def pytest_addoption(parser):
    parser.addoption("--cases", choices=["all", "sample"], default="all")
    parser.addoption("--sample", type=int, help="which quarter; by default that of this week")


def pytest_configure(config):
    if config.option.sample is None:  # here, so that processes that are started are told
        config.option.sample = int(time.time() // (7 * 24 * 3600)) % SAMPLES


def pytest_terminal_summary(terminalreporter, config):
    if config.option.cases == "sample":
        terminalreporter.write_line(f"slow cases: a quarter, --sample={config.option.sample}")


@pytest.hookimpl(trylast=True)  # when the folders have marked what is slow there
def pytest_collection_modifyitems(config, items):
    if config.option.cases == "all":
        return
    counts, left_out, kept = {}, [], []
    for item in items:
        slow = hasattr(item, "callspec") and item.get_closest_marker("slow") is not None
        if slow:
            table = item.parent.nodeid, item.originalname
            counts[table] = counts.get(table, -1) + 1
            slow = counts[table] % SAMPLES != config.option.sample % SAMPLES
        (left_out if slow else kept).append(item)
    if left_out:
        config.hook.pytest_deselected(items=left_out)
        items[:] = kept


@pytest.fixture
def heard():
    """Ctrl-C is heard, here and in processes that are started here.

    Tests that were themselves started in the background of a shell ignore it, and so would those.
    """
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)
