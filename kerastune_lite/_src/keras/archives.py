"""Files of a trained model and what belongs to it, without pickle: zips of Keras's and JSON."""

from __future__ import annotations

import dataclasses
import json
import os
import tempfile
import warnings
import zipfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from kerastune_lite._src.keras.loading import load_keras
from kerastune_lite._src.util.threads import in_turn
from kerastune_lite._src.util.whole_files import whole

_MODEL = "model.keras"


@dataclasses.dataclass(frozen=True)
class Archives:
    """A kind of files.

    Attributes:
        format: its name, which stands in each file.
        version: of what is written; older ones can be read.
        head: the name of the JSON in a file.
    """

    format: str
    version: int
    head: str

    @in_turn
    def write(
        self,
        path: str | os.PathLike[str],
        family: str,
        model: Any,
        head: Mapping[str, Any],
        parts: Mapping[str, bytes] | None = None,
    ) -> None:
        """Write a file.

        Args:
            path: the file; an earlier one is replaced once the new one is complete.
            family: the class that can load it.
            model: of Keras.
            head: what JSON can hold.
            parts: further files in it, by name.

        Raises:
            OSError: the file cannot be written; an earlier one is unchanged.
        """
        path = Path(path)
        told = {"format": self.format, "version": self.version, "class": family, **head}
        written = json.dumps(told)
        with tempfile.TemporaryDirectory() as folder:
            file = Path(folder) / _MODEL
            with warnings.catch_warnings():
                # Between Keras and TensorFlow, about their own conversions to NumPy.
                warnings.filterwarnings("ignore", "__array__ implementation", DeprecationWarning)
                model.save(file)
            with (
                whole(path, f".{path.name}.{os.getpid()}") as scratch,
                zipfile.ZipFile(scratch, "w") as archive,
            ):
                archive.writestr(self.head, written)
                archive.write(file, _MODEL)
                for name, content in (parts or {}).items():
                    archive.writestr(name, content)

    def read(
        self,
        path: str | os.PathLike[str],
        family: str,
        kind: str,
        parts: Sequence[str] = (),
        custom_objects: Mapping[str, Any] | None = None,
    ) -> tuple[dict[str, Any], Any, list[bytes]]:
        """What `write` has written: head, model and parts. No code in the file is run.

        Args:
            path: the file.
            family: the class that must have written it.
            kind: the name of the class that reads it, for messages.
            parts: their names.
            custom_objects: name -> class, for the user's own layers.

        Raises:
            ValueError: the file is another one, or would need code to be run.
        """
        with tempfile.TemporaryDirectory() as folder:
            try:
                with zipfile.ZipFile(path) as archive:
                    head = json.loads(archive.read(self.head))
                    file = Path(folder) / _MODEL
                    file.write_bytes(archive.read(_MODEL))
                    contents = [archive.read(name) for name in parts]
            except (zipfile.BadZipFile, KeyError, ValueError) as error:
                raise ValueError(
                    f"load() reads what save() of an estimator wrote. {path} is something else, or "
                    f"damaged: {error}."
                ) from error
            self._check(head, path, family, kind)
            saving = load_keras().saving
            model = saving.load_model(file, custom_objects=custom_objects, safe_mode=True)
        return head, model, contents

    def _check(self, head: Any, path: str | os.PathLike[str], family: str, kind: str) -> None:
        if not isinstance(head, dict) or head.get("format") != self.format:
            raise ValueError(
                f"load() reads what save() of an estimator wrote. {path} is another file."
            )
        if head["version"] > self.version:
            raise ValueError(
                f"{path} was written by a newer version of kerastune_lite. Upgrade with: "
                "pip install -U kerastune_lite"
            )
        if head["class"] != family:
            raise ValueError(
                f"{path} holds a {head['class']}. Received: {kind}.load(). Write "
                f"{head['class']}.load({str(path)!r})."
            )
