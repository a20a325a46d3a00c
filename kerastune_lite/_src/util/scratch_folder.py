"""Temporary folders that go when nothing needs them any more."""

from __future__ import annotations

import shutil
import tempfile
import weakref


class ScratchFolder:
    """A folder that is removed with this object, at the latest when the program ends.

    Unlike `tempfile.TemporaryDirectory` it does not warn of that: it is meant so.

    Attributes:
        path: of the folder.
    """

    def __init__(self) -> None:
        self.path = tempfile.mkdtemp(prefix="kerastune_")
        self._finalizer = weakref.finalize(self, shutil.rmtree, self.path, ignore_errors=True)

    def remove(self) -> None:
        """Remove it now."""
        self._finalizer()
