"""The state of a training in a file: a zip archive of JSON and of arrays, without pickle."""

from __future__ import annotations

import json
import zipfile
from pathlib import Path
from typing import Any

import numpy as np

from kerastune_lite._src.keras.resuming import StateKeeper, TrainingState
from kerastune_lite._src.util.errors import StoreError
from kerastune_lite._src.util.whole_files import replacing

_FORMAT = "kerastune_lite training state"
_VERSION = 1
_HEAD = "state.json"


def write_state(state: TrainingState, path: Path) -> None:
    """Write a state to one file, atomically.

    Args:
        path: its folder is created.

    Raises:
        StoreError: it could not be written; an earlier file of that name is unchanged.
    """
    name, what = f"{path.name}.partial", "The state of a training"
    with (
        replacing(path, name, what, "Free some space") as scratch,
        zipfile.ZipFile(scratch, "w") as archive,
    ):
        archive.writestr(zipfile.ZipInfo(_HEAD), json.dumps(_head(state), allow_nan=False))
        for index, array in enumerate(state.arrays.values()):
            member = zipfile.ZipInfo(f"{index}.npy")
            with archive.open(member, "w", force_zip64=True) as into:
                stored = array.view(f"u{array.itemsize}") if _foreign(array) else array
                np.lib.format.write_array(into, stored, allow_pickle=False)


def keep_state(
    keeper: StateKeeper | None, folder: Path, name: str | None, seconds: float | None = None
) -> dict[str, Any]:
    """Write the state in which a training ended, if it is wanted and can be resumed.

    Args:
        keeper: that of the training.
        folder, name: of the file; without a name nothing is written.
        seconds: that the training took up to here; None if nobody asks later.

    Returns:
        `state` or `stopped`, as arguments of an Execution.

    Raises:
        StoreError: it could not be written.
    """
    if keeper is None or keeper.state is None or name is None:
        return {}
    if keeper.state.stopped:
        return {"stopped": True}
    state = keeper.state if seconds is None else keeper.state.with_extra(seconds=seconds)
    write_state(state, folder / name)
    return {"state": name}


def _head(state: TrainingState) -> dict[str, Any]:
    return {
        "format": _FORMAT,
        "version": _VERSION,
        "epoch": state.epoch,
        "stopped": state.stopped,
        "data": state.data,
        "arrays": [
            [name, array.dtype.name if _foreign(array) else None]
            for name, array in state.arrays.items()
        ],
    }


def _foreign(array: np.ndarray) -> bool:
    """Whether NumPy itself does not have the dtype, such as bfloat16."""
    return array.dtype.type.__module__.split(".")[0] == "ml_dtypes"


def read_state(path: Path) -> TrainingState:
    """Read a file that `write_state` wrote.

    Raises:
        StoreError: the file is missing, damaged, or something else.
    """
    try:
        with zipfile.ZipFile(path) as archive:
            return _read(archive)
    # With a damaged file, zipfile, json and NumPy may raise anything.
    except Exception as error:
        raise StoreError(
            f"The state of a training {path} cannot be read: {error or type(error).__name__}. It "
            "must be an unchanged file of this project. Restore it from a copy, or start a new "
            "project."
        ) from error


def _read(archive: zipfile.ZipFile) -> TrainingState:
    head = json.loads(archive.read(_HEAD))
    if not isinstance(head, dict) or head.get("format") != _FORMAT:
        raise ValueError("it is not the state of a training")
    if head["version"] != _VERSION:
        raise ValueError(f"it has version {head['version']}, but only version {_VERSION} is known")
    if type(head["epoch"]) is not int or not isinstance(head["data"], dict):
        raise ValueError("it is not the state of a training")
    arrays = {}
    for index, (name, dtype) in enumerate(head["arrays"]):
        with archive.open(f"{index}.npy") as member:
            array = np.lib.format.read_array(member, allow_pickle=False)
            member.read()  # to the end, where the checksum is compared
        # NumPy knows the names of the others as long as TensorFlow is loaded.
        arrays[name] = array if dtype is None else array.view(np.dtype(dtype))
    return TrainingState(head["epoch"], bool(head["stopped"]), arrays, head["data"])
