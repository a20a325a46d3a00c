"""Parts of Keras that the fast paths can do without: a probe of each, and its way out."""

import contextlib
import logging
import random

import numpy as np
import pytest
import tensorflow as tf

from kerastune_lite._src.core.objective import Objective
from kerastune_lite._src.keras import automatic_names, session
from kerastune_lite._src.keras.building import ModelFactory
from kerastune_lite._src.keras.callback_state import cannot_resume, put_back, take
from kerastune_lite._src.keras.compat import (
    callbacks,
    global_state,
    kernels,
    models,
    names,
    parts,
    probes,
    process_state,
    recording,
    saving,
    thread_state,
    traces,
)
from kerastune_lite._src.keras.determinism import deterministic
from kerastune_lite._src.keras.fast.callbacks import check_callbacks
from kerastune_lite._src.keras.fast.fit_call import Unsuitable
from kerastune_lite._src.keras.fast.graphs import graph_of
from kerastune_lite._src.keras.fast.structure import NotShared
from kerastune_lite._src.keras.hypermodel import FunctionHyperModel
from kerastune_lite._src.keras.metric_directions import resolved
from kerastune_lite._src.keras.resuming import capture, restore_model
from kerastune_lite._src.util.errors import FatalRuntimeError
from kerastune_lite.hyperparameters import HyperParameters
from tests.keras.models import data, keras, linear
from tests.keras.resumed import begin, build, go_on

PARTS = {
    f"{module.__name__.rpartition('.')[2]}.{name}": part
    for module in (
        callbacks,
        kernels,
        models,
        names,
        process_state,
        recording,
        saving,
        thread_state,
        traces,
    )
    for name, part in vars(module).items()
    if isinstance(part, parts.Part)
}


pytestmark = pytest.mark.usefixtures("probed_anew")


@pytest.mark.parametrize("part", PARTS.values(), ids=PARTS)
def test_this_keras_has_it(part, caplog):
    with caplog.at_level(logging.INFO, parts.__name__):
        assert part.missing() is None
    assert not caplog.records


def test_no_random_number_and_no_name_is_drawn():
    def known():
        counters = dict(global_state.name_counters())
        return random.getstate(), np.random.get_state()[1].tolist(), counters, generator()

    keras.utils.set_random_seed(1)
    keras.layers.Flatten()
    before = known()
    assert all(part.is_there for part in PARTS.values())
    assert known() == before


def generator():
    """Keras's own, of this thread."""
    return global_state.module().get_global_attribute("global_seed_generator")


# ------------------------------------------------------------------ a Keras that differs


def breaks(*args, **kwargs):
    raise AttributeError


def under_another_name(name):
    """An attribute of instances that is kept elsewhere."""
    return property(breaks, lambda self, value: vars(self).update({f"{name}_": value}))


def of(kind, name):
    return lambda patch: patch.setattr(kind, name, under_another_name(name), raising=False)


def without(owner, name):
    return lambda patch: patch.delattr(owner, name)


def with_another(owner, name, value):
    return lambda patch: patch.setattr(owner, name, value)


CHANGES = {
    "callbacks.AVERAGES": without(keras.callbacks.SwapEMAWeights, "_finalize_ema_values"),
    "callbacks.MONITORS": without(keras.callbacks.EarlyStopping.__base__, "_set_monitor_op"),
    "callbacks.PROFILES": of(keras.callbacks.TensorBoard, "_stop_batch"),
    "kernels.KERNELS": without(type(kernels._context()), "_set_global_seed"),
    "models.AREAS": of(keras.metrics.AUC, "_from_logits"),
    "models.COMPILED": of(keras.Model, "_compile_config"),
    "models.DIRECTIONS": of(keras.metrics.Metric, "_direction"),
    "models.LAYERS": with_another(keras.layers.Layer, "_flatten_layers", breaks),
    "models.RESTORED": of(keras.Model, "_initial_epoch"),
    "models.TRAINED": of(keras.optimizers.Optimizer, "_trainable_variables"),
    "names.COUNTERS": with_another(global_state, "_NAMES", "elsewhere"),
    "process_state.DETERMINISM": without(process_state._config(), "is_op_determinism_enabled"),
    "process_state.GRADIENTS": with_another(process_state, "_table", breaks),
    "recording.RECORDING": with_another(keras.Model, "_open_name_scope", breaks),
    "saving.SKIPPED": with_another(saving, "_KEPT_AS", ("elsewhere",)),
    "thread_state.OPTIONS": without(type(thread_state._context()), "function_call_options"),
    "thread_state.SEEDS": with_another(thread_state, "_GENERATOR", "elsewhere"),
    "thread_state.TRACKERS": with_another(thread_state, "_TRACKERS", ("ELSEWHERE", "TOO")),
    "traces.STATEFUL": without(traces._registry(), "get"),
}


@pytest.mark.parametrize("name", PARTS)
def test_what_is_called_otherwise_is_missed(name, monkeypatch, caplog):
    part = PARTS[name]
    with caplog.at_level(logging.INFO, parts.__name__):
        with monkeypatch.context() as patch:
            CHANGES[name](patch)
            assert not part.is_there
        assert not part.is_there  # It is looked for once.
    what = next(iter(part.probes))
    versions = f"Keras {keras.__version__} on TensorFlow {tf.__version__}"
    assert part.missing() == f"{versions} differs in {what}"
    assert caplog.messages == [f"{part.without}: {part.missing()}."]


@pytest.fixture
def lacking(monkeypatch):
    """Have this Keras lack a part."""

    def lack(part):
        monkeypatch.setitem(part.probes, next(iter(part.probes)), lambda: False)
        parts._missing.cache_clear()
        assert not part.is_there

    return lack


def test_other_parts_need_no_names(monkeypatch):
    monkeypatch.setattr(global_state, "module", breaks)
    assert models.LAYERS.is_there
    assert not names.COUNTERS.is_there


@pytest.mark.parametrize("part", [callbacks.MONITORS, models.LAYERS])
def test_without_it_models_are_trained_with_fit(part):
    assert part.probes.items() <= probes.EVERY_PATH.probes.items()


# ------------------------------------------------------------------ the ways out


def test_layers_are_those_that_models_list(lacking):
    lacking(models.LAYERS)
    wrapped = keras.layers.TimeDistributed(keras.layers.ReLU())
    inner = keras.Sequential([keras.layers.Flatten(), wrapped])
    outer = keras.Sequential([inner, keras.layers.Reshape((1,))])
    assert models.parts_of(outer) == outer.layers
    assert models.layers_within(outer) == [*outer.layers, *inner.layers]
    assert models.parts_of(wrapped) == []


def test_what_compile_was_given_is_made_of_its_config(lacking):
    lacking(models.COMPILED)
    model = linear()
    model.compile(keras.optimizers.SGD(0.25), "mae", metrics=["mse"], weighted_metrics=["mape"])
    given = models.compile_arguments(model)
    assert (given["loss"], given["metrics"], given["weighted_metrics"]) == (
        "mae",
        ["mse"],
        ["mape"],
    )
    assert given["optimizer"].get_config() == model.optimizer.get_config()
    ModelFactory(FunctionHyperModel(lambda hp: model), optimizer="adam").build(HyperParameters())
    assert (model.loss, type(model.optimizer).__name__) == ("mae", "Adam")
    assert models.compile_arguments(keras.Sequential()) == {}


def test_the_user_is_asked_for_directions(lacking):
    lacking(models.DIRECTIONS)
    assert resolved(Objective("val_loss", None)).direction == "min"
    with pytest.raises(ValueError, match="needs its direction"):
        resolved(Objective("val_accuracy", None))


def test_areas_are_left_to_keras(lacking):
    lacking(models.AREAS)
    assert models.area_options(keras.metrics.AUC()) is None


def test_an_optimizer_that_goes_on_is_built_for_the_whole_model(lacking):
    lacking(models.TRAINED)
    model, fresh = linear(), linear()
    model.fit(*data(8), verbose=0)
    state = capture(model, [], 1)
    assert state.data["optimizers"][0]["trained"] == []
    restore_model(state, fresh)
    for ours, theirs in zip(fresh.optimizer.variables, model.optimizer.variables, strict=True):
        np.testing.assert_array_equal(ours.numpy(), theirs.numpy())


class Restored(keras.callbacks.Callback):
    """Has `fit` begin at an epoch, as BackupAndRestore does."""

    epoch = None

    def on_train_begin(self, logs=None):
        self.model._initial_epoch = self.epoch


@pytest.mark.parametrize("there", [True, False])
def test_a_backup_of_another_epoch_is_forgotten_or_refused(tmp_path, monkeypatch, lacking, there):
    if not there:
        lacking(models.RESTORED)

    def make(seed):
        return build(lambda: keras.optimizers.SGD(0.1), seed)

    begin(make, lambda: [Restored()], tmp_path / "state", 2)
    monkeypatch.setattr(Restored, "epoch", 3)
    expected = contextlib.nullcontext() if there else pytest.raises(FatalRuntimeError)
    with expected:
        _, _, history = go_on(make, lambda: [Restored()], tmp_path / "state", 4)
        assert len(history["loss"]) == 4


def test_a_comparison_is_not_carried_over(lacking):
    def stopping():
        return keras.callbacks.EarlyStopping("val_mae", mode="auto", min_delta=0.5)

    before = stopping()
    callbacks.choose_comparison(before, "min")
    kept, _ = take(before, "", {})
    lacking(callbacks.MONITORS)
    assert "monitor_op" not in take(before, "", {})[0]
    after = stopping()
    put_back(after, kept, {})
    assert (after.monitor_op, after.min_delta) == (None, 0.5)


def test_what_tensorboard_profiles_is_left_to_fit(lacking):
    tensorboard = keras.callbacks.TensorBoard(profile_batch=0)
    check_callbacks([tensorboard])
    with pytest.raises(Unsuitable, match="TensorBoard"):
        check_callbacks([keras.callbacks.TensorBoard(profile_batch=(2, 3))])
    lacking(callbacks.PROFILES)
    with pytest.raises(Unsuitable, match="TensorBoard"):
        check_callbacks([tensorboard])


class Swapping(keras.callbacks.SwapEMAWeights):
    """A user's."""


@pytest.mark.parametrize("kind", [keras.callbacks.SwapEMAWeights, Swapping])
def test_averages_are_not_continued(lacking, kind):
    assert cannot_resume([kind()]) is None
    lacking(callbacks.AVERAGES)
    assert cannot_resume([kind()]) == (
        f"The state of {kind.__name__} must be known: {callbacks.AVERAGES.missing()}"
    )


class Stopping(keras.callbacks.EarlyStopping):
    """A user's."""


@pytest.mark.parametrize("kind", [keras.callbacks.EarlyStopping, Stopping])
def test_callbacks_with_another_memory_are_not_continued(monkeypatch, kind):
    assert cannot_resume([kind()]) is None
    known = {keras.callbacks.EarlyStopping: callbacks.Known(("waits",))}
    monkeypatch.setattr(callbacks, "KNOWN", known)
    assert cannot_resume([kind()]) == (
        f"The state of {kind.__name__} must be known: "
        f"Keras {keras.__version__} does not keep 'waits' in EarlyStopping"
    )


def test_names_are_counted_on(lacking):
    lacking(names.COUNTERS)
    keras.layers.Dense(1)
    given = global_state.name_counters()["dense"]
    names.count_from_one()
    with automatic_names.set_aside():
        model = automatic_names.built_from_one(linear)
    assert model.layers[0].name == f"dense_{given}"
    assert names.counters() == {}


def test_functions_are_rewritten(lacking):
    context = thread_state._context()
    before = context.function_call_options
    with thread_state.quick_start():
        assert context.function_call_options is not before
    lacking(thread_state.OPTIONS)
    with thread_state.quick_start():
        assert context.function_call_options is before


def test_kernels_are_thrown_away(lacking):
    lacking(kernels.KERNELS)
    run = kernels._entry().TFE_Py_FastPathExecute
    with kernels.watched():
        assert kernels._entry().TFE_Py_FastPathExecute is run
        session.begin(0, collect=False)


@pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")
def test_weights_are_saved_as_keras_does(lacking, tmp_path):
    lacking(saving.SKIPPED)
    with saving.quick_walks():
        linear().save_weights(tmp_path / "a.weights.h5")
        assert not any(
            global_state.module().get_global_attribute(saving._KEPT_AS[0] + kind)
            for kind in saving._KINDS
        )


def test_sessions_are_cleared(lacking, monkeypatch):
    lacking(thread_state.TRACKERS)
    cleared = []
    monkeypatch.setattr(
        keras.utils, "clear_session", lambda free_memory: cleared.append(free_memory)
    )
    session.begin(0, collect=True)
    assert cleared == [True]


def test_seeds_are_drawn_on(lacking):
    keras.random.uniform(())
    before = generator()
    with thread_state.fresh_seeds():
        assert generator() is None
    lacking(thread_state.SEEDS)
    with thread_state.fresh_seeds():
        assert generator() is before


def test_traced_functions_are_kept(lacking):
    lacking(process_state.GRADIENTS)
    assert process_state.custom_gradients() == {}
    before = len(process_state._table())
    with session.traced_functions():
        linear(run_eagerly=False).fit(*data(8), verbose=0)
    assert len(process_state._table()) > before


def test_nothing_of_tensorflow_is_set(lacking):
    lacking(process_state.DETERMINISM)
    tf.random.set_seed(5)
    with deterministic(3):
        assert (process_state.seed(), process_state.is_deterministic()) == (5, False)
        assert generator() is None
    assert process_state.seed() == 5


def test_nothing_is_said_of_traces(lacking):
    variable = tf.Variable(1.0)
    traced = tf.function(lambda: variable.assign_add(1.0)).get_concrete_function()
    handles = [id(variable.handle)]
    assert traces.keeps_nothing_else(traced, handles)
    lacking(traces.STATEFUL)
    assert not traces.keeps_nothing_else(traced, handles)


def test_classes_have_no_graph(lacking):
    class Net(keras.Model):
        def __init__(self):
            super().__init__()
            self.last = keras.layers.Dense(1)

        def call(self, x):
            return self.last(x)

    model, x = Net(), np.ones((1, 2), "float32")
    model.compile("sgd", "mse")
    assert graph_of(model, x).layers[-1] is model.last
    lacking(recording.RECORDING)
    with pytest.raises(NotShared, match="the model is a Net"):
        graph_of(model, x)
    assert graph_of(linear(), x) is not None
