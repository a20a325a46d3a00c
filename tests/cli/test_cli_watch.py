"""The command line on a project that another process is searching at the same time."""

import dataclasses
import json
import signal
import subprocess
import sys
import threading

import pytest

import kerastune_lite as kt
from kerastune_lite._src.cli.command import main
from kerastune_lite._src.cli.following import Follower
from kerastune_lite._src.core.confirmation import Round
from kerastune_lite._src.core.events import (
    EpochEnded,
    ExecutionEnded,
    RoundEnded,
    RoundStarted,
    SearchEnded,
    SearchStarted,
    SegmentStarted,
    TrialEnded,
    TrialPaused,
    TrialResumed,
    TrialStarted,
)
from kerastune_lite._src.core.trial import Execution, Outcome, TrialStatus
from kerastune_lite._src.store.project_folder import ProjectFolder
from kerastune_lite._src.views.progress import Progress
from tests.processes import environment
from tests.projects import recorded
from tests.views import streams
from tests.views.conformance import Terminal

SEARCH = """
import sys, time
import kerastune_lite as kt

class Search(kt.RandomSearch):
    def run_trial(self, trial):
        x = trial.hyperparameters.Float("x", -1.0, 1.0)
        for epoch in range(4):
            time.sleep(float(sys.argv[3]) / 4)
            yield x**2 + 1 / (epoch + 1)

    def on_trial_end(self, trial):
        print(trial.number, flush=True)

Search(max_trials=int(sys.argv[2]), seed=1, directory=sys.argv[1], project_name="p").search(
    verbose=0
)
"""


@pytest.fixture
def search(tmp_path):
    """Start a search in another process: (trials, seconds of each) -> process, one trial done."""
    started = []

    def start(trials, seconds):
        command = [sys.executable, "-c", SEARCH, str(tmp_path), str(trials), str(seconds)]
        process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=environment())
        started.append(process)
        assert process.stdout.readline() == "0\n"
        return process

    yield start
    for process in started:
        process.kill()
        process.wait()
        process.stdout.close()


def lines_of_trials(text):
    return [line for line in text.splitlines() if "  trial " in line]


def test_all_commands_work_while_a_search_writes(search, tmp_path, capsys):
    process = search(200, 0.05)
    project = tmp_path / "p"
    seen = []
    for _ in range(3):
        assert main(["list", str(tmp_path), "--json"]) == 0
        (row,) = json.loads(capsys.readouterr().out)
        assert row["status"] == "searching"
        assert row["last_change"] >= (seen[-1] if seen else 0)
        seen.append(row["last_change"])
        for command in (["show"], ["best"], ["export", "--to", "csv"], ["export", "--to", "json"]):
            assert main([command[0], str(project), *command[1:]]) == 0
            assert capsys.readouterr().out
    assert main(["report", str(project), "--output", str(tmp_path / "report.html")]) == 0
    assert process.poll() is None, "it was searching all the time"


def test_watch_shows_every_trial_and_ends_with_the_search(search, tmp_path, capsys):
    process = search(8, 0.2)
    assert main(["watch", str(tmp_path / "p")]) == 0
    assert process.wait(10) == 0
    lines = capsys.readouterr().out.splitlines()
    assert [line.split()[:3] for line in lines[:-1]] == [
        [f"{number + 1}/8", "trial", str(number)] for number in range(8)
    ]
    assert lines[-1].startswith("p: 8/8 trials in 0:0")
    assert lines[-1].endswith(", max_trials=8 reached")


@pytest.mark.slow
def test_watch_says_that_the_process_died(search, tmp_path, capsys):
    process = search(50, 0.1)
    threading.Timer(0.7, process.kill).start()
    assert main(["watch", str(tmp_path / "p")]) == 1
    captured = capsys.readouterr()
    assert "died. Run its script again" in captured.err
    assert len(lines_of_trials(captured.out)) == sum(
        trial.status is TrialStatus.COMPLETED for trial in kt.open_project(tmp_path / "p").trials
    )


@pytest.mark.slow
def test_ctrl_c_leaves_and_the_search_goes_on(search, tmp_path, heard):
    process = search(100, 0.1)
    command = [sys.executable, "-m", "kerastune_lite", "watch", str(tmp_path / "p")]
    watching = subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=environment()
    )
    assert watching.stdout.readline().startswith("1/100  trial 0")
    watching.send_signal(signal.SIGINT)
    _, err = watching.communicate(timeout=10)
    assert (watching.returncode, err) == (130, "")
    assert process.poll() is None


@pytest.mark.slow
def test_on_a_terminal_there_is_one_line_and_then_a_summary(search, tmp_path, monkeypatch):
    search(5, 0.3)
    terminal = Terminal()
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setenv("COLUMNS", "150")
    monkeypatch.setattr(sys, "stdout", terminal)
    assert main(["watch", str(tmp_path / "p")]) == 0
    assert "/5 trials · trial " in terminal.getvalue()
    rows = terminal.screen().splitlines()
    assert rows[0].split()[:2] == ["rank", "trial"]
    assert rows[-1].startswith("p: 5/5 trials in 0:0")


# ---------------------------------------------------------------------- what a follower tells


@pytest.fixture
def folder(tmp_path):
    return ProjectFolder(tmp_path, "digits")


def kinds(news):
    return [type(timed.event) for timed in news]


def test_what_has_happened_is_told_once_in_its_order(folder, tmp_path):
    one, two = streams.completed(0, 0.9, seconds=20.0), streams.completed(1, 0.8, seconds=2.0)
    begun = [streams.started(4), *streams.whole(one), *streams.whole(two)]
    recorded(tmp_path, begun)
    follower = Follower(folder)
    first = follower.poll()
    assert kinds(first) == [SearchStarted, TrialEnded, TrialEnded]
    assert [timed.event.trial.number for timed in first[1:]] == [1, 0], "1 was quicker"
    assert [timed.time - streams.START for timed in first] == [0, 12, 20]
    assert follower.poll() == []

    recorded(tmp_path, [streams.TrialStarted(streams.trial(2)), *streams.epochs(2, 3)])
    second = follower.poll()
    assert kinds(second) == [TrialStarted, SegmentStarted, EpochEnded]
    assert second[-1].event.epoch == 2
    recorded(tmp_path, [EpochEnded(2, 0, 0, 3, {"loss": 1.0})])
    assert [timed.event.epoch for timed in follower.poll()] == [3]

    recorded(tmp_path, [TrialEnded(streams.completed(2, 0.7)), streams.ended()])
    assert kinds(follower.poll()) == [TrialEnded, SearchEnded]
    assert follower.poll() == []
    assert not follower.searching


def test_trials_of_an_earlier_search_are_there_from_the_start(folder, tmp_path):
    recorded(tmp_path, [*streams.simple()])
    again = dataclasses.replace(streams.started(5), time=streams.START + 2000)
    later = dataclasses.replace(streams.completed(3, 0.9), finished=streams.START + 2005)
    recorded(tmp_path, [again, TrialEnded(later)])
    news = Follower(folder).poll()
    assert kinds(news) == [SearchStarted, TrialEnded]
    assert [trial.number for trial in news[0].event.trials] == [0, 1, 2]
    assert news[1].event.trial.number == 3


def test_a_new_search_begins_anew(folder, tmp_path):
    recorded(tmp_path, streams.simple())
    follower = Follower(folder)
    follower.poll()
    recorded(tmp_path, [dataclasses.replace(streams.started(5), time=streams.START + 2000)])
    news = follower.poll()
    assert kinds(news) == [SearchStarted]
    assert len(news[0].event.trials) == 3


def test_the_race_after_the_search(folder, tmp_path):
    recorded(tmp_path, streams.simple()[:-1])
    follower = Follower(folder)
    follower.poll()
    means = {0: 0.9, 1: 0.93, 2: 0.94}
    rounds = [
        RoundEnded(Round(trial, number, None, number, None, Outcome.COMPLETED, mean))
        for number in range(3)
        for trial, mean in means.items()
    ]
    recorded(tmp_path, rounds[:4])
    (told,) = follower.poll()
    assert told.event == RoundStarted(2, 10, 3, 3)
    assert follower.poll() == []
    recorded(tmp_path, [*rounds[4:], streams.ended()])
    (told,) = follower.poll()
    assert told.event.confirmation.winner == 2
    assert told.event.confirmation.gain.mean == pytest.approx(0.04)


def test_rungs_and_retries(folder, tmp_path):
    trial = dataclasses.replace(streams.trial(0), goal=3, resumable=True)
    rung = dataclasses.replace(
        trial, status=TrialStatus.PAUSED, score=0.5, loss=-0.5, finished=streams.START + 5
    )
    follower = Follower(folder)
    recorded(tmp_path, [streams.started(), TrialStarted(trial), *streams.epochs(0, 1)])
    follower.poll()
    failed = Execution(0, Outcome.FAILED, message=streams.TRACEBACK)
    recorded(tmp_path, [ExecutionEnded(0, failed, True), *streams.epochs(0, 2, attempt=1)])
    news = follower.poll()
    assert kinds(news) == [ExecutionEnded, SegmentStarted, EpochEnded]
    assert (news[1].event.attempt, news[1].event.end_epoch) == (1, 3)
    progress = Progress()
    progress.on_event(news[0].event)
    assert progress.message == "trial 0 is tried again after ValueError: units must be even"

    recorded(tmp_path, [TrialPaused(rung)])
    assert kinds(follower.poll()) == [TrialPaused]
    recorded(tmp_path, [TrialResumed(dataclasses.replace(trial, goal=9))])
    assert kinds(follower.poll()) == [TrialResumed]
