"""What settings are known by: any object, the same in every process, and never in the way."""

import datetime
import decimal
import enum
import functools
import json
import pathlib
import re
import subprocess
import sys
import uuid

import numpy as np
import pandas
import pytest
import scipy.sparse
import scipy.stats

from kerastune_lite._src.util.describing import described, label

NAN, INF = float("nan"), float("inf")


class Raises:
    """Answers nothing that it is asked."""

    shape = dtype = __class__ = __dict__ = property(lambda self: 1 / 0)

    def __getattribute__(self, name):
        raise KeyError(name)

    __repr__ = __str__ = __len__ = __iter__ = __eq__ = __hash__ = __getattribute__
    get_config = get_params = __getattribute__


class RaisesOnShape:
    shape = property(lambda self: 1 / 0)

    def get_config(self):
        raise NotImplementedError


class AnswersAll:
    """As a mock does."""

    def __getattr__(self, name):
        return AnswersAll()

    def __call__(self, *args, **kwargs):
        return AnswersAll()


class BadDict(dict):
    def items(self):
        raise RuntimeError("items")


class BadList(list):
    def __iter__(self):
        raise RuntimeError("iter")


class BadFloat(float):
    def __repr__(self):
        raise RuntimeError("repr")


class BadText(str):
    def __str__(self):
        raise RuntimeError("str")

    encode = __repr__ = __str__


class BadMeta(type):
    @property
    def __name__(cls):
        raise RuntimeError("name")

    __mro__ = property(lambda cls: 1 / 0)


class OfBadMeta(metaclass=BadMeta):
    shape = 3


class Configured:
    def __init__(self, config):
        self.config = config

    def get_config(self):
        return {"name": "configured_7", **self.config}


class Kept:
    """Keeps what it was made with, and more."""

    def __init__(self, size, rate=0.5, verbose=0):
        self.size = size
        self._rate = rate
        self.verbose = verbose
        self.steps_done = id(self)


class NamedEstimator:
    """As those of SciKeras are."""

    def __init__(self, rate):
        self.rate = rate
        self.__name__ = "NamedEstimator"

    def get_params(self, deep=True):
        return {"rate": self.rate, "verbose": 1, **({"rate__deep": 1} if deep else {})}


class Colour(enum.IntEnum):
    RED = 1
    BLUE = 2


class Method(str, enum.Enum):
    FAST = "fast"


def named(x):
    return x


def within_itself():
    items = [1]
    items.append(items)
    by_name = {"a": items}
    by_name["b"] = by_name
    return by_name


def many_times_over():
    items = []
    for _ in range(25):
        items = [items] * 8
    return items


def deep():
    items = []
    for _ in range(5000):
        items = [items]
    return items


def generator():
    yield from range(3)


ODD = [
    Raises(),
    RaisesOnShape(),
    AnswersAll(),
    BadDict(a=1),
    BadList([1]),
    BadFloat(0.5),
    BadText("a"),
    OfBadMeta,
    OfBadMeta(),
    [Raises(), {"a": Raises(), BadText("b"): Raises}],
    {Colour.RED: 1, Method.FAST: 2, None: 3, (1, 2): 4, 1.5: 5, b"x": 6, NAN: 7, "\ud800": 8},
    within_itself(),
    many_times_over(),
    deep(),
    Configured({"rate": NAN, "dtype": np.float32, "inner": Configured({})}),
    Configured(within_itself()),
    10**5000,
    -(2**64),
    "\ud800 half",
    "long" * 10**6,
    b"\xff" * 10**6,
    complex(NAN, INF),
    np.longdouble(0.1),
    np.void(b"abc"),
    np.zeros(2, [("a", "f4"), ("b", "O")])[0],
    np.datetime64("NaT"),
    np.timedelta64(3, "D"),
    np.str_("a"),
    np.bytes_(b"a"),
    np.array([RaisesOnShape, AnswersAll, None], object),
    np.empty((0, 3)),
    np.array(NAN),
    np.broadcast_to(np.float32(1), (10**6, 10**4)),
    np.random.default_rng(0),
    np.random.RandomState(0),
    np.dtype([("a", "f4")]),
    np.float64,
    np.ndarray,
    int,
    np.abs,
    len,
    "".join,
    named,
    lambda x: x,
    functools.partial(np.clip, a_min=NAN, a_max=Raises()),
    functools.partial(functools.partial(named), 1),
    generator(),
    iter([1]),
    sys,
    NotImplemented,
    ...,
    slice(Raises(), 1),
    range(10**12),
    re.compile("a+"),
    set(range(10**4)),
    frozenset([frozenset(["a", "b"]), (1, "a"), None]),
    dict.fromkeys(range(10**4)),
    [0] * 10**6,
    datetime.datetime(2020, 1, 1, tzinfo=datetime.timezone.utc),
    datetime.timedelta(1),
    decimal.Decimal("NaN"),
    uuid.UUID(int=1),
    pathlib.Path("a"),
    pandas.NA,
    pandas.NaT,
    pandas.Timestamp("2020"),
    pandas.Interval(0, 1),
    pandas.DataFrame({"a": [1, None], "b": ["x", {}]}),
    pandas.Series(["a", NAN], dtype="category"),
    pandas.MultiIndex.from_tuples([(1, "a")]),
    pandas.Int64Dtype(),
    scipy.sparse.eye(3).tocsc(),
    scipy.sparse.coo_array(np.eye(2)),
    scipy.stats.norm(3, 2),
    memoryview(b"abc"),
    Exception("x"),
    object(),
]


def strict(told):
    """As text that other tools can read, and that SQLite can keep."""
    text = json.dumps(told, allow_nan=False, ensure_ascii=False)
    assert json.loads(text) == told
    assert text.encode("utf-8")
    assert len(text) < 500_000
    return text


# By place: pytest itself asks values what they are.
@pytest.mark.parametrize("place", range(len(ODD)))
@pytest.mark.parametrize("values", [True, False])
def test_whatever_it_is_it_has_a_description(place, values):
    value = ODD[place]
    for held in (value, [value], {"a": {"b": (value,)}}, Kept(value)):
        text = strict(described(held, values))
        assert text == strict(described(held, values))
        assert " at 0x" not in text


@pytest.mark.parametrize("place", range(len(ODD)))
def test_whatever_it_is_it_has_a_label(place):
    value = ODD[place]
    assert label(value) == label(value)
    assert 0 < len(label(value)) <= 60
    assert " at 0x" not in label(value)


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (None, None),
        (True, True),
        (3, 3),
        (0.5, 0.5),
        ("a", "a"),
        (np.float64(0.5), 0.5),
        (np.float32(0.5), 0.5),
        (np.int8(3), 3),
        (np.bool_(True), True),
        (np.str_("a"), "a"),
        (NAN, "nan"),
        (np.float32(NAN), "nan"),
        (-INF, "-inf"),
        ([1, (NAN, {"a": np.float16(INF)})], [1, ["nan", {"a": "inf"}]]),
        ({1: "a", "1": "b"}, {"1": "a", "1 (str)": "b"}),
        ({"b", "a", NAN}, {"set": ["a", "b", "nan"]}),
        (b"a", "b'a'"),
        (np.float64, "float64"),
        (named, "named"),
        (np.log, "log"),
        (Colour.RED, "Colour.RED"),
        (datetime.date(2020, 1, 2), "datetime.date(2020, 1, 2)"),
        (np.datetime64("2020-01-02"), "2020-01-02"),
        (slice(1, None), {"slice": [1, None, None]}),
        (
            functools.partial(np.clip, 1, a_min=0),
            {"partial": "clip", "args": [1], "keywords": {"a_min": 0}},
        ),
        (Configured({"rate": 0.5}), {"class": "Configured", "config": {"rate": 0.5}}),
        (Kept(3), {"class": "Kept", "parameters": {"size": 3}}),
        (NamedEstimator(NAN), {"class": "NamedEstimator", "parameters": {"rate": "nan"}}),
        (object(), "object"),
    ],
)
def test_what_it_says(value, expected):
    told = described(value)
    assert told == expected
    assert type(told) is type(expected)


def test_data_have_shapes_or_checksums():
    array = np.ones((3, 2), "float32")
    assert described(array, values=False) == "float32[3, 2]"
    assert described(array).startswith("float32[3, 2]#")
    assert described([0] * 9, values=False) == "list[9]"
    assert described([0] * 9) == [0] * 9


PAIRS = [
    (0.5, 0.25),
    (np.float32(0.1), np.float64(0.1)),
    (1, True),
    (NAN, INF),
    (np.float32, np.float64),
    (np.dtype("f4"), np.dtype("f8")),
    (np.array([1.0, 2.0]), np.array([2.0, 1.0])),
    ([0] * 10**5, [0] * 10**5 + [1]),
    ("a" * 10**5, "a" * 10**5 + "b"),
    (b"a" * 10**5, b"a" * 10**5 + b"b"),
    (10**5000, 10**5000 + 1),
    (set(range(10**3)), set(range(1, 10**3 + 1))),
    (pandas.DataFrame({"a": [1]}), pandas.DataFrame({"a": [2]})),
    (scipy.sparse.eye(3).tocsr(), 2 * scipy.sparse.eye(3).tocsr()),
    (functools.partial(named, 1), functools.partial(named, 2)),
    (named, np.abs),
    (Kept(1), Kept(2)),
    (Configured({"a": 1}), Configured({"a": 2})),
    (Colour.RED, Colour.BLUE),
    (slice(1), slice(2)),
    (re.compile("a"), re.compile("b")),
]


@pytest.mark.parametrize(("one", "other"), PAIRS, ids=range(len(PAIRS)))
def test_what_can_be_told_apart_is(one, other):
    assert strict(described(one)) != strict(described(other))
    assert strict(described({"a": [one]})) != strict(described({"a": [other]}))


def test_nothing_is_used_up_and_nothing_is_changed():
    numbers, keys = generator(), {"b": 1, "a": 2}
    described(numbers), described(keys)
    assert list(numbers) == [0, 1, 2]
    assert list(keys) == ["b", "a"]


def test_processes_agree():
    code = (
        "import json, functools, numpy as np\n"
        "from sklearn.feature_extraction.text import TfidfVectorizer\n"
        "from kerastune_lite._src.util.describing import described, label\n"
        "words = {f'word {i}' for i in range(99)}\n"
        "odd = [words, set(list(words)[:0]) | {'a', 'b', 'c', 'd'}, lambda x: x, object(),\n"
        "       functools.partial(lambda x: x, {'a', 'b', 'c'}), np.random.RandomState(0),\n"
        "       TfidfVectorizer(stop_words={'a', 'b', 'c', 'd', 'e'})]\n"
        "print(json.dumps([described(odd), *map(label, odd)]))"
    )
    outputs = [
        subprocess.run(
            [sys.executable, "-c", code],
            env={"PYTHONHASHSEED": seed, "PYTHONPATH": ":".join(sys.path)},
            capture_output=True,
            text=True,
            check=True,
        ).stdout
        for seed in ("1", "2")
    ]
    assert outputs[0] == outputs[1]
