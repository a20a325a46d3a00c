"""Whether data are those of an earlier search: cheap, stable, and never in the way."""

import subprocess
import sys

import numpy as np
import pandas
import pytest
import scipy.sparse

from kerastune_lite._src.util.checksums import changed, checksum_of, checksums

NAN = float("nan")
RECORDS = np.array([(1, 2.5), (2, 3.5)], dtype=[("a", "i1"), ("b", "f8")])


def frame(**columns):
    return pandas.DataFrame(columns)


def other_last(array):
    changed_array = array.copy()
    changed_array.reshape(-1)[-1] += 1
    return changed_array


class Odd:
    """Answers nothing."""

    def __getattr__(self, name):
        raise ZeroDivisionError(name)

    __array__ = __len__ = property(lambda self: 1 / 0)


BIG = np.arange(3 * 2**20, dtype="float64").reshape(-1, 3)

PAIRS = [
    (np.arange(6.0), np.arange(6.0) * 1000),
    (np.zeros((4, 3), "float16"), other_last(np.zeros((4, 3), "float16"))),
    (np.array([1.0, NAN]), np.array([NAN, 1.0])),
    (np.array([True, False]), np.array([False, True])),
    (np.array([1 + 2j]), np.array([1 - 2j])),
    (np.array(["a", "b"]), np.array(["b", "a"])),
    (np.array([b"a"]), np.array([b"b"])),
    (np.array(["a", None, 3, NAN], object), np.array(["a", None, 4, NAN], object)),
    (np.array([[1, 2], [3]], object), np.array([[1, 2], [4]], object)),
    (np.array(["2020"], "datetime64[Y]"), np.array(["2021"], "datetime64[Y]")),
    (RECORDS, RECORDS[::-1]),
    (np.array(5), np.array(6)),
    ([1, 2, 3], [1, 2, 4]),
    ([1, 2, 3], [1, 2, 3, 3]),
    ([[1.0, 2.0], [3.0]], [[1.0], [2.0, 3.0]]),
    (["good", "bad"], ["bad", "good"]),
    ((1, "\ud800"), (2, "\ud800")),
    ({0: 1.0, 1: 2.0}, {0: 1.0, 1: 3.0}),
    ({0: 1.0, 1: 2.0}, {0: 1.0, 2: 2.0}),
    ({"a": np.arange(3), "b": {"c": [1]}}, {"a": np.arange(3), "b": {"c": [2]}}),
    (range(5), range(6)),
    (frame(a=[1, 2], b=["u", "v"]), frame(a=[1, 2], b=["u", "w"])),
    (frame(a=[1, 2]), frame(b=[1, 2])),
    (frame(a=[1, None]), frame(a=[None, 1])),
    (pandas.Series([1, 2]), pandas.Series([2, 1])),
    (pandas.Series(["u", "v"], dtype="category"), pandas.Series(["v", "u"], dtype="category")),
    (pandas.Series([1, None], dtype="Int64"), pandas.Series([2, None], dtype="Int64")),
    (pandas.to_datetime(pandas.Series(["2020"])), pandas.to_datetime(pandas.Series(["2021"]))),
    (pandas.Index([1, 2]), pandas.Index([1, 3])),
    (scipy.sparse.csr_array(np.eye(3)), scipy.sparse.csr_array(2 * np.eye(3))),
    (scipy.sparse.coo_matrix(np.eye(3)), scipy.sparse.coo_matrix(np.eye(3)[::-1])),
    (BIG, BIG * 1.001),
    (BIG, np.random.default_rng(0).permutation(BIG)),
    (BIG, np.where(np.arange(BIG.size).reshape(BIG.shape) % 900 == 0, -1.0, BIG)),
    (BIG, other_last(BIG)),
    (BIG.T, other_last(BIG.T)),
    (list(range(10**5)), list(range(1, 10**5 + 1))),
    ([np.arange(3)] * 9, [np.arange(3)] * 8 + [np.zeros(3, int)]),
]


@pytest.mark.parametrize(("one", "other"), PAIRS, ids=range(len(PAIRS)))
def test_other_values_have_another_checksum_and_equal_ones_the_same(one, other):
    assert checksum_of(one) != checksum_of(other)
    assert checksum_of(one) is not None
    if hasattr(one, "copy") and not isinstance(one, (dict, list)):
        assert checksum_of(one.copy()) == checksum_of(one)


RNG = np.random.default_rng(0)
WORDS = ["good", "bad"] * 2500
TABLES = {
    "wide": pandas.DataFrame(RNG.normal(size=(100, 200))),
    "very wide": pandas.DataFrame(RNG.normal(size=(2, 10_000))),
    "column by column": frame(**{f"c{i}": RNG.normal(size=20) for i in range(300)}),
    "large": frame(**{f"c{i}": RNG.normal(size=5000) for i in range(300)}),
    "of two types": pandas.DataFrame(
        {i: RNG.normal(size=9).astype(f"f{4 + 4 * (i % 2)}") for i in range(400)}
    ),
    "numbers after texts": frame(
        **{f"s{i}": WORDS for i in range(17)}, number=np.arange(5000.0), last=WORDS
    ),
    "texts": frame(**{f"s{i}": WORDS for i in range(200)}),
    "classes": frame(**{f"s{i}": pandas.Series(WORDS, dtype="category") for i in range(40)}),
    "dates": frame(**{f"d{i}": pandas.to_datetime(["2020", "2021"] * 50) for i in range(200)}),
    "numbers or nothing": frame(
        **{f"n{i}": pandas.Series([1, None] * 50, dtype="Int64") for i in range(200)}
    ),
}


@pytest.mark.parametrize("name", TABLES)
def test_every_column_of_a_table_counts(name):
    table = TABLES[name]
    expected = checksum_of(table)
    assert checksum_of(table.copy()) == expected
    columns = table.shape[1]
    for place in {*range(0, columns, max(1, columns // 15)), columns - 2, columns - 1}:
        other = table.copy()
        other[other.columns[place]] = table.iloc[::-1, place].array
        assert checksum_of(other) != expected, place
    renamed = table.rename(columns={table.columns[columns // 2]: "other"})
    assert checksum_of(renamed) != expected


def test_every_value_of_a_table_of_numbers_counts():
    for table in (TABLES["wide"], TABLES["of two types"]):
        for place in RNG.integers(0, table.shape, size=(9, 2)):
            other = table.copy()
            other.iloc[tuple(place)] += 1
            assert checksum_of(other) != checksum_of(table)


@pytest.mark.parametrize("kind", [list, tuple, dict])
def test_no_part_uses_up_what_may_be_looked_at_of_the_others(kind):
    def held(*more):
        parts = [*(np.array(WORDS, object) for _ in range(30)), *more]
        return dict(enumerate(parts)) if kind is dict else kind(parts)

    one = held(np.arange(3), ["a", "b"])
    assert checksum_of(one) != checksum_of(held(np.arange(1, 4), ["a", "b"]))
    assert checksum_of(one) != checksum_of(held(np.arange(3), ["a", "c"]))


@pytest.mark.parametrize("shape", [(5, 4), (2**10, 2**9, 5), (2**21, 2)], ids=str)
def test_how_an_array_lies_in_memory_does_not_count(shape):
    array = np.arange(np.prod(shape), dtype="float32").reshape(shape)
    expected = checksum_of(array)
    assert checksum_of(np.asfortranarray(array)) == expected
    assert checksum_of(array.astype(">f4")) == expected
    assert checksum_of(np.repeat(array, 2, axis=1)[:, ::2]) == expected
    read_only = array.view()
    read_only.flags.writeable = False
    assert checksum_of(read_only) == expected


def test_a_file_in_memory_is_an_array(tmp_path):
    mapped = np.memmap(tmp_path / "x", "float32", "w+", shape=(2**11, 2**11))
    mapped[:] = 3.0
    assert checksum_of(mapped) == checksum_of(np.full((2**11, 2**11), 3.0, "float32"))


ODD = np.empty(1, object)
ODD[0] = Odd()
SINGLE = [None, 3, "text", NAN, np.float64(2), np.float64, print, lambda: 1, iter([1]), object()]
STRANGE = [Odd(), [Odd()], {Odd(): Odd()}, {1, 2}, ODD, [lambda: 1, Odd]]


@pytest.mark.parametrize("value", SINGLE + STRANGE, ids=lambda value: type(value).__name__)
def test_what_cannot_be_told_is_left_alone(value):
    assert checksum_of(value) == checksum_of(value)


def test_generators_and_iterators_are_not_used_up():
    numbers = (n for n in range(3))
    assert checksum_of(numbers) is None
    assert list(numbers) == [0, 1, 2]


def test_data_that_hold_themselves():
    endless = []
    endless.append(endless)
    assert checksum_of(endless) == checksum_of(endless)


@pytest.mark.parametrize("seed", ["0", "7"])
def test_another_process_finds_the_same(seed):
    code = """
import numpy as np, pandas
from kerastune_lite._src.util.checksums import checksums
print(sorted(checksums({"x": np.arange(5), "y": ["a", "b", None], "w": {"u": 1.0, "v": np.eye(2)},
    "o": np.array(["a", print, None], object), "f": pandas.DataFrame({"a": ["x", None]})}).items()))
"""
    there = subprocess.run(
        [sys.executable, "-c", code],
        capture_output=True,
        text=True,
        check=True,
        env={"PYTHONHASHSEED": seed, "PYTHONPATH": ":".join(sys.path)},
    ).stdout
    here = {
        "x": np.arange(5),
        "y": ["a", "b", None],
        "w": {"u": 1.0, "v": np.eye(2)},
        "o": np.array(["a", print, None], object),
        "f": frame(a=["x", None]),
    }
    assert there.strip() == str(sorted(checksums(here).items()))


def test_parts_have_names():
    x, y = np.zeros((4, 2)), np.zeros(4)
    given = {"x": {"left": x, "right": x}, "validation_data": (x, y), "epochs": 3, "w": [1.0, 2.0]}
    assert list(checksums(given)) == [
        "x['left']",
        "x['right']",
        "validation_data[0]",
        "validation_data[1]",
        "w",
    ]
    before = checksums(given)
    after = checksums({**given, "validation_data": (x, y + 1), "more": y})
    assert changed(before, after) == ["validation_data[1]: other values than before"]
    assert changed({}, after) == changed(before, {}) == []


def test_other_shapes_are_told_where_nobody_else_does():
    before, after = checksums({"x": np.zeros((4, 2))}), checksums({"x": np.ones((5, 2))})
    assert changed(before, after) == []
    assert changed(before, after, shapes=True) == ["x: float64[4, 2] before, float64[5, 2] now"]


def test_what_is_kept_with_its_values_needs_no_checksum():
    given = {"w": {0: 1.0, 1: 2.0}, "short": [1, 2], "long": list(range(9)), "x": np.eye(2)}
    assert set(checksums(given, described=True)) == {"long", "x"}
    assert set(checksums(given)) == {"w", "short", "long", "x"}
