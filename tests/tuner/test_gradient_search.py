"""Searches by gradient: trials are trained and stored as always, and know their gradients."""

import keras
import numpy as np
import pytest

import kerastune_lite as kt
from kerastune_lite.oracles import BayesianOracle, GradientOracle, RandomOracle
from tests.keras.gradients import classes, dense


def build(hp):
    model = dense(keras.layers.Dense(4, "tanh"))
    # Begun where both are too small.
    optimizer = keras.optimizers.SGD(
        hp.Float("rate", 1e-3, 1.0, sampling="log", default=1e-3),
        hp.Float("momentum", 0.0, 0.95, default=0.0),
    )
    model.compile(optimizer, "categorical_crossentropy", metrics=["accuracy"])
    return model


def build_with_units(hp):
    model = dense(keras.layers.Dense(hp.Int("units", 2, 8), "tanh"))
    optimizer = keras.optimizers.SGD(hp.Float("rate", 1e-3, 1.0, sampling="log"))
    model.compile(optimizer, "categorical_crossentropy")
    return model


def fit(tuner, **kwargs):
    x, y = classes()
    kwargs = {"validation_split": 0.3, "epochs": 2, "verbose": 0, **kwargs}
    tuner.search(x.astype("float32"), y, **kwargs)
    return tuner


def made(folder, builder=build, max_trials=5, objective="val_loss", **kwargs):
    return kt.GradientSearch(builder, objective, max_trials, directory=folder, seed=1, **kwargs)


def gradients(tuner):
    return [
        {name: value for name, value in trial.metrics.items() if name.startswith("gradient/")}
        for trial in tuner.trials
    ]


@pytest.fixture(scope="module")
def searched(tmp_path_factory):
    return fit(made(tmp_path_factory.mktemp("searched"), starts=1))


class TestSearch:
    def test_each_trial_has_its_gradient(self, searched):
        for found in gradients(searched):
            assert sorted(found) == ["gradient/momentum", "gradient/rate"]
            assert all(np.isfinite(value) for value in found.values())

    def test_it_descends(self, searched):
        first, second, *_ = searched.trials
        assert first.values == {"rate": 1e-3, "momentum": 0.0}
        assert max(gradients(searched)[0].values()) < 0  # so both rates are too small
        assert second.values["rate"] > first.values["rate"]
        assert second.values["momentum"] > first.values["momentum"]
        assert searched.get_best_trials()[0].number > 1

    def test_trials_are_trained_as_always(self, searched, tmp_path):
        plain = kt.Tuner(build, "val_loss", 1, oracle=RandomOracle(), directory=tmp_path, seed=1)
        plain.enqueue(searched.trials[0].values)
        fit(plain)
        assert plain.trials[0].score == searched.trials[0].score
        assert plain.trials[0].path == searched.trials[0].path == "NumPy"

    def test_gradients_are_read_from_the_project(self, searched):
        folder = searched.project_dir
        again = made(folder.rsplit("/", 1)[0], starts=1)
        assert gradients(again) == gradients(searched)

    def test_resumed_it_goes_on_as_if_it_had_not_ended(self, searched, tmp_path):
        fit(made(tmp_path, max_trials=2, starts=1))
        resumed = fit(made(tmp_path, max_trials=5, starts=1))
        assert [t.values for t in resumed.trials] == [t.values for t in searched.trials]

    def test_repeats_are_averaged(self, tmp_path):
        tuner = fit(made(tmp_path, max_trials=1, executions_per_trial=2))
        (trial,) = tuner.trials
        each = [execution.metrics["gradient/rate"] for execution in trial.executions]
        assert trial.path == "stacked"
        assert trial.metrics["gradient/rate"] == pytest.approx(np.mean(each))
        assert each[0] != each[1]

    def test_workers_take_gradients_too(self, tmp_path, forked_workers):
        tuner = fit(made(tmp_path, max_trials=4, starts=1), workers=2)
        assert all(len(found) == 2 for found in gradients(tuner))
        rates = [trial.values["rate"] for trial in tuner.trials]
        assert len(set(rates)) == 4

    def test_structure_by_another_oracle(self, tmp_path):
        tuner = made(tmp_path, build_with_units, 6, steps=2, structure=BayesianOracle())
        fit(tuner)
        units = [trial.values["units"] for trial in tuner.trials]
        assert len(set(units)) < len(units)
        assert all(sorted(found) == ["gradient/rate"] for found in gradients(tuner))


class TestRefusedBeforeTheFirstTrial:
    def refused(self, tuner, match, **kwargs):
        with pytest.raises(ValueError, match=match):
            fit(tuner, **kwargs)
        assert len(tuner.trials) == 0

    def test_discrete_hyperparameters(self, tmp_path):
        match = r"'units', Int 2\.\.8\. To search both.*structure=BayesianOracle\(\)"
        self.refused(made(tmp_path, build_with_units), match)

    def test_an_accuracy(self, tmp_path):
        self.refused(made(tmp_path, objective="val_accuracy"), "changes in jumps")

    def test_several_objectives(self, tmp_path):
        goals = ["val_loss", "model_size"]
        self.refused(made(tmp_path, objective=goals), "that of one objective")

    def test_a_scheduler(self, tmp_path):
        tuner = kt.Hyperband(build, "val_loss", 4, oracle=GradientOracle(), directory=tmp_path)
        self.refused(tuner, "Received: a scheduler")

    def test_a_fit_of_the_users_own(self, tmp_path):
        class Own(kt.HyperModel):
            def build(self, hp):
                return build(hp)

            def fit(self, hp, model, *args, **kwargs):
                return model.fit(*args, **kwargs)

        self.refused(made(tmp_path, Own()), r"HyperModel\.fit\(\) of your own")

    def test_a_run_trial_of_the_users_own(self, tmp_path):
        class Own(kt.GradientSearch):
            def run_trial(self, trial, *args, **kwargs):
                return 0.0

        self.refused(Own(directory=tmp_path), r"Received: Own\.run_trial\(\)")

    def test_hyperparameters_of_the_data(self, tmp_path):
        x, y = classes()

        def make_data(hp):
            return hp.Float("scale", 0.5, 2.0) * x, y

        tuner = made(tmp_path)
        with pytest.raises(ValueError, match="'scale' is one of the data"):
            tuner.search(data=make_data, validation_split=0.3, epochs=1, verbose=0)

    @pytest.mark.parametrize("part", ["oracle", "scheduler"])
    def test_parts_that_it_has_itself(self, tmp_path, part):
        with pytest.raises(TypeError, match=f"has its own {part}"):
            made(tmp_path, **{part: None})
