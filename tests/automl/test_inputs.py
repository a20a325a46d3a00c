import numpy as np
import pandas as pd
import pytest

from kerastune_lite._src.automl.inputs import ArrayEncoder, fitted_encoder, rows_of, texts

RNG = np.random.default_rng(0)
Y = np.arange(6) % 2


def test_images_get_an_axis_of_channels_and_bytes_stay_bytes():
    images = RNG.integers(0, 256, (6, 8, 9)).astype("uint8")
    encoder, encoded = fitted_encoder("image", images, Y, 0)
    assert encoded.shape == (6, 8, 9, 1)
    assert encoded.dtype == np.uint8
    assert encoder.described() == "image of 8 x 9"
    assert encoder.transform(images.astype(float)).dtype == np.float32


def test_series_are_numbers_of_single_precision():
    series = RNG.normal(size=(6, 5, 2))
    encoder, encoded = fitted_encoder("series", series, Y, 0)
    assert encoded.dtype == np.float32
    assert encoder.described() == "series of 5 x 2"


@pytest.mark.parametrize(
    "given",
    [
        ["a b", "c", None],
        np.array(["a b", "c", ""]),
        [["a b"], ["c"], [None]],
        pd.DataFrame({"text": ["a b", "c", None]}),
        pd.Series(["a b", "c", np.nan]),
    ],
)
def test_texts_in_any_form(given):
    read = texts(given)
    assert read.dtype == object
    assert read.tolist() == ["a b", "c", ""]


def test_texts_must_be_one_column_of_strings():
    with pytest.raises(ValueError, match="must be strings"):
        texts([1, 2])
    with pytest.raises(ValueError, match="one column"):
        texts([["a", "b"]])
    with pytest.raises(ValueError, match=r"one column. Received: x of shape \(80, 2\)"):
        fitted_encoder("text", pd.DataFrame({"a": ["x"] * 80, "b": ["y"] * 80}), Y, 0)


def test_the_column_of_texts_is_found_by_name():
    frame = pd.DataFrame({"text": ["a b", "c", None]})
    encoder, _ = fitted_encoder("text", frame, Y, 0)
    later = pd.DataFrame({"id": [1, 2], "text": ["d", "e f"]})
    assert encoder.transform(later).tolist() == ["d", "e f"]
    assert encoder.transform(["g"]).tolist() == ["g"]
    with pytest.raises(ValueError, match=r"trained on. Missing: \['text'\]"):
        encoder.transform(later[["id"]])


def test_later_samples_must_be_alike_and_complete():
    encoder = ArrayEncoder("series", (5, 2))
    with pytest.raises(ValueError, match=r"the shape \(5, 2\) as in training"):
        encoder.transform(np.zeros((1, 5, 3)))
    with pytest.raises(ValueError, match="must be complete"):
        encoder.transform(np.full((1, 5, 2), np.nan))


@pytest.mark.parametrize(("kind", "shape"), [("table", (6, 2, 2)), ("image", (6, 2))])
def test_a_kind_that_the_shape_rules_out(kind, shape):
    with pytest.raises(ValueError, match="axes"):
        fitted_encoder(kind, np.zeros(shape), Y, 0)


def test_rows_of_frames_and_arrays():
    frame = pd.DataFrame({"a": [1, 2, 3]}, index=[7, 8, 9])
    assert rows_of(frame, np.array([2, 0]))["a"].tolist() == [3, 1]
    assert rows_of(np.arange(3), np.array([2, 0])).tolist() == [2, 0]
