"""The same with networks, which have weights, executions, and states at the end of a rung."""

import pytest

pytestmark = pytest.mark.slow

NETWORKS = """
import resource
import numpy as np
from kerastune_lite._src.keras.loading import load_keras

keras = load_keras()
x = np.random.default_rng(0).normal(size=(64, 4)).astype("float32")
DATA, OBJECTIVE = (x, x), "val_loss"
SEARCHING = os.getpid()

STARTED = []  # Not in the callbacks: their attributes are restored in a later rung.

class Watching(keras.callbacks.Callback):
    def __init__(self, number):
        super().__init__()
        self.number = number

    def on_epoch_begin(self, epoch, logs=None):
        if self not in STARTED:
            STARTED.append(self)
            note("began", self.number, epoch)
        note("epoch", self.number, epoch)
        befall(self.number, epoch)

    def on_train_end(self, logs=None):
        note("ended", self.number)

BEFALL

def build(hp):
    rate = hp.Float("rate", 1e-4, 1e-2, sampling="log")
    kind = hp.Choice("kind", ["right", "raises", "not finite"])
    if kind == "raises" and os.getpid() != SEARCHING:  # enqueue() builds, too
        raise ValueError("This network cannot be built.")
    model = keras.Sequential([keras.Input((4,)), keras.layers.Dense(256), keras.layers.Dense(4)])
    model.compile(keras.optimizers.SGD(rate if kind == "right" else float("nan")), loss="mse")
    return model
"""

ARGUMENTS = (
    "trial_timeout=600, validation_split=0.25, callbacks=lambda trial: [Watching(trial.number)]"
)

FAULTY = """
def befall(number, epoch):
    # The second execution of trial 2 begins.
    if number == 2 and epoch == 0 and not first_time("first execution") and fault(2):
        os.kill(os.getpid(), signal.SIGKILL)
    if number == 5:
        raise ValueError("This callback raises.")

class Search(Told, kt.RandomSearch):
    pass

def make(**arguments):
    tuner = Search(build, max_trials=TRIALS, executions_per_trial=2,
                   max_consecutive_failed_trials=99, **arguments)
    for number in range(TRIALS):
        kind = {1: "raises", 3: "not finite"}.get(number, "right")
        tuner.enqueue({"kind": kind, "rate": 0.001 * (number + 1)})
    return tuner
"""


def test_a_worker_dies_and_trials_fail(scene, measured):
    faulty = scene(FAULTY, trials=7, script=NETWORKS, search=f"workers=2, {ARGUMENTS}, epochs=2")
    assert faulty.run() == 0, faulty.output
    faulty.check_finished(failed=[1, 3, 5])
    assert "cannot be built" in faulty.trials[1].failure
    assert "callback raises" in faulty.trials[5].failure
    assert len(faulty.notes("began", 2)) == 3, "its first execution was not trained again"
    assert sorted(e.index for e in faulty.trials[2].executions) == [0, 1]
    measured("Keras: SIGKILL of a worker", faulty.cost_of_fault(2))


RUNGS = """
def befall(number, epoch):
    if epoch == 0 and number == 2 and first_time("full disk"):
        resource.setrlimit(resource.RLIMIT_FSIZE, (2**13, resource.RLIM_INFINITY))
    if epoch == 2 and first_time("death"):
        note("fault", number)
        os.kill(os.getpid(), signal.SIGKILL)

class Search(Told, kt.Hyperband):
    pass

def make(**arguments):
    return Search(build, max_epochs=3, **arguments)
"""


def test_a_full_disk_for_weights_and_a_death_in_a_later_rung(scene, measured):
    rungs = scene(
        RUNGS,
        trials=5,
        script=NETWORKS.replace(', "raises", "not finite"', ""),
        search=f"workers=1, {ARGUMENTS}",
        per_trial=1,
    )

    assert rungs.run() == 1
    assert "StoreError" in rungs.output
    assert "cannot be written" in rungs.output
    rungs.check_no_process_is_left()
    rungs.check_stored()
    reached = {trial.number: trial.epochs for trial in rungs.trials}
    before = len(rungs.notes("epoch"))
    assert rungs.run() == 0, rungs.output
    rungs.check_finished()
    later = rungs.notes("epoch")[before:]
    assert all(n.value >= reached.get(n.number, 0) for n in later), "a rung was trained again"
    for trial in rungs.trials:
        assert any((rungs.project / str(e.weights)).is_file() for e in trial.executions)
    (fault,) = rungs.notes("fault")
    of_worker = rungs.cost_of_fault(fault.number)
    assert of_worker.again == 1
    measured("Keras, Hyperband: disk full for the weights", rungs.cost_of_end(1))
    measured("Keras, Hyperband: SIGKILL of a worker in a later rung", of_worker)
