import numpy as np
import pandas as pd
import pytest

from kerastune_lite._src.automl.tables import TableEncoder, parts_of_dates
from tests.automl.data import frame


def test_a_frame_becomes_numbers():
    table, labels = frame()
    encoder, encoded = TableEncoder.fitted(table, (labels == "yes").astype(int), 0)
    # age and its mark, five parts of the date; three towns, two truth values
    assert encoded.shape == (60, 7 + 3 + 2)
    assert encoded.dtype == np.float32
    assert np.array_equal(encoder.transform(table), encoded)
    assert encoder.described() == (
        "columns: 1 of numbers, 2 of categories, 1 of dates; left out: one (it has one value), "
        "name (it has another text in each row)"
    )


def test_columns_are_found_by_name_in_any_order():
    table, labels = frame()
    encoder, encoded = TableEncoder.fitted(table, labels, 0)
    assert np.array_equal(encoder.transform(table[table.columns[::-1]]), encoded)
    with pytest.raises(ValueError, match=r"Missing: \['age'\]"):
        encoder.transform(table.drop(columns="age"))
    with pytest.raises(ValueError, match="'age' more than once"):
        encoder.transform(table[["age", *table.columns]])


def test_new_and_missing_values_at_prediction():
    table, labels = frame()
    encoder, _ = TableEncoder.fitted(table, labels, 0)
    later = table.head(2).copy()
    later["town"] = ["Chur", None]
    later["age"] = [np.nan, 30.0]
    later["since"] = pd.NaT
    encoded = encoder.transform(later)
    assert np.isfinite(encoded).all()
    assert (encoded[:, 7:10] == 0.0).all()  # no town of those that were known


def test_rare_categories_share_a_column_with_new_ones():
    towns = np.array([["a"] * 30 + ["b"] * 30 + ["c", "d"]], dtype=object).T
    encoder, encoded = TableEncoder.fitted(towns, np.arange(62) % 2, 0)
    assert encoded.shape == (62, 3)
    assert encoder.transform(np.array([["c"], ["x"]], dtype=object)).tolist() == [[0, 0, 1]] * 2


def test_the_validation_rows_do_not_change_what_is_learned():
    table, labels = frame()
    encoder, _ = TableEncoder.fitted(table.head(40), labels[:40], 0)
    changed = table.copy()
    changed.loc[40:, "age"] = 1e9
    again, _ = TableEncoder.fitted(changed.head(40), labels[:40], 0)
    assert np.array_equal(encoder.transform(table.head(40)), again.transform(table.head(40)))


class TestManyCategories:
    CODES = np.repeat([f"code {n}" for n in range(40)], 10).astype(object)[:, np.newaxis]
    Y = (np.arange(400) // 10 % 2).astype(np.int64)

    def test_they_are_encoded_by_the_mean_target_as_well(self):
        encoder, encoded = TableEncoder.fitted(self.CODES, self.Y, 0)
        assert encoded.shape == (400, 32 + 1)
        means = encoder.transform(self.CODES)[:, -1]
        assert means[self.Y == 1].min() > means[self.Y == 0].max()

    def test_a_training_row_gets_the_mean_of_others(self):
        noise = np.random.default_rng(0).integers(0, 2, 400)
        pairs = np.repeat([f"code {n}" for n in range(200)], 2).astype(object)[:, np.newaxis]
        encoder, encoded = TableEncoder.fitted(pairs, noise, 0)
        seen = np.corrcoef(encoder.transform(pairs)[:, -1], noise)[0, 1]
        fitted = np.corrcoef(encoded[:, -1], noise)[0, 1]
        assert seen > 0.3  # a network would trust it
        assert fitted < 0.15

    def test_with_several_targets_there_is_no_mean(self):
        _, encoded = TableEncoder.fitted(self.CODES, np.stack([self.Y, self.Y], axis=1), 0)
        assert encoded.shape == (400, 32)


def test_dates_have_parts():
    moment = np.array([np.datetime64("2024-02-29T06:30").astype("datetime64[s]").astype(float)])
    parts = [float(part[0]) for part in parts_of_dates(moment)]
    assert parts[1:] == [2024.0, 2.0, 3.0, 6.5]  # a Thursday


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"age": np.inf}, "column age contains infinity"),
        ({"age": "old"}, "Column age held numbers in training"),
    ],
)
def test_values_that_cannot_be_read(change, message):
    table, labels = frame()
    encoder, _ = TableEncoder.fitted(table, labels, 0)
    with pytest.raises(ValueError, match=message):
        encoder.transform(table.assign(**change))


def test_a_table_without_a_column_to_learn_from():
    with pytest.raises(ValueError, match="0: it has one value; 1: it has no values"):
        TableEncoder.fitted(np.array([[1.0, np.nan]] * 3), np.arange(3), 0)


def test_an_array_of_another_width_is_refused():
    encoder, _ = TableEncoder.fitted(np.random.default_rng(0).random((9, 3)), np.arange(9) % 2, 0)
    with pytest.raises(ValueError, match=r"the 3 columns that were trained on. Received: 2"):
        encoder.transform(np.zeros((1, 2)))
