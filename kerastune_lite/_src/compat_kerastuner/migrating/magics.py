"""Cells of IPython as plain Python with the same lines: magics and shell commands are blanked."""

from __future__ import annotations

import re
from collections.abc import Iterator

_OTHER_LANGUAGE = re.compile(
    r"%%(bash|cmd|html|javascript|js|latex|markdown|perl|ruby|script|sh|sql|svg)\b"
    r"|%%(write)?file\s(?!.*\.py\s*$)"
)
_COMMAND = re.compile(
    r"\s*(?:[\w.,\[\] ]+=\s*)?[!%]"  # !ls, %time, names = !ls
    r"|\s*\?"  # ?name
    r"|\s*(?:pip3?|conda|mamba|cd|ls|cat|cp|mkdir|mv|rm)\s+[^\s=(\[,:;]"  # pip install: automagic
    r"|[^#'\"]*\?\s*$"  # name?
)
_PART = re.compile(r"""#.*|'''|\"\"\"|['"]|[([{]|[)\]}]""")


def as_python(cell: str) -> tuple[str, list[int]]:
    """The cell without what only IPython understands.

    Args:
        cell: the code of a cell.

    Returns:
        Python with the same number of lines, in which the remaining lines are unchanged, and the
        lines of magics and commands, from 1. All lines are such where a `%%` magic says that the
        cell is of another language.
    """
    lines = re.split(r"(?<=\n)|(?<=\r)(?!\n)", cell)
    first = next((i for i, line in enumerate(lines) if line.strip()), 0)
    other_language = _OTHER_LANGUAGE.match(lines[first])
    python, commands = [], []
    for number, (line, command) in enumerate(zip(lines, _commands(lines)), 1):
        if command or other_language:
            commands.append(number)
            body = line.rstrip("\r\n")
            indent = body[: len(body) - len(body.lstrip())]
            starts = command == "starts" and not other_language
            line = (f"{indent}pass" if starts else "") + line[len(body) :]
        python.append(line)
    return "".join(python), commands


def _commands(lines: list[str]) -> Iterator[str]:
    """For each line whether a command "starts" or "goes on" there: only where a statement could."""
    depth, quote, continued, command = 0, "", False, ""
    for line in lines:
        if continued:
            command = command and "goes on"
        elif not (depth or quote):
            command = "starts" if _COMMAND.match(line) else ""
        continued = line.rstrip("\r\n").endswith("\\")
        yield command
        if not command:
            depth, quote = _after(line, depth, quote)


def _after(line: str, depth: int, quote: str) -> tuple[int, str]:
    """How many brackets, and which quotation mark, are open after a line."""
    at = 0
    while True:
        if quote:
            end = re.compile(rf"(?:\\.|(?!{quote}).)*{quote}", re.DOTALL).match(line, at)
            if end is None:
                return depth, quote if len(quote) == 3 or line.rstrip("\r\n").endswith("\\") else ""
            at, quote = end.end(), ""
        found = _PART.search(line, at)
        if found is None:
            return depth, ""
        at, part = found.end(), found.group()
        if part[0] in "'\"":
            quote = part
        elif part in "([{":
            depth += 1
        elif part in ")]}":
            depth = max(depth - 1, 0)
