"""search(data=make_data): data with hyperparameters."""

import os
import sys

import numpy as np
import pytest

import kerastune_lite as kt
from kerastune_lite._src.keras.loading import load_keras
from kerastune_lite.schedulers import ASHA

keras = load_keras()
import tensorflow as tf  # noqa: E402

pytestmark = pytest.mark.slow

rng = np.random.default_rng(0)
SERIES = np.sin(np.arange(200) / 5) + 0.1 * rng.normal(size=200)
LONGEST = 12
"""The same targets for all windows: scores of different windows can be compared."""


def windows(length):
    targets = np.arange(LONGEST, len(SERIES))
    x = np.stack([SERIES[t - length : t] for t in targets]).astype("float32")
    return x, SERIES[targets].astype("float32")


class Data:
    """`make_data(hp)`; notes for which windows it was called."""

    def __init__(self, form=lambda x, y: (x[:128], y[:128], (x[128:], y[128:]))):
        self.form = form
        self.lengths = []

    def __call__(self, hp):
        length = hp.Int("window", 4, LONGEST, step=4)
        self.lengths.append(length)
        return self.form(*windows(length))


def build(hp):
    model = keras.Sequential([keras.Input((hp["window"],)), keras.layers.Dense(4, "relu")])
    model.add(keras.layers.Dense(1))
    model.compile(keras.optimizers.Adam(hp.Float("rate", 1e-3, 1e-1, sampling="log")), "mse")
    return model


def make(tmp_path, kind=kt.RandomSearch, hypermodel=build, **arguments):
    arguments = {"max_trials": 8, "seed": 5, "directory": tmp_path, **arguments}
    return kind(hypermodel, "val_loss", **arguments)


QUIET = {"epochs": 2, "verbose": 0}


def curves(tuner):
    return [[each.score, trial.values] for trial in tuner.trials for each in trial.executions]


def test_the_space_has_the_hyperparameters_of_the_data(tmp_path):
    tuner, data = make(tmp_path), Data()
    tuner.search(data=data, **QUIET)
    assert tuner.space.names == ["window", "rate"]
    assert {trial.values["window"] for trial in tuner.trials} == {4, 8, 12}
    assert sorted(data.lengths) == [4, 8, 12], "each is made once"
    assert {trial.path for trial in tuner.trials} <= {"NumPy", "stacked"}
    assert not (tmp_path / "untitled_project" / "data").exists()


def test_each_trial_trains_on_its_data(tmp_path):
    tuner = make(tmp_path)
    tuner.search(data=Data(), shuffle=False, **QUIET)
    for trial in tuner.trials[:3]:
        x, y = windows(trial.values["window"])
        model = tuner.load_model(trial)
        assert model.evaluate(x[128:], y[128:], verbose=0) == pytest.approx(trial.score, rel=1e-5)


def test_the_fast_paths_give_the_result_of_fit(tmp_path):
    fast, plain = (make(tmp_path, project_name=name, max_trials=4) for name in "ab")
    fast.search(data=Data(), shuffle=False, **QUIET)
    plain.search(data=Data(), shuffle=False, fast=False, **QUIET)
    for one, other in zip(curves(fast), curves(plain)):
        assert one[1] == other[1]
        assert one[0] == pytest.approx(other[0], rel=1e-4)


def test_data_of_floating_point_hyperparameters_trains_side_by_side(tmp_path):
    noise = np.random.default_rng(1).normal(size=windows(4)[0].shape)

    def noisy(hp):
        x, y = windows(4)
        x = (x + hp.Float("noise", 0.0, 0.5) * noise).astype("float32")
        return {"x": x, "y": y, "validation_data": windows(4)}

    def model(hp):
        hp["noise"]
        return build(kt.HyperParameters(values={"window": 4}))

    def search(name, **arguments):
        tuner = make(tmp_path, hypermodel=model, project_name=name)
        tuner.search(data=noisy, shuffle=False, **QUIET, **arguments)
        return tuner

    together, alone = search("together"), search("alone", fast=False)
    assert [trial.path for trial in together.trials].count("stacked") > 1
    for one, other in zip(curves(together), curves(alone)):
        assert one[1] == other[1]
        assert one[0] == pytest.approx(other[0], rel=1e-4)


@pytest.mark.parametrize(
    "form",
    [
        pytest.param(lambda x, y: {"x": x, "y": y, "validation_split": 0.2}, id="dict"),
        pytest.param(
            lambda x, y: tf.data.Dataset.from_tensor_slices((x, y)).batch(32), id="dataset"
        ),
        pytest.param(
            lambda x, y: [tf.data.Dataset.from_tensor_slices((x, y)).batch(32) for _ in range(2)],
            id="two datasets",
        ),
        pytest.param(
            lambda x, y: (x, y, tf.data.Dataset.from_tensor_slices((x, y)).batch(32)),
            id="arrays, and a dataset for validation",
        ),
    ],
)
def test_what_make_data_may_return(tmp_path, form):
    tuner, data = make(tmp_path, max_trials=3), Data(form)
    more = {} if isinstance(form(*windows(4)), (dict, tuple, list)) else {"validation_data": None}
    if more:
        tuner = kt.RandomSearch(build, "loss", max_trials=3, seed=5, directory=tmp_path)
    tuner.search(data=data, **QUIET)
    assert len(tuner.get_best_trials(3)) == 3


def test_a_search_goes_on_in_another_process(tmp_path):
    make(tmp_path, max_trials=3).search(data=Data(), **QUIET)
    later, whole = make(tmp_path), make(tmp_path, project_name="whole")
    assert later.space.names == ["window", "rate"], "from the project"
    model = later.get_best_models()[0]
    assert model.input_shape[1] == later.get_best_trials()[0].values["window"]
    later.search(data=Data(), **QUIET)
    whole.search(data=Data(), **QUIET)
    assert [trial.values for trial in later.trials] == [trial.values for trial in whole.trials]


def doubled(x, y):
    return x[:128], 2 * y[:128], (x[128:], y[128:])


def test_other_data_is_noticed(tmp_path, caplog):
    make(tmp_path, max_trials=2).search(data=Data(), **QUIET)
    make(tmp_path, max_trials=3).search(data=Data(doubled), **QUIET)
    assert "y: other values than before" in caplog.text


def test_every_window_on_a_grid(tmp_path):
    def fixed(hp):
        hp.Choice("rate", [0.01, 0.1])
        return build(hp)

    tuner = make(tmp_path, kt.GridSearch, fixed, max_trials=None)
    tuner.search(data=Data(), **QUIET)
    points = {(trial.values["window"], trial.values["rate"]) for trial in tuner.trials}
    assert points == {(window, rate) for window in (4, 8, 12) for rate in (0.01, 0.1)}


def test_hyperband_goes_on_with_the_same_data(tmp_path):
    tuner, data = make(tmp_path, kt.Tuner, scheduler=ASHA(max_epochs=9)), Data()
    tuner.search(data=data, verbose=0)
    assert sorted(data.lengths) == [4, 8, 12]
    assert max(trial.goal for trial in tuner.trials) == 9


def test_build_and_data_share_hyperparameters(tmp_path):
    def features(hp):
        x, y = windows(12)
        return x[:, : hp.Choice("inputs", [2, 6])], y

    def model(hp):
        model = keras.Sequential([keras.Input((hp.Choice("inputs", [2, 6]),))])
        model.add(keras.layers.Dense(1))
        model.compile("sgd", "mse")
        return model

    tuner = make(tmp_path, hypermodel=model, max_trials=2)
    assert tuner.space.names == ["inputs"], "this builder can be read without the data"
    tuner.search(data=features, validation_split=0.2, **QUIET)
    assert {trial.values["inputs"] for trial in tuner.trials} == {2, 6}


def test_steps_are_kept_apart(tmp_path):
    calls = []

    def read(length):
        calls.append(length)
        return windows(length)

    def scaled(hp):
        x, y = hp.cached("windows", read, hp.Int("window", 4, 12, step=8))
        return x * hp.Float("scale", 0.5, 2.0), y

    tuner = make(tmp_path)
    tuner.search(data=scaled, validation_split=0.2, **QUIET)
    assert sorted(calls) == [4, 12]
    assert len({trial.values["scale"] for trial in tuner.trials}) > 2


def test_random_numbers_in_make_data_are_the_same_each_time(tmp_path):
    drawn = []

    def noise(hp):
        hp.Int("window", 4, LONGEST, step=4)
        drawn.append((np.random.random(), float(keras.random.uniform(()))))
        return windows(hp["window"])

    for name in "ab":
        tuner = make(tmp_path, project_name=name, max_trials=3)
        tuner.search(data=noise, validation_split=0.2, **QUIET)
    assert len(set(drawn)) == 1


def test_points_are_enqueued_before_the_data_is_known(tmp_path):
    tuner = make(tmp_path, max_trials=2)
    tuner.enqueue({"window": 12})
    tuner.search(data=Data(), **QUIET)
    assert tuner.trials[0].values["window"] == 12
    tuner = make(tmp_path, project_name="invalid")
    tuner.enqueue({"window": 7})
    with pytest.raises(ValueError, match=r"'window'.*7"):
        tuner.search(data=Data(), **QUIET)
    assert not tuner.trials


class OwnFit(kt.HyperModel):
    def build(self, hp):
        return build(hp)

    def fit(self, hp, model, x, y, validation_data, **kwargs):
        assert x.shape[1] == hp["window"]
        return model.fit(x, y, validation_data=validation_data, **kwargs)


def test_a_fit_of_ones_own_receives_the_data(tmp_path):
    tuner = make(tmp_path, hypermodel=OwnFit(), max_trials=3)
    tuner.search(data=Data(), **QUIET)
    assert len(tuner.get_best_trials(3)) == 3


class OwnTrial(kt.RandomSearch):
    def run_trial(self, trial, x, y, **kwargs):
        assert x.shape[1] == trial.hyperparameters["window"]
        return super().run_trial(trial, x, y, **kwargs)


def test_a_run_trial_of_ones_own_receives_the_data(tmp_path):
    tuner, data = make(tmp_path, OwnTrial, max_trials=4), Data()
    tuner.search(data=data, **QUIET)
    assert sorted(set(data.lengths)) == sorted(data.lengths)
    assert tuner.trials[0].path == "NumPy"


class TakesData(kt.RandomSearch):
    def run_trial(self, trial, data):
        return float(np.sum(data)) + trial.hyperparameters.Float("x", 0.0, 1.0)


def test_a_parameter_data_of_ones_own_receives_what_was_passed(tmp_path):
    tuner = TakesData(max_trials=2, directory=tmp_path)
    tuner.search(data=[1.0, 2.0], verbose=0)
    assert tuner.trials[0].score > 3.0


class MakesItself(kt.RandomSearch):
    def run_trial(self, trial, data):
        x, y, validation = data(trial.hyperparameters)
        return super().run_trial(trial, x, y, validation_data=validation, **QUIET)


def test_a_run_trial_that_makes_the_data_itself(tmp_path):
    tuner = make(tmp_path, MakesItself, max_trials=3)
    tuner.search(data=Data(), verbose=0)
    assert {"window", "rate"} <= tuner.trials[-1].values.keys()
    assert len(tuner.get_best_trials(3)) == 3


def test_workers_make_their_own(tmp_path, forked_workers):
    here, there = (make(tmp_path, project_name=name, max_trials=4) for name in "ab")
    here.search(data=Data(), **QUIET)

    def noting(hp):
        sys.stdout.write(f"made in {os.getpid()}\n")
        return windows(hp.Int("window", 4, LONGEST, step=4))

    def same(hp):
        noting(hp)
        x, y = windows(hp["window"])
        return x[:128], y[:128], (x[128:], y[128:])

    there.search(data=same, workers=2, trial_timeout=600, **QUIET)
    for one, other in zip(curves(here), curves(there)):
        assert one[1] == other[1]
        assert one[0] == pytest.approx(other[0], rel=1e-4)
    logs = (tmp_path / "b" / "logs").glob("*.log")
    makers = {line for log in logs for line in log.read_text().splitlines() if "made in" in line}
    assert makers
    assert f"made in {os.getpid()}" not in makers
    assert not (tmp_path / "b" / "data").exists()


def test_what_makes_data_leaves_the_generators_of_the_user_alone(tmp_path):
    tuner = make(tmp_path, max_trials=1)
    tuner.search(data=Data(), **QUIET)
    np.random.seed(8)
    expected = np.random.RandomState(8).random()
    tuner.evaluate_best(data=Data(windows_only), top=1)
    assert np.random.random() == expected


def test_train_again_and_evaluate(tmp_path):
    tuner = make(tmp_path, max_trials=3)
    tuner.search(data=Data(), **QUIET)
    best = tuner.get_best_trials()[0]
    model = tuner.retrain(None, data=Data(windows_only), verbose=0)
    assert model.input_shape[1] == best.values["window"]
    assert len(model.history.epoch) == best.best_step + 1
    held_out = Data(lambda x, y: (x[128:], y[128:]))
    rows = tuner.evaluate_best(data=held_out, top=3).rows
    for row in rows:
        assert row.held_out == pytest.approx(row.validation, rel=1e-4)
    with pytest.raises(ValueError, match="either x and y, or `data`"):
        tuner.evaluate_best(*windows(4), data=held_out)


def windows_only(x, y):
    return x, y


class TestErrors:
    """Before the first trial, with what to write instead."""

    @pytest.mark.parametrize(
        ("arguments", "message"),
        [
            ({"data": (1, 2)}, r"Received: an object of type tuple.*without calling it"),
            ({"data": lambda: (1, 2)}, r"lambda>\(\), which cannot be called with `hp` alone"),
            ({"data": lambda hp, x: (1, 2)}, r"lambda>\(hp, x\), which cannot be called"),
            ({"data": Data(), "x": SERIES}, "one source.*Received `data` and x"),
            ({"data": Data(), "data_fn": Data()}, "one source.*Received `data` and data_fn="),
            ({"data": Data(lambda x, y: None)}, "It returned None. Did you forget `return x, y`"),
            ({"data": Data(lambda x, y: (x, y, y))}, "Sample weights have a name"),
            ({"data": Data(lambda x, y: (x, y, x, y))}, "a tuple of 4 items"),
            ({"data": Data(lambda x, y: (each for each in x))}, "returned a generator"),
            (
                {"data": Data(), "validation_data": (SERIES, SERIES)},
                r"either from make_data\(hp\) or from search\(\).*validation_data",
            ),
            ({"data": Data(windows_only)}, "Received neither `validation_data` nor"),
            ({"data": Data(lambda x, y: (x, y[:3], (x, y)))}, "the same number of samples"),
            ({"x": SERIES, "y": SERIES}, r"window does not exist.*search\(data=make_data"),
        ],
    )
    def test_of_arguments(self, tmp_path, arguments, message):
        tuner = make(tmp_path)
        with pytest.raises((TypeError, ValueError), match=message):
            tuner.search(**arguments, **QUIET)
        assert not tuner.trials

    def test_a_name_that_neither_declares(self, tmp_path):
        tuner = make(tmp_path, hypermodel=lambda hp: build(hp) if hp["widnow"] else None)
        with pytest.raises(KeyError, match=r"widnow does not exist. Known: \['window'\]"):
            tuner.search(data=Data(), **QUIET)

    def test_an_exception_of_make_data_fails_the_trial(self, tmp_path):
        def broken(hp):
            if hp.Int("window", 4, LONGEST, step=4) == 8:
                raise RuntimeError("no data for this window")
            return Data()(hp)

        tuner = make(tmp_path)
        tuner.search(data=broken, **QUIET)
        failed = [trial for trial in tuner.trials if trial.status == "FAILED"]
        assert {trial.values["window"] for trial in failed} == {8}
        assert "no data for this window" in failed[0].failure
