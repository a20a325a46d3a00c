"""What a worker does with a job: runs lists of segments, and keeps what the user's code prints."""

from __future__ import annotations

import contextlib
import dataclasses
import os
import pickle
import sys
import traceback
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from kerastune_lite._src.core.trial import Execution, Report, Segment
from kerastune_lite._src.search.execution.job import Emit, Job
from kerastune_lite._src.util.errors import FatalRuntimeError, StoreError
from kerastune_lite._src.util.windows import discard


def log_name(trial: int) -> str:
    """The file with what a trial printed in a worker, relative to the project's folder."""
    return f"logs/trial_{trial:04d}.log"


def served(job: Job, segments: Sequence[Segment], folder: Path, emit: Emit) -> Iterator[Report]:
    """Run a list of segments in this process, which does nothing else.

    Args:
        folder: that of the project, for the log. Trials that train in one stack have one log.

    Yields:
        The reports, which other processes can read.
    """
    name = log_name(segments[0].trial.number)
    path = folder / name
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.open("ab").close()
    except OSError as error:
        yield Report(segments[0], (), {}, fatal=_unwritable(path, error))
        return
    left = len(segments)
    with _output_to(path):
        for report in job.run(segments, emit):
            left -= 1
            _flush()
            empty = _size(path) == 0
            if empty and not left:
                # Now: once this is reported, another worker may go on with the trial, and its log.
                discard(path)
            log = None if empty else name
            yield _portable(dataclasses.replace(report, executions=_with_log(report, log)))


def _size(path: Path) -> int:
    """In bytes; 0 if the file was deleted."""
    with contextlib.suppress(OSError):
        return path.stat().st_size
    return 0


def _with_log(report: Report, log: str | None) -> tuple[Execution, ...]:
    return tuple(dataclasses.replace(execution, log=log) for execution in report.executions)


def _unwritable(path: Path, error: OSError) -> StoreError:
    return StoreError(
        f"What trials print cannot be written to {path}: {error}. What was recorded before is "
        "safe. Once this is fixed (free space? permissions?), run the script again: the search "
        "resumes."
    )


@contextlib.contextmanager
def _output_to(path: Path) -> Iterator[None]:
    """Append to a file what this process prints, also from native code."""
    _flush()
    before = os.dup(1), os.dup(2)
    try:
        redirect_output(path)
        yield
    except SystemExit:
        traceback.print_exc()  # The process ends, and this says why.
        raise
    finally:
        _flush()
        for place, saved in enumerate(before, 1):
            os.dup2(saved, place)
            os.close(saved)


def redirect_output(path: Path) -> None:
    """Append to a file what this process prints from now on."""
    # Windows would write two ends of each line without the last of these.
    flags = os.O_WRONLY | os.O_CREAT | os.O_APPEND | getattr(os, "O_BINARY", 0)
    file = os.open(path, flags, 0o666)
    os.dup2(file, 1)
    os.dup2(file, 2)
    os.close(file)


def _flush() -> None:
    for stream in (sys.stdout, sys.stderr):
        with contextlib.suppress(Exception):  # The user's code may have replaced or closed it.
            stream.flush()


def _portable(report: Report) -> Report:
    """The report, with an exception that the search can read, and its traceback as text."""
    error = report.fatal
    if error is None:
        return report
    frames = "".join(traceback.format_exception(type(error), error, error.__traceback__))
    try:
        pickle.loads(pickle.dumps(error))  # noqa: S301 (written just here)
    except Exception:
        error = FatalRuntimeError(f"{type(error).__name__}: {error}")
    return dataclasses.replace(report, fatal=_Raised(error, frames))


class WorkerTraceback(Exception):
    """Where an exception was raised in a worker: exceptions lose their frames on the way."""

    def __str__(self) -> str:
        return f"\n{self.args[0]}"


class _Raised(Exception):
    """Becomes an exception with its `WorkerTraceback` as the cause, when it is pickled."""

    def __reduce__(self) -> Any:
        return _with_cause, self.args


def _with_cause(error: BaseException, frames: str) -> BaseException:
    error.__cause__ = WorkerTraceback(frames)
    return error
