"""Numbers and texts as people read them, and small tables in HTML."""

from __future__ import annotations

from typing import Any

import pytest

from kerastune_lite._src.util import formatting


@pytest.mark.parametrize(
    ("score", "text"),
    [
        (0.97, "0.9700"),
        (1.0, "1.000"),
        (1234.5, "1234"),
        (123456.0, "1.235e+05"),
        (-0.00012345, "-0.0001234"),
        (float("inf"), "inf"),
        (None, "–"),
    ],
)
def test_score_text(score: float | None, text: str) -> None:
    assert formatting.score_text(score) == text


@pytest.mark.parametrize(
    ("value", "text"),
    [(0.0021, "0.0021"), (1 / 3, "0.3333"), (100000, "100000"), (True, "True"), (None, "None")],
)
def test_value_text(value: Any, text: str) -> None:
    assert formatting.value_text(value) == text


@pytest.mark.parametrize(
    ("seconds", "text"), [(0.04, "0.0"), (99.94, "99.9"), (99.96, "100"), (None, "–")]
)
def test_seconds_text(seconds: float | None, text: str) -> None:
    assert formatting.seconds_text(seconds) == text


def test_one_line() -> None:
    assert formatting.one_line("a\nb\x1b[1m\tc ") == "a b [1m c"
    assert formatting.one_line("x" * 300, limit=5) == "xxxx…"


def test_html_is_escaped_and_aligned() -> None:
    table = formatting.html_table(["a<b", "c"], [["1&2", "'x'"]], left=["c"])
    assert "<th" in table
    assert ">a&lt;b</th>" in table
    assert 'right;white-space:nowrap">1&amp;2</td>' in table
    assert 'left">&#x27;x&#x27;</td>' in table
    assert formatting.html_line("<i>") == "<div>&lt;i&gt;</div>"


def test_rows_must_fit_the_headers() -> None:
    with pytest.raises(ValueError, match="zip"):
        formatting.html_table(["a", "b"], [["1"]])


@pytest.mark.parametrize(
    ("count", "text"),
    [(0, "0 KiB"), (1, "1 KiB"), (2**20 - 1, "1024 KiB"), (2**20, "1 MiB"), (2**30, "1.0 GiB")],
)
def test_bytes_text(count: int, text: str) -> None:
    assert formatting.bytes_text(count) == text
