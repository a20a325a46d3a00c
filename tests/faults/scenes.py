"""A script that searches, run as a process of its own, and what an observer outside of it saw.

The trials of a script write notes into a file that is no part of the project: when they begin, and
when they end. The search notes each trial that it has told to its hooks. So a test can compare what
was seen with what the project holds.
"""

from __future__ import annotations

import ctypes
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from typing import Any, NamedTuple

import psutil

import kerastune_lite as kt
from tests.processes import environment

PATIENCE = 120.0
"""Seconds after which what a test waits for will not come."""

_MARK = "KERASTUNE_SCENE"
"""The environment variable that all processes of a scene inherit."""

_PROLOGUE = '''
import json, os, signal, sys, time
import kerastune_lite as kt

FOLDER, TRIALS = sys.argv[1], int(sys.argv[2])

def note(*what):
    """In one write, so that the lines of several processes do not mix."""
    line = json.dumps([time.monotonic(), os.getpid(), *what]) + "\\n"
    file = os.open(os.path.join(FOLDER, "notes"), os.O_WRONLY | os.O_APPEND | os.O_CREAT)
    os.write(file, line.encode())
    os.close(file)

def first_time(name):
    """Whether no process of this scene has asked before."""
    try:
        os.mkdir(os.path.join(FOLDER, name))
    except FileExistsError:
        return False
    return True

def fault(number):
    """Whether trial `number` begins for the first time; its fault comes now."""
    first = first_time(f"fault{number}")
    if first:
        note("fault", number)
    return first

DATA, OBJECTIVE = (), kt.Objective("score", "min")

class Told:
    def on_trial_end(self, trial):
        note("told", trial.number, trial.score)
'''

_EPILOGUE = """
if __name__ == "__main__":
    tuner = make(seed=11, directory=FOLDER, project_name="p",
                 objective=OBJECTIVE)
    note("ready")
    tuner.search(*DATA, verbose=0, SEARCH)
    note("done")
"""

FUNCTION = """
class Search(Told, kt.RandomSearch):
    def run_trial(self, trial):
        note("began", trial.number)
        x = trial.hyperparameters.Float("x", -1.0, 1.0)
        time.sleep(0.02)
        befall(trial.number)
        note("ended", trial.number, x)
        return [x, x]

def befall(number):
    pass

BEFALL

def make(**arguments):
    return Search(max_trials=TRIALS, executions_per_trial=2, max_consecutive_failed_trials=99,
                  **arguments)
"""
"""A search without Keras, with two executions per trial."""

WORKERS = "workers=2, trial_timeout=600"
"""With a timeout, no trial is trained in the searching process."""


class Note(NamedTuple):
    """A line that a process has written."""

    when: float
    pid: int
    kind: str
    number: int = -1
    value: Any = None


class Cost(NamedTuple):
    """What a fault has cost: trainings begun again, failed trials, seconds until it goes on."""

    again: int
    failed: int
    seconds: float


class Scene:
    """A script and its project.

    Args:
        folder: empty.
        befall: what takes the place of BEFALL in `script`.
        trials: how many.
        search: the arguments of `search()`.
        script: has `make(**arguments)`, which makes the tuner.
        per_trial: executions of a trial.
    """

    def __init__(self, folder, befall="", trials=12, search=WORKERS, script=FUNCTION, per_trial=2):
        self.folder = folder
        self.project = folder / "p"
        self.count = trials
        self._per_trial = per_trial
        (folder / "output").touch()
        self._script = folder / "script.py"
        script = script.replace("BEFALL", befall)
        self._script.write_text(_PROLOGUE + script + _EPILOGUE.replace("SEARCH", search))

    # ------------------------------------------------------------------ running

    def start(self, **how) -> subprocess.Popen:
        """Start the script, in a session of its own."""
        with (self.folder / "output").open("ab") as output:
            return subprocess.Popen(
                [sys.executable, str(self._script), str(self.folder), str(self.count)],
                stdout=output,
                stderr=output,
                stdin=subprocess.DEVNULL,
                env=environment(**{_MARK: str(self.folder), "PYTHONPATH": os.getcwd()}),
                start_new_session=True,
                **how,
            )

    def run(self, **how) -> int:
        """Run the script to its end; returns its exit status."""
        return self.end_of(self.start(**how))

    def end_of(self, process: subprocess.Popen) -> int:
        """Wait until a search has ended; returns its exit status."""
        try:
            return process.wait(PATIENCE)
        except subprocess.TimeoutExpired:
            process.kill()
            raise AssertionError(f"The search does not end.\n{self.output}") from None

    @property
    def output(self) -> str:
        """What all runs of the script have printed."""
        return (self.folder / "output").read_text()

    # ------------------------------------------------------------------ what was seen

    def notes(self, kind: str, number: int | None = None) -> list[Note]:
        """The notes of a kind, in the order in which they were written."""
        try:
            lines = (self.folder / "notes").read_text().splitlines()
        except FileNotFoundError:
            return []
        notes = [Note(*json.loads(line)) for line in lines]
        return [n for n in notes if n.kind == kind and number in (None, n.number)]

    def latest(self, kind: str) -> dict[int, Note]:
        """By trial: the latest note of a kind."""
        return {note.number: note for note in self.notes(kind)}

    def until(self, kind: str, count: int = 1, number: int | None = None) -> Note:
        """Wait for so many notes of a kind; returns the last of them."""
        wait_for(
            lambda: len(self.notes(kind, number)) >= count,
            lambda: f"There are not {count} notes {kind!r}.\n{self.output}",
        )
        return self.notes(kind, number)[count - 1]

    @property
    def trials(self):
        """What the project holds."""
        return kt.open_project(self.project).trials

    def processes(self) -> list[psutil.Process]:
        """The processes of this scene that live, whoever has started them."""
        found = []
        for process in psutil.process_iter():
            try:
                if process.environ().get(_MARK) == str(self.folder):
                    found.append(process)
            except (psutil.Error, OSError):  # Others' processes, and those that have just ended.
                continue
        return found

    # ------------------------------------------------------------------ what has to be true

    def check_no_process_is_left(self) -> None:
        wait_for(lambda: not self.processes(), lambda: f"There are still {self.processes()}.")

    def check_stored(self) -> None:
        """What was told is in the project, once, and was not trained again."""
        stored = {trial.number: trial for trial in self.trials}
        told = self.notes("told")
        assert len(stored) == len(self.trials)
        assert sorted({n.number for n in told}) == sorted(n.number for n in told), "told once"
        assert {n.number: n.value for n in told} == {n.number: stored[n.number].score for n in told}
        began = self.latest("began")
        for end in told:
            assert began.get(end.number, end).when <= end.when, "a finished trial was trained again"
        for trial in stored.values():
            done = [e.index for e in trial.executions if e.outcome == "COMPLETED"]
            assert sorted(set(done)) == sorted(done), "each execution counts once"

    def check_finished(self, failed=()) -> None:
        """All trials are there with what they have found, but for those that failed.

        Args:
            failed: their numbers.
        """
        self.check_stored()
        self.check_no_process_is_left()
        trials, ended = self.trials, self.latest("ended")
        assert [trial.number for trial in trials] == list(range(self.count))
        assert [t.number for t in trials if t.status == "FAILED"] == sorted(failed)
        for trial in trials:
            if trial.number not in failed:
                assert trial.status == "COMPLETED"
                assert len(trial.completed_executions) == self._per_trial
                assert ended[trial.number].value in (None, trial.score)

    # ------------------------------------------------------------------ what it has cost

    @property
    def trained_again(self) -> int:
        """How many trainings have begun that had begun before."""
        began = self.notes("began")
        return len(began) - len({(n.number, n.value) for n in began})

    def cost_of_fault(self, number: int) -> Cost:
        """Of a fault in a trial: until it begins again, or is told to have failed."""
        (fault,) = self.notes("fault", number)
        began = self.notes("began", number)
        (*_, lost) = (n for n in began if n.when < fault.when)
        later = [n for n in began if n.when > fault.when and n.value == lost.value]
        failed = self.trials[number].status == "FAILED"
        goes_on = self.notes("told", number)[0] if failed else later[0]
        return Cost(len(later), int(failed), goes_on.when - fault.when)

    def cost_of_end(self, run: int) -> Cost:
        """Of what has ended an earlier run: until the first trial of run `run` begins.

        Args:
            run: counted from 0.
        """
        ready = [note.when for note in self.notes("ready")] + [float("inf")]
        began = self.notes("began")
        before = {(n.number, n.value) for n in began if n.when < ready[run]}
        later = [n for n in began if ready[run] < n.when < ready[run + 1]]
        again = sum((n.number, n.value) in before for n in later)
        return Cost(again, 0, later[0].when - ready[run])


def wait_for(condition: Callable[[], Any], message: Callable[[], str]) -> None:
    """Wait until a condition is true.

    Raises:
        AssertionError: with this message, if that takes too long.
    """
    deadline = time.monotonic() + PATIENCE
    while not condition():
        if time.monotonic() > deadline:
            raise AssertionError(message())
        time.sleep(0.02)


def unprivileged() -> None:
    """For `Popen(preexec_fn=...)`: let permissions of files hold for root, too."""
    drop_from_bounding_set, may_write_anywhere = 24, 1
    if os.geteuid() == 0:
        ctypes.CDLL(None).prctl(drop_from_bounding_set, may_write_anywhere, 0, 0, 0)


def kill(pid: int) -> None:
    os.kill(pid, signal.SIGKILL)
