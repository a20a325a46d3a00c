"""The searching process dies, with and without workers: the next call finishes the search."""

import random
import signal

import pytest

import kerastune_lite as kt
from tests.faults.scenes import WORKERS, kill

SLOW = "def befall(number):\n    time.sleep(0.1)\n"


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory):
    """The points of a search that nothing disturbs; they depend on seed and number only."""

    class Search(kt.RandomSearch):
        def run_trial(self, trial):
            return trial.hyperparameters.Float("x", -1.0, 1.0)

    tuner = Search(max_trials=14, seed=11, directory=tmp_path_factory.mktemp("undisturbed"))
    tuner.search(verbose=0)
    return [dict(trial.values) for trial in tuner.trials]


@pytest.mark.parametrize("search", ["", WORKERS], ids=["inline", "workers"])
def test_kills_of_the_search(scene, measured, undisturbed, search):
    """Of the search alone, then of all of its processes at once."""
    killed = scene(SLOW, trials=14, search=search)
    dice = random.Random(5)
    for everything in (False, True) if search else (False,):
        before = len(killed.notes("began"))
        process = killed.start()
        killed.until("began", before + dice.randint(2, 6))
        workers = {note.pid for note in killed.notes("began")[before:]} if everything else set()
        for pid in {process.pid, *workers}:
            kill(pid)
        assert killed.end_of(process) == -signal.SIGKILL
        killed.check_no_process_is_left()
        killed.check_stored()
    assert killed.run() == 0, killed.output
    killed.check_finished()
    assert [dict(trial.values) for trial in killed.trials] == undisturbed
    if search:
        measured("SIGKILL of the search", killed.cost_of_end(1))
        measured("SIGKILL of the search and of 2 workers", killed.cost_of_end(2))
    else:
        measured("SIGKILL of a search without workers", killed.cost_of_end(1))


DEADLY = """
def befall(number):
    if number == 1:
        first_time("fault1") and note("fault", 1)
        import ctypes
        ctypes.string_at(0)
"""


def test_a_trial_that_ended_the_search_ends_only_a_worker_the_next_time(scene, measured):
    """Until a worker is ready, trials are trained in the searching process."""
    deadly = scene(DEADLY, search="workers=2")
    assert deadly.run() == -signal.SIGSEGV
    deadly.check_stored()
    deadly.check_no_process_is_left()
    assert deadly.run() == 0, deadly.output
    deadly.check_finished(failed=[1])
    assert "SIGSEGV" in deadly.trials[1].message
    measured("segmentation fault in the search", deadly.cost_of_end(1))
