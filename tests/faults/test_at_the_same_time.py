"""Ctrl-C, once and twice, and two searches of one project."""

import os
import signal

import pytest

from tests.faults.scenes import WORKERS

WAITING = """
def befall(number):
    if number in (3, 6) and fault(number):
        time.sleep(600)
"""

pytestmark = pytest.mark.usefixtures("heard")


@pytest.mark.parametrize("search", ["", WORKERS], ids=["inline", "workers"])
def test_ctrl_c(scene, measured, search):
    """Once in the first run, twice in the second."""
    waiting = scene(WAITING, search=search)
    for number, times in [(3, 1), (6, 2)]:
        process = waiting.start()
        waiting.until("fault", number=number)
        for _ in range(times):
            os.killpg(process.pid, signal.SIGINT)  # as a terminal does
        status = waiting.end_of(process)
        assert status == 0 or (times == 2 and status == -signal.SIGINT), waiting.output
        waiting.check_no_process_is_left()
        waiting.check_stored()
        assert "FAILED" not in {trial.status for trial in waiting.trials}
    assert waiting.run() == 0, waiting.output
    waiting.check_finished()
    if search:
        measured("Ctrl-C", waiting.cost_of_end(1))
        measured("Ctrl-C, pressed twice", waiting.cost_of_end(2))


def test_two_searches_in_one_project(scene):
    both = scene(
        "def befall(number):\n    if number == 3 and fault(3):\n"
        "        while not os.path.exists(os.path.join(FOLDER, 'go on')):\n"
        "            time.sleep(0.02)\n"
    )
    first = both.start()
    both.until("fault")
    assert both.run() == 1
    assert "ProjectInUseError" in both.output
    (both.folder / "go on").touch()
    assert both.end_of(first) == 0, both.output
    both.check_finished()
    assert both.trained_again == 0
