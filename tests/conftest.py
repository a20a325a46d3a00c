"""Shared by all tests.

Of a table that has slow cases `--cases=sample` runs an eighth, at least one case, and each day
another eighth. The last lines say which; `--sample=N` runs it again.
"""

import collections
import gc
import os
import re
import signal
import sys
import time
from pathlib import Path

import pytest

# TensorFlow's threads fight over the cores of a small machine; the models here are tiny.
os.environ.setdefault("TF_NUM_INTRAOP_THREADS", "2")
os.environ.setdefault("TF_NUM_INTEROP_THREADS", "2")
# Those of NumPy and SciPy spin while they wait for each other; on a busy machine small fits of
# scikit-learn take several times as long.
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
# MLflow and W&B would report to their makers that they are used here.
os.environ.setdefault("MLFLOW_DISABLE_TELEMETRY", "true")
os.environ.setdefault("WANDB_ERROR_REPORTING", "false")

SAMPLES = 8
"""One of so many parts is a sample."""

HERE = Path(__file__).parent

WAITING = ("test_benchmarks.py", "test_examples.py", "test_automl_benchmark.py")
WAITING += ("test_backends.py", "test_search_benchmarks.py", "faults", "keras/test_strategies.py")
"""Files and folders whose tests wait for processes; of all, these take longest."""


NEEDS_POSIX = re.compile(
    r"\b(SIGKILL|SIGSTOP|SIGTERM|os\.(kill|fork)|Forked|printed_by|forkserver)\b"
    r"|\bimport (pty|resource|fcntl)\b"
)
"""What files of tests hold that are not for Windows: they fork, or send signals."""


def pytest_ignore_collect(collection_path):
    if sys.platform == "win32" and collection_path.suffix == ".py":
        return NEEDS_POSIX.search(collection_path.read_text(encoding="utf-8")) is not None or None
    return None


def pytest_addoption(parser):
    parser.addoption("--cases", choices=["all", "sample"], default="all")
    parser.addoption("--sample", type=int, help="which eighth; by default that of today")


def pytest_configure(config):
    if config.option.sample is None:  # here, so that processes that are started are told
        config.option.sample = int(time.time() // (24 * 3600)) % SAMPLES


def pytest_terminal_summary(terminalreporter, config):
    if config.option.cases == "sample":
        terminalreporter.write_line(f"slow cases: an eighth, --sample={config.option.sample}")


@pytest.hookimpl(trylast=True)  # when the folders have marked what is slow there
def pytest_collection_modifyitems(config, items):
    if config.option.cases == "sample":
        leave_out(config, items)
    # First, so that one worker waits for them while the others compute, and none is the last.
    waiting = [HERE / name for name in WAITING]
    items.sort(key=lambda item: not any(item.path.is_relative_to(each) for each in waiting))


def leave_out(config, items):
    """Of each table with slow cases all but a sample."""
    tables = collections.defaultdict(list)
    for item in items:
        if hasattr(item, "callspec"):
            tables[item.parent.nodeid, item.originalname].append(item)
    left_out = set()
    for table in tables.values():
        if any(item.get_closest_marker("slow") for item in table):
            parts = min(SAMPLES, len(table))
            kept = table[config.option.sample % parts :: parts]
            left_out.update(set(table).difference(kept))
    if left_out:
        config.hook.pytest_deselected(items=list(left_out))
        items[:] = [item for item in items if item not in left_out]


def pytest_collection_finish():
    """Collections of garbage leave out what was imported: TensorFlow's modules take them 0.4 s."""
    gc.collect()
    gc.freeze()


@pytest.fixture
def heard():
    """Ctrl-C is heard, here and in processes that are started here.

    Tests that were themselves started in the background of a shell ignore it, and so would those.
    """
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


@pytest.fixture
def forked_workers(monkeypatch):
    """Workers are forked from a process that has loaded Keras, where processes can be."""
    if not hasattr(os, "fork"):
        return
    from kerastune_lite._src.search.execution import worker_process
    from tests.processes import Forking

    monkeypatch.setattr(worker_process, "subprocess", Forking)


@pytest.fixture
def workers_without_keras(monkeypatch):
    """Workers load Keras where the searching process has; here it may be of another test."""
    from kerastune_lite._src.tuner import late_data, user_trials

    for module in (late_data, user_trials):
        monkeypatch.setattr(module, "process_settings", lambda: None)


@pytest.fixture
def late_workers(monkeypatch):
    """Workers take a second longer to start, so that the searching process trains before them."""
    from kerastune_lite._src.search.execution import worker_process

    program = worker_process._program()
    late = f"import time; time.sleep(1.0)\n{program}"
    monkeypatch.setattr(worker_process, "_program", lambda: late)
