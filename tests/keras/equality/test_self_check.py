"""The self-check: a program that was shared by mistake is found by its second model."""

import contextlib
import logging

import pytest

from kerastune_lite._src.keras.fast import structure
from tests.keras.equality.cases import (
    DROPPED,
    MOMENTA,
    MORE_UNITS,
    RATES,
    adam,
    arguments,
    by_fit,
    check_same,
    check_same_history,
    check_same_weights,
    check_shared,
    classes,
    dispatched,
    keras,
    mlp,
    no_programs,
    no_warnings,
    rare_is_slow,
    sgd,
)

L = keras.layers


@contextlib.contextmanager
def forgetting(monkeypatch, name, of=None):
    """Within it the key leaves out the argument `name` of the class `of`."""
    read = structure._Reader._read

    def forgetful(self, node, where):
        return "forgotten" if where == name else read(self, node, where)

    with monkeypatch.context() as patched:
        patched.setattr(structure._Reader, "_read", forgetful)
        yield


def found_by_the_second(build, fit, caplog, variants=(0, 1)):
    """The first two models share a program; the check finds it and nobody is harmed."""
    with no_programs() as known, caplog.at_level(logging.WARNING, "kerastune_lite"):
        first = dispatched(build, fit, variants[0])
        assert first.path == "shared trace"
        assert not caplog.records
        for variant in variants[1:]:
            outcome = dispatched(build, fit, variant)
            check_same(outcome, by_fit(build, fit, variant))
            assert "self-check" in (outcome.reason or "") or outcome.path == "shared trace"
        banned = [each.banned for each in known._known.values() if each.banned]
    assert banned
    assert all("self-check" in each for each in banned)
    warnings = [record.getMessage() for record in caplog.records]
    assert len(warnings) == len(banned)
    assert all("no longer used" in text for text in warnings)


def weighted(variant):
    inputs = keras.Input((6,))
    hidden = L.Dense(5, activation="tanh")(inputs)
    model = keras.Model(inputs, [L.Dense(3, "softmax")(hidden), L.Dense(3, "softmax")(hidden)])
    loss = "sparse_categorical_crossentropy"
    model.compile(sgd(0), loss=[loss, loss], loss_weights=[(1.0, 0.3, 0.7)[variant], 2.0])
    return model


def test_loss_weights_that_are_left_out_of_the_key(monkeypatch, caplog):
    x, y = classes()
    with forgetting(monkeypatch, "loss_weights"):
        found_by_the_second(weighted, arguments((x, (y, y))), caplog, (0, 1, 2))


FORGOTTEN = {
    "slope": ("negative_slope", lambda v: [L.LeakyReLU((0.1, 0.5, 0.9)[v])], sgd),
    "activation": ("activation", lambda v: [L.Dense(4, ("relu", "tanh", "selu")[v])], sgd),
    "rescaling": ("scale", lambda v: [L.Rescaling((1.0, 2.0, 3.0)[v])], sgd),
    "constraint": (
        "kernel_constraint",
        lambda v: [L.Dense(4, kernel_constraint=(None, "unit_norm", "non_neg")[v])],
        sgd,
    ),
    "schedule": (
        "values",
        (),
        lambda v: keras.optimizers.SGD(
            keras.optimizers.schedules.PiecewiseConstantDecay([9], [(0.1, 0.3, 0.5)[v], 0.1])
        ),
    ),
    "nesterov": (
        "nesterov",
        (),
        lambda v: keras.optimizers.SGD(0.1, momentum=0.9, nesterov=bool(v % 2)),
    ),
    "momentum of batch normalization": (
        "momentum",
        lambda v: [L.BatchNormalization(momentum=(0.9, 0.5, 0.1)[v])],
        lambda v: keras.optimizers.Adam(0.01),
    ),
    "momentum of ema": (
        "ema_momentum",
        (),
        lambda v: keras.optimizers.Adam(0.01, use_ema=True, ema_momentum=(0.9, 0.5, 0.1)[v]),
    ),
}


@pytest.mark.parametrize(
    "name", rare_is_slow(FORGOTTEN, ["activation", "schedule", "momentum of batch normalization"])
)
def test_arguments_that_are_left_out_of_the_key(name, monkeypatch, caplog):
    argument, layers, optimizer = FORGOTTEN[name]
    with forgetting(monkeypatch, argument):
        found_by_the_second(mlp(layers, optimizer), arguments(), caplog)


def baked(monkeypatch, attribute):
    """`attribute` is left open in the key, and all the same not read at run time."""
    places, init = structure._places, structure._Reader.__init__

    def some(layers, optimizer):
        return (p for p in places(layers, optimizer) if p.attribute != attribute)

    missing = {"momentum": 1, "rate": 1, "l2": 1}[attribute]

    def begin(self, sized, scalars_open):
        init(self, sized, scalars_open)
        self.open_scalars = -missing if scalars_open else 0

    monkeypatch.setattr(structure, "_places", some)
    monkeypatch.setattr(structure._Reader, "__init__", begin)


BAKED = {
    "momentum": lambda: mlp(
        optimizer=lambda v: keras.optimizers.SGD(RATES[v], momentum=MOMENTA[v])
    ),
    "rate": lambda: mlp(lambda v: [L.Dropout(DROPPED[v])]),
    "l2": lambda: mlp(
        lambda v: [L.Dense(5, kernel_regularizer=keras.regularizers.L2((0.1, 0.5, 0.9)[v]))]
    ),
}


@pytest.mark.parametrize("attribute", BAKED)
def test_scalars_that_were_baked_in(attribute, monkeypatch, caplog):
    baked(monkeypatch, attribute)
    found_by_the_second(BAKED[attribute](), arguments(), caplog)


def test_the_check_leaves_the_model_as_it_was():
    """The second model's training is that of `fit`: nothing of the check remains."""
    build = mlp(
        lambda v: [L.Dense(MORE_UNITS[v], use_bias=False), L.BatchNormalization(), L.Dropout(0.5)],
        adam,
    )
    with no_programs() as known:
        dispatched(build, arguments(), 0, whole=True)
        second = dispatched(build, arguments(), 1, whole=True)
        assert [each.checked for each in known._known.values()] == [True]
    check_same(second, by_fit(build, arguments(), 1))


def counted(monkeypatch):
    """The comparisons that are made from now on."""
    from kerastune_lite._src.keras.fast.tf import shared_program

    calls = []
    check = shared_program.difference
    monkeypatch.setattr(
        shared_program, "difference", lambda *given: calls.append(1) or check(*given)
    )
    return calls


def test_the_first_two_models_of_a_program_are_compared(monkeypatch):
    calls = counted(monkeypatch)
    with no_programs():
        for variant in (0, 1, 2, 0, 1):
            dispatched(mlp(), arguments(), variant)
    assert len(calls) == 2


def test_traces_that_differ_in_numbers_are_compared_once(monkeypatch):
    """Recurrent layers are traced for their sizes, so that each model has a program of its own."""
    calls = counted(monkeypatch)

    def build(variant):
        return mlp(lambda v: [L.Reshape((4, 2)), L.SimpleRNN((2, 3, 4)[variant])])(0)

    with no_programs() as known:
        for variant in range(3):
            dispatched(build, arguments(epochs=1), variant)
        assert len(known) == 3
        dispatched(mlp(lambda v: [L.Reshape((4, 2)), L.GRU(2)]), arguments(epochs=1))
    assert len(calls) == 2


@pytest.mark.parametrize("layer", ["Dense", "SimpleRNN"])
def test_a_wrong_trace_is_found_by_the_model_that_it_was_made_with(layer, monkeypatch, caplog):
    from kerastune_lite._src.keras.fast.tf import traced_model

    step = traced_model.TracedModel.train_step

    def wrong(self, state, metrics, batch):
        x, y = batch
        return step(self, state, metrics, (x * 1.1, y))

    def hidden(variant):
        return [L.Reshape((4, 2)), getattr(L, layer)(4), L.Flatten()]

    monkeypatch.setattr(traced_model.TracedModel, "train_step", wrong)
    build, fit = mlp(hidden), arguments()
    with no_programs():
        outcome = dispatched(build, fit)
        assert outcome.path == "own trace"
        check_same(outcome, by_fit(build, fit))
    assert "self-check" in outcome.reason
    assert "The result is not affected" in caplog.text


def test_what_is_said_of_a_program_that_was_trusted(caplog):
    from kerastune_lite._src.keras.fast.program_cache import Known

    for models, word in (
        ([[1.0], [2.0]], "not affected"),
        ([[1.0], [1.0], [2.0]], "may be affected"),
    ):
        known = Known(object(), [1.0])
        caplog.clear()
        for scalars in models:
            known.check(scalars, lambda s=scalars: None if s == [1.0] else "a difference")
        assert known.program is None
        assert word in caplog.text


FALSE_ALARMS = ("Adam", "RMSprop", "Lion", "Nadam", "Adamax", "SGD", "Adadelta", "Ftrl")


@pytest.mark.slow
@pytest.mark.parametrize("name", FALSE_ALARMS)
@pytest.mark.parametrize("rate", [0.1, 0.001])
def test_rounding_noise_is_no_reason_for_an_alarm(name, rate):
    """The bias before BatchNormalization has no gradient but noise, which Adam amplifies."""

    def build(variant):
        model = keras.Sequential([keras.Input((64,))])
        for _ in range(2):
            model.add(L.Dense((64, 128, 96)[variant]))
            model.add(L.BatchNormalization())
            model.add(L.Activation("relu"))
            model.add(L.Dropout(0.2))
        model.add(L.Dense(10, activation="softmax"))
        optimizer = getattr(keras.optimizers, name)(rate)
        model.compile(optimizer, loss="sparse_categorical_crossentropy", metrics=["accuracy"])
        return model

    fit = arguments(classes(200, (64,), 10), epochs=1, validation_data=...)
    for variants in ((0, 1), (2, 1)):
        with no_programs(), no_warnings():
            for variant in variants:
                assert dispatched(build, fit, variant).path == "shared trace"


@pytest.mark.parametrize("rows", [1, 2, 9])
def test_few_rows(rows):
    x, y = classes(rows)
    check_shared(mlp(), arguments(validation_data=..., x=x, y=y))


def test_weights_that_are_not_finite_are_no_reason_for_an_alarm():
    def build(variant):
        model = mlp()(variant)
        model.set_weights([w * float("nan") for w in model.get_weights()])
        return model

    with no_programs(), no_warnings():
        for variant in range(2):
            assert dispatched(build, arguments(), variant).path == "shared trace"


def test_a_failure_in_the_first_epoch_is_told_by_fit():
    """Nothing of it remains in the model."""
    x, y = classes()
    wrong = y.copy()
    wrong[60] = 17  # in a later batch
    fit = arguments(x=x, y=wrong, validation_data=...)
    for train in (by_fit, dispatched):
        # The rest of the message names operations of the graph.
        with no_programs(), pytest.raises(tensorflow_error(), match="label value of 17"):
            train(mlp(), fit)


def tensorflow_error():
    import tensorflow as tf

    return tf.errors.InvalidArgumentError


def test_programs_that_are_not_used_are_forgotten():
    from kerastune_lite._src.keras.fast.program_cache import Known, Programs

    programs = Programs(2)
    for key in "abc":
        programs.put(key, Known(None))
        programs.get("a")
    assert len(programs) == 2
    assert programs.get("a") is not None
    assert programs.get("b") is None


def test_a_program_serves_whatever_became_of_the_model_it_was_traced_with():
    """`clear_session`, other models, a garbage collection."""
    import gc

    build = mlp(lambda v: [L.Dropout(DROPPED[v])], adam)
    with no_programs() as known:
        dispatched(build, arguments(), 0)
        keras.utils.clear_session(free_memory=True)
        gc.collect()
        outcome = dispatched(build, arguments(), 1)
        right = by_fit(build, arguments(), 1)
        check_same_history(outcome.history, right.history)
        check_same_weights(outcome.model, right.model)
        assert len(known) == 1
