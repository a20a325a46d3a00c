"""The file with the state of a user's oracle, in the project's folder."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from kerastune_lite._src.util.errors import FatalTypeError, StoreError
from kerastune_lite._src.util.whole_files import replacing


@dataclasses.dataclass(frozen=True)
class Kept:
    """What is in the file.

    Attributes:
        told_of: the numbers of the trials whose end the oracle was told of.
        state: what its `get_state` returned.
    """

    told_of: Sequence[int]
    state: Any


def read(path: Path) -> Kept | None:
    """What is in the file; None if there is none.

    Raises:
        StoreError: it cannot be read.
    """
    if not path.exists():
        return None
    try:
        kept: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
        return Kept([int(number) for number in kept["told_of"]], kept["state"])
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise StoreError(
            f"The state of the oracle in {path} cannot be read: {error}. Delete the file, and run "
            "the script again: the oracle is told of all trials from the start."
        ) from error


def write(path: Path, kept: Kept, oracle: str) -> None:
    """Write the file.

    Args:
        oracle: the name of its class.

    Raises:
        FatalTypeError: the state is not JSON.
        StoreError: it cannot be written.
    """
    try:
        text = json.dumps(dataclasses.asdict(kept))
    except (TypeError, ValueError) as error:
        raise FatalTypeError(
            f"{oracle}.get_state() must return a dict that JSON can hold: {error}."
        ) from error
    with replacing(path, f"{path.name}.new", "The state of the oracle", "Free space") as scratch:
        scratch.write_text(text, encoding="utf-8")
