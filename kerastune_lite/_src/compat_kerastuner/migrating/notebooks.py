"""The code cells of a notebook, and where their characters stand in its JSON."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Sequence
from typing import Any

Span = tuple[int, int]

_SPACE = re.compile(r"[ \t\r\n]*")
_CHARACTER = re.compile(
    r"\\u[dD][89abAB][0-9a-fA-F]{2}\\u[dD][c-fC-F][0-9a-fA-F]{2}|\\u[0-9a-fA-F]{4}|\\.|.",
    re.DOTALL,
)
_DECODER = json.JSONDecoder()


def cells(text: str) -> dict[int, tuple[str, Sequence[Span]]]:
    """The code cells by their number, which counts all cells from 1.

    Args:
        text: the JSON.

    Returns:
        For each cell its code, and where each character starts and ends in `text`; one more span
        stands for the end of the code.

    Raises:
        ValueError: it is no JSON, or no notebook of nbformat 4.
    """
    json.loads(text)
    found: dict[int, tuple[str, Sequence[Span]]] = {}
    number = 0

    def cell(at: int) -> int:
        nonlocal number
        number += 1
        kind, strings = "", [(at, at)]

        def member(name: str, at: int) -> int:
            nonlocal kind, strings
            value, end = _DECODER.raw_decode(text, at)
            if name == "cell_type":
                kind = str(value)
            elif name == "source":
                strings = [(at, end)] if isinstance(value, str) else _strings(text, at)
            return end

        end = _members(text, at, member)
        if kind == "code":
            found[number] = _joined(text, strings)
        return end

    has_cells = False

    def part(name: str, at: int) -> int:
        nonlocal has_cells
        if name != "cells":
            return _DECODER.raw_decode(text, at)[1]
        has_cells = True
        return _items(text, at, cell)

    _members(text, _space(text, 0), part)
    if not has_cells:
        raise ValueError("it has no cells. Open it in Jupyter and save it as nbformat 4.")
    return found


def _joined(text: str, strings: Sequence[Span]) -> tuple[str, Sequence[Span]]:
    """The strings at these places as one, and the spans of its characters and its end."""
    spans = [
        match.span()
        for start, end in strings
        for match in _CHARACTER.finditer(text, start + 1, end - 1)
    ]
    code = "".join(json.loads(text[start:end]) for start, end in strings if end > start)
    last = spans[-1][1] if spans else 0
    return code, [*spans, (last, last)]


def _strings(text: str, at: int) -> list[Span]:
    """The places of the strings in an array of them."""
    found: list[Span] = []

    def item(at: int) -> int:
        value, end = _DECODER.raw_decode(text, at)
        if not isinstance(value, str):
            raise ValueError(f"a line of a cell is no string. Received: {value!r}")
        found.append((at, end))
        return end

    _items(text, at, item)
    return found


def _members(text: str, at: int, member: Callable[[str, int], int]) -> int:
    """Call `member` with each name of an object, and where its value starts; it returns the end."""

    def named(at: int) -> int:
        name, end = _DECODER.raw_decode(text, at)
        return member(name, _space(text, _space(text, end) + 1))

    return _walk(text, at, "{", named)


def _items(text: str, at: int, item: Callable[[int], int]) -> int:
    """Call `item` with the start of each item of an array; it returns the end."""
    return _walk(text, at, "[", item)


def _walk(text: str, at: int, bracket: str, each: Callable[[int], int]) -> int:
    if text[at] != bracket:
        raise ValueError(f"{bracket} is missing at character {at}.")
    at = _space(text, at + 1)
    while text[at] not in "]}":
        at = _space(text, each(at))
        if text[at] == ",":
            at = _space(text, at + 1)
    return at + 1


def _space(text: str, at: int) -> int:
    match: Any = _SPACE.match(text, at)
    return int(match.end())
