"""How numbers and texts are written for people, and small tables in HTML.

The HTML inherits its colours from the page, has its styles inline and needs no script, so it is
readable in light and dark notebooks and changes nothing around it.
"""

from __future__ import annotations

import html
import math
import re
import time
import unicodedata
from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Any, Union

NOTHING = "–"
"""The text of a cell that does not apply, such as an inactive hyperparameter."""

NO_REASON = "no reason was recorded"
"""The message of a failure that has none."""

_RAISED = re.compile(r"[\w.]+(Error|Exception|Interrupt|Exit|Warning)\b")
_FAILURE_LINES = 2
"""The first line of a message of Keras says where the error was, the second what was wrong."""

_CELL = "padding:0.1em 0.8em 0.1em 0;color:inherit;background:transparent;text-align:"


def score_text(score: float | None) -> str:
    """Four significant digits with trailing zeros, so that scores align."""
    if score is None:
        return NOTHING
    return f"{score:#.4g}".removesuffix(".") if math.isfinite(score) else str(score)


def value_text(value: Union[str, float, bool, None]) -> str:
    """A hyperparameter's value: floats with four significant digits, text on one line."""
    return f"{value:.4g}" if isinstance(value, float) else one_line(str(value))


def seconds_text(seconds: float | None) -> str:
    """Seconds, with a decimal below 100."""
    if seconds is None:
        return NOTHING
    return f"{seconds:.1f}" if seconds < 99.95 else f"{seconds:.0f}"


def moment_text(moment: float | None) -> str:
    """A local time, from seconds since 1970."""
    if moment is None:
        return NOTHING
    return time.strftime("%Y-%m-%d %H:%M", time.localtime(moment))


def counted(count: int, noun: str) -> str:
    """A count with its noun: "1 trial", "2 trials"."""
    return f"{count} {noun}" if count == 1 else f"{count} {noun}s"


def one_line(text: str, limit: int = 200) -> str:
    """`text` without line breaks and terminal codes, at most `limit` characters."""
    # A user's text may have escape sequences or carriage returns, which would move the cursor.
    clean = "".join(" " if unicodedata.category(char) == "Cc" else char for char in text).strip()
    return clean if len(clean) <= limit else clean[: limit - 1] + "…"


def html_line(text: str, bold: bool = False) -> str:
    """A line of text, escaped."""
    escaped = html.escape(text)
    return f"<div><b>{escaped}</b></div>" if bold else f"<div>{escaped}</div>"


def html_table(
    headers: Sequence[str], rows: Iterable[Sequence[str]], left: Collection[str] = ()
) -> str:
    """A table; its texts are escaped.

    Args:
        headers, rows: one text per column.
        left: the headers of the columns that are aligned left; the others are aligned right.
    """
    aligned = ["left" if header in left else "right;white-space:nowrap" for header in headers]

    def row(tag: str, texts: Sequence[str]) -> str:
        cells = (
            f'<{tag} style="{_CELL}{side}">{html.escape(text)}</{tag}>'
            for side, text in zip(aligned, texts, strict=True)
        )
        return f"<tr>{''.join(cells)}</tr>"

    body = "".join(row("td", texts) for texts in rows)
    return (
        '<table style="border-collapse:collapse;color:inherit;margin:0.3em 0">'
        f"<thead>{row('th', headers)}</thead><tbody>{body}</tbody></table>"
    )


def html_block(*parts: str, name: str = "kerastune") -> str:
    """Lines and tables, already escaped, as one output that scrolls if it is wider than the page.

    Args:
        name: the CSS class.
    """
    body = "".join(parts)
    return f'<div class="{name}" style="color:inherit;overflow-x:auto">{body}</div>'


def html_card(title: Sequence[str], reason: str, values: Mapping[str, Any]) -> str:
    """What is known of a trial.

    Args:
        title: its parts.
        reason: why it failed; empty if it did not.
        values: of its hyperparameters, by name.
    """
    rows = [[one_line(name), value_text(value)] for name, value in values.items()]
    return html_block(
        html_line(" · ".join(title), bold=True),
        html_line(reason) if reason else "",
        html_table(["hyperparameter", "value"], rows, left=["hyperparameter"]),
    )


def bytes_text(count: int) -> str:
    """An amount of memory, or the size of files, in GiB, MiB or KiB."""
    if count >= 2**30:
        return f"{count / 2**30:.1f} GiB"
    return f"{count / 2**20:.0f} MiB" if count >= 2**20 else f"{math.ceil(count / 2**10)} KiB"


def exception_in(traceback: str | None) -> str | None:
    """The exception at the end of a traceback, in one line; None if there is none."""
    lines = [line.strip() for line in (traceback or "").splitlines()]
    # The exception is below the last frame; those of Keras have many lines.
    starts = [i for i, line in enumerate(lines) if _RAISED.match(line)]
    error = [line for line in lines[starts[-1] if starts else -1 :] if line]
    return " ".join(error[:_FAILURE_LINES]) or None
