"""`kerastune prune`: what is told, what is asked, and what is left."""

import dataclasses
import io
import sys

import pytest

from kerastune_lite import open_project
from kerastune_lite._src.core.events import TrialEnded, TrialPaused, TrialStarted
from kerastune_lite._src.core.trial import TrialStatus
from kerastune_lite._src.store.checkpoints import midway_name, state_name, weights_name
from kerastune_lite._src.store.project_folder import ProjectFolder
from tests.projects import recorded
from tests.views import streams


def with_files(trial, weights=True, state=None):
    """`trial`, whose execution refers to such files."""
    (execution,) = trial.executions
    execution = dataclasses.replace(
        execution,
        weights=weights_name(trial.number, 0) if weights else None,
        state=state,
        log=f"logs/trial_{trial.number:04d}.log",
    )
    return dataclasses.replace(trial, executions=(execution,))


PAUSED_STATE = state_name(3, 0, 5)
NEEDED = [
    weights_name(0, 0),
    weights_name(1, 0),
    weights_name(3, 0),
    PAUSED_STATE,
    midway_name(4, 0, 0, 7),
    "logs/trial_0002.log",
    "logs/trial_0003.log",
    "logs/trial_0004.log",
    "oracle_state.json",
    "notes.txt",
    "checkpoints/mine.h5",
]
UNNEEDED = {
    "weights": [weights_name(2, 0), weights_name(9, 0)],
    "states of trainings": [state_name(1, 0, 3), midway_name(0, 0, 0, 2)],
    "logs": ["logs/trial_0000.log", "logs/trial_0001.log", "logs/worker_0.log"],
    "temporary files": [
        "checkpoints/trial_0007_execution0.partial.weights.h5",
        f"{midway_name(4, 0, 0, 8)}.partial",
        "oracle_state.json.new",
        "search.ray",
        "study.sqlite3.123.new",
        "workers/array_0.npy",
        "data/4194999-ab/array_1.npy",
    ],
}


@pytest.fixture
def project(tmp_path):
    """Cut off: two trials completed, one failed, one paused, one running; and what others left."""
    paused = with_files(streams.completed(3, 0.8), state=PAUSED_STATE)
    paused = dataclasses.replace(paused, status=TrialStatus.PAUSED, goal=5, resumable=True)
    events = [
        streams.started(9),
        *(TrialStarted(streams.trial(number)) for number in range(5)),
        TrialEnded(with_files(streams.completed(0, 0.9))),
        TrialEnded(with_files(streams.completed(1, 0.95))),
        TrialEnded(streams.failed(2, log="logs/trial_0002.log")),
        TrialPaused(paused),
    ]
    for event in list(events):
        ended = getattr(event, "trial", None)
        if ended is not None and ended.status is not TrialStatus.RUNNING:
            events += [streams.ExecutionEnded(ended.number, each) for each in ended.executions]
    root = recorded(tmp_path, events)
    for name in (*NEEDED, *(name for names in UNNEEDED.values() for name in names)):
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(bytes(2000))
    return root


def there(project, names):
    return [name for name in names if (project / name).exists()]


def everything():
    return [name for names in UNNEEDED.values() for name in names]


def test_it_tells_first_and_deletes_nothing(project, run, monkeypatch):
    monkeypatch.setattr(sys, "stdin", io.StringIO())
    code, out, err = run("prune", project)
    assert (code, err) == (0, "")
    rows = {line[:20].strip(): line[20:].split() for line in out.splitlines()}
    assert rows["weights"] == ["2", "4", "KiB"]
    assert rows["states of trainings"] == ["2", "4", "KiB"]
    assert rows["logs"] == ["3", "6", "KiB"]
    assert rows["temporary files"] == ["7", "14", "KiB"]
    assert out.endswith("Nothing was deleted. Add --yes to delete 14 files (28 KiB).\n")
    assert there(project, everything()) == everything()


def test_with_yes_what_is_needed_stays(project, run):
    before = open_project(project).trials
    code, out, err = run("prune", project, "--yes")
    assert (code, err) == (0, "")
    assert out.endswith("Deleted: 14 files (28 KiB)\n")
    assert there(project, everything()) == []
    assert there(project, NEEDED) == NEEDED
    assert not (project / "workers").exists()
    assert not (project / "data").exists()
    assert open_project(project).trials == before
    assert run("prune", project, "--yes")[1] == f"There is nothing to delete in {project}.\n"


@pytest.mark.parametrize(("keep", "kept"), [(1, [1, 3]), (0, [3]), (7, [0, 1, 3])])
def test_keep_is_for_the_best(project, run, keep, kept):
    assert run("prune", project, "--keep", keep, "-y", "-q") == (0, "", "")
    weights = [weights_name(number, 0) for number in range(10)]
    assert there(project, weights) == [weights_name(number, 0) for number in kept]
    assert there(project, [PAUSED_STATE, midway_name(4, 0, 0, 7)])


@pytest.mark.parametrize(
    ("answer", "deleted"), [("y\n", True), ("YES\n", True), ("n\n", False), ("\n", False), ("", 0)]
)
def test_on_a_terminal_it_asks(project, run, monkeypatch, answer, deleted):
    stdin = io.StringIO(answer)
    stdin.isatty = lambda: True
    monkeypatch.setattr(sys, "stdin", stdin)
    code, out, _ = run("prune", project)
    assert code == 0
    assert "Delete 14 files (28 KiB)? [y/N] " in out
    assert ("Nothing was deleted.\n" in out) != bool(deleted)
    assert (there(project, everything()) == []) == bool(deleted)


def test_a_search_that_runs_is_not_disturbed(project, run, monkeypatch):
    with ProjectFolder.at(project).writing():
        code, out, err = run("prune", project, "--yes")
    assert (code, out) == (1, "")
    assert err.startswith(f"kerastune prune: {project} is being searched.")
    assert there(project, everything()) == everything()

    # It has begun while the user was thinking.
    folder = ProjectFolder.at(project)

    def answer(question):
        lock = folder.writing()
        lock.__enter__()
        monkeypatch.setattr(answer, "lock", lock, raising=False)
        return "y"

    stdin = io.StringIO()
    stdin.isatty = lambda: True
    monkeypatch.setattr(sys, "stdin", stdin)
    monkeypatch.setattr("builtins.input", answer)
    code, _, err = run("prune", project)
    answer.lock.__exit__(None, None, None)
    assert code == 1
    assert "A project has one writer at a time" in err
    assert there(project, everything()) == everything()


def test_a_file_that_cannot_be_deleted_is_named(project, run, monkeypatch):
    stuck = project / "logs" / "worker_0.log"
    own = type(stuck).unlink

    def unlink(path, missing_ok=False):
        if path == stuck:
            raise PermissionError(13, "Another process has it open")
        own(path, missing_ok=missing_ok)

    monkeypatch.setattr(type(stuck), "unlink", unlink)
    code, _, err = run("prune", project, "--yes")
    assert code == 1
    assert err == (f"kerastune prune: {stuck} cannot be deleted: Another process has it open.\n")
    assert there(project, everything()) == ["logs/worker_0.log"]


def test_projects_of_kerastuner_are_left_alone(tmp_path, run):
    ours = recorded(tmp_path, streams.simple())
    theirs = tmp_path / "theirs"
    assert run("export", ours, "--keras-tuner", theirs)[0] == 0
    code, _, err = run("prune", theirs, "--yes")
    assert code == 1
    assert "KerasTuner's files, which are never changed" in err


def test_a_log_that_was_deleted_is_not_named(project, run):
    assert "printed: logs/trial_0000.log" in run("show", project, "--trial", 0)[1]
    run("prune", project, "--yes")
    assert "printed" not in run("show", project, "--trial", 0)[1]
    assert "printed: logs/trial_0002.log" in run("show", project, "--trial", 2)[1]
