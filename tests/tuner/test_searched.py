"""The average of the best models, chosen by the data on which the search itself validated."""

from pathlib import Path

import numpy as np
import pytest
import tensorflow as tf

import kerastune_lite as kt
from tests.keras.models import linear
from tests.tuner.test_ensemble import build, noisy, searched


def tuner_in(tmp_path, build=build, **more):
    more = {"objective": "val_mae", "max_trials": 3, "seed": 1, **more}
    return kt.RandomSearch(build, directory=tmp_path, project_name="linear", **more)


def same(one, other):
    assert one.weights == other.weights
    assert one.validation == pytest.approx(other.validation, rel=1e-6)


@pytest.fixture(scope="module")
def tuner(tmp_path_factory):
    """It has searched, and is not searched again."""
    return searched(tmp_path_factory.mktemp("searched"))


def test_without_samples_it_is_that_of_the_searchs_own(tuner):
    found = tuner.ensemble(size=5)
    same(found, tuner.ensemble(*noisy(seed=1), size=5))
    assert found.validation[0] == pytest.approx(tuner.get_best_trials()[0].score, rel=1e-5)


def test_the_rows_that_a_split_cuts(tmp_path):
    x, y = noisy()
    tuner = tuner_in(tmp_path)
    tuner.search(x, y, epochs=2, validation_split=0.3, verbose=0)
    first = int(len(x) * 0.7)  # as Keras counts
    found = tuner.ensemble(held_out=noisy(seed=5))
    same(found, tuner.ensemble(x[first:], y[first:]))
    assert found.validation[0] == pytest.approx(tuner.get_best_trials()[0].score, rel=1e-5)


def test_a_dataset_and_its_weights(tmp_path):
    x, y = noisy(seed=1)
    weight = np.linspace(0.0, 2.0, len(x), dtype="float32")
    batches = tf.data.Dataset.from_tensor_slices((x, y, weight)).batch(10)
    tuner = tuner_in(tmp_path, objective="val_loss")
    tuner.search(*noisy(), epochs=2, validation_data=batches, verbose=0)
    found = tuner.ensemble()
    assert found.validation[0] == pytest.approx(tuner.get_best_trials()[0].score, rel=1e-5)
    assert found.validation[1] <= found.validation[0] * 1.02


def test_weights_count_in_the_choice(tmp_path):
    """Of two models, each is right for a half of the samples; only one half has a weight."""

    def constant(hp):
        model = linear(0.0, metrics=["mae"])
        model.set_weights([np.zeros((4, 1)), np.array([hp.Choice("value", [0.0, 1.0])])])
        return model

    x = np.zeros((40, 4), "float32")
    y = np.repeat(np.float32([[0.0], [1.0]]), 20, axis=0)
    for right, weight in enumerate(np.repeat(np.eye(2, dtype="float32"), 20, axis=1)):
        tuner = kt.GridSearch(constant, "val_loss", directory=tmp_path, project_name=str(right))
        tuner.search(x, y, epochs=1, validation_data=(x, y, weight), verbose=0)
        found = tuner.ensemble(held_out=(x, y, weight))
        (number,) = found.weights
        assert tuner.trials[number].values["value"] == right
        assert found.validation[0] == found.held_out[0] == pytest.approx(0.0, abs=1e-9)


def test_functions_make_the_data_again(tmp_path):
    tuner = tuner_in(tmp_path)

    def load():
        return (*noisy(), noisy(seed=1))

    tuner.search(data_fn=load, epochs=2, verbose=0)
    same(tuner.ensemble(), tuner.ensemble(*noisy(seed=1)))


def test_data_with_hyperparameters(tmp_path):
    def make_data(hp):
        scale = hp.Choice("scale", scales)
        x, y = noisy()
        return {"x": x * scale, "y": y, "validation_split": 0.25}

    scales = [2.0]
    tuner = tuner_in(tmp_path / "the same")
    tuner.search(data=make_data, epochs=2, verbose=0)
    x, y = noisy()
    same(tuner.ensemble(), tuner.ensemble(2.0 * x[48:], y[48:]))

    scales = [1.0, 2.0]
    tuner = tuner_in(tmp_path / "others", max_trials=6)
    tuner.search(data=make_data, epochs=2, verbose=0)
    assert {trial.values["scale"] for trial in tuner.trials} == {1.0, 2.0}
    with pytest.raises(ValueError, match=r"differ among the best trials\. Write tuner\.ensemble"):
        tuner.ensemble()


def test_data_that_are_not_there(tuner, tmp_path):
    again = tuner_in(Path(tuner.project_dir).parent, max_trials=5)
    with pytest.raises(ValueError, match=r"has not searched in this process.*ensemble\(x_val"):
        again.ensemble()
    assert again.ensemble(*noisy(seed=1)).best == again.get_best_trials()[0].number
    again.search(*noisy(), validation_data=noisy(seed=1), verbose=0)
    same(again.ensemble(), again.ensemble(*noisy(seed=1)))

    x, y = noisy()
    tuner = tuner_in(tmp_path / "other", objective=kt.Objective("mae", "min"))
    tuner.search(x, y, verbose=0)
    with pytest.raises(ValueError, match="received neither `validation_data`"):
        tuner.ensemble()
    with pytest.raises(ValueError, match="Received y without x"):
        tuner.ensemble(y=y)


def test_a_fit_of_ones_own_may_validate_on_anything(tmp_path):
    class Own(kt.HyperModel):
        def build(self, hp):
            return build(hp)

        def fit(self, hp, model, x, y, **kwargs):
            return model.fit(x, y, **kwargs)

    tuner = tuner_in(tmp_path, Own())
    tuner.search(*noisy(), validation_data=noisy(seed=1), verbose=0)
    with pytest.raises(ValueError, match=r"Your own Own\.fit\(\) trained the models"):
        tuner.ensemble()


def test_a_search_that_is_refused_changes_nothing(tuner):
    with pytest.raises(ValueError, match="confirm"):
        tuner.search(*noisy(seed=7), validation_data=noisy(seed=8), confirm="perhaps")
    same(tuner.ensemble(), tuner.ensemble(*noisy(seed=1)))
