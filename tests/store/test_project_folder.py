import os
import subprocess
import sys

import pytest

from kerastune_lite._src.store.project_folder import ProjectFolder
from kerastune_lite._src.util.errors import ProjectInUseError, StoreError

HOLD = """
import sys, time
from kerastune_lite._src.store.project_folder import ProjectFolder
with ProjectFolder(sys.argv[1], "p").writing():
    print("held", flush=True)
    time.sleep(60)
"""


@pytest.fixture
def folder(tmp_path):
    return ProjectFolder(tmp_path, "p")


@pytest.fixture
def holder(tmp_path):
    process = subprocess.Popen(
        [sys.executable, "-c", HOLD, str(tmp_path)], stdout=subprocess.PIPE, text=True
    )
    assert process.stdout.readline() == "held\n"
    yield process
    process.kill()
    process.wait()
    process.stdout.close()


def test_second_writer_is_refused_with_the_pid(folder, holder):
    with pytest.raises(ProjectInUseError, match=f"pid {holder.pid}"), folder.writing():
        pass


def test_lock_is_free_again_after_kill_9(folder, holder):
    holder.kill()
    holder.wait()
    with folder.writing():
        pass


def test_whether_somebody_writes(folder, holder):
    assert folder.being_written
    holder.kill()
    holder.wait()
    assert not folder.being_written
    with folder.writing():
        assert folder.being_written
    assert not folder.being_written
    assert not ProjectFolder(folder.root, "never searched").being_written


def test_second_search_of_the_same_process(folder):
    with (
        folder.writing(),
        pytest.raises(ProjectInUseError, match=f"this very process .pid {os.getpid()}"),
        ProjectFolder(folder.root.parent, "p").writing(),
    ):
        pass
    with folder.writing():
        pass


def test_overwrite_of_a_running_project_is_refused(folder, holder):
    with pytest.raises(ProjectInUseError):
        folder.clear()


def test_clear_deletes_only_what_is_ours(folder):
    for name in (
        "study.sqlite3",
        "study.sqlite3-wal",
        "checkpoints/trial_0001_execution0.weights.h5",
        "tensorboard/trial_0001/events.out.tfevents.1.host",
    ):
        path = folder.root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()
    mine = [folder.root / "notes.txt", folder.tensorboard / "mine.txt"]
    for path in mine:
        path.touch()
    folder.clear()
    assert sorted(p for p in folder.root.rglob("*") if p.is_file()) == sorted(mine)
    for path in mine:
        path.unlink()
    folder.clear()
    assert not folder.root.exists()


def test_clear_without_a_project(folder):
    folder.clear()
    assert not folder.root.exists()


def test_folder_cannot_be_made(tmp_path):
    (tmp_path / "file").touch()
    with pytest.raises(StoreError, match="file"), ProjectFolder(tmp_path / "file", "p").writing():
        pass
