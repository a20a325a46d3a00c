"""Settings as JSON, whatever they are: to be stored, and compared when a search is resumed.

Nothing here raises. The description of a value is the same in every process: it has no memory
addresses, and sets are sorted. What cannot be described by its value is described by the name of
its class.
"""

from __future__ import annotations

import datetime
import decimal
import enum
import fractions
import functools
import hashlib
import inspect
import json
import math
import pathlib
import re
import uuid
from collections.abc import Mapping, Sequence, Set
from typing import Any

import numpy as np

from kerastune_lite._src.util.checksums import checksum_of

_SHORT = 8
"""Longer lists are described by their length where checksums of the data are stored elsewhere."""
_LONG = 64
"""Longer lists are described by a checksum everywhere."""
_MOST_ITEMS = 4096
"""Of a dict or a set."""
_MOST_CHARACTERS = 4096
_MOST_BYTES = 64
_MOST_VALUES = 20_000
"""In total, so that lists which contain one another many times come to an end."""
_DEEPEST = 20
_LABEL = 60

_WRITTEN_OUT = (
    complex,
    datetime.date,
    datetime.time,
    datetime.timedelta,
    datetime.tzinfo,
    decimal.Decimal,
    fractions.Fraction,
    pathlib.PurePath,
    range,
    re.Pattern,
    uuid.UUID,
    np.dtype,
)
"""Types whose `repr` says everything."""

_MEANS_NOTHING = ("verbose", "memory")
"""Parameters of estimators that do not change what they learn."""

_ADDRESS = re.compile(r" at 0x[0-9a-fA-F]+")


def described(value: Any, values: bool = True) -> Any:
    """`value` as strict JSON, to be compared with an earlier one.

    Args:
        value: anything.
        values: describe arrays, tables and long lists by their values; otherwise by their shapes,
            for data whose checksums are stored elsewhere.
    """
    return _Describer(values).describe(value)


def label(value: Any) -> str:
    """A short name of `value` for people, the same in every process."""
    describer = _Describer(values=True)
    result = describer.describe(value)
    try:
        text = getattr(value, "__name__", None)
        if type(text) is not str:
            # A set has another order in each process, and the length of a `repr` has no limit.
            text = json.dumps(result) if describer.met_set or describer.cut_off else repr(value)
    except Exception:  # A user's object may raise anything.
        text = result if isinstance(result, str) else json.dumps(result)
    return _ADDRESS.sub("", " ".join(_clean(text).split()))[:_LABEL]


class _Describer:
    """Describes one value with everything in it.

    Attributes:
        met_set: whether there was a set in it.
        cut_off: whether the description leaves something out.
    """

    def __init__(self, values: bool) -> None:
        self.met_set = self.cut_off = False
        self._values = values
        self._left = _MOST_VALUES
        self._within: list[int] = []

    def describe(self, value: Any) -> Any:
        """`value` as JSON."""
        self._left -= 1
        if self._left < 0 or len(self._within) >= _DEEPEST or id(value) in self._within:
            self.cut_off = True
            return _class_name(value)
        self._within.append(id(value))
        try:
            return self._described(value)
        except Exception:  # A user's object may raise anything.
            return _class_name(value)
        finally:
            self._within.pop()

    def _described(self, value: Any) -> Any:
        if isinstance(value, enum.Enum):
            return f"{type(value).__name__}.{value.name}"
        if isinstance(value, np.generic):
            return self._scalar(value)
        if value is None or isinstance(value, (bool, int, float, str, bytes, bytearray)):
            return _plain(value)
        if isinstance(value, _WRITTEN_OUT):
            return _ADDRESS.sub("", _clean(repr(value)))
        if isinstance(value, slice):
            return {"slice": self._all((value.start, value.stop, value.step))}
        if isinstance(value, Mapping):
            return self._mapping(value)
        if isinstance(value, (list, tuple)):
            return self._sequence(value)
        if isinstance(value, Set):
            return self._set(value)
        return self._object(value)

    def _scalar(self, value: np.generic) -> Any:
        if isinstance(value, np.void):
            return f"{_clean(str(value.dtype))}{_clean(repr(value.tolist()))}"
        if value.dtype.kind in "mM" or isinstance(value, np.longdouble):
            return str(value)
        return self.describe(value.item())

    def _all(self, values: Sequence[Any]) -> list[Any]:
        return [self.describe(each) for each in values]

    def _mapping(self, value: Mapping[Any, Any]) -> Any:
        if len(value) > _MOST_ITEMS:
            return _summed(value, len(value))
        result: dict[str, Any] = {}
        for key, each in value.items():
            name = self._key(key)
            if name in result:  # 1 and "1" are two keys
                name = f"{name} ({_class_name(key)})"
            result[name] = self.describe(each)
        return result

    def _key(self, key: Any) -> str:
        result = self.describe(key)
        if isinstance(result, str):
            return result
        return (
            str(result)
            if isinstance(result, (bool, int, float, type(None)))
            else json.dumps(result)
        )

    def _sequence(self, value: Sequence[Any]) -> Any:
        if len(value) > _LONG and self._values:
            return _summed(value, len(value))
        if len(value) > _SHORT and not self._values:
            return f"{_class_name(value)}[{len(value)}]"
        return self._all(value)

    def _set(self, value: Set[Any]) -> Any:
        self.met_set = True
        if len(value) > _MOST_ITEMS:
            return f"{_class_name(value)}[{len(value)}]"
        result = sorted(self._all(list(value)), key=lambda each: json.dumps(each, sort_keys=True))
        if len(result) <= _LONG:
            return {"set": result}
        return f"{_class_name(value)}[{len(result)}]#{_digest(json.dumps(result).encode())}"

    # ------------------------------------------------------------------ objects

    def _object(self, value: Any) -> Any:
        if isinstance(value, functools.partial):
            return {
                "partial": self.describe(value.func),
                "args": self._all(value.args),
                "keywords": self.describe(value.keywords),
            }
        if isinstance(value, type):
            # Its attributes are meant for its instances: only its name is read.
            return _clean(value.__qualname__)
        result = self._of_data(value) or self._of_settings(value)
        if result is not None:
            return result
        # An estimator may have a name, too: its parameters, which say more, come first.
        for name in ("__qualname__", "__name__"):
            given = getattr(value, name, None)
            if type(given) is str:
                return _clean(given)
        return self._of_parameters(value, _made_with(value))

    def _of_data(self, value: Any) -> str | None:
        """Type and shape of an array, table or tensor, with a checksum of its values."""
        if self._values:
            result = checksum_of(value)
            if result is not None:
                return result
        shape = getattr(value, "shape", None)
        if shape is None or callable(shape):
            return None
        sizes = [None if size is None else int(size) for size in shape]
        return f"{_clean(str(getattr(value, 'dtype', '')))}{sizes}"

    def _of_settings(self, value: Any) -> Any:
        """The configuration of a Keras object, or the parameters of an estimator."""
        if _is_layer(value):
            return _class_name(value)
        config = _answer(value, "get_config")
        if config is not None:
            # Keras numbers the names of objects as they are made, so names mean nothing.
            config = {key: each for key, each in config.items() if key != "name"}
            return {"class": _class_name(value), "config": self.describe(config)}
        parameters = _answer(value, "get_params", deep=False)
        return None if parameters is None else self._of_parameters(value, parameters)

    def _of_parameters(self, value: Any, parameters: Mapping[str, Any]) -> Any:
        name = _class_name(value)
        parameters = {key: each for key, each in parameters.items() if key not in _MEANS_NOTHING}
        return {"class": name, "parameters": self.describe(parameters)} if parameters else name


def _plain(value: Any) -> Any:
    if value is None or isinstance(value, bool):
        return value
    if isinstance(value, int):
        value = int(value)
        # Python refuses to write a number of thousands of digits as decimals.
        return value if value.bit_length() <= 1024 else _shortened(hex(value))
    if isinstance(value, float):
        value = float(value)
        return value if math.isfinite(value) else str(value)
    if isinstance(value, str):
        return _shortened(_clean(value))
    result = bytes(value)
    if len(result) <= _MOST_BYTES:
        return repr(result)
    return f"bytes[{len(result)}]#{_digest(result)}"


def _shortened(text: str) -> str:
    if len(text) <= _MOST_CHARACTERS:
        return text
    return f"{text[:_LABEL]}...[{len(text)}]#{_digest(text.encode())}"


def _clean(text: str) -> str:
    """Text that can be encoded: a lone surrogate cannot."""
    return str.encode(text, "utf-8", "backslashreplace").decode("utf-8")


def _digest(data: bytes) -> str:
    return hashlib.blake2b(data, digest_size=8).hexdigest()


def _summed(value: Any, size: int) -> str:
    checksum = (checksum_of(value) or "#").rpartition("#")[2]
    return f"{_class_name(value)}[{size}]" + (f"#{checksum}" if checksum else "")


def _class_name(value: Any) -> str:
    try:
        return _clean(type(value).__name__)
    except Exception:  # A user's metaclass may raise anything.
        return "object"


def _is_layer(value: Any) -> bool:
    """Whether it is a Keras layer or model: their parts have numbered names at every depth."""
    return any(
        parent.__name__ == "Layer" and parent.__module__.partition(".")[0] == "keras"
        for parent in type(value).__mro__
    )


def _answer(value: Any, method: str, **kwargs: Any) -> Mapping[str, Any] | None:
    """The mapping that a method returns; None if there is no such method."""
    try:
        answer = getattr(value, method)(**kwargs)
        return answer if isinstance(answer, Mapping) else None
    except Exception:  # A user's object may raise anything.
        return None


def _made_with(value: Any) -> dict[str, Any]:
    """The arguments of its constructor, as far as they are attributes of the same names."""
    kept = vars(value) if hasattr(value, "__dict__") else {}
    return {name: kept[name] for name in inspect.signature(type(value)).parameters if name in kept}
