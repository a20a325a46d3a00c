import numpy as np
import pytest

from kerastune_lite._src.keras.ensembling import ensemble
from tests.keras.models import data, keras, linear


class Batches(keras.utils.PyDataset):
    """Two batches of unequal size."""

    def __init__(self, x, y):
        super().__init__()
        self.x, self.y = x, y

    def __len__(self):
        return 2

    def __getitem__(self, index):
        rows = slice(0, 5) if index == 0 else slice(5, None)
        return self.x[rows], self.y[rows]


def test_whatever_brings_the_samples_the_choice_is_the_same():
    x, y = data(40)
    models = [linear(), linear(), linear()]
    copies = [keras.models.clone_model(model) for model in models]
    for copy, model in zip(copies, models):
        copy.compile("sgd", "mse")
        copy.set_weights(model.get_weights())
    _, by_arrays = ensemble(models, x, y, 5, seed=0)
    _, by_batches = ensemble(copies, Batches(x, y), None, 5, seed=0)
    assert by_arrays == pytest.approx(by_batches)


def test_more_samples_than_a_batch_are_all_used():
    x, y = data(600)
    good, bad = linear(0.1), linear(0.1)
    good.fit(x, y, epochs=3, verbose=0)
    bad.set_weights([np.full_like(each, 9.0) for each in bad.get_weights()])
    _, weights = ensemble([bad, good], x, y, 3, seed=0)
    assert weights == {1: 1.0}


def test_a_predict_step_of_its_own_is_called():
    class Doubled(keras.Sequential):
        def predict_step(self, data):
            return 2.0 * super().predict_step(data)

    x, y = data(40)
    models = [Doubled([keras.Input((4,)), keras.layers.Dense(1)]) for _ in range(2)]
    for model, factor in zip(models, (0.5, 1.0)):
        model.compile("sgd", "mse")
        kernel = np.linalg.lstsq(x, y, rcond=None)[0]
        model.set_weights([factor * kernel.reshape(4, 1), np.zeros(1)])
    _, weights = ensemble(models, x, y, 3, seed=0)
    assert weights == {0: 1.0}


def test_no_samples():
    with pytest.raises(ValueError, match=r"chooses models by samples\. Received: none"):
        ensemble([linear(0.1)], *data(0), 3, seed=0)
