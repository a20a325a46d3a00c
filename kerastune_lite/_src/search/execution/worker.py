"""The main program of a worker process, which runs segments for a search.

It gets the job once, then segments, and sends back epochs and reports. What the user's code prints
goes to its log file. It ends when the search closes its pipe, or dies.
"""

from __future__ import annotations

import dataclasses
import os
import pickle
import queue
import sys
import threading
import traceback
from typing import Any

from kerastune_lite._src.algorithms.schedulers.scheduler import Decision
from kerastune_lite._src.core.events import EpochEnded
from kerastune_lite._src.core.trial import Report
from kerastune_lite._src.search.execution.frames import Channel
from kerastune_lite._src.util.errors import FatalRuntimeError


def main() -> None:
    """Serve the search that started this process."""
    channel = _own_channel()
    received: queue.SimpleQueue[Any] = queue.SimpleQueue()
    threading.Thread(target=_listen, args=(channel, received), daemon=True).start()
    paths, log, payload = received.get()
    _redirect_output(log)
    sys.path[:] = paths
    try:
        import cloudpickle

        job = cloudpickle.loads(payload)
        job.open()
    except BaseException:
        channel.send(("unusable", traceback.format_exc()))
        return
    channel.send(("ready", None))

    def emit(event: EpochEnded) -> Decision:
        channel.send(("epoch", event))
        return Decision(received.get())

    while True:
        segment = received.get()
        for report in job.run([segment], emit):
            channel.send(("report", _portable(report)))


def _own_channel() -> Channel:
    """The pipes that the search started this process with, out of reach of `print` and `input`."""
    source, target = os.dup(0), os.dup(1)
    nothing = os.open(os.devnull, os.O_RDONLY)
    os.dup2(nothing, 0)
    os.dup2(2, 1)
    return Channel(os.fdopen(source, "rb", 0), os.fdopen(target, "wb", 0))


def _redirect_output(log: str) -> None:
    file = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND)
    os.dup2(file, 1)
    os.dup2(file, 2)


def _listen(channel: Channel, received: queue.SimpleQueue[Any]) -> None:
    """Pass on what arrives; end the process when the search has ended."""
    try:
        while True:
            received.put(channel.receive())
    except (EOFError, OSError):
        os._exit(0)


def _portable(report: Report) -> Report:
    """The report, with an exception that the search can read."""
    try:
        pickle.loads(pickle.dumps(report.fatal))  # noqa: S301 (written just here)
    except Exception:
        text = f"{type(report.fatal).__name__}: {report.fatal}"
        return dataclasses.replace(report, fatal=FatalRuntimeError(text))
    return report


if __name__ == "__main__":
    main()
