"""Values as text: JSON by the book, whatever floats there are."""

import json
import math

import pytest

from kerastune_lite._src.store.text import dumped, values_dumped

INF, NAN = math.inf, math.nan


def strictly(text):
    return json.loads(text, parse_constant=lambda constant: pytest.fail(constant))


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ({"a": NAN, "b": [INF, (1, -INF)]}, {"a": "nan", "b": ["inf", [1, "-inf"]]}),
        ([{"a": {"b": NAN}}, 0.5], [{"a": {"b": "nan"}}, 0.5]),
        (INF, "inf"),
        ({"NaN": "Infinity"}, {"NaN": "Infinity"}),
    ],
)
def test_at_any_depth_what_json_lacks_becomes_text(value, expected):
    assert strictly(dumped(value)) == expected


@pytest.mark.parametrize(
    "value",
    [
        {"c": INF, "d": -INF, "e": 0.5},
        {"values": [0.1, INF], "default": INF},
        {"a Infinity": 'b " Infinity', "\\": INF, 'c\\"': "NaN, -Infinity", "ü": -INF},
        {"a": 1, "b": None, "c": "x"},
    ],
)
def test_hyperparameters_are_read_as_they_were(value):
    assert strictly(values_dumped(value)) == value
