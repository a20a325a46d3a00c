"""The state of a user's oracle, kept in the project's folder while it searches."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Protocol

from kerastune_lite._src.core.trial import Trial
from kerastune_lite._src.store.project_folder import ORACLE_STATE
from kerastune_lite._src.util.errors import FatalTypeError, StoreError
from kerastune_lite._src.util.whole_files import replacing


class HasState(Protocol):
    """An oracle with a state of its own.

    Attributes:
        told_of: the numbers of the trials whose end it was told of; None before its search begins.
    """

    told_of: set[int] | None

    @property
    def project_dir(self) -> str: ...
    def get_state(self) -> dict[str, Any]: ...
    def set_state(self, state: Mapping[str, Any]) -> None: ...
    def trial_ended(self, trial: Trial) -> Trial: ...
    def trial_recorded(self, trial: Trial) -> None: ...


def take_over(oracle: HasState, trials: Sequence[Trial]) -> None:
    """Give an oracle the state that an earlier process has kept, once.

    Args:
        trials: of the search; those that ended after the state was kept are told again.

    Raises:
        StoreError: the file cannot be read.
    """
    if oracle.told_of is not None:
        return
    path, oracle.told_of = _path(oracle), set[int]()
    if path.exists():
        try:
            kept: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
            oracle.told_of.update(kept["told_of"])
            state = kept["state"]
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise StoreError(
                f"The state of the oracle in {path} cannot be read: {error}. Delete the file, and "
                "run the script again: the oracle is told of all trials from the start."
            ) from error
        oracle.set_state(state)
    for trial in trials:
        if trial.finished is not None and trial.number not in oracle.told_of:
            oracle.trial_ended(trial)
            oracle.trial_recorded(trial)


def keep(oracle: HasState, number: int | None = None) -> None:
    """Write the state of an oracle.

    Args:
        number: of a trial that it was told of.

    Raises:
        FatalTypeError: the state is not JSON.
        StoreError: it cannot be written.
    """
    told_of = set[int]() if oracle.told_of is None else oracle.told_of
    if number is not None:
        told_of.add(number)
    kept = {"told_of": sorted(told_of), "state": oracle.get_state()}
    try:
        text = json.dumps(kept)
    except (TypeError, ValueError) as error:
        raise FatalTypeError(
            f"{type(oracle).__name__}.get_state() must return a dict that JSON can hold: {error}."
        ) from error
    path = _path(oracle)
    with replacing(path, f"{path.name}.new", "The state of the oracle", "Free space") as scratch:
        scratch.write_text(text, encoding="utf-8")


def _path(oracle: HasState) -> Path:
    return Path(oracle.project_dir) / ORACLE_STATE
