"""How Keras counts the names that it gives."""

from __future__ import annotations

import collections
from collections.abc import MutableMapping

from kerastune_lite._src.keras.compat import global_state
from kerastune_lite._src.keras.compat.parts import Part
from kerastune_lite._src.keras.loading import load_keras


def counters() -> MutableMapping[str, int]:
    """How many names of each kind Keras has given, by kind.

    Without the part it is an empty mapping: names are not the same in all trials.
    """
    return global_state.name_counters() if COUNTERS.is_there else {}


def count_from_one() -> None:
    """Have Keras count from one again; without the part it counts on."""
    if COUNTERS.is_there:
        global_state.put_name_counters(collections.defaultdict(int))


def _counters_work() -> bool:
    give = load_keras().backend.get_uid
    global_state.put_name_counters(collections.defaultdict(int))
    given = [give("layer"), give("layer")]
    global_state.name_counters()["layer"] = 5
    return given == [1, 2] and give("layer") == 6


COUNTERS = Part(
    "Automatic names are counted on from trial to trial", {"how names are counted": _counters_work}
)
