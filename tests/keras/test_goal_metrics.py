"""Sizes, times and memory as objectives and constraints, on every path of training."""

import math

import numpy as np
import pytest

import kerastune_lite as kt
from kerastune_lite._src.core.goals import create_objective
from kerastune_lite._src.core.trial import TrialStatus
from kerastune_lite._src.keras.goal_metrics import (
    check_measurable,
    inference_time,
    peak_memory,
    with_measured,
)
from kerastune_lite._src.util.errors import FatalValueError
from kerastune_lite.schedulers import ASHA
from tests.keras.models import Subclassed, data, keras

# Between Keras and TensorFlow, about their own conversions to NumPy.
pytestmark = pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")

MEASURED = ("model_size", "train_time", "inference_time", "peak_memory")
LOSS = kt.Objective("val_loss", "min")
X, Y = data(48)


def net(units, optimizer="sgd", **compile_arguments):
    model = keras.Sequential(
        [
            keras.Input((4,)),
            keras.layers.Dense(units, activation="relu"),
            keras.layers.Dense(1),
        ]
    )
    model.compile(optimizer, "mse", **compile_arguments)
    return model


def size_of(units):
    return 4 * units + units + units + 1


def build(hp):
    return net(hp.Int("units", 1, 16), metrics=["mae"])


def searched(path, objective, kind=kt.RandomSearch, builder=build, call=(), **kwargs):
    kwargs.setdefault("max_trials", 3)
    tuner = kind(builder, objective, directory=path, project_name="p", seed=0, **kwargs)
    tuner.search(X, Y, **{"validation_split": 0.25, "epochs": 2, "verbose": 0, **dict(call)})
    return tuner


class TestFunctions:
    def test_bytes_computed_by_hand(self):
        model = net(3, keras.optimizers.SGD(momentum=0.9))
        model.build()
        weights = size_of(3)
        # SGD has its iteration (int64 or int32), its learning rate, and one momentum a weight.
        model.optimizer.build(model.trainable_variables)
        scalars = sum(np.dtype(str(v.dtype)).itemsize for v in model.optimizer.variables[:2])
        assert peak_memory(model, 8) == 4 * (3 * weights + 8 * (3 + 1)) + scalars

    def test_memory_grows_with_the_batch_and_the_model(self):
        small, large = net(2), net(200)
        assert peak_memory(small, 64) > peak_memory(small, 32)
        assert peak_memory(large, 32) > peak_memory(small, 32)

    def test_layers_of_nested_models_and_other_types(self):
        inner = keras.Sequential([keras.Input((4,)), keras.layers.Dense(5)])
        inputs = keras.Input((4,))
        model = keras.Model(inputs, keras.layers.Dense(1, dtype="float16")(inner(inputs)))
        # Without compile(), as in a user's own loop; the weights of a layer are of its type.
        weights = 4 * (4 * 5 + 5) + 2 * (5 + 1)
        # The input, the output of the inner layer (and its own input, if it is a layer), the last.
        outputs = 2 * (4 * 4 + 4 * 5 + 2 * 1)
        assert peak_memory(model, 2) == 2 * weights + outputs

    @pytest.mark.parametrize("structure", ["list", "dict", "one", "text", "sequence"])
    def test_the_time_of_a_batch_of_any_inputs(self, structure):
        one, other = keras.Input((3,), name="one"), keras.Input((2,), name="other")
        if structure == "one":
            model = keras.Model(one, keras.layers.Dense(1)(one))
        elif structure == "text":
            text = keras.Input((1,), dtype="string")
            lookup = keras.layers.StringLookup(vocabulary=["a", "b"], output_mode="one_hot")
            model = keras.Model(text, lookup(text))
        elif structure == "sequence":
            ids = keras.Input((None,), dtype="int32")
            pooled = keras.layers.GlobalAveragePooling1D()(keras.layers.Embedding(9, 2)(ids))
            model = keras.Model(ids, keras.layers.Dense(1)(pooled))
        else:
            output = keras.layers.Dense(1)(keras.layers.Concatenate()([one, other]))
            inputs = [one, other] if structure == "list" else {"one": one, "other": other}
            model = keras.Model(inputs, output)
        assert 0.0 < inference_time(model) < 5000.0

    def test_predictions_are_timed_after_some_and_the_median_counts(self, monkeypatch):
        ticks, calls = iter(range(1000)), []

        class Model:
            input = keras.KerasTensor((None, 2))

            def predict_on_batch(self, batch):
                calls.append(batch.shape)
                # The seventh prediction takes long.
                [next(ticks) for _ in range(100 if len(calls) == 7 else 1)]

        monkeypatch.setattr(
            "kerastune_lite._src.keras.goal_metrics.time.perf_counter",
            lambda: next(ticks) / 100,
        )
        assert inference_time(Model()) == pytest.approx(20.0)
        assert set(calls) == {(32, 2)}
        assert len(calls) >= 3 + 5

    def test_what_is_reported_is_not_measured(self):
        given = {"val_loss": 1.0, "model_size": 7.0, "inference_time": 3.0}
        found = with_measured(given, MEASURED[:3], net(2), {}, 2.5)
        assert found == {**given, "train_time": 2.5}
        assert with_measured(given, (), None, {}, 2.5) == given

    @pytest.mark.parametrize("name", ["inference_time", "peak_memory"])
    def test_models_without_known_shapes_are_refused(self, name):
        with pytest.raises(
            FatalValueError, match=r"Sequential and functional .* a Subclassed. Rem"
        ):
            check_measurable(Subclassed(), create_objective([LOSS, name]))
        check_measurable(net(2), create_objective([LOSS, name]))
        unbuilt = keras.Sequential([keras.layers.Dense(1)])
        check_measurable(unbuilt, create_objective([LOSS, name]))
        check_measurable(Subclassed(), create_objective([LOSS, "model_size", "train_time"]))

    @pytest.mark.parametrize(
        ("objective", "constraints"),
        [
            ("model_size", None),
            (["model_size", "train_time"], None),
            (["model_size"], ["train_time <= 5"]),
        ],
    )
    def test_something_must_be_reported_by_epoch(self, objective, constraints):
        with pytest.raises(FatalValueError, match=r"at least one .* Received only 'model_size'"):
            check_measurable(net(2), create_objective(objective, constraints))
        by_bound = create_objective("model_size", ["val_loss <= 1"])
        check_measurable(net(2), by_bound)


class TestPaths:
    @pytest.mark.parametrize(
        ("compiled", "call"),
        [
            ({}, {}),
            ({"run_eagerly": True}, {}),
            ({}, {"fast": False}),
            ({"optimizer": "adamw", "jit_compile": False}, {}),
        ],
        ids=["arrays", "eager", "fit", "traced"],
    )
    def test_all_are_measured_on_each_path(self, tmp_path, compiled, call):
        def builder(hp):
            return net(hp.Int("units", 1, 16), **compiled)

        goals = [LOSS, *MEASURED]
        tuner = searched(tmp_path, goals, builder=builder, call=call, max_trials=2)
        plain = searched(tmp_path / "plain", LOSS, builder=builder, call=call, max_trials=2)
        for trial, other in zip(tuner.trials, plain.trials, strict=True):
            loss, size, seconds, milliseconds, memory = trial.losses
            assert (trial.values, loss) == (other.values, other.score)
            assert size == size_of(trial.values["units"])
            assert 0.0 < seconds == trial.executions[0].seconds
            assert milliseconds > 0.0
            assert memory > 8 * size
        again = kt.open_project(tuner.project_dir)
        assert [t.losses for t in again.trials] == [t.losses for t in tuner.trials]

    def test_side_by_side_the_sizes_are_known_and_times_are_not_asked_for(self, tmp_path):
        def builder(hp):
            rate = hp.Float("rate", 1e-3, 1e-1, sampling="log")
            return net(4, keras.optimizers.SGD(rate))

        goals = [LOSS, "model_size"]
        stacked = searched(tmp_path / "a", goals, builder=builder, executions_per_trial=3)
        timed = searched(
            tmp_path / "b", [*goals, "train_time"], builder=builder, executions_per_trial=3
        )
        for one, other in zip(stacked.trials, timed.trials, strict=True):
            assert one.losses == pytest.approx(other.losses[:2], rel=1e-4)
            assert one.losses[1] == size_of(4)
        taken = {e.path for trial in timed.trials for e in trial.executions}
        assert "stack" not in " ".join(taken)

    def test_times_are_means_over_executions(self, tmp_path):
        tuner = searched(tmp_path, [LOSS, "train_time"], max_trials=1, executions_per_trial=2)
        (trial,) = tuner.trials
        assert trial.losses[1] == pytest.approx(np.mean([e.seconds for e in trial.executions]))

    def test_a_fit_of_ones_own(self, tmp_path):
        class Own(kt.HyperModel):
            def build(self, hp):
                return build(hp)

            def fit(self, hp, model, *args, **kwargs):
                found = model.fit(*args, **kwargs)
                return {"val_loss": found.history["val_loss"][-1], "extra": 1.0}

        tuner = searched(
            tmp_path, [LOSS, *MEASURED, kt.Objective("extra", "max")], builder=Own(), max_trials=2
        )
        for trial in tuner.trials:
            assert trial.losses[1] == size_of(trial.values["units"])
            assert trial.losses[-1] == -1.0

    def test_run_trial_of_ones_own_that_trains_with_ours(self, tmp_path):
        class Own(kt.RandomSearch):
            def run_trial(self, trial, *args, **kwargs):
                losses = [
                    super(Own, self).run_trial(trial, *args, **kwargs)[0].history["val_loss"][-1]
                    for _ in range(2)
                ]
                return {"val_loss": sum(losses) / 2}

        tuner = searched(tmp_path, [LOSS, "model_size", "train_time"], kind=Own, max_trials=2)
        for trial in tuner.trials:
            assert trial.losses[1] == size_of(trial.values["units"])
            assert trial.losses[2] > 0.0

    def test_subclassed_models(self, tmp_path):
        def builder(hp):
            model = Subclassed(hp.Int("units", 1, 8))
            model.compile("sgd", "mse")
            return model

        tuner = searched(
            tmp_path, [LOSS, "model_size"], builder=builder, constraints=["model_size <= 25"]
        )
        for trial in tuner.trials:
            fits = size_of(trial.values["units"]) <= 25
            assert trial.status is (TrialStatus.COMPLETED if fits else TrialStatus.FAILED)
            assert not fits or trial.losses[1] == size_of(trial.values["units"])
        with pytest.raises(FatalValueError, match=r"'inference_time' can be measured of models"):
            searched(tmp_path / "t", [LOSS, "inference_time"], builder=builder)
        assert not (tmp_path / "t").exists()


class TestConstraints:
    def test_models_that_are_too_large_cost_no_training(self, tmp_path):
        trained = []

        class Note(keras.callbacks.Callback):
            def on_train_begin(self, logs=None):
                trained.append(self.model.count_params())

        tuner = searched(
            tmp_path,
            LOSS,
            constraints=["model_size <= 60"],
            call={"callbacks": [Note()]},
            max_trials=6,
        )
        large = [t for t in tuner.trials if size_of(t.values["units"]) > 60]
        assert large
        for trial in large:
            assert trial.rejected
            assert "more than the 60 that max_model_size or a constraint allows" in trial.message
        assert all(size <= 60 for size in trained)
        for trial in tuner.trials:
            if trial not in large:
                assert trial.excesses == ((size_of(trial.values["units"]) - 60) / 60,)
        assert tuner.get_best_trials()[0] not in large

    def test_the_best_model_satisfies_them(self, tmp_path):
        tuner = searched(
            tmp_path, LOSS, constraints=["model_size >= 30", "val_mae <= 1e9"], max_trials=6
        )
        (model,) = tuner.get_best_models()
        assert model.count_params() >= 30
        assert tuner.retrain(None, X, Y, epochs=1, verbose=0).count_params() >= 30
        assert tuner.evaluate_best(X, Y, top=2)

    def test_the_smallest_model_that_is_good_enough(self, tmp_path):
        tuner = searched(tmp_path, "model_size", constraints=["val_loss <= 1e9"], max_trials=4)
        sizes = [size_of(trial.values["units"]) for trial in tuner.trials]
        assert [trial.score for trial in tuner.trials] == sizes
        assert tuner.get_best_models()[0].count_params() == min(sizes)

    def test_a_size_alone_is_refused_before_anything_is_trained(self, tmp_path):
        with pytest.raises(FatalValueError, match=r"Received only 'model_size', measured after"):
            searched(tmp_path, "model_size")
        assert list(tmp_path.iterdir()) == []

    def test_a_metric_that_there_is_not(self, tmp_path):
        with pytest.raises(
            FatalValueError,
            match=r"Each objective and constraint must be one of .* no 'val_auc'; there are: loss",
        ):
            searched(tmp_path, LOSS, constraints=["val_auc >= 0.5"])
        with pytest.raises(
            FatalValueError, match=r"The metric 'val_mae' is measured on validation"
        ):
            searched(
                tmp_path / "v",
                kt.Objective("loss", "min"),
                constraints=["val_mae <= 1"],
                call={"validation_split": None},
            )

    def test_a_direction_that_keras_does_not_know(self, tmp_path):
        with pytest.raises(ValueError, match=r"Keras does not say whether 'val_mine' is to be"):
            searched(tmp_path, ["val_loss", "val_mine"])


class TestRungs:
    @pytest.mark.parametrize(
        ("kind", "settings"),
        [
            (kt.Hyperband, {"max_epochs": 4, "factor": 2, "max_trials": None}),
            (kt.ASHA, {"max_epochs": 4, "factor": 2, "max_trials": 6}),
            (kt.BOHB, {"max_epochs": 4, "factor": 2, "max_trials": None}),
        ],
        ids=["hyperband", "asha", "bohb"],
    )
    def test_two_objectives(self, tmp_path, kind, settings):
        goals = [LOSS, "model_size", "peak_memory", "train_time"]
        tuner = searched(tmp_path, goals, kind, **settings)
        assert len({trial.epochs for trial in tuner.trials}) > 1
        for trial in tuner.trials:
            assert trial.losses[1] == size_of(trial.values["units"])
            assert trial.losses[3] == pytest.approx(trial.executions[0].seconds)
        front = tuner.pareto_front()
        assert front
        assert len(tuner.get_best_models(2)) == min(2, len(tuner.get_best_trials(2)))

    def test_measuring_between_rungs_changes_no_training(self, tmp_path):
        options = {"max_epochs": 4, "factor": 2, "max_trials": None}
        plain = searched(tmp_path / "a", LOSS, kt.Hyperband, **options)
        measured = searched(
            tmp_path / "b",
            LOSS,
            kt.Hyperband,
            **options,
            constraints=["inference_time <= 1e9", "peak_memory <= 1e9"],
        )
        assert [t.values for t in measured.trials] == [t.values for t in plain.trials]
        assert [t.score for t in measured.trials] == [t.score for t in plain.trials]


class Watching(ASHA):
    """Keeps what is known of the goals after each epoch."""

    def judge(self, history, trial, losses):
        seen.append((trial, len(losses), history.marks(trial, [len(losses) - 1])))
        return super().judge(history, trial, losses)


seen: list = []


class TestDuringTrainings:
    @pytest.mark.parametrize("call", [{}, {"fast": False}, {"workers": 2}])
    def test_size_and_time_so_far_are_known_after_each_epoch(self, tmp_path, call, forked_workers):
        seen.clear()
        tuner = searched(
            tmp_path,
            [LOSS, "model_size", "train_time", "inference_time"],
            scheduler=Watching(4, stop=True),
            call=call,
        )
        assert {number for number, *_ in seen} == {0, 1, 2}
        for number, _, marks in seen:
            loss, size, seconds, inference = marks.losses
            assert size == size_of(tuner.trials[number].values["units"])
            assert 0.0 < seconds <= tuner.trials[number].metrics["train_time"]
            assert math.isfinite(loss)
            assert math.isnan(inference), "measured after the training"
        times = [marks.losses[2] for number, _, marks in seen if number == 0]
        assert times == sorted(times)
