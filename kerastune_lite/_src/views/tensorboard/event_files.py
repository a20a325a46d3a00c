"""TensorBoard's event files: written without TensorFlow, and repaired where a search was killed.

Importing this module imports tensorboard's protobufs (about 0.2 s), so it is imported when the
first event is written.

A file is a sequence of records. Each is an `Event` protobuf in a frame: its length (8 bytes), the
length's checksum (4), the event, the event's checksum (4), all little-endian. The checksum is a
CRC-32C, rotated by 15 bits, plus a constant.
"""

from __future__ import annotations

import functools
import itertools
import os
import struct
import time
from collections.abc import Iterable, Iterator, Mapping
from typing import BinaryIO

import numpy as np
from tensorboard.compat.proto import event_pb2, summary_pb2, tensor_pb2, types_pb2
from tensorboard.compat.tensorflow_stub.pywrap_tensorflow import CRC_TABLE
from tensorboard.plugins.hparams import api_pb2, plugin_data_pb2
from tensorboard.plugins.hparams.metadata import (
    NULL_TENSOR,
    PLUGIN_NAME,
    SESSION_END_INFO_TAG,
    SESSION_START_INFO_TAG,
)

from kerastune_lite._src.space.domains import Value
from kerastune_lite._src.util.windows import patiently

# TensorBoard reads files with "tfevents" in their names, in the order of the names. The suffix
# distinguishes our files from those of other writers in the same directory.
_PREFIX = "events.out.tfevents."
_SUFFIX = ".kerastune_lite"
_UNFINISHED = "unfinished" + _SUFFIX
_serial = itertools.count()


# ---------------------------------------------------------------------- frames

_BLOCK = 1024


@functools.cache
def _tables() -> tuple[np.ndarray, np.ndarray]:
    """What byte b adds to a checksum when k more bytes follow: entry 256 k + b, for k < _BLOCK.

    The second array has the offsets 256 k, for k from _BLOCK - 1 down to 0.
    """
    table = np.empty((_BLOCK, 256), np.uint32)
    table[0] = CRC_TABLE
    for k in range(1, _BLOCK):
        table[k] = table[0][table[k - 1] & 0xFF] ^ (table[k - 1] >> 8)
    return table.ravel(), np.arange(_BLOCK - 1, -1, -1) * 256


def masked_crc32c(data: bytes) -> int:
    """The checksum of a part of a frame.

    A CRC is linear: it is the XOR of the contributions of all bytes, which are looked up by value
    and position. With NumPy this takes a tenth of the time of a loop over the bytes.
    """
    table, offsets = _tables()
    crc = 0xFFFFFFFF
    for start in range(0, len(data), _BLOCK):
        block = np.frombuffer(data[start : start + _BLOCK], np.uint8)
        if len(block) < 4:
            for byte in block.tolist():
                crc = CRC_TABLE[(crc ^ byte) & 0xFF] ^ (crc >> 8)
            continue
        # The state before the block has the effect of an XOR with the block's first four bytes.
        places = offsets[-len(block) :] + block
        places[:4] ^= np.frombuffer(struct.pack("<I", crc), np.uint8)
        crc = int(np.bitwise_xor.reduce(table[places]))
    crc ^= 0xFFFFFFFF
    return ((crc >> 15 | crc << 17) + 0xA282EAD8) & 0xFFFFFFFF


@functools.lru_cache(maxsize=4096)
def _header(length: int) -> bytes:
    packed = struct.pack("<Q", length)
    return packed + struct.pack("<I", masked_crc32c(packed))


def frame(record: bytes) -> bytes:
    """The record with its frame."""
    return _header(len(record)) + record + struct.pack("<I", masked_crc32c(record))


def records(data: bytes) -> Iterator[bytes]:
    """The records in a file's content, up to the first that is incomplete or damaged."""
    position = 0
    while position + 12 <= len(data):
        (length,) = struct.unpack_from("<Q", data, position)
        end = position + 12 + length
        if data[position : position + 12] != _header(length) or end + 4 > len(data):
            return
        record = data[position + 12 : end]
        if struct.unpack_from("<I", data, end)[0] != masked_crc32c(record):
            return
        yield record
        position = end + 4


# ---------------------------------------------------------------------- files


class EventFile:
    """A new file of a run; it is flushed with each call, and may be closed in between.

    Attributes:
        described: the tags whose plugin the file already names.
    """

    def __init__(self, directory: str) -> None:
        now = time.time()
        self.path = os.path.join(directory, f"{_PREFIX}{now:017.6f}.{next(_serial):08d}{_SUFFIX}")
        self.described: set[str] = set()
        self._handle: BinaryIO | None = None
        self._pending = frame(_version_event(now))

    def append(self, *events: bytes) -> None:
        """Write and flush the events."""
        if self._handle is None:
            self._handle = open(self.path, "ab")  # noqa: SIM115 - kept open between epochs
        self._handle.write(self._pending + b"".join(map(frame, events)))
        self._handle.flush()
        self._pending = b""

    def close(self) -> None:
        """Close the file; a later `append` opens it again."""
        if self._handle is not None:
            self._handle.close()
            self._handle = None


def own_files(directory: str) -> list[str]:
    """The files in `directory` that this module wrote, the oldest first."""
    try:
        names = sorted(os.listdir(directory))
    except (FileNotFoundError, NotADirectoryError):
        return []
    ours = (name for name in names if name.startswith(_PREFIX) and name.endswith(_SUFFIX))
    return [os.path.join(directory, name) for name in ours]


def read(path: str) -> bytes:
    """The file's content."""
    with open(path, "rb") as file:
        return file.read()


def replace(path: str, events: Iterable[bytes]) -> None:
    """Replace the file's content; a reader sees the old content or the new one."""
    unfinished = os.path.join(os.path.dirname(path), _UNFINISHED)
    with open(unfinished, "wb") as file:
        file.write(frame(_version_event(time.time())) + b"".join(map(frame, events)))
    patiently(lambda: os.replace(unfinished, path))


# ---------------------------------------------------------------------- events


def _version_event(now: float) -> bytes:
    return event_pb2.Event(wall_time=now, file_version="brain.Event:2").SerializeToString()


def _metadata(plugin: str, content: bytes = b"") -> summary_pb2.SummaryMetadata:
    plugin_data = summary_pb2.SummaryMetadata.PluginData(plugin_name=plugin, content=content)
    return summary_pb2.SummaryMetadata(plugin_data=plugin_data)


_SCALARS = _metadata("scalars")
_NO_SHAPE = tensor_pb2.TensorProto(dtype=types_pb2.DT_FLOAT).tensor_shape
_STATUS = {True: api_pb2.STATUS_SUCCESS, False: api_pb2.STATUS_FAILURE}


def _add_scalar(summary: summary_pb2.Summary, tag: str, value: float, describe: bool) -> None:
    summary.value.add(
        tag=tag,
        metadata=_SCALARS if describe else None,
        tensor=tensor_pb2.TensorProto(
            dtype=types_pb2.DT_FLOAT, tensor_shape=_NO_SHAPE, float_val=(value,)
        ),
    )


def scalars_event(
    step: int, scalars: Mapping[str, float], now: float, described: set[str] | None = None
) -> bytes:
    """An event that holds `scalars`, by tag, at `step`.

    Args:
        described: the tags whose plugin the file already names; new ones are added.
    """
    described = set() if described is None else described
    event = event_pb2.Event(wall_time=now, step=step)
    for tag, value in scalars.items():
        _add_scalar(event.summary, tag, value, tag not in described)
    described.update(scalars)
    return event.SerializeToString()


def session_event(
    group: str,
    hparams: Mapping[str, Value],
    success: bool,
    scores: Mapping[str, float],
    step: int,
    started: float,
    finished: float,
) -> bytes:
    """The event that makes a run a session of HParams: its start, its scores, its end.

    The same arguments give the same bytes.

    Args:
        group: sessions of one group share a row.
        scores: by their tags; each is a column.
        step: the epoch of the scores.
        started, finished: seconds since 1970.
    """
    start = plugin_data_pb2.SessionStartInfo(group_name=group, start_time_secs=started)
    for name, value in hparams.items():
        if isinstance(value, bool):
            start.hparams[name].bool_value = value
        elif isinstance(value, str):
            start.hparams[name].string_value = value
        else:
            start.hparams[name].number_value = value
    end = plugin_data_pb2.SessionEndInfo(status=_STATUS[success], end_time_secs=finished)
    event = event_pb2.Event(wall_time=finished, step=step)
    _add_session(event.summary, SESSION_START_INFO_TAG, session_start_info=start)
    for tag, score in scores.items():
        _add_scalar(event.summary, tag, score, True)
    _add_session(event.summary, SESSION_END_INFO_TAG, session_end_info=end)
    return event.SerializeToString()


def _add_session(summary: summary_pb2.Summary, tag: str, **info: object) -> None:
    content = plugin_data_pb2.HParamsPluginData(**info).SerializeToString(deterministic=True)
    summary.value.add(tag=tag, metadata=_metadata(PLUGIN_NAME, content), tensor=NULL_TENSOR)


def _events(data: bytes) -> Iterator[tuple[bytes, event_pb2.Event]]:
    for record in records(data):
        yield record, event_pb2.Event.FromString(record)


def scalars_before(data: bytes, epoch: int | None) -> list[bytes]:
    """The scalar events of a file's content whose step is below `epoch` (None: all of them)."""
    session = SESSION_START_INFO_TAG.encode()
    return [
        record
        for record, event in _events(data)
        if event.HasField("summary")
        and session not in record
        and (epoch is None or event.step < epoch)
    ]


def scalars_of(data: bytes) -> Iterator[tuple[int, dict[str, float]]]:
    """The step and the scalars, by tag, of the events in a file's content."""
    for _, event in _events(data):
        scalars = {
            value.tag: value.tensor.float_val[0]
            for value in event.summary.value
            if value.tensor.float_val
        }
        if scalars:
            yield event.step, scalars


def last_step(data: bytes, tag: str) -> int | None:
    """The step of the latest event with `tag` in a file's content."""
    found = None
    for _, event in _events(data):
        if any(value.tag == tag for value in event.summary.value):
            found = event.step
    return found


# ---------------------------------------------------------------------- runs


def begin_run(directory: str, start: int, later_attempts: Iterable[str]) -> EventFile:
    """A new file for a run that begins or continues at epoch `start`, counted from 0.

    Epochs from `start` on, and later attempts, were left by a search that was killed; they are
    deleted.

    Args:
        directory: of the run; created if it is missing.
        later_attempts: the directories of this run's retries, in order, infinite.
    """
    if _made(directory):
        return EventFile(directory)
    old = own_files(directory)
    file = EventFile(directory)
    if old:
        # A new name, because a running TensorBoard does not notice a replaced file.
        file.append(*scalars_before(read(old[-1]), start))
        file.close()
        remove(old)
        for later in itertools.takewhile(os.path.isdir, later_attempts):
            remove(own_files(later))
            if not os.listdir(later):
                os.rmdir(later)
    return file


def end_run(
    directory: str, session: bytes, start: int | None = None, summary: bytes | None = None
) -> None:
    """Append the event `session` to a run whose file is not open.

    Args:
        directory: of the run; created if it is missing.
        start: epochs from here on are deleted; None: none.
        summary: an event for a run without epochs.
    """
    old = [] if _made(directory) else own_files(directory)
    data = read(old[-1]) if old else b""
    if start is None and data.endswith(frame(session)):
        return
    events = scalars_before(data, start)
    if not events and summary is not None:
        events = [summary]
    if old:
        replace(old[-1], [*events, session])
        remove(old[:-1])
    else:
        file = EventFile(directory)
        file.append(*events, session)
        file.close()


def _made(directory: str) -> bool:
    """Create the directory; false if it exists."""
    try:
        os.mkdir(directory)
    except FileExistsError:
        return False
    except FileNotFoundError:
        os.makedirs(directory, exist_ok=True)
    return True


def remove(paths: Iterable[str]) -> None:
    """Delete the files."""
    for path in paths:
        patiently(functools.partial(os.remove, path))
