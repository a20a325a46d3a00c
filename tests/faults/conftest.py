"""Fixtures of the tests with real faults."""

import json
import os
import signal

import pytest

from tests.faults.scenes import Scene


def pytest_collection_modifyitems(items):
    here = os.path.dirname(__file__)
    for item in items:
        if str(item.path).startswith(here) and not hasattr(signal, "SIGKILL"):
            item.add_marker(pytest.mark.skip(reason="Windows has no signals"))


@pytest.fixture
def scene(tmp_path):
    """Makes a scene; whatever happens, its processes do not outlive the test."""
    made = []

    def making(*args, **kwargs):
        folder = tmp_path / f"scene{len(made)}"
        folder.mkdir()
        made.append(Scene(folder, *args, **kwargs))
        return made[-1]

    yield making
    for each in made:
        for process in each.processes():
            process.kill()


@pytest.fixture
def measured():
    """Notes what a fault has cost, for `make faults-table`."""

    def noting(fault, cost):
        path = os.environ.get("KERASTUNE_FAULTS")
        if path is not None:
            with open(path, "a", encoding="utf-8") as file:
                file.write(json.dumps({"fault": fault, **cost._asdict()}) + "\n")

    return noting
