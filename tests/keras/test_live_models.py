"""A trial that goes on with the model that its last segment left is as one that is built anew."""

import dataclasses
import random

import numpy as np
import pytest

from kerastune_lite._src.core.objective import Objective
from kerastune_lite._src.core.trial import Outcome, Segment, Trial
from kerastune_lite._src.keras import live_models
from kerastune_lite._src.keras.hypermodel import HyperModel, get_hypermodel, overrides_fit
from kerastune_lite._src.keras.loading import load_keras

keras = load_keras()

import tensorflow as tf  # noqa: E402

from kerastune_lite._src.keras.building import ModelFactory  # noqa: E402
from kerastune_lite._src.keras.fast.dispatcher import ARRAYS, OWN, PLAIN, SHARED  # noqa: E402
from kerastune_lite._src.keras.fit_arguments import FitArguments  # noqa: E402
from kerastune_lite._src.keras.state_files import read_state  # noqa: E402
from kerastune_lite._src.keras.training_job import TrainingJob  # noqa: E402
from kerastune_lite._src.keras.training_spec import TrainingSpec  # noqa: E402
from kerastune_lite.hyperparameters import HyperParameters, Int, Parameter, Space  # noqa: E402
from kerastune_lite.schedulers import Decision  # noqa: E402

# Between Keras and TensorFlow, about their own conversions to NumPy.
pytestmark = pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")

RUNGS = (1, 3, 5)
TWO = (1, 2)
UNITS = Space([Parameter("units", Int(4, 8))])

rng = np.random.default_rng(0)
X = rng.normal(size=(70, 6)).astype("float32")
Y = (X[:, 0] + 0.3 * rng.normal(size=70) > 0).astype("int64")


def compiled(model, optimizer=None, **kwargs):
    kwargs = {"metrics": ["accuracy"], **kwargs}
    model.compile(optimizer or "adam", "sparse_categorical_crossentropy", **kwargs)
    return model


def in_arrays(hp):
    model = keras.Sequential([keras.Input((6,))])
    model.add(keras.layers.Dense(hp.Int("units", 4, 8), activation="relu"))
    model.add(keras.layers.BatchNormalization())
    model.add(keras.layers.Dropout(hp.Float("dropout", 0.1, 0.5)))
    model.add(keras.layers.Dense(2, activation="softmax"))
    return compiled(model)


def in_arrays_scheduled(hp):
    schedule = keras.optimizers.schedules.ExponentialDecay(0.05, 3, 0.8)
    inputs = keras.Input((6,))
    x = keras.layers.Dense(8, "tanh", kernel_regularizer="l2")(inputs)
    x = keras.layers.Dropout(0.4)(keras.layers.Add()([x, keras.layers.Dense(8)(inputs)]))
    model = keras.Model(inputs, keras.layers.Dense(2, activation="softmax")(x))
    return compiled(model, keras.optimizers.SGD(schedule, momentum=0.8, nesterov=True))


def convolutional(hp):
    model = keras.Sequential([keras.Input((6,)), keras.layers.Reshape((6, 1))])
    model.add(keras.layers.Conv1D(hp.Int("filters", 2, 4), 3, activation="relu"))
    model.add(keras.layers.SpatialDropout1D(0.3))
    model.add(keras.layers.LayerNormalization())
    model.add(keras.layers.Flatten())
    model.add(keras.layers.Dense(2, activation="softmax"))
    return compiled(model, keras.optimizers.Ftrl(0.1))


def recurrent(hp):
    model = keras.Sequential([keras.Input((6,)), keras.layers.Reshape((3, 2))])
    model.add(keras.layers.GRU(3, dropout=0.2, recurrent_dropout=0.2))
    model.add(keras.layers.Dense(2, activation="softmax"))
    return compiled(model)


class Own(keras.Model):
    """With a train_step; its layers are made by the first batch."""

    def __init__(self, units, noise=None):
        super().__init__()
        self.units = units
        self.noise = noise
        self.first = keras.layers.Dense(units, activation="relu")
        self.normal = keras.layers.BatchNormalization()
        self.dropout = keras.layers.Dropout(0.3)
        self.last = keras.layers.Dense(2, activation="softmax")

    def call(self, x, training=None):
        if self.noise is not None and training:
            x = self.noise(x)
        x = self.dropout(self.normal(self.first(x), training=training), training=training)
        return self.last(x)

    def train_step(self, data):
        x, y = data
        with tf.GradientTape() as tape:
            predicted = self(x, training=True)
            loss = self.compute_loss(x, y, predicted)
        gradients = tape.gradient(loss, self.trainable_weights)
        self.optimizer.apply_gradients(zip(gradients, self.trainable_weights))
        return {**self.compute_metrics(x, y, predicted), "loss": loss}


def own(hp):
    return compiled(Own(hp.Int("units", 4, 8)))


def averaged(hp):
    return compiled(Own(5), keras.optimizers.SGD(0.05, momentum=0.9, use_ema=True))


def scheduled(hp):
    schedule = keras.optimizers.schedules.ExponentialDecay(0.05, 3, 0.8)
    return compiled(Own(5), keras.optimizers.Adam(schedule))


def plateau():
    return [keras.callbacks.ReduceLROnPlateau("val_loss", 0.5, patience=1, min_delta=1.0)]


def early_stopping():
    return [keras.callbacks.EarlyStopping("val_loss", patience=9, restore_best_weights=True)]


def after(report):
    """The trial as a search continues it."""
    trial = report.segment.trial
    space = trial.space.merged(report.added)
    return dataclasses.replace(trial, values=dict(report.values), space=space)


class Run:
    """Trains a trial in rungs, in a folder of its own.

    Args:
        anew: whether each segment has a new job.
    """

    def __init__(self, folder, build, anew, callbacks=None, fast=True, rungs=RUNGS, **fit):
        self.folder, self.anew, self.rungs, self.built, self.epochs = folder, anew, rungs, 0, []
        hypermodel = get_hypermodel(build)
        given = {"validation_split": 0.3, "batch_size": 16, **fit}
        self.spec = TrainingSpec(
            models=ModelFactory(hypermodel, build_instead=self.counted(hypermodel.build)),
            objective=Objective("val_loss", "min"),
            fit=FitArguments((X, Y), given, overrides_fit(hypermodel)),
            callbacks=callbacks,
            folder=folder,
            fast=fast,
        )
        self.job = TrainingJob(self.spec)
        self.trial = Trial(0, {}, Space())
        self.reports = []

    def counted(self, build):
        def counting(hp):
            self.built += 1
            return build(hp)

        return counting

    def emit(self, event):
        self.epochs.append((event.epoch, dict(event.metrics)))
        return Decision.CONTINUE

    def segment(self, begin, end, trial=None, **changes):
        trial = trial or self.trial
        segment = Segment(
            trial,
            start_epoch=begin,
            end_epoch=end,
            seed=7,
            resume_from=f"{trial.number}_{begin}.state" if begin else None,
            keep_state=f"{trial.number}_{end}.state",
        )
        return dataclasses.replace(segment, **changes)

    def train(self, segment):
        (report,) = self.job.run([segment], self.emit)
        (execution,) = report.executions
        self.reports.append(dataclasses.replace(report, segment=None, executions=()))
        self.trial = after(report)
        return dataclasses.replace(execution, seconds=0.0)

    def all(self, between=lambda: None):
        executions = []
        for begin, end in zip((0, *self.rungs), self.rungs):
            if self.anew:
                self.job = TrainingJob(self.spec)
            self.job.open()
            with self.job._opened:  # closed without what is kept
                executions.append(self.train(self.segment(begin, end)))
                between()
        return executions


def assert_same_state(one, other):
    assert one.arrays.keys() == other.arrays.keys()
    for name, array in one.arrays.items():
        np.testing.assert_array_equal(array, other.arrays[name], err_msg=name)
    # But for the time that the trainings took.
    assert one.with_extra(seconds=0.0).data == other.with_extra(seconds=0.0).data


def assert_as_built_anew(tmp_path, build, builds, path, between=lambda: None, **kwargs):
    """With and without what is kept, reports, epochs and states are the same, to the last bit."""
    live = Run(tmp_path / "live", build, anew=False, **kwargs)
    anew = Run(tmp_path / "anew", build, anew=True, **kwargs)
    executions = live.all(between)
    assert executions == anew.all()
    assert {each.path for each in executions} == {path}
    assert live.epochs == anew.epochs
    assert [epoch for epoch, _ in live.epochs] == list(range(live.rungs[-1]))
    assert live.reports == anew.reports
    assert (live.built, anew.built) == (builds, len(live.rungs))
    for end in live.rungs:
        states = [read_state(each.folder / f"0_{end}.state") for each in (live, anew)]
        assert_same_state(*states)
    (name,) = {each.weights for each in executions}
    assert (live.folder / name).read_bytes() == (anew.folder / name).read_bytes()


CASES = {
    "plateau": (own, plateau, OWN),
    "moving averages": (averaged, plateau, OWN),
    "schedule": (scheduled, lambda: None, OWN),
    "in arrays": (in_arrays, plateau, ARRAYS),
    "in arrays, scheduled": (in_arrays_scheduled, early_stopping, ARRAYS),
    "shared": (convolutional, plateau, SHARED),
    "recurrent": (recurrent, early_stopping, SHARED),
}


@pytest.mark.parametrize("case", CASES)
def test_it_is_built_once(tmp_path, case):
    build, callbacks, path = CASES[case]
    assert_as_built_anew(tmp_path, build, 1, path, callbacks=callbacks())


def test_models_for_fit_are_built_anew(tmp_path):
    assert_as_built_anew(tmp_path, in_arrays, 2, PLAIN, fast=False, rungs=TWO)


def test_it_outlives_other_models_and_a_cleared_session(tmp_path):
    def between():
        keras.utils.set_random_seed(1)
        others = [in_arrays(HyperParameters()) for _ in range(9)]
        others[-1].fit(X, Y, verbose=0)
        keras.utils.clear_session()

    assert_as_built_anew(tmp_path, own, 1, OWN, between)


def test_the_users_code_draws_the_same_numbers(tmp_path):
    drawn = []

    def callbacks(trial):
        drawn.append((np.random.random(), random.random()))
        return []

    assert_as_built_anew(tmp_path, own, 1, OWN, callbacks=callbacks)
    assert drawn[: len(RUNGS)] == drawn[len(RUNGS) :]


# ------------------------------------------------------------------ what is not kept


class Counts(Own):
    def call(self, x, training=None):
        self.calls = getattr(self, "calls", 0) + 1
        return super().call(x, training=training) * float(self.calls)


class Inner:
    times = 1.0


class CountsWithin(Own):
    def __init__(self):
        super().__init__(5)
        self.inner = Inner()

    def train_step(self, data):
        self.inner.times += 1.0
        return super().train_step(data)


class Freezes(Own):
    def train_step(self, data):
        logs = super().train_step(data)
        self.first.trainable = False
        return logs


class NeverReset(keras.metrics.Mean):
    def update_state(self, y, predicted, sample_weight=None):
        super().update_state(y)

    def reset_state(self):
        pass


class Watches(keras.callbacks.Callback):
    def on_epoch_end(self, epoch, logs=None):
        self.model.dropout.rate = 0.1 * (epoch % 2)


class OwnFit(HyperModel):
    def build(self, hp):
        return own(hp)

    def fit(self, hp, model, *args, **kwargs):
        return model.fit(*args, **kwargs)


def noisy(noise):
    return lambda hp: compiled(Own(5, noise))


CHANGING = {
    "a counter of the model's": lambda hp: compiled(Counts(5)),
    "a counter within it": lambda hp: compiled(CountsWithin()),
    "a layer that is frozen": lambda hp: compiled(Freezes(5)),
    "TensorFlow's random numbers": noisy(lambda x: x + tf.random.normal(tf.shape(x))),
    "Keras's random numbers": noisy(lambda x: x + keras.random.normal(keras.ops.shape(x))),
    "Python within the trace": noisy(
        lambda x: tf.ensure_shape(tf.numpy_function(lambda a: a + 0.5, [x], tf.float32), x.shape)
    ),
    "a metric that is not reset": lambda hp: compiled(Own(5), metrics=[NeverReset()]),
    "a fit() of the user's": OwnFit(),
}


@pytest.mark.parametrize("case", CHANGING)
def test_what_may_have_changed_is_built_anew(tmp_path, case):
    assert_as_built_anew(tmp_path, CHANGING[case], 2, OWN, rungs=TWO)


AROUND = {
    "a callback of the user's": {"callbacks": [Watches()]},
    "data that a function makes": {"validation_split": 0.0, "validation_data": lambda: (X, Y)},
}


@pytest.mark.parametrize("case", AROUND)
def test_where_the_users_code_has_a_part_it_is_built_anew(tmp_path, case):
    assert_as_built_anew(tmp_path, own, 2, OWN, rungs=TWO, **AROUND[case])


@pytest.mark.parametrize(
    "changes",
    [{"seed": 8}, {"trial": Trial(0, {"units": 4}, Space())}, {"trial": Trial(0, {}, UNITS)}],
    ids=["seed", "space", "values"],
)
def test_another_build_is_another_model(tmp_path, changes):
    run = Run(tmp_path, own, anew=False)
    run.train(run.segment(0, 1))
    assert run.trial.space == UNITS
    assert run.job._live.take(run.segment(1, 2, **changes)) is None


@pytest.mark.parametrize(
    ("build", "bound"), [(own, "MOST"), (own, "MOST_TRACED"), (in_arrays, "MOST")]
)
def test_there_are_bounds(tmp_path, monkeypatch, build, bound):
    run = Run(tmp_path, build, anew=False)
    monkeypatch.setattr(live_models, bound, 2)
    names = ["one", "two", "three"]
    for name in names:
        run.train(run.segment(0, 1, keep_state=name))
    kept = [run.job._live.take(run.segment(1, 2, resume_from=name)) for name in names]
    assert [live is None for live in kept] == [True, False, False]
    model = kept[1].built.model
    variables = (*model.variables, *model.optimizer.variables)
    assert kept[1].built.size == sum(each.numpy().nbytes for each in variables)
    monkeypatch.setattr(live_models, "MOST_BYTES", kept[1].built.size)
    run.job._live.keep(kept[1])
    assert len(run.job._live) == 1
    run.job._live.keep(kept[2])
    assert len(run.job._live) == 1
    monkeypatch.setattr(live_models, "MOST_BYTES", kept[1].built.size - 1)
    run.job._live.keep(kept[2])
    assert not len(run.job._live)


def test_all_are_dropped_where_memory_is_short_and_at_the_end(tmp_path):
    fails = []

    def build(hp):
        if fails:
            raise MemoryError
        return own(hp)

    run = Run(tmp_path, build, anew=False)
    run.train(run.segment(0, 1))
    assert len(run.job._live) == 1
    fails.append(1)
    (report,) = run.job.run([run.segment(0, 1)], run.emit)
    assert report.executions[0].outcome is Outcome.OUT_OF_MEMORY
    assert not len(run.job._live)
    fails.clear()
    run.train(run.segment(0, 1))
    assert len(run.job._live) == 1
    run.job.close()
    assert not len(run.job._live)
