"""Where a project's files are, who may write them, and which of them we may delete."""

from __future__ import annotations

import contextlib
import json
import os
import time
from collections.abc import Iterator
from pathlib import Path

import filelock
import psutil

from kerastune_lite._src.store.kerastuner_reading import ORACLE
from kerastune_lite._src.store.sqlite import SQLiteStore
from kerastune_lite._src.store.store import Project
from kerastune_lite._src.util.errors import ProjectInUseError, StoreError
from kerastune_lite._src.util.windows import WINDOWS, discard, patiently, why_no_name

DATABASE = "study.sqlite3"
"""The file that makes a folder a project."""

ORACLE_STATE = "oracle_state.json"
"""What an oracle keeps that has a state of its own."""

MADE_DATA = "data"
"""A folder for data that was made for trials; each process has a folder of its own there."""

_MADE_FILES = "array_[0-9]*.npy"

_WRITTEN = (
    "checkpoints/trial_*.weights.h5*",
    "checkpoints/trial_*.state.zip*",
    "logs/trial_[0-9]*.log",
    "logs/worker_[0-9]*.log",
    "workers/array_[0-9]*.npy",
    "search.ray",
    ORACLE_STATE,
)
"""What searches write beside the database and what TensorBoard reads."""


class ProjectFolder:
    """The folder `directory/project_name` and the names of the files in it."""

    def __init__(self, directory: str | os.PathLike[str], project_name: str) -> None:
        self.name = project_name
        self.root = Path(directory) / project_name
        self.database = self.root / DATABASE
        self.tensorboard = self.root / "tensorboard"
        self._lock_file = self.root / "search.lock"
        self._writer_file = self.root / "search.writer.json"

    @classmethod
    def at(cls, path: str | os.PathLike[str]) -> ProjectFolder:
        """The files of a project, which need not exist.

        Args:
            path: its folder, or the database in it.
        """
        root = Path(path)
        if root.name == DATABASE:
            root = root.parent
        # "." and "/" have no name.
        return cls(root.parent, root.name) if root.name else cls(root, "")

    @property
    def exists(self) -> bool:
        """Whether a search was ever recorded here."""
        return self.database.exists()

    @contextlib.contextmanager
    def writing(self) -> Iterator[None]:
        """Be the only writer; the operating system releases the lock when the process dies.

        Raises:
            ProjectInUseError: another search is writing.
            StoreError: the folder cannot be created or written.
        """
        self._check_name()
        lock = filelock.FileLock(self._lock_file)
        try:
            self.root.mkdir(parents=True, exist_ok=True)
            # With a timeout: `being_written` in another process may hold it for a moment.
            lock.acquire(timeout=0.2)
        except filelock.Timeout:
            raise ProjectInUseError(
                f"A project has one writer at a time. {self.root} is being written by "
                f"{self._writer()}. Wait for it or stop it, choose another project_name, or "
                "read the project meanwhile with kerastune_lite.open_project()."
            ) from None
        except OSError as error:
            raise StoreError(
                f"The project's folder {self.root} cannot be written: {error}. "
                "Choose another `directory`."
            ) from error
        try:
            writer = {"pid": os.getpid(), "started": time.strftime("%Y-%m-%d %H:%M:%S")}
            self._writer_file.write_text(json.dumps(writer), encoding="utf-8")
            yield
        finally:
            discard(self._writer_file)
            lock.release()

    def _check_name(self) -> None:
        why_not = why_no_name(self.name) if WINDOWS else None
        if why_not is not None:
            raise StoreError(
                f"A project_name must be one that Windows allows for a folder: {why_not}. "
                f"Received: {self.name!r}."
            )

    @property
    def being_written(self) -> bool:
        """Whether some process is searching here right now."""
        # Most projects have no writer, and their lock is not touched.
        if not self._writer_file.exists():
            return False
        lock = filelock.FileLock(self._lock_file)
        try:
            with lock.acquire(timeout=0):
                return False  # The writer died, and its lock was released.
        except filelock.Timeout:
            return True
        except OSError:  # The folder is not writable for us; the writer's file is all we know.
            return True

    def _writer(self) -> str:
        try:
            writer = json.loads(self._writer_file.read_text(encoding="utf-8"))
        except (OSError, ValueError):
            return "another process"
        if writer["pid"] == os.getpid():
            return f"this very process (pid {writer['pid']}), in another search"
        return f"the process with pid {writer['pid']}, since {writer['started']}"

    def discard_made_data(self) -> None:
        """Delete the data that other processes, which died, had made for their trials."""
        for path in self.abandoned_data():
            with contextlib.suppress(OSError):  # not ours, perhaps; it is only space
                path.unlink(missing_ok=True)
        for folder in self._abandoned_folders():
            _remove_if_empty(folder)
        _remove_if_empty(self.root / MADE_DATA)

    def abandoned_data(self) -> list[Path]:
        """The files of data that processes which died had made for their trials."""
        return [path for each in self._abandoned_folders() for path in each.glob(_MADE_FILES)]

    def _abandoned_folders(self) -> list[Path]:
        found = self.root.glob(f"{MADE_DATA}/[0-9]*-*")  # They begin with the ids of processes.
        return [each for each in found if not psutil.pid_exists(int(each.name.partition("-")[0]))]

    def remove_empty_folders(self) -> None:
        """Remove the folders of files that are no longer there, while nothing searches here."""
        self.discard_made_data()
        for name in ("checkpoints", "logs", "workers"):
            _remove_if_empty(self.root / name)

    def open(self, read_only: bool = False) -> SQLiteStore:
        """The project's store."""
        return SQLiteStore(self.database, read_only)

    def load(self) -> Project:
        """The project as it is at this moment.

        Raises:
            StoreError: there is none, or it cannot be read.
        """
        with contextlib.closing(self.open(read_only=True)) as store:
            return store.load()

    def clear(self) -> None:
        """Delete the files that this library wrote, and nothing else.

        Raises:
            ProjectInUseError: a search is writing them.
            StoreError: one cannot be deleted.
        """
        if not self.root.exists():
            return
        with self.writing():
            try:
                self._clear()
            except OSError as error:
                raise StoreError(
                    f"The project in {self.root} cannot be deleted: {error}. Close the program "
                    "that has the file open, or choose another project_name."
                ) from error
        discard(self._lock_file)
        _remove_if_empty(self.root)

    def _clear(self) -> None:
        for pattern in (f"{DATABASE}*", *_WRITTEN):
            for path in self.root.glob(pattern):
                patiently(path.unlink)
        _clear_event_files(self.tensorboard)
        self.remove_empty_folders()
        for folder in self.root.glob("trial_*"):
            _remove_if_empty(folder)


def _clear_event_files(directory: Path) -> None:
    if not directory.is_dir():
        return
    for entry in directory.iterdir():
        if entry.is_dir() and not entry.is_symlink():
            _clear_event_files(entry)
        elif entry.name.startswith("events.out.tfevents."):
            patiently(entry.unlink)
    _remove_if_empty(directory)


def _remove_if_empty(directory: Path) -> None:
    with contextlib.suppress(OSError):
        directory.rmdir()


def projects_below(directory: str | os.PathLike[str], depth: int | None = None) -> Iterator[Path]:
    """The folders of projects, also of KerasTuner, in and below `directory`; not hidden ones.

    Args:
        depth: how many levels down; None: all.

    Raises:
        StoreError: there is no such folder.
    """
    if not os.path.isdir(directory):
        raise StoreError(f"There is no folder {directory}.")
    for root, folders, files in os.walk(directory):
        down = len(Path(root).relative_to(directory).parts)
        found = DATABASE in files or ORACLE in files
        if found or down == depth:
            folders.clear()  # There are no projects inside a project.
        if found:
            yield Path(root)
        folders[:] = sorted(name for name in folders if not name.startswith("."))
