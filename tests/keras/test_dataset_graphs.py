"""Datasets arrive in another process as what they were."""

import cloudpickle
import numpy as np
import pytest

from kerastune_lite._src.keras.dataset_graphs import reduced
from kerastune_lite._src.keras.loading import load_keras
from kerastune_lite._src.keras.tuned_data import TunedData
from kerastune_lite._src.search.execution.job import Job
from kerastune_lite._src.search.execution.shipping import packed
from kerastune_lite._src.tuner.call import SearchCall
from kerastune_lite._src.tuner.late_data import LateDataJob
from tests.doubles import job_of

load_keras()
import tensorflow as tf  # noqa: E402

X = np.arange(24.0, dtype="float32").reshape(12, 2)
Y = np.arange(12)
SLICES = tf.data.Dataset.from_tensor_slices((X, Y))


class Sends(Job):
    """A job that is only sent."""

    def __init__(self, dataset):
        self.dataset = dataset

    def reduced(self, value):
        return reduced(value)

    def run(self, segments, emit):
        return iter(())


def sent(dataset, tmp_path):
    """The dataset as another process reads it."""
    return cloudpickle.loads(packed(Sends(dataset), tmp_path)).dataset


def elements(dataset):
    return [[part.numpy().tolist() for part in tf.nest.flatten(each)] for each in dataset]


@pytest.mark.parametrize(
    "dataset",
    [
        SLICES.batch(5).prefetch(2),
        SLICES.batch(5, drop_remainder=True, num_parallel_calls=2),
        SLICES.skip(2).take(6).repeat(2).batch(4),
        SLICES.map(lambda x, y: (x * 2, y)).batch(4).cache(),
        tf.data.Dataset.zip((SLICES, tf.data.Dataset.range(12))).batch(3),
        tf.data.Dataset.from_tensors({"a": X, "b": Y}),
        tf.data.Dataset.from_tensor_slices(["some", "text"]).batch(1),
    ],
)
def test_the_elements_are_the_same(dataset, tmp_path):
    copy = sent(dataset, tmp_path)
    assert copy.element_spec == dataset.element_spec
    assert elements(copy) == elements(dataset)


def test_a_shuffled_one_shuffles_in_each_epoch(tmp_path):
    copy = sent(SLICES.shuffle(12).batch(3), tmp_path)
    epochs = [elements(copy) for _ in range(4)]
    assert len({str(epoch) for epoch in epochs}) > 1
    for epoch in epochs:
        assert sorted(label for batch in epoch for label in batch[1]) == list(range(12))


def test_a_seeded_one_shuffles_as_it_did(tmp_path):
    def make():
        return SLICES.shuffle(12, seed=3).batch(4)

    copy, original = sent(make(), tmp_path), make()
    assert [elements(copy) for _ in range(3)] == [elements(original) for _ in range(3)]


def test_the_fast_paths_know_the_copy(tmp_path):
    from kerastune_lite._src.keras.fast.datasets import read_dataset

    read = read_dataset(sent(SLICES.shuffle(100).batch(5).prefetch(1), tmp_path), np.inf)
    assert read.shuffled
    assert read.batch_size == 5
    np.testing.assert_array_equal(read.tensors[0], X)


def test_the_fast_paths_know_which_copies_yield_the_same_each_time(tmp_path):
    from kerastune_lite._src.keras.fast.datasets import is_lasting, read_dataset

    doubled = SLICES.map(lambda x, y: (x * 2, y))
    twice_sent = sent(sent(doubled.shuffle(12).batch(5), tmp_path), tmp_path)
    read = read_dataset(twice_sent, np.inf)
    assert read.shuffled
    assert read.lasting
    np.testing.assert_array_equal(read.tensors[0], 2 * X)
    shuffled_before = SLICES.shuffle(12).map(lambda x, y: (x * 2, y)).batch(5)
    assert not is_lasting(sent(shuffled_before, tmp_path))


def test_large_arrays_of_a_dataset_are_files(tmp_path):
    large = np.ones((1000, 100))
    dataset = tf.data.Dataset.from_tensor_slices(large).batch(10)
    assert len(packed(Sends(dataset), tmp_path)) < 10_000
    assert [path.name for path in tmp_path.iterdir()] == ["array_0.npy"]


@pytest.mark.parametrize(
    ("dataset", "why"),
    [
        (SLICES.map(lambda x, y: tf.py_function(lambda v: v, [x], tf.float32)), "PyFunc"),
        (
            tf.data.Dataset.from_generator(
                lambda: iter(range(3)), output_signature=tf.TensorSpec((), tf.int32)
            ),
            "PyFunc",
        ),
        (SLICES.map(lambda x, y: x + tf.random.uniform(())), "RandomUniform"),
    ],
)
def test_what_belongs_to_one_process_is_refused(dataset, why, tmp_path):
    with pytest.raises(TypeError, match=f"cannot be sent.*{why}.*data_fn"):
        packed(Sends(dataset.batch(2)), tmp_path)


def test_a_dataset_beside_a_function_that_loads_the_data(tmp_path):
    data = TunedData(None, tmp_path)
    call = SearchCall((), {"validation_data": tf.data.Dataset.range(3)}, None, 0, True, None, data)
    job = LateDataJob(lambda: (1,), call, lambda call: job_of(lambda *told: 0.0), False, False)
    copy = cloudpickle.loads(packed(job, tmp_path))
    assert list(copy._call.kwargs["validation_data"].as_numpy_iterator()) == [0, 1, 2]
