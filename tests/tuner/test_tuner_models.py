"""Held-out scores of the best models."""

import numpy as np
import pytest

import kerastune_lite as kt
from kerastune_lite._src.util.errors import StoreError
from tests.keras.models import data, keras, linear


def build(hp):
    return linear(hp.Float("rate", 1e-3, 1e-1, sampling="log"), metrics=["mae"])


def search(tmp_path, build=build, objective="val_mae", **more):
    tuner = kt.RandomSearch(
        build, objective, max_trials=3, seed=1, directory=tmp_path, project_name="linear", **more
    )
    x, y = data()
    tuner.search(x, y, epochs=2, validation_data=data(seed=1), verbose=0)
    return tuner


def test_the_best_on_held_out_data(tmp_path):
    tuner = search(tmp_path, executions_per_trial=2)
    x, y = data(64, seed=5)
    found = tuner.evaluate_best(x, y, top=2, batch_size=16)
    assert [row.trial for row in found] == [t.number for t in tuner.get_best_trials(2)]
    for row, trial in zip(found, tuner.get_best_trials(2)):
        model = tuner.load_model(trial)
        assert row.held_out == pytest.approx(model.evaluate(x, y, verbose=0)[1], rel=1e-5)
        # The kept weights are those of the better execution, and so is the score beside them.
        assert row.validation == min(each.score for each in trial.executions)
        own = model.evaluate(*data(seed=1), verbose=0)[1]
        assert row.validation == pytest.approx(own, rel=1e-5)
    assert "val_mae: validation and held-out scores of the best 2" in str(found)
    assert len(tuner.evaluate_best(x, y)) == 3
    loss_too = tuner.evaluate_best(x, y, 1, verbose=0, return_dict=False)
    assert loss_too[0].held_out == pytest.approx(found[0].held_out)


def test_a_sum_of_objectives(tmp_path):
    both = kt.objectives.Sum(["val_loss", kt.Objective("val_mae", "min")])
    tuner = search(tmp_path, objective=both)
    x, y = data(64, seed=5)
    (row,) = tuner.evaluate_best(x, y, top=1)
    assert row.held_out == pytest.approx(sum(tuner.get_best_models()[0].evaluate(x, y, verbose=0)))


@pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")  # Keras's own
def test_a_model_that_is_saved_and_loaded_warns_of_nothing(tmp_path):
    def with_adam(hp):  # it has variables for each weight
        model = build(hp)
        model.compile("adam", "mse", metrics=["mae"])
        return model

    model = search(tmp_path, with_adam).get_best_models()[0]
    model.save(tmp_path / "best.keras")
    again = keras.models.load_model(tmp_path / "best.keras")
    x, _ = data(8)
    np.testing.assert_array_equal(again.predict(x, verbose=0), model.predict(x, verbose=0))


class Kept(kt.RandomSearch):
    """Trials that were not trained, and models that only answer."""

    def run_trial(self, trial):
        return {"val_score": trial.hyperparameters.Float("x", 0.0, 1.0)}

    def load_model(self, trial):
        class Model:
            def evaluate(self, x, y, **kwargs):
                return {"loss": 0.5, "accuracy": 0.75}

        return Model()


def kept(tmp_path, trials):
    objective = kt.Objective("val_score", "max")
    tuner = Kept(objective=objective, max_trials=trials, directory=tmp_path, seed=0)
    tuner.search(verbose=0)
    return tuner


def test_what_evaluate_does_not_report(tmp_path):
    with pytest.raises(
        ValueError, match=r"needs \['val_score'\] .* reports \['accuracy', 'loss'\]"
    ):
        kept(tmp_path, 2).evaluate_best(None)


def test_bad_arguments(tmp_path):
    tuner = kept(tmp_path, 1)
    with pytest.raises(ValueError, match=r"`top` must be at least 1\. Received: top=0"):
        tuner.evaluate_best(None, top=0)
    empty = Kept(max_trials=1, directory=tmp_path, project_name="empty")
    with pytest.raises(ValueError, match="no completed trial to evaluate"):
        empty.evaluate_best(None)


def test_trials_without_weights(tmp_path):
    with pytest.raises(StoreError, match="only the best 1 trials keep theirs"):
        search(tmp_path, keep_checkpoints=1).evaluate_best(*data(seed=5))
