"""What Windows does otherwise, as far as another system can tell."""

import errno
import subprocess
import sys

import pytest

from kerastune_lite._src.cli.command import main
from kerastune_lite._src.store.checkpoints import Checkpoints
from kerastune_lite._src.store.project_folder import ProjectFolder
from kerastune_lite._src.util import windows
from kerastune_lite._src.util.errors import StoreError
from kerastune_lite._src.util.whole_files import whole
from tests.projects import recorded
from tests.views import streams


@pytest.fixture
def on_windows(monkeypatch):
    """As if this was Windows, for what asks."""
    monkeypatch.setattr(windows, "WINDOWS", True)
    monkeypatch.setattr("kerastune_lite._src.store.project_folder.WINDOWS", True)


def in_use(times):
    """An action that another program disturbs so often."""
    calls = []

    def action():
        calls.append(None)
        if len(calls) <= times:
            raise PermissionError(errno.EACCES, "The process cannot access the file")

    action.calls = calls
    return action


def test_a_file_that_is_read_for_a_moment_is_replaced_after_it(on_windows):
    action = in_use(3)
    windows.patiently(action)
    assert len(action.calls) == 4


def test_there_is_an_end_of_patience(on_windows, monkeypatch):
    monkeypatch.setattr(windows, "_PATIENCE", 0.05)
    with pytest.raises(PermissionError):
        windows.patiently(in_use(1000))


def test_elsewhere_a_file_that_is_refused_stays_refused():
    action = in_use(1)
    with pytest.raises(PermissionError):
        windows.patiently(action)
    assert len(action.calls) == 1


def test_files_are_replaced_patiently(tmp_path, on_windows, monkeypatch):
    path = tmp_path / "report.html"
    path.write_text("old")
    disturb, replace = in_use(2), windows.os.replace

    def disturbed(source, target):
        disturb()
        replace(source, target)

    monkeypatch.setattr("os.replace", disturbed)
    with whole(path, "report.new") as scratch:
        scratch.write_text("new")
    assert path.read_text() == "new"
    assert [each.name for each in tmp_path.iterdir()] == ["report.html"]


def test_weights_that_are_read_elsewhere_do_not_stop_a_search(tmp_path, monkeypatch):
    weights = tmp_path / "checkpoints" / "trial_0000_execution0.weights.h5"
    weights.parent.mkdir()
    weights.touch()

    def refused(path, missing_ok=False):
        raise PermissionError(errno.EACCES, "The process cannot access the file", str(path))

    with monkeypatch.context() as patched:
        patched.setattr(type(weights), "unlink", refused)
        Checkpoints(tmp_path, 0).delete(f"checkpoints/{weights.name}")
    assert weights.exists()
    windows.discard(weights)
    windows.discard(weights)
    assert not weights.exists()


def test_a_project_in_use_cannot_be_overwritten_and_says_so(tmp_path, monkeypatch):
    root = recorded(tmp_path, streams.simple())
    own = type(root).unlink

    def refused(path, missing_ok=False):
        if path.name == "study.sqlite3":
            raise PermissionError(errno.EACCES, "The process cannot access the file", str(path))
        own(path, missing_ok=missing_ok)

    monkeypatch.setattr(type(root), "unlink", refused)
    with pytest.raises(StoreError, match=r"cannot be deleted.*Close the program that has"):
        ProjectFolder.at(root).clear()
    with ProjectFolder.at(root).writing():
        pass  # The lock was released.


@pytest.mark.parametrize(
    ("name", "why"),
    [
        ("run 12:30", "':' cannot be"),
        ("a/what?", "'\\?' cannot be"),
        ("con", "the name of a device"),
        ("runs/NUL", "the name of a device"),
        ("nul.txt", "the name of a device"),
        ("Com1.project", "the name of a device"),
        ("lpt²", "the name of a device"),
        ("digits.", "cannot end with"),
        ("digits ", "cannot end with"),
        ("a\\b ", "cannot end with"),
        ("tab\there", "cannot be"),
    ],
)
def test_names_that_windows_refuses(tmp_path, on_windows, name, why):
    with (
        pytest.raises(StoreError, match=f"A project_name must be one that Windows.*{why}"),
        ProjectFolder(tmp_path, name).writing(),
    ):
        pass
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("name", ["digits", "a/b", "../up", "console", "com", "com10", "é-1 (2)"])
def test_names_that_it_allows(tmp_path, on_windows, name):
    assert windows.why_no_name(name) is None


def test_other_systems_allow_what_windows_refuses(tmp_path):
    with ProjectFolder(tmp_path, "run 12:30").writing():
        pass
    assert (tmp_path / "run 12:30").exists()


def test_ctrl_c_does_not_reach_other_processes(on_windows, monkeypatch):
    monkeypatch.setattr(subprocess, "CREATE_NEW_PROCESS_GROUP", 0x200, raising=False)
    assert windows.own_group() == {"creationflags": 0x200}
    monkeypatch.setattr(windows, "WINDOWS", False)
    assert windows.own_group() == {"start_new_session": True}


def test_a_pipe_that_nobody_reads_has_two_names(on_windows, monkeypatch):
    closed = OSError(errno.EINVAL, "Invalid argument")
    assert windows.reader_is_gone(closed)
    assert windows.reader_is_gone(BrokenPipeError())
    assert not windows.reader_is_gone(OSError(errno.EINVAL, "Invalid argument", "a?b"))
    monkeypatch.setattr(windows, "WINDOWS", False)
    assert not windows.reader_is_gone(closed)


def test_characters_that_the_output_lacks_are_no_error(tmp_path):
    script = tmp_path / "größe.py"
    script.write_text("import keras_tuner  # größe\n", encoding="utf-8")
    command = [sys.executable, "-X", "utf8=0", "-m", "kerastune_lite", "migrate", str(script)]
    environment = {**windows.os.environ, "PYTHONIOENCODING": "ascii", "PYTHONUTF8": "0"}
    ended = subprocess.run(command, capture_output=True, env=environment)
    assert ended.returncode == 0, ended.stderr
    assert b"gr??e" in ended.stdout
    assert main(["migrate", str(script)]) == 0
