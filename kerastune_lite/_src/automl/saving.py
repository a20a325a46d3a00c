"""Files of fitted estimators, without pickle: a zip of `model.keras`, JSON and skops's format."""

from __future__ import annotations

import dataclasses
import json
import os
import tempfile
import warnings
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from kerastune_lite._src.automl.columns import Column
from kerastune_lite._src.automl.inputs import ArrayEncoder, Encoder
from kerastune_lite._src.automl.learning import Learned
from kerastune_lite._src.automl.numbers import Numbers
from kerastune_lite._src.automl.reporting import Story
from kerastune_lite._src.automl.tables import TableEncoder
from kerastune_lite._src.automl.targets import Targets
from kerastune_lite._src.util.threads import in_turn
from kerastune_lite._src.util.whole_files import whole

_FORMAT, _VERSION = "kerastune_lite automl", 1
_HEAD, _MODEL, _ENCODER = "automl.json", "model.keras", "encoder.skops"


@in_turn
def save_learned(
    path: str | os.PathLike[str],
    learned: Learned,
    family: str,
    params: Mapping[str, Any],
    names: Mapping[str, Any],
) -> None:
    """Write a file.

    Args:
        path: the file; an earlier one is replaced once the new one is complete.
        learned: what to write.
        family: the class that can load it.
        params: of the estimator; those that JSON cannot hold are left out.
        names: further attributes, as JSON can hold them.

    Raises:
        OSError: the file cannot be written; an earlier one is unchanged.
    """
    import skops.io

    path = Path(path)
    head = {
        "format": _FORMAT,
        "version": _VERSION,
        "class": family,
        "params": {name: value for name, value in params.items() if _is_plain(value)},
        "names": names,
        "targets": learned.targets.to_json(),
        "story": dataclasses.asdict(learned.story),
    }
    state, fitted = _state(learned.encoder)
    head["encoder"] = state
    with tempfile.TemporaryDirectory() as folder:
        model = Path(folder) / _MODEL
        with warnings.catch_warnings():
            # Between Keras and TensorFlow, about their own conversions to NumPy.
            warnings.filterwarnings("ignore", "__array__ implementation", DeprecationWarning)
            learned.model.save(model)
        with (
            whole(path, f".{path.name}.{os.getpid()}") as scratch,
            zipfile.ZipFile(scratch, "w") as archive,
        ):
            archive.writestr(_HEAD, json.dumps(head))
            archive.write(model, _MODEL)
            archive.writestr(_ENCODER, skops.io.dumps(fitted))


def load_learned(
    path: str | os.PathLike[str], family: str
) -> tuple[Learned, dict[str, Any], dict[str, Any]]:
    """What `save_learned` wrote, with the parameters and the names.

    Args:
        path: the file.
        family: the class that loads it.

    Raises:
        ValueError: the file is another one, or would need code to be run.
    """
    import skops.io

    from kerastune_lite._src.keras.loading import load_keras

    with tempfile.TemporaryDirectory() as folder:
        try:
            with zipfile.ZipFile(path) as archive:
                head = json.loads(archive.read(_HEAD))
                file = Path(folder) / _MODEL
                file.write_bytes(archive.read(_MODEL))
                packed = archive.read(_ENCODER)
        except (zipfile.BadZipFile, KeyError, ValueError) as error:
            raise ValueError(
                f"load() reads what save() of an estimator wrote. {path} is something else, or "
                f"damaged: {error}."
            ) from error
        _check_head(head, family, path)
        unknown = skops.io.get_untrusted_types(data=packed)
        if unknown:
            raise ValueError(
                f"load() runs no code of a file. {path} would need: {', '.join(unknown)}."
            )
        fitted = skops.io.loads(packed, trusted=[])
        model = load_keras().saving.load_model(file, safe_mode=True)
    encoder = _encoder(head["encoder"], fitted)
    story = Story(**head["story"])
    learned = Learned(encoder, Targets.from_json(head["targets"]), model, story)
    return learned, head["params"], head["names"]


def _is_plain(value: Any) -> bool:
    try:
        json.dumps(value)
    except (TypeError, ValueError):
        return False
    return True


def _check_head(head: Any, family: str, path: str | os.PathLike[str]) -> None:
    if not isinstance(head, dict) or head.get("format") != _FORMAT:
        raise ValueError(f"load() reads what save() of an estimator wrote. {path} is another file.")
    if head["version"] > _VERSION:
        raise ValueError(
            f"{path} was written by a newer version of kerastune_lite. Upgrade with: "
            "pip install -U kerastune_lite"
        )
    if head["class"] != family:
        raise ValueError(
            f"{path} holds a {head['class']}. Received: {family}.load(). Write "
            f"{head['class']}.load({str(path)!r})."
        )


def _state(encoder: Encoder) -> tuple[dict[str, Any], dict[str, Any]]:
    """What of an encoder is JSON, and what skops writes."""
    if isinstance(encoder, ArrayEncoder):
        return dataclasses.asdict(encoder), {}
    state = {
        "kind": "table",
        "columns": [dataclasses.asdict(column) for column in encoder.columns],
        "left_out": encoder.left_out,
        "width": encoder.width,
        "many": list(encoder.many),
    }
    numbers = {} if encoder.numbers is None else dict(vars(encoder.numbers))
    transformers = {"one_hot": encoder.one_hot, "by_target": encoder.by_target}
    return state, {**transformers, "numbers": numbers}


def _encoder(state: dict[str, Any], fitted: dict[str, Any]) -> Encoder:
    if state["kind"] != "table":
        return ArrayEncoder(state["kind"], tuple(state["shape"]), _name(state["name"]))
    numbers = {name: np.asarray(values) for name, values in fitted["numbers"].items()}
    return TableEncoder(
        [_column(column) for column in state["columns"]],
        state["left_out"],
        state["width"],
        Numbers(**numbers) if numbers else None,
        fitted["one_hot"],
        fitted["by_target"],
        state["many"],
    )


def _column(state: dict[str, Any]) -> Column:
    return Column(**{**state, "name": _name(state["name"])})


def _name(name: Any) -> Any:
    """The name of a column; JSON makes lists of those that have several levels."""
    return tuple(name) if isinstance(name, list) else name
