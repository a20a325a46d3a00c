"""The disk is full, or must not be written: an error says so, and the search goes on later.

Full disks are simulated with a limit on the size of files (RLIMIT_FSIZE): a write beyond it fails
with EFBIG, as it fails with ENOSPC on a full disk.
"""

from tests.faults.scenes import unprivileged

RUNS = """
import resource
from pathlib import Path
import numpy as np

RUN = next(number for number in range(5) if first_time(f"run {number}"))
DATA = (np.zeros((2**20, 1), "float32"),)

def files_up_to(size):
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, resource.RLIM_INFINITY))

if RUN == 1:
    files_up_to(2**20)

Class = Search

class Search(Class):
    def run_trial(self, trial, x):
        assert x.shape == (2**20, 1)
        return super().run_trial(trial)

    def on_trial_end(self, trial):
        super().on_trial_end(trial)
        if RUN == 2 and trial.number >= 4:
            Path(FOLDER, "p", "logs").chmod(0o500)
        if RUN == 3 and trial.number >= 9:
            files_up_to(2**14)
"""


def test_one_error_after_the_other(scene, measured):
    troubled = scene(RUNS, trials=16)

    def fails(says):
        before = len(troubled.output)
        assert troubled.run(preexec_fn=unprivileged) == 1
        assert f"StoreError: {says}" in troubled.output[before:]
        troubled.check_no_process_is_left()

    troubled.project.mkdir(mode=0o500)
    fails("The project's folder")
    troubled.project.chmod(0o700)
    fails("The data for the workers")
    assert troubled.notes("began") == []
    assert not (troubled.project / "workers").exists()
    fails("What trials print")
    troubled.check_stored()
    assert len(troubled.notes("told")) >= 5
    (troubled.project / "logs").chmod(0o700)
    fails("The project's database")
    troubled.check_stored()
    assert troubled.run(preexec_fn=unprivileged) == 0, troubled.output
    troubled.check_finished()
    measured("the disk is full for the data", troubled.cost_of_end(2))
    measured("the folder of the logs is read-only", troubled.cost_of_end(3))
    measured("the disk is full for the results", troubled.cost_of_end(4))
