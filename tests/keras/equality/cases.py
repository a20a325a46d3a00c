"""How the fast paths are compared with `model.fit`: the same model, trained twice."""

import contextlib
import dataclasses
import logging
import re

import numpy as np
import pytest

from kerastune_lite._src.keras.fast.dispatcher import ARRAYS, OWN, PLAIN, SHARED, Dispatcher
from kerastune_lite._src.keras.fast.numpy import trusted_programs
from kerastune_lite._src.keras.fast.program_cache import Programs
from kerastune_lite._src.keras.fast.tf import shared_program
from kerastune_lite._src.keras.loading import load_keras

load_keras()
import keras  # noqa: E402

RELATIVE, ABSOLUTE = 1e-5, 1e-6
"""How far a value of the history may be from that of `fit`."""

SEED = [0]
PATHS = (SHARED, OWN)

# What three models of one structure differ in: one is traced, the next goes through the self-check,
# the last is trained without further ado.
UNITS = (8, 12, 5)
MORE_UNITS = (6, 3, 10)
RATES = (0.02, 0.05, 0.01)
MOMENTA = (0.9, 0.5, 0.75)
DROPPED = (0.3, 0.5, 0.2)
FACTORS = (0.01, 0.03, 0.002)
BATCHES = (16, 10, 23)


def classes(rows=90, shape=(6,), count=3, seed=1):
    """x (rows, *shape), y (rows,) of `count` classes that follow from x."""
    rng = np.random.default_rng(seed)
    x = rng.normal(size=(rows, *shape)).astype("float32")
    flat = x.reshape(rows, -1)
    y = np.argmax(flat @ rng.normal(size=(flat.shape[1], count)), axis=1)
    return x, y.astype("int64")


def numbers(rows=90, shape=(6,), seed=1):
    """x (rows, *shape), y (rows, 1) in [0, 1] that follows from x."""
    x, y = classes(rows, shape, 5, seed)
    noise = np.random.default_rng(seed).uniform(0, 0.2, rows)
    return x, (y / 5 + noise).astype("float32")[:, None]


def splitted(data, rows=25):
    """(training, validation)."""
    cut = keras.tree.map_structure(lambda leaf: leaf[:-rows], data)
    return cut, keras.tree.map_structure(lambda leaf: leaf[-rows:], data)


def arguments(data=None, **others):
    """A function variant -> the arguments of `fit`; `others` may be functions of the variant."""
    (x, y), validation = splitted(classes() if data is None else data)

    def of(variant):
        given = {
            "x": x,
            "y": y,
            "batch_size": BATCHES[variant],
            "epochs": 3,
            "verbose": 0,
            "shuffle": False,
            "validation_data": validation,
            **others,
        }
        made = {name: v(variant) if callable(v) else v for name, v in given.items()}
        return {name: value for name, value in made.items() if value is not Ellipsis}

    return of


def made(build, variant=0):
    """A model; the same for the same `variant`."""
    keras.utils.clear_session(free_memory=False)
    keras.utils.set_random_seed(variant + 1)
    return build(variant)


@dataclasses.dataclass
class Outcome:
    """What a training left behind."""

    model: keras.Model
    history: keras.callbacks.History
    path: str = PLAIN
    reason: str | None = None


def by_fit(build, fit, variant=0):
    model = made(build, variant)
    return Outcome(model, keras.Model.fit(model, **fit(variant)))


def dispatched(build, fit, variant=0, fastest=SHARED, whole=False, dispatcher=None):
    model = made(build, variant)
    dispatcher = dispatcher or Dispatcher(fastest=fastest)
    history, taken = dispatcher.fit(model, (), fit(variant), SEED, whole)
    return Outcome(model, history, taken.path, taken.reason)


def check_same_history(one, other, relative=RELATIVE, absolute=ABSOLUTE):
    assert list(one.history) == list(other.history), "the keys of the history"
    assert one.epoch == other.epoch
    for name, values in other.history.items():
        assert len(one.history[name]) == len(values), name
        for value, right in zip(one.history[name], values):
            assert type(value) is type(right), name
            np.testing.assert_allclose(value, right, relative, absolute, err_msg=name)


def check_same_weights(one, other, null=(), relative=1e-4, absolute=2e-6):
    """Equal weights, but for those whose path ends on one of `null`.

    The gradient of those is rounding noise, and Adam amplifies it.
    """
    assert len(one.variables) == len(other.variables)
    for mine, right in zip(one.variables, other.variables):
        if not right.path.endswith(tuple(null)) or not null:
            np.testing.assert_allclose(
                np.asarray(mine), np.asarray(right), relative, absolute, err_msg=right.path
            )


def check_same(one, other, null=(), relative=RELATIVE, absolute=ABSOLUTE):
    """Two trainings amount to the same."""
    check_same_history(one.history, other.history, relative, absolute)
    check_same_weights(one.model, other.model, null)
    mine, right = one.model.optimizer, other.model.optimizer
    assert int(mine.iterations) == int(right.iterations)
    assert one.model.history is one.history
    scheduled = isinstance(
        getattr(right, "_learning_rate", None), keras.optimizers.schedules.LearningRateSchedule
    )
    if not scheduled and hasattr(right, "learning_rate"):  # MultiOptimizer has none
        assert float(mine.learning_rate) == float(right.learning_rate)


def check_same_slots(one, other, relative=1e-4, absolute=2e-6):
    """All variables of two optimizers are equal."""
    mine, right = one.model.optimizer.variables, other.model.optimizer.variables
    assert len(mine) == len(right)
    for a, b in zip(mine, right):
        np.testing.assert_allclose(np.asarray(a), np.asarray(b), relative, absolute, err_msg=b.path)


@contextlib.contextmanager
def no_programs():
    """Within it there are no shared programs yet; yields where they go."""
    kept, programs = trusted_programs.PROGRAMS, Programs()
    trusted_programs.PROGRAMS = shared_program.PROGRAMS = programs
    try:
        yield programs
    finally:
        trusted_programs.PROGRAMS = shared_program.PROGRAMS = kept


@contextlib.contextmanager
def no_warnings():
    """Nothing is logged that a user would see."""
    seen = []
    handler = logging.Handler(logging.WARNING)
    handler.emit = seen.append
    logger = logging.getLogger("kerastune_lite")
    logger.addHandler(handler)
    try:
        yield
    finally:
        logger.removeHandler(handler)
    assert not seen, [record.getMessage() for record in seen]


def check_shared(
    build,
    fit,
    programs=1,
    variants=(0, 1),
    compared=None,
    own=False,
    null=(),
    whole=False,
    **tolerance,
):
    """Models of one structure are trained by `programs` programs as `fit` trains them.

    Args:
        build: variant -> a compiled model.
        fit: variant -> the arguments of `fit`.
        programs: 1 where one program serves all sizes and scalars.
        variants: in the order in which they are trained.
        compared: the variants that `fit` trains, too, in most of a test's time. The last one, if it
            is not given: whatever is wrong with a program shows in a model that it was not traced
            for.
        own: whether the last one is trained on a trace of its own, too.
    """
    with no_programs() as known, no_warnings():
        for variant in variants:
            outcome = dispatched(build, fit, variant, whole=whole)
            assert outcome.path == SHARED, f"variant {variant}: {outcome.reason}"
            if variant in (variants[-1:] if compared is None else compared):
                right = by_fit(build, fit, variant)
                check_same(outcome, right, null, **tolerance)
                check_arrays(build, fit, right, variant, null, whole, **tolerance)
                if whole:
                    check_same_slots(outcome, right)
        assert served(known) == programs
        if own:
            outcome = dispatched(build, fit, variant, OWN)
            assert outcome.path == OWN
            check_same(outcome, right, null, **tolerance)


def check_arrays(build, fit, right, variant=0, null=(), whole=False, must=False, **tolerance):
    """If a model is trained in NumPy, then as `fit` trains it.

    Args:
        right: what `fit` made of it.
        must: whether it has to be.
    """
    with no_programs(), no_warnings():
        outcome = dispatched(build, fit, variant, ARRAYS, whole)
    assert outcome.path == ARRAYS or not must, outcome.reason
    if outcome.path == ARRAYS:
        check_same(outcome, right, null, **tolerance)
        if whole:
            check_same_slots(outcome, right)


THOROUGHLY = {"variants": (2, 1, 0), "compared": (2, 1, 0), "own": True}


def grid(names, common=None):
    """Parametrize a test by `name` and `extent`, which are arguments of `check_shared`.

    All `names` are gone through thoroughly, with each variant compared and on each path, in the
    slow part of the suite; the `common` ones, if not all, are in its fast part as well.
    """
    fast = (pytest.param(name, {}, id=name) for name in (names if common is None else common))
    slow = (
        pytest.param(name, THOROUGHLY, id=f"{name}, all", marks=pytest.mark.slow) for name in names
    )
    return pytest.mark.parametrize(("name", "extent"), [*fast, *slow])


def rare_is_slow(names, common):
    """The `names` as parameters of a test; all but the `common` ones are marked as slow."""
    return [n if n in common else pytest.param(n, marks=pytest.mark.slow) for n in names]


def served(known):
    """How many programs were traced and are used."""
    return sum(each.program is not None for each in known._known.values())


def check_own(build, fit, reason=None, fastest=SHARED, null=(), slots=True, **tolerance):
    """One model is trained on a trace of its own as `fit` trains it."""
    with no_programs(), no_warnings():
        outcome = dispatched(build, fit, fastest=fastest)
    assert outcome.path == OWN, outcome.reason
    if reason is not None:
        assert reason in outcome.reason
    right = by_fit(build, fit)
    check_same(outcome, right, null, **tolerance)
    if slots and not null:
        check_same_slots(outcome, right)


def check_both(build, fit, variant=1, **tolerance):
    """One model is trained as `fit` trains it: on a trace of its own, and on a shared one."""
    right = by_fit(build, fit, variant)
    for path in PATHS:
        with no_programs(), no_warnings():
            outcome = dispatched(build, fit, variant, path)
        assert outcome.path == path, outcome.reason
        check_same(outcome, right, **tolerance)
        if path == SHARED:
            check_arrays(build, fit, right, variant, **tolerance)
        if path == OWN and right.model.optimizer.built:
            check_same_slots(outcome, right)


def check_plain(build, fit, reason, fastest=SHARED):
    """One model is left to `fit`, and the reason is told."""
    with no_programs(), no_warnings():
        outcome = dispatched(build, fit, fastest=fastest)
    assert outcome.path == PLAIN
    assert reason in outcome.reason
    right = by_fit(build, fit)
    check_same_history(outcome.history, right.history, 0, 0)
    check_same_weights(outcome.model, right.model, relative=0, absolute=0)


def check_same_or_same_error(build, fit):
    """A call that may be wrong: the dispatcher says about it what `fit` says."""
    with no_programs(), no_warnings():
        try:
            right = by_fit(build, fit)
        except Exception as error:
            said = error
        else:
            check_same(dispatched(build, fit), right)
            return
        with pytest.raises(type(said)) as raised:
            dispatched(build, fit)
        assert without_numbers(raised.value) == without_numbers(said)


def without_numbers(error):
    return re.sub(r"\d|0x\w+", "", str(error))


# ------------------------------------------------------------------ models


def mlp(hidden=(), optimizer=None, inputs=(6,), last=None, **compile_arguments):
    """variant -> Dense, the layers of `hidden(variant)`, and a softmax of three classes."""
    compile_arguments.setdefault("loss", "sparse_categorical_crossentropy")
    compile_arguments.setdefault("metrics", ["accuracy"])

    def build(variant):
        middle = hidden(variant) if callable(hidden) else list(hidden)
        model = keras.Sequential(
            [
                keras.Input(inputs),
                keras.layers.Dense(UNITS[variant], activation="tanh"),
                *middle,
                last() if last else keras.layers.Dense(3, activation="softmax"),
            ]
        )
        made = {
            name: v() if callable(v) and name in _MADE else v
            for name, v in compile_arguments.items()
        }
        model.compile(optimizer(variant) if optimizer else sgd(variant), **made)
        return model

    return build


_MADE = ("loss", "metrics", "weighted_metrics")


def sgd(variant):
    return keras.optimizers.SGD(RATES[variant], momentum=MOMENTA[variant])


def adam(variant):
    return keras.optimizers.Adam(RATES[variant])


def one_output(**compile_arguments):
    """variant -> a model with one number as its output."""
    compile_arguments.setdefault("loss", "mse")
    compile_arguments.setdefault("metrics", ["mae"])
    activation = compile_arguments.pop("activation", None)
    return mlp(last=lambda: keras.layers.Dense(1, activation=activation), **compile_arguments)
