"""Files of fitted estimators, without pickle: a zip of `model.keras`, JSON and skops's format."""

from __future__ import annotations

import dataclasses
import json
import os
from collections.abc import Mapping
from typing import Any

from kerastune_lite._src.automl.columns import Column
from kerastune_lite._src.automl.inputs import ArrayEncoder, Encoder
from kerastune_lite._src.automl.learning import Learned
from kerastune_lite._src.automl.reporting import Story
from kerastune_lite._src.automl.tables import TableEncoder
from kerastune_lite._src.automl.targets import Targets
from kerastune_lite._src.keras.archives import Archives

_ARCHIVES = Archives("kerastune_lite automl", 1, "automl.json")
_ENCODER = "encoder.skops"
_HARMLESS = ["numpy.dtype"]
"""What scikit-learn's transformers hold, and skops does not know."""


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

    state, fitted = _state(learned.encoder)
    head = {
        "params": {name: value for name, value in params.items() if _is_plain(value)},
        "names": names,
        "targets": learned.targets.to_json(),
        "story": dataclasses.asdict(learned.story),
        "encoder": state,
    }
    _ARCHIVES.write(path, family, learned.model, head, {_ENCODER: skops.io.dumps(fitted)})


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

    head, model, (packed,) = _ARCHIVES.read(path, family, family, [_ENCODER])
    unknown = set(skops.io.get_untrusted_types(data=packed)).difference(_HARMLESS)
    if unknown:
        needed = ", ".join(sorted(unknown))
        raise ValueError(f"load() runs no code of a file. {path} would need: {needed}.")
    fitted = skops.io.loads(packed, trusted=_HARMLESS)
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
    names = ("numbers", "one_hot", "by_target")
    return state, {name: getattr(encoder, name) for name in names}


def _encoder(state: dict[str, Any], fitted: dict[str, Any]) -> Encoder:
    if state["kind"] != "table":
        return ArrayEncoder(state["kind"], tuple(state["shape"]), _name(state["name"]))
    return TableEncoder(
        [_column(column) for column in state["columns"]],
        state["left_out"],
        state["width"],
        many=state["many"],
        **fitted,
    )


def _column(state: dict[str, Any]) -> Column:
    return Column(**{**state, "name": _name(state["name"])})


def _name(name: Any) -> Any:
    """The name of a column; JSON makes lists of those that have several levels."""
    return tuple(name) if isinstance(name, list) else name
