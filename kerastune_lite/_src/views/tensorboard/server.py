"""The TensorBoard of this environment, started, shown and stopped from Python."""

from __future__ import annotations

import atexit
import operator
import os
import re
import subprocess
import sys
import threading
import time
import urllib.request
from pathlib import Path
from typing import Any

from kerastune_lite._src.util.windows import own_group
from kerastune_lite._src.views.where import in_notebook

HOST = "127.0.0.1"
"""Not visible on the network: TensorBoard has no password."""

PATIENCE = 60.0
"""Seconds that TensorBoard has to start, also on a busy machine."""

PAGE = "#hparams"

_ROOT = str(Path(__file__).parents[4])
_PROGRAM = f"""
import sys
del sys.path[0]  # the current directory, whose files must not be imported
if {_ROOT!r} not in sys.path:
    sys.path.insert(0, {_ROOT!r})
from kerastune_lite._src.views.tensorboard.serve import main
main(with_parent=True)
"""

_running: list[TensorBoardServer] = []


class TensorBoardServer:
    """A TensorBoard in a separate process, which runs until `stop()` or the end of this process.

    Args:
        logdir: the log directory.
        port: 0: a free one.

    Attributes:
        port: on 127.0.0.1.
        pid: the process id.

    Raises:
        RuntimeError: it did not start; the message has its output.
    """

    def __init__(self, logdir: str, port: int = 0) -> None:
        self.logdir = logdir
        command = [sys.executable, "-c", _PROGRAM, "--logdir", logdir, "--host", HOST]
        self._process = subprocess.Popen(
            [*command, "--port", str(port)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            encoding="utf-8",
            errors="replace",
            **own_group(),  # Ctrl-C only interrupts the search
        )
        self._said: list[str] = []
        self._listener = threading.Thread(target=self._listen, daemon=True)
        self._listener.start()
        try:
            self.port = self._wait_for_port()
        except BaseException:
            self.stop()
            raise
        self.pid = self._process.pid

    @property
    def url(self) -> str:
        """The address for a browser, through `TENSORBOARD_PROXY_URL` if that is set."""
        proxy = os.environ.get("TENSORBOARD_PROXY_URL")
        if proxy is None:
            return f"http://{HOST}:{self.port}/"
        return proxy.replace("%PORT%", str(self.port))

    @property
    def alive(self) -> bool:
        """Whether it answers."""
        if self._process.poll() is not None:
            return False
        try:
            address = f"http://{HOST}:{self.port}/data/environment"
            with _DIRECTLY.open(address, timeout=PATIENCE) as response:
                return bool(response.status == 200)
        except OSError:
            return False

    def stop(self) -> None:
        """Stop it. Calling it again does nothing."""
        self._process.terminate()
        try:
            self._process.wait(5)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        self._listener.join(5)
        for pipe in (self._process.stdin, self._process.stdout):
            if pipe is not None:
                pipe.close()
        if self in _running:
            _running.remove(self)

    def _listen(self) -> None:
        # All lines are read, or the process would block once the pipe is full.
        for line in self._process.stdout or ():
            if len(self._said) < 1000:
                self._said.append(line)

    def _wait_for_port(self) -> int:
        end = time.monotonic() + PATIENCE
        while time.monotonic() < end:
            ended = self._process.poll()
            if ended is not None:
                self._listener.join(5)
                raise RuntimeError(
                    f"TensorBoard did not start; it ended with code {ended}. `port=0` uses a "
                    f"free port. {self._quoted()}"
                )
            found = re.search(rf"http://{re.escape(HOST)}:(\d+)", "".join(self._said))
            if found:
                return int(found[1])
            time.sleep(0.05)
        raise RuntimeError(
            f"TensorBoard did not start within {PATIENCE:.0f} seconds. Try again when the machine "
            f"is less busy. {self._quoted()}"
        )

    def _quoted(self) -> str:
        return f"Its output:\n{''.join(self._said).strip() or '(nothing)'}"

    def __repr__(self) -> str:
        return f"<TensorBoard of {self.logdir}: {self.url}{PAGE}, pid {self._process.pid}>"


# A proxy in the environment variables is for other machines.
_DIRECTLY = urllib.request.build_opener(urllib.request.ProxyHandler({}))


def show(logdir: str, height: int = 800, port: int = 0) -> TensorBoardServer:
    """Show `logdir` in TensorBoard: print its address, and in a notebook show a frame.

    A TensorBoard that this process has started for it before is used again.

    Args:
        logdir: the log directory; it may be empty so far.
        height: of the frame, in pixels.
        port: 0: a free one.

    Raises:
        ValueError: the height or the port is invalid.
        RuntimeError: TensorBoard did not start; the message has its output.
    """
    height = _whole("height", height, 1, 100_000, "pixels")
    port = _whole("port", port, 0, 65535, "0 uses a free one")
    logdir = os.path.abspath(logdir)
    server = next((each for each in _running if _serves(each, logdir, port)), None)
    again = "" if server is None else " (already running)"
    if server is None:
        server = TensorBoardServer(logdir, port)
        _running.append(server)
    print(f"TensorBoard{again}: {server.url}{PAGE} (pid {server.pid}); .stop() ends it.")
    if in_notebook():
        from IPython.display import IFrame, display

        display(IFrame(f"{server.url}{PAGE}", width="100%", height=height))
    return server


def _serves(server: TensorBoardServer, logdir: str, port: int) -> bool:
    return server.logdir == logdir and port in (0, server.port) and server.alive


def _whole(name: str, value: Any, low: int, high: int, hint: str) -> int:
    try:
        number = operator.index(value)
    except TypeError:
        number = low - 1
    if not low <= number <= high:
        raise ValueError(
            f"`{name}` must be a whole number from {low} to {high} ({hint}). Received: "
            f"{name}={value!r}."
        )
    return number


@atexit.register
def _stop_all() -> None:
    for server in list(_running):
        server.stop()
