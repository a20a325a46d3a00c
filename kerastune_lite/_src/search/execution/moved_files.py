"""States, weights and logs, for training on a machine that does not see the project's folder.

They are sent as bytes by their names, which are relative to the project's folder.
"""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from kerastune_lite._src.core.trial import Report, Segment
from kerastune_lite._src.util.whole_files import replacing
from kerastune_lite._src.util.windows import discard

_CHECKPOINTS = "checkpoints"
_LOGS = "logs"
_MIDWAY = "_midway_"
"""In the names of the states that a training writes before it ends."""


def needed(segments: Sequence[Segment], folder: Path) -> dict[str, bytes]:
    """The files from which these segments and their companions resume, if they are there."""
    names = {name for segment in segments for name in _resumed(segment)}
    return {name: (folder / name).read_bytes() for name in names if (folder / name).exists()}


def _resumed(segment: Segment) -> Iterator[str]:
    if segment.resume_from is not None:
        yield segment.resume_from
    if segment.otherwise is not None:
        yield from _resumed(segment.otherwise)
    for companion in segment.companions:
        yield from _resumed(companion)


def store(files: Mapping[str, bytes | None], folder: Path) -> None:
    """Write files into a folder, each of them completely or not at all; add to logs.

    Args:
        files: their contents by name; None: it is deleted. Of a log, what is new.

    Raises:
        StoreError: one cannot be written.
    """
    for name, content in files.items():
        path = folder / name
        if content is None:
            discard(path)
        elif name.startswith(_LOGS):
            path.parent.mkdir(exist_ok=True)
            with path.open("ab") as log:
                log.write(content)
        else:
            what, mend = "The file of a training", "Free some space"
            with replacing(path, f"{path.name}.part", what, mend) as scratch:
                scratch.write_bytes(content)


class OwnFolder:
    """A temporary folder in place of the project's.

    Attributes:
        path: of the folder.
    """

    def __init__(self) -> None:
        self.path = Path(tempfile.mkdtemp(prefix="kerastune_lite_"))
        self._sent: dict[str, tuple[int, int]] = {}
        self._read: dict[str, int] = {}

    def begin(self, files: Mapping[str, bytes]) -> None:
        """Replace the files of earlier segments by these."""
        for name in (_CHECKPOINTS, _LOGS):
            shutil.rmtree(self.path / name, ignore_errors=True)
        self._read.clear()
        store(files, self.path)
        self._sent = self._states_midway()

    def midway(self) -> dict[str, bytes | None]:
        """What has changed since the last call of the states in mid-training; None: deleted."""
        found = self._states_midway()
        changed: dict[str, bytes | None] = {
            name: (self.path / name).read_bytes()
            for name, stamp in found.items()
            if self._sent.get(name) != stamp
        }
        # Last, so that at each moment there is one.
        changed.update(dict.fromkeys(name for name in self._sent if name not in found))
        self._sent = found
        return changed

    def _states_midway(self) -> dict[str, tuple[int, int]]:
        """What tells whether a file of that name is another one."""
        paths = (self.path / _CHECKPOINTS).glob(f"*{_MIDWAY}*")
        statuses = {f"{_CHECKPOINTS}/{path.name}": path.stat() for path in paths}
        return {name: (status.st_ino, status.st_mtime_ns) for name, status in statuses.items()}

    def named(self, report: Report) -> dict[str, bytes]:
        """The files that the executions of a report name; of logs, what is new."""
        names = {name for e in report.executions for name in (e.weights, e.state) if name}
        files = {name: (self.path / name).read_bytes() for name in names}
        for name in {e.log for e in report.executions if e.log}:
            with (self.path / name).open("rb") as log:
                log.seek(self._read.get(name, 0))
                files[name] = log.read()
                self._read[name] = log.tell()
        return files

    def remove(self) -> None:
        """Delete the folder."""
        shutil.rmtree(self.path, ignore_errors=True)
