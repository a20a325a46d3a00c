"""What the user's code does wrong, and what happens around it."""

ODD = """
class Odd(Exception):
    def __init__(self, one, two):
        super().__init__("odd")

def befall(number):
    if number == 1:
        raise Odd(1, 2)
    if number == 5:
        sys.exit("as if it were a script")

Class = Search

class Search(Class):
    def run_trial(self, trial):
        x = super().run_trial(trial)
        return [float("nan")] * 2 if trial.number == 3 else x
"""


def test_trials_that_raise_or_find_nothing(scene):
    odd = scene(ODD)
    assert odd.run() == 0, odd.output
    odd.check_finished(failed=[1, 3, 5])
    assert "Odd: odd" in odd.trials[1].failure
    assert "nan" in odd.trials[3].message
    assert "exit status 1" in odd.trials[5].message
    assert "SystemExit: as if it were a script" in (odd.project / odd.trials[5].log).read_text()


MISTAKES = """
import threading

LOCK = threading.Lock() if first_time("lock") else 0

def befall(number):
    LOCK

Class = Search

class Search(Class):
    def on_trial_end(self, trial):
        super().on_trial_end(trial)
        if trial.number >= 4 and fault(99):
            raise ValueError("a mistake in a hook")
"""


def test_what_cannot_be_sent_and_then_a_hook_that_raises(scene, measured):
    mistaken = scene(MISTAKES)
    assert mistaken.run() == 1
    assert "FatalTypeError" in mistaken.output
    assert "cannot be sent" in mistaken.output
    assert mistaken.notes("began") == [], "it was refused before the first trial"
    mistaken.check_no_process_is_left()
    assert mistaken.run() == 1
    assert "ValueError: a mistake in a hook" in mistaken.output
    mistaken.check_stored()
    mistaken.check_no_process_is_left()
    assert mistaken.run() == 0, mistaken.output
    mistaken.check_finished()
    measured("a hook of the tuner raises", mistaken.cost_of_end(2))


JUMPING = """
real, jumps = time.time, [0.0]
time.time = lambda: real() + jumps[0]

Class = Search

class Search(Class):
    def on_trial_end(self, trial):
        super().on_trial_end(trial)
        jumps[0] = (3600.0, -3600.0)[trial.number % 2]
"""


def test_a_clock_that_jumps(scene):
    jumping = scene(JUMPING, search="workers=2, trial_timeout=30")
    assert jumping.run() == 0, jumping.output
    jumping.check_finished()
    assert jumping.trained_again == 0
