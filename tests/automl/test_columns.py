import datetime
from decimal import Decimal

import numpy as np
import pandas as pd
import pytest

from kerastune_lite._src.automl.columns import columns_of, kind_of_values, seconds_of, texts_of
from tests.automl.data import frame


def test_each_column_of_a_frame_has_its_kind_and_useless_ones_are_left_out():
    columns, left_out = columns_of(frame()[0])
    assert {column.name: column.kind for column in columns} == {
        "age": "number",
        "town": "category",
        "member": "category",
        "since": "date",
    }
    assert left_out == {"one": "it has one value", "name": "it has another text in each row"}


@pytest.mark.parametrize(
    ("values", "kind"),
    [
        (np.array([1, None, 2.5], dtype=object), "number"),
        (np.array([True, None], dtype=object), "category"),
        (np.array(["1", "2"]), "category"),
        (np.array([1, "2"], dtype=object), "category"),
        (np.array([Decimal("1.5"), Decimal("NaN"), None], dtype=object), "number"),
        (np.array([datetime.date(2020, 1, 1), None], dtype=object), "date"),
        (np.array(["2020-01-01"], dtype="datetime64[D]"), "date"),
        (np.array([60], dtype="timedelta64[s]"), "number"),
    ],
)
def test_kinds_of_values(values, kind):
    assert kind_of_values(values) == kind


def test_the_same_moment_in_any_form():
    moment = datetime.datetime(2020, 1, 2, 3, tzinfo=datetime.timezone.utc)
    east = moment.astimezone(datetime.timezone(datetime.timedelta(hours=5)))
    values = np.array([moment, east, moment.replace(tzinfo=None), None], dtype=object)
    read = seconds_of(values)
    assert read[:3].tolist() == [moment.timestamp()] * 3
    assert np.isnan(read[3])
    assert seconds_of(np.array(["2020-01-02T03"], dtype="datetime64[h]")) == moment.timestamp()


def test_pandas_own_types_are_read():
    table = pd.DataFrame(
        {
            "n": pd.array([1, None, 3], dtype="Int64"),
            "t": pd.to_datetime(["2020-01-02", "2020-01-03", None]).tz_localize("UTC"),
            "c": pd.Categorical(["a", None, "b"]),
            "b": pd.array([True, False, None], dtype="boolean"),
        }
    )
    columns, left_out = columns_of(table)
    assert left_out == {}
    read = [column.read(table) for column in columns]
    assert np.array_equal(read[0], [1.0, np.nan, 3.0], equal_nan=True)
    assert read[1][1] - read[1][0] == 24 * 3600
    assert [each.tolist() for each in read[2:]] == [["a", "", "b"], ["1", "0", ""]]


def test_whole_numbers_that_pandas_calls_categories_are_categories():
    table = pd.DataFrame({"code": pd.Categorical([3, 1, None, 3]), "n": [3, 1, 2, 3]})
    columns, _ = columns_of(table)
    assert [column.kind for column in columns] == ["category", "number"]
    assert columns[0].read(table).tolist() == ["3", "1", "", "3"]
    later = pd.DataFrame({"code": [1, 3], "n": [0, 0]})
    assert columns[0].read(later).tolist() == ["1", "3"]


def test_whole_numbers_are_the_same_category_with_and_without_a_fraction():
    assert texts_of(np.array([1, 1.0, "1"], dtype=object)).tolist() == ["1", "1", "1"]


def test_truth_values_are_the_same_category_as_zero_and_one():
    table = pd.DataFrame({"member": [True, False, True]})
    columns, _ = columns_of(table)
    for later in ([True, False, True], [1, 0, 1], [1.0, 0.0, 1.0]):
        assert columns[0].read(pd.DataFrame({"member": later})).tolist() == ["1", "0", "1"]


def test_decimals_are_read_as_numbers():
    table = pd.DataFrame({"price": [Decimal("1.5"), Decimal("2.25"), Decimal("NaN")]})
    columns, _ = columns_of(table)
    assert np.array_equal(columns[0].read(table), [1.5, 2.25, np.nan], equal_nan=True)


@pytest.mark.parametrize("dtype", [complex, object])
def test_complex_numbers_are_left_out_with_the_reason(dtype):
    table = pd.DataFrame({"z": np.array([1j, 2.0], dtype=dtype), "n": [1, 2]})
    columns, left_out = columns_of(table)
    assert [column.name for column in columns] == ["n"]
    assert left_out == {"z": "it has complex numbers"}


def test_names_that_are_there_twice_are_refused():
    table = pd.DataFrame([[1, 2, 3], [4, 5, 6]], columns=["a", "b", "a"])
    with pytest.raises(ValueError, match=r"a name of its own.*'a' more than once"):
        columns_of(table)


def test_names_that_a_file_cannot_hold_are_refused_and_the_advice_mends_it():
    table = pd.DataFrame([[1, 2], [4, 5]], columns=pd.date_range("2020-01-01", periods=2))
    with pytest.raises(ValueError, match=r"x\.columns\.map\(str\)"):
        columns_of(table)
    table.columns = table.columns.map(str)
    assert len(columns_of(table)[0]) == 2


def test_names_of_several_levels_and_numbers_are_accepted():
    levels = pd.MultiIndex.from_tuples([("a", 1), ("a", 2)])
    for names in (levels, [0, 1], ["a", 1.5]):
        assert len(columns_of(pd.DataFrame([[1, 2], [4, 5]], columns=names))[0]) == 2
