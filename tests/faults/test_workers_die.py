"""Workers die, hang, stop, or take too much memory: the other trials are not disturbed."""

import os
import signal

import psutil

from tests.faults.scenes import Cost, wait_for

DYING = """
import ctypes, subprocess

def befall(number):
    if number == 2 and fault(2):
        subprocess.Popen(["sleep", "600"])
        os.kill(os.getpid(), signal.SIGKILL)
    if number == 5 and fault(5):
        ctypes.string_at(0)
    if number == 8 and fault(8):
        os._exit(0)
    if number == 10:
        first_time("fault10") and note("fault", 10)
        os._exit(3)
"""


def test_a_trial_that_ends_its_process(scene, measured):
    """By a signal, a segmentation fault, os._exit; once, or each time."""
    dying = scene(DYING)
    assert dying.run() == 0, dying.output
    dying.check_finished(failed=[10])
    assert dying.trained_again == 4, "no other trial was disturbed"
    assert "exit status 3" in dying.trials[10].message
    measured("a trial ends its process: SIGKILL", dying.cost_of_fault(2))
    measured("a trial ends its process: segmentation fault", dying.cost_of_fault(5))
    measured("a trial ends its process: `os._exit`", dying.cost_of_fault(8))
    measured("a trial ends its process each time", dying.cost_of_fault(10))


def test_a_worker_that_is_killed_by_another_process(scene, measured):
    """As the kernel does when the machine has no memory left."""
    waiting = scene(
        "def befall(number):\n    if number in (1, 4, 7) and fault(number):\n"
        "        time.sleep(600)\n"
    )
    search = waiting.start()
    for number in (1, 4, 7):
        os.kill(waiting.until("fault", number=number).pid, signal.SIGKILL)
    assert waiting.end_of(search) == 0, waiting.output
    waiting.check_finished()
    assert waiting.trained_again == 3
    measured("SIGKILL of a worker", waiting.cost_of_fault(7))


HANGING = """
def befall(number):
    if number == 3 and fault(3):
        signal.pthread_sigmask(signal.SIG_BLOCK, signal.valid_signals())
        time.sleep(600)
    if number == 6 and fault(6):
        os.kill(os.getpid(), signal.SIGSTOP)
"""


def test_a_trial_that_hangs_or_is_stopped_is_ended_after_trial_timeout(scene, measured):
    hanging = scene(HANGING, search="workers=2, trial_timeout=3")
    assert hanging.run() == 0, hanging.output
    hanging.check_finished(failed=[3, 6])
    assert hanging.trained_again == 0
    for number in (3, 6):
        assert "trial_timeout=3 s" in hanging.trials[number].message
    measured("a trial hangs, `trial_timeout=3`", hanging.cost_of_fault(3))
    measured("a trial is stopped (SIGSTOP), `trial_timeout=3`", hanging.cost_of_fault(6))


def test_a_worker_and_a_search_that_are_stopped_for_a_while(scene, measured):
    """As a laptop that sleeps, or a machine that swaps: both go on where they were."""
    stopped = scene(
        "def befall(number):\n    if number == 2 and fault(2):\n"
        "        os.kill(os.getpid(), signal.SIGSTOP)\n"
    )
    search = stopped.start()
    worker = psutil.Process(stopped.until("fault").pid)
    wait_for(lambda: worker.status() == psutil.STATUS_STOPPED, lambda: "It does not stop.")
    stopped.until("told", stopped.count - 1)
    search.send_signal(signal.SIGSTOP)
    wait_for(
        lambda: psutil.Process(search.pid).status() == psutil.STATUS_STOPPED,
        lambda: "It does not stop.",
    )
    worker.send_signal(signal.SIGCONT)
    ended = stopped.until("ended", number=2)
    search.send_signal(signal.SIGCONT)
    assert stopped.end_of(search) == 0, stopped.output
    stopped.check_finished()
    assert stopped.trained_again == 0
    (told,) = stopped.notes("told", 2)
    cost = Cost(0, 0, told.when - ended.when)
    measured("SIGSTOP of worker and search, then SIGCONT", cost)


EATING = """
def befall(number):
    if number == 3 and fault(3):
        eaten = []
        while True:
            eaten.append(bytearray(b"x" * 2**25))
            time.sleep(0.02)
    if number == 6 and fault(6):
        raise MemoryError
"""


def test_a_trial_that_takes_too_much_memory(scene, measured):
    eating = scene(
        EATING, search="workers=2, resources_per_worker={'memory': 5e8}, trial_timeout=600"
    )
    assert eating.run() == 0, eating.output
    eating.check_finished(failed=[3, 6])
    for number in (3, 6):
        (execution,) = eating.trials[number].executions
        assert execution.outcome == "OUT_OF_MEMORY"
    assert "resources_per_worker" in eating.trials[3].message
    measured("a trial takes more than 500 MB", eating.cost_of_fault(3))
