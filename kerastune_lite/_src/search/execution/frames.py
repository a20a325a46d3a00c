"""Messages between a search and its worker processes, over the pipes that it started them with."""

from __future__ import annotations

import pickle
import struct
import threading
from typing import Any, BinaryIO

_LENGTH = struct.Struct(">Q")


class Channel:
    """Sends and receives Python objects over a pair of pipes.

    Both ends are processes of one program, so the objects are pickled; nothing of it is stored, and
    nothing listens on a network. The other end need not know the script that a class is from, as a
    domain of the user's own.

    Args:
        source, target: opened unbuffered for reading and for writing.
    """

    def __init__(self, source: BinaryIO, target: BinaryIO) -> None:
        self._source = source
        self._target = target
        self._sending = threading.Lock()

    def send(self, message: Any) -> None:
        """Send an object.

        Raises:
            OSError: the other end is gone.
            Exception: the object cannot be pickled; nothing was sent.
        """
        import cloudpickle

        data = cloudpickle.dumps(message, pickle.HIGHEST_PROTOCOL)
        with self._sending:
            _write(self._target, _LENGTH.pack(len(data)))
            _write(self._target, data)

    def receive(self) -> Any:
        """The next object.

        Raises:
            EOFError: the other end is gone.
        """
        (length,) = _LENGTH.unpack(self._read(_LENGTH.size))
        return pickle.loads(self._read(length))  # noqa: S301 (from a process of this search)

    def _read(self, count: int) -> bytes:
        parts = []
        while count:
            part = self._source.read(count)
            if not part:
                raise EOFError("The other process has closed its pipe.")
            parts.append(part)
            count -= len(part)
        return b"".join(parts)


def _write(target: BinaryIO, data: bytes) -> None:
    view = memoryview(data)
    while view:
        view = view[target.write(view) :]
