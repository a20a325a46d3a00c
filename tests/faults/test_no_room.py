"""The disk is full, or must not be written: an error says so, and the search goes on later.

Full disks are simulated with a limit on the size of files (RLIMIT_FSIZE): a write beyond it fails
with EFBIG, as it fails with ENOSPC on a full disk.
"""

import pytest

from tests.faults.scenes import unprivileged

FULL_FOR_THE_STORE = """
import resource

class Full:
    def on_trial_end(self, trial):
        super().on_trial_end(trial)
        if trial.number >= 4 and fault(99):
            resource.setrlimit(resource.RLIMIT_FSIZE, (2**14, resource.RLIM_INFINITY))

Class = Search

class Search(Full, Class):
    pass
"""


@pytest.mark.parametrize("search", ["", "workers=2, trial_timeout=600"], ids=["inline", "workers"])
def test_a_full_disk_for_the_results(scene, measured, search):
    full = scene(FULL_FOR_THE_STORE, search=search)
    assert full.run() == 1
    assert "StoreError" in full.output
    assert "study.sqlite3 cannot be written" in full.output
    full.check_stored()
    full.check_no_process_is_left()
    assert full.run() == 0, full.output
    full.check_finished()
    measured("disk full for the results" + ", 2 workers" * bool(search), full.cost_of_end(1))


FULL_FOR_THE_DATA = """
import resource
import numpy as np

DATA = (np.zeros((2**20, 1), "float32"),)
Class = Search

class Search(Class):
    def run_trial(self, trial, x):
        assert x.shape == (2**20, 1)
        return super().run_trial(trial)

if first_time("full"):
    resource.setrlimit(resource.RLIMIT_FSIZE, (2**20, resource.RLIM_INFINITY))
"""


def test_a_full_disk_for_the_data_of_the_workers(scene, measured):
    full = scene(FULL_FOR_THE_DATA)
    assert full.run() == 1
    assert "StoreError: The data for the workers" in full.output
    assert full.notes("began") == []
    assert list(full.project.glob("workers/*")) == []
    full.check_no_process_is_left()
    assert full.run() == 0, full.output
    full.check_finished()
    assert full.trained_again == 0
    measured("disk full for the data", full.cost_of_end(1))


def test_a_folder_that_must_not_be_written(scene):
    closed = scene(
        "from pathlib import Path\nPath(FOLDER, 'p').mkdir(exist_ok=True)\n"
        "if first_time('closed'):\n    Path(FOLDER, 'p').chmod(0o500)\n"
    )
    assert closed.run(preexec_fn=unprivileged) == 1
    assert "StoreError: The project's folder" in closed.output
    assert closed.notes("began") == []
    closed.project.chmod(0o700)
    assert closed.run(preexec_fn=unprivileged) == 0, closed.output
    closed.check_finished()


LOGS_CLOSED = """
from pathlib import Path

class Closing:
    def on_trial_end(self, trial):
        super().on_trial_end(trial)
        if trial.number >= 4 and fault(99):
            Path(FOLDER, "p", "logs").chmod(0o500)

Class = Search

class Search(Closing, Class):
    pass
"""


def test_logs_that_can_no_longer_be_written(scene, measured):
    closed = scene(LOGS_CLOSED)
    assert closed.run(preexec_fn=unprivileged) == 1
    assert "StoreError: What trials print" in closed.output
    closed.check_stored()
    closed.check_no_process_is_left()
    assert "FAILED" not in {trial.status for trial in closed.trials}
    (closed.project / "logs").chmod(0o700)
    assert closed.run(preexec_fn=unprivileged) == 0, closed.output
    closed.check_finished()
    measured("the folder of the logs becomes read-only", closed.cost_of_end(1))
