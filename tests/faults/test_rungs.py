"""Faults of searches that train all trials for a short time, and the better ones for longer."""

import signal

import pytest

from tests.faults.scenes import kill

RUNGS = """
class Search(Told, kt.BASE):
    def run_trial(self, trial, epochs, initial_epoch=0):
        note("began", trial.number, initial_epoch)
        x = trial.hyperparameters.Float("x", -1.0, 1.0)
        time.sleep(0.05)
        if initial_epoch == 1 and trial.number in WORKERS_DIE and fault(trial.number):
            os.kill(os.getpid(), signal.SIGKILL)
        note("ended", trial.number, x)
        return x

WORKERS_DIE = range(3)

def make(**arguments):
    return Search(max_epochs=9, ARGUMENTS, **arguments)
"""


@pytest.mark.parametrize(
    ("base", "arguments", "trials"),
    [("Hyperband", "factor=3", 17), ("ASHA", "max_trials=TRIALS", 14)],
    ids=["Hyperband", "ASHA"],
)
def test_workers_and_search_die_between_rungs(scene, measured, base, arguments, trials):
    script = RUNGS.replace("BASE", base).replace("ARGUMENTS", arguments)
    rungs = scene(trials=trials, script=script, per_trial=1)
    process = rungs.start()
    rungs.until("ended", 6)
    kill(process.pid)
    assert rungs.end_of(process) == -signal.SIGKILL
    rungs.check_no_process_is_left()
    rungs.check_stored()
    reached = {trial.number: trial.epochs for trial in rungs.trials}
    before = len(rungs.notes("began"))
    assert rungs.run() == 0, rungs.output
    rungs.check_finished()
    later = rungs.notes("began")[before:]
    assert any(n.value > 0 for n in later), "trials were resumed"
    assert all(n.value >= reached.get(n.number, 0) for n in later), "a rung was trained again"
    faults = len(rungs.notes("fault"))
    assert rungs.trained_again <= faults + 2, "of each death only what was under way"
    measured(f"{base}: SIGKILL of the search", rungs.cost_of_end(1))
    for fault in rungs.notes("fault")[-1:]:
        measured(f"{base}: SIGKILL of a worker in a later rung", rungs.cost_of_fault(fault.number))
