"""The main program of a worker process, which runs segments for a search.

It gets the job once, then lists of segments, and sends back epochs and reports. It ends when the
search closes its pipe, or dies.
"""

from __future__ import annotations

import contextlib
import os
import queue
import signal
import sys
import threading
import traceback
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from kerastune_lite._src.algorithms.schedulers.scheduler import Decision
from kerastune_lite._src.core.events import EpochEnded
from kerastune_lite._src.search.execution.frames import Channel
from kerastune_lite._src.search.execution.machine import private_memory
from kerastune_lite._src.search.execution.serving import redirect_output, served


def main() -> None:
    """Serve the search that started this process."""
    _end_with_the_search()
    channel = _own_channel()
    received: queue.SimpleQueue[Any] = queue.SimpleQueue()
    threading.Thread(target=_listen, args=(channel, received), daemon=True).start()
    log, folder, judged, payload = received.get()
    redirect_output(Path(log))
    try:
        with _without_start_messages():
            import cloudpickle

            job = cloudpickle.loads(payload).relocated(Path(folder))
            if job.settings is not None:
                job.settings.apply()
            job.open()
    except BaseException:
        channel.send(("unusable", traceback.format_exc()))
        return
    channel.send(("ready", private_memory()))

    def emit(event: EpochEnded) -> Decision:
        channel.send(("epoch", event))
        return Decision(received.get()) if judged else Decision.CONTINUE

    while True:
        for report in served(job, received.get(), Path(folder), emit):
            channel.send(("report", (report, job.together, private_memory())))


@contextlib.contextmanager
def _without_start_messages() -> Iterator[None]:
    """Have TensorFlow load without messages, unless the user wants them."""
    name = "TF_CPP_MIN_LOG_LEVEL"
    if name in os.environ:
        yield
        return
    os.environ[name] = "3"
    try:
        yield
    finally:
        del os.environ[name]


def _end_with_the_search() -> None:
    """On Linux, be killed when the search dies, even if this process hangs or is stopped."""
    if not sys.platform.startswith("linux"):
        return
    parent = os.getppid()
    with contextlib.suppress(Exception):  # a C library without it
        import ctypes

        pr_set_pdeathsig = 1
        ctypes.CDLL(None).prctl(pr_set_pdeathsig, signal.SIGKILL)
    if os.getppid() != parent:
        os._exit(0)


def _own_channel() -> Channel:
    """The pipes that the search started this process with, out of reach of `print` and `input`."""
    source, target = os.dup(0), os.dup(1)
    nothing = os.open(os.devnull, os.O_RDONLY)
    os.dup2(nothing, 0)
    os.dup2(2, 1)
    return Channel(os.fdopen(source, "rb", 0), os.fdopen(target, "wb", 0))


def _listen(channel: Channel, received: queue.SimpleQueue[Any]) -> None:
    """Pass on what arrives; end the process when the search has ended."""
    try:
        while True:
            received.put(channel.receive())
    except (EOFError, OSError):
        os._exit(0)
    except BaseException:  # a message that cannot be read here
        traceback.print_exc()
        os._exit(1)
