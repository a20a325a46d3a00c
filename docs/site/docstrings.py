"""Docstrings as Markdown: they are Markdown but for their sections, such as `Args:`."""

from __future__ import annotations

import re
import textwrap
from collections.abc import Iterator

TITLES = {
    "Args": "Arguments",
    "Attributes": "Attributes",
    "Hyperparameters": "Hyperparameters",
    "Raises": "Raises",
    "Returns": "Returns",
    "Yields": "Yields",
    "Example": "Example",
}
WITH_ENTRIES = ("Args", "Attributes", "Hyperparameters", "Raises")


def markdown(text: str) -> str:
    """The docstring as Markdown."""
    parts = []
    for title, body in sections(text):
        body = _linked(body)
        if title is None:
            parts.append(body)
        elif title == "Example":
            parts.append(f"```pycon\n{body}\n```")
        elif title in WITH_ENTRIES:
            parts.append(f":{TITLES[title]}:\n{textwrap.indent(entries(body), '    ')}")
        else:
            parts.append(f":{TITLES[title]}:\n{textwrap.indent(body, '    ')}")
    return "\n\n".join(part for part in parts if part.strip())


def sections(text: str) -> Iterator[tuple[str | None, str]]:
    """The parts of the text, with the heading of each; None for plain text."""
    heading = re.compile(rf"^({'|'.join(TITLES)}):\n((?:    .*\n|\n)+)", re.MULTILINE)
    text += "\n"
    position = 0
    for found in heading.finditer(text):
        yield None, text[position : found.start()].strip()
        yield found[1], textwrap.dedent(found[2]).strip("\n")
        position = found.end()
    yield None, text[position:].strip()


def entries(body: str) -> str:
    """`name: what it is` as an item of a list, with the name as code."""
    items = re.split(r"^(?=\S)", body, flags=re.MULTILINE)[1:]
    return "\n".join(_entry(item) for item in items)


def _entry(item: str) -> str:
    names, _, what = item.partition(":")
    code = ", ".join(f"`{name.strip()}`" for name in names.split(","))
    return f"- {code}: " + " ".join(what.split())


def _linked(body: str) -> str:
    """A page of the documentation that is named becomes a link to it."""
    return re.sub(r"\bdocs/(\w+)\.md\b", r"[docs/\1.md](/docs/\1.md)", body)
