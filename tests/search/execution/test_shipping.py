"""Jobs as bytes, with large arrays as files."""

import threading

import cloudpickle
import numpy as np
import pytest

from kerastune_lite._src.search.execution.shipping import packed
from kerastune_lite._src.util.errors import FatalTypeError
from tests.doubles import job_of

LARGE = np.arange(200_000.0)


def sent(value, folder):
    """`value` as the function of a job in another process sees it."""
    job = job_of(lambda hp, report, segment: value)
    copy = cloudpickle.loads(packed(job, folder))
    return copy._train.__closure__[0].cell_contents(None, None, None)


def test_a_large_array_is_mapped_and_anyone_may_write_to_a_copy(tmp_path):
    array = sent({"x": LARGE, "again": LARGE}, tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["array_0.npy"], "once, not twice"
    assert type(array["x"]) is np.ndarray
    np.testing.assert_array_equal(array["x"], LARGE)
    array["x"][0] = 7.0
    np.testing.assert_array_equal(np.load(tmp_path / "array_0.npy"), LARGE)


@pytest.mark.parametrize(
    "array",
    [
        np.asfortranarray(np.arange(200_000.0).reshape(400, 500)),
        np.arange(400_000.0)[::2],
        np.array(["x" * 50] * 20_000),
    ],
)
def test_any_layout(array, tmp_path):
    copy = sent(array, tmp_path)
    np.testing.assert_array_equal(copy, array)
    assert copy.dtype == array.dtype
    assert len(list(tmp_path.iterdir())) == 1


@pytest.mark.parametrize(
    "value", [np.arange(10), np.array([{"a": 1}] * 100_000, dtype=object), "text", None]
)
def test_what_is_small_or_made_of_objects_needs_no_file(value, tmp_path):
    copy = sent(value, tmp_path / "none")
    assert np.all(copy == value)
    assert not (tmp_path / "none").exists()


LOCK = threading.Lock()


class Holds:
    def __init__(self, value):
        self.held = value


@pytest.mark.parametrize(
    ("value", "named"),
    [
        (LOCK, "The variable 'value', which .*get.* uses,"),
        (Holds(LOCK), "The attribute 'held' of a Holds"),
        (Holds({"lock": LOCK}), "'lock' in 'held' of a Holds"),
        ([[LOCK]], r"Something in build\(hp\), .*"),
    ],
)
def test_what_cannot_be_sent_is_named(value, named, tmp_path):
    def get(hp, report, segment):
        return value

    with pytest.raises(FatalTypeError, match=rf"{named} cannot be sent: .*lock.*data_fn"):
        packed(job_of(get), tmp_path)
