import gc
from pathlib import Path

import keras
import numpy as np
import pytest

import kerastune_lite as kt
from kerastune_lite._src.automl import learning
from kerastune_lite._src.core.trial import Execution, Outcome, Trial
from kerastune_lite._src.keras import combining, stopping
from tests.automl.data import frame

pytestmark = pytest.mark.usefixtures("small_networks")

RNG = np.random.default_rng(0)
QUICK = {"time_limit": None, "max_trials": 2, "epochs": 3, "seed": 0}
TABLE, LABELS = frame(100)
X = RNG.normal(size=(90, 3))
Y = X[:, 0] - X[:, 1]


@pytest.fixture(scope="module")
def result(small_networks):
    return kt.tune(TABLE, LABELS, verbose=0, **QUICK)


def test_it_says_what_it_takes_the_data_for(capsys):
    kt.tune(X, np.repeat([0, 1, 2], 30), **QUICK)
    shown = capsys.readouterr().out
    assert "Data: a table, 90 rows (x has two axes: rows and 3 columns)." in shown
    assert "classification (y has 3 different values, all whole numbers)." in shown
    assert "Validates on 18 of 90 rows" in shown
    assert "2/2 " in shown


def test_it_is_silent_if_asked(capsys):
    kt.tune(X, Y, verbose=0, **QUICK)
    assert capsys.readouterr().out == ""


def test_the_model_takes_what_encode_returns(result):
    encoded = result.encode(TABLE)
    outputs = np.asarray(result.model(encoded))
    assert result.predict_proba(TABLE)[:, 1:] == pytest.approx(outputs, abs=1e-5)
    assert result.classes.tolist() == ["no", "yes"]


def test_columns_are_found_by_name(result):
    turned = TABLE[TABLE.columns[::-1]]
    assert np.array_equal(result.predict(turned), result.predict(TABLE))


def test_without_rows_nothing_is_predicted(result):
    with pytest.raises(ValueError, match="at least one sample"):
        result.predict(TABLE[:0])


def test_the_search_can_be_looked_at(result):
    assert len(result.tuner.trials) == 2
    assert len(result.tuner.history(0)[0]["val_loss"]) == 3


def test_reports(result):
    assert repr(result).startswith("<TuneResult: ")
    assert "accuracy" in repr(result)
    html = result._repr_html_()
    assert "<table" in html
    assert "best network" in html
    assert result.report().startswith("Data: a table, 100 rows")


def test_files(result, tmp_path):
    result.save(tmp_path / "found.zip")
    loaded = kt.TuneResult.load(tmp_path / "found.zip")
    assert np.array_equal(loaded.predict(TABLE), result.predict(TABLE))
    assert loaded.report() == result.report()
    assert loaded.tuner is None


def test_rows_to_validate_on_can_be_given():
    found = kt.tune(X[:60], Y[:60], validation_data=(X[60:], Y[60:]), verbose=0, **QUICK)
    assert "Validates on 30 rows that were given." in found.report()
    assert "trained on all" not in found.report()


def test_numbers_have_no_probabilities():
    found = kt.tune(X, Y, verbose=0, **QUICK)
    with pytest.raises(ValueError, match="a model of numbers"):
        found.predict_proba(X)


def test_a_directory_is_resumed(tmp_path):
    found = kt.tune(X, Y, directory=tmp_path, verbose=0, time_limit=None, max_trials=1, epochs=2)
    again = kt.tune(X, Y, directory=tmp_path, verbose=0, time_limit=None, max_trials=2, epochs=2)
    assert [trial.number for trial in again.tuner.trials] == [0, 1]
    assert again.tuner.trials[0].score == found.tuner.trials[0].score
    assert kt.open_project(found.tuner.project_dir).get_best_trials()


def test_other_rows_in_a_directory_are_another_search(tmp_path):
    """A network may have been trained on rows that now validate."""
    quick = {"directory": tmp_path, "verbose": 0, "time_limit": None, "max_trials": 1, "epochs": 2}
    one, other = (kt.tune(x, y, **quick) for x, y in ((X, Y), (X[::-1], Y[::-1])))
    assert len(one.tuner.trials) == len(other.tuner.trials) == 1
    assert one.tuner.project_dir != other.tuner.project_dir


@pytest.mark.parametrize(
    ("arguments", "error", "message"),
    [
        ({"sample_weight": np.ones(5)}, ValueError, "sample_weight"),
        ({"sample_weight": -np.ones(90)}, ValueError, "0 or more.*from -1 to -1"),
        ({"max_trials": 1.5}, TypeError, "`max_trials` is a whole number"),
        ({"ensemble": "no"}, TypeError, "`ensemble` is True or False"),
    ],
)
def test_wrong_arguments(arguments, error, message):
    with pytest.raises(error, match=message):
        kt.tune(X, Y, verbose=0, **{**QUICK, **arguments})


def test_figures_of_weighted_samples_are_called_so():
    found = kt.tune(X, Y, verbose=0, sample_weight=np.linspace(0, 1, 90), **QUICK)
    assert "mean squared error, weighted" in found.report()
    assert "R², weighted" in found.report()


@pytest.mark.parametrize("share", [np.nan, 0.0, 0.3])
def test_a_network_that_fails_on_all_rows_is_left_out(monkeypatch, share):
    """It is not finite, or (nearly) a constant."""
    whole = learning.trained_again

    def failed(tuner, *given):
        model = whole(tuner, *given)
        model.set_weights([share * each for each in model.get_weights()])
        return model

    quick = {"verbose": 0, **QUICK, "epochs": 30}
    right = kt.tune(X, Y, **quick)
    assert "has a second network, trained on all 90 rows" in right.report()
    monkeypatch.setattr(learning, "trained_again", failed)
    found = kt.tune(X, Y, **quick)
    assert "left out: trained on all rows, but without success" in found.report()
    assert "second network" not in found.report()
    assert ((found.predict(X) - Y) ** 2).mean() < 0.5


def test_networks_are_trained_again_for_as_many_steps_and_get_half_of_the_weight(monkeypatch):
    told, weights = [], []
    whole, averaged = learning.trained_again, combining.averaged

    def noting(tuner, trial, rows, share):
        model = whole(tuner, trial, rows, share)
        told.append((trial, len(rows), model.history.params))
        return model

    def weighing(models, shares):
        weights.extend(shares)
        return averaged(models, shares)

    monkeypatch.setattr(learning, "trained_again", noting)
    monkeypatch.setattr(combining, "averaged", weighing)
    kt.tune(X, Y, verbose=0, **{**QUICK, "epochs": 30})
    assert told
    for trial, rows, params in told:
        assert rows == 90
        assert params["epochs"] == max(1, round((trial.best_step + 1) * 72 / 90))
    assert len(weights) == 2 * len(told)
    assert weights[: len(told)] == weights[len(told) :]
    assert sum(weights) == pytest.approx(1.0)


def test_the_same_seed_gives_the_same_model_and_leaves_generators_alone():
    np.random.seed(3)
    before = np.random.get_state()[1].copy()
    one, other = (kt.tune(X, Y, verbose=0, **QUICK).predict(X) for _ in range(2))
    np.testing.assert_array_equal(one, other)
    np.testing.assert_array_equal(np.random.get_state()[1], before)


@pytest.mark.parametrize(
    ("best_step", "epochs", "seconds"), [(9, 20, 5.0), (19, 20, 10.0), (None, 0, 10.0)]
)
def test_a_training_takes_its_share_of_the_time_of_its_trial(best_step, epochs, seconds):
    done = (Execution(0, Outcome.COMPLETED, epochs=epochs),)
    trial = Trial(0, {}, best_step=best_step, executions=done, started=5.0, finished=15.0)
    assert learning.seconds_to_best(trial) == seconds


class Stop(keras.callbacks.Callback):
    def on_epoch_end(self, epoch, logs=None):
        raise KeyboardInterrupt


def test_ctrl_c_before_there_is_a_network(monkeypatch):
    monkeypatch.setattr(stopping, "stopping_callbacks", lambda *given: [Stop()])
    with pytest.raises(KeyboardInterrupt):
        kt.tune(X, Y, verbose=0, **QUICK)


def test_the_temporary_folder_goes_with_the_result():
    found = kt.tune(X, Y, verbose=0, **QUICK)
    folder = Path(found.tuner.project_dir)
    assert folder.exists()
    del found
    gc.collect()
    assert not folder.exists()


def test_a_time_limit_ends_it(capsys):
    found = kt.tune(X, Y, time_limit=6.0, epochs=3, verbose=1)
    said = capsys.readouterr().out
    assert "the time for the search is over; a larger time_limit tries more networks" in said
    assert "search()" not in said
    assert found.tuner.trials
    assert sum(found._learned.story.seconds.values()) < 12.0


def test_ctrl_c_ends_the_search_and_the_model_is_of_what_was_found(monkeypatch):
    epochs = []

    def interrupted(patience, seconds):
        def count(*_):
            epochs.append(1)
            if len(epochs) == 4:
                raise KeyboardInterrupt

        return [keras.callbacks.LambdaCallback(on_epoch_end=count)]

    monkeypatch.setattr(stopping, "stopping_callbacks", interrupted)
    found = kt.tune(X, Y, verbose=0, **QUICK)
    assert len(epochs) == 4
    assert found.predict(X).shape == (90,)
    assert found._learned.story.trials == 2


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"task": "classification"}, "y with a fraction"),
        ({"validation_data": X}, r"must be a pair \(x, y\)"),
        ({"kind": "image"}, "3 or 4 axes"),
    ],
)
def test_arguments_that_do_not_fit(given, message):
    with pytest.raises(ValueError, match=message):
        kt.tune(X, Y, verbose=0, **{**QUICK, **given})


class StopLater(Stop):
    """The first trial ends, the second one does not."""

    trained = 0

    def on_train_begin(self, logs=None):
        StopLater.trained += 1

    def on_epoch_end(self, epoch, logs=None):
        if StopLater.trained > 1:
            raise KeyboardInterrupt


def test_ctrl_c_later_keeps_what_was_found_and_trains_nothing_more(monkeypatch):
    StopLater.trained = 0
    monkeypatch.setattr(stopping, "stopping_callbacks", lambda *given: [StopLater()])
    monkeypatch.setattr(learning, "trained_again", pytest.fail)
    found = kt.tune(X, Y, verbose=0, **QUICK)
    assert found.predict(X).shape == (90,)
