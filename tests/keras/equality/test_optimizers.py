"""Optimizer by optimizer, with all that they can be told."""

import pytest

from tests.keras.equality.cases import (
    FACTORS,
    MOMENTA,
    MORE_UNITS,
    PATHS,
    RATES,
    SEED,
    Dispatcher,
    Outcome,
    arguments,
    by_fit,
    check_own,
    check_plain,
    check_same,
    check_shared,
    dispatched,
    grid,
    keras,
    mlp,
    no_programs,
    no_warnings,
    rare_is_slow,
)

L, optimizers = keras.layers, keras.optimizers
schedules = optimizers.schedules


def hidden(variant):
    return [L.Dense(MORE_UNITS[variant], activation="relu")]


SHARED = {
    "sgd": lambda v: optimizers.SGD(RATES[v]),
    "momentum": lambda v: optimizers.SGD(RATES[v], momentum=MOMENTA[v]),
    "nesterov": lambda v: optimizers.SGD(RATES[v], momentum=MOMENTA[v], nesterov=True),
    "rmsprop": lambda v: optimizers.RMSprop(RATES[v] / 3, rho=MOMENTA[v], epsilon=FACTORS[v] / 100),
    "rmsprop centered": lambda v: optimizers.RMSprop(
        RATES[v] / 9, momentum=MOMENTA[v], centered=True
    ),
    "adam": lambda v: optimizers.Adam(
        RATES[v], beta_1=MOMENTA[v], beta_2=(0.999, 0.99, 0.9)[v], epsilon=(1e-7, 1e-5, 1e-3)[v]
    ),
    "amsgrad": lambda v: optimizers.Adam(RATES[v], amsgrad=True),
    "adamw": lambda v: optimizers.AdamW(RATES[v], weight_decay=FACTORS[v]),
    "weight decay": lambda v: optimizers.SGD(
        RATES[v], momentum=MOMENTA[v], weight_decay=FACTORS[v]
    ),
    "adamax": lambda v: optimizers.Adamax(RATES[v], beta_1=MOMENTA[v]),
    "nadam": lambda v: optimizers.Nadam(RATES[v], beta_1=MOMENTA[v]),
    "adagrad": lambda v: optimizers.Adagrad(RATES[v], epsilon=FACTORS[v]),
    "adadelta": lambda v: optimizers.Adadelta(10 * RATES[v], rho=MOMENTA[v]),
    "ftrl": lambda v: optimizers.Ftrl(RATES[v]),
    "ftrl regularized": lambda v: optimizers.Ftrl(
        RATES[v], l1_regularization_strength=0.01, l2_regularization_strength=0.02, beta=0.1
    ),
    "lion": lambda v: optimizers.Lion(RATES[v] / 10, beta_1=MOMENTA[v], weight_decay=FACTORS[v]),
    "clipnorm": lambda v: optimizers.SGD(RATES[v], clipnorm=10 * FACTORS[v]),
    "clipvalue": lambda v: optimizers.Adam(RATES[v], clipvalue=FACTORS[v]),
    "global clipnorm": lambda v: optimizers.SGD(RATES[v], global_clipnorm=0.1),
    "ema": lambda v: optimizers.Adam(RATES[v], use_ema=True, ema_momentum=0.8),
    "exponential decay": lambda v: optimizers.SGD(
        schedules.ExponentialDecay(RATES[v], 3, MOMENTA[v])
    ),
    "exponential decay in steps": lambda v: optimizers.SGD(
        schedules.ExponentialDecay(RATES[v], 3, MOMENTA[v], staircase=True)
    ),
    "inverse time decay": lambda v: optimizers.SGD(
        schedules.InverseTimeDecay(RATES[v], 3 + v, MOMENTA[v])
    ),
    "inverse time decay in steps": lambda v: optimizers.SGD(
        schedules.InverseTimeDecay(RATES[v], 3 + v, MOMENTA[v], staircase=True)
    ),
    "polynomial decay": lambda v: optimizers.SGD(
        schedules.PolynomialDecay(RATES[v], 7 + v, FACTORS[v], power=2.0 + v)
    ),
    "polynomial decay in cycles": lambda v: optimizers.SGD(
        schedules.PolynomialDecay(RATES[v], 3 + v, FACTORS[v], cycle=True)
    ),
    "cosine decay": lambda v: optimizers.Adam(
        schedules.CosineDecay(RATES[v] / 5, 8 + v, 0.1, warmup_target=RATES[v], warmup_steps=2 + v)
    ),
    "cosine decay from 0": lambda v: optimizers.AdamW(
        schedules.CosineDecay(0.0, 6 + v, warmup_target=RATES[v], warmup_steps=3), FACTORS[v]
    ),
    "cosine decay without warmup": lambda v: optimizers.RMSprop(
        schedules.CosineDecay(RATES[v], 6 + v)
    ),
    "cosine decay with nadam": lambda v: optimizers.Nadam(
        schedules.CosineDecay(RATES[v], 6 + v, FACTORS[v])
    ),
    "cosine decay with restarts": lambda v: optimizers.SGD(
        schedules.CosineDecayRestarts(0.1, 3, t_mul=1.5)
    ),
    "piecewise constant decay": lambda v: optimizers.SGD(
        schedules.PiecewiseConstantDecay([4, 9], [0.1, 0.05, 0.01]), momentum=MOMENTA[v]
    ),
}  # fmt: skip

COMMON = (
    *("sgd", "momentum", "rmsprop", "adam", "adamw", "nadam", "adagrad"),
    *("clipnorm", "clipvalue", "ema", "cosine decay"),
)


@grid(SHARED, COMMON)
def test_optimizers(name, extent):
    check_shared(mlp(hidden, SHARED[name]), arguments(), **{"own": True, **extent})


@pytest.mark.parametrize("name", rare_is_slow(["momentum", "adam", "ema", "nadam"], ["adam"]))
def test_the_whole_state_of_the_optimizer(name):
    check_shared(mlp(hidden, SHARED[name]), arguments(), whole=True, variants=(1, 2))


@pytest.mark.slow
@pytest.mark.parametrize("name", ["Lamb", "Adafactor"])
def test_optimizers_that_look_at_shapes(name):
    def optimizer(variant):
        return getattr(optimizers, name)(RATES[variant])

    check_shared(mlp(hidden, optimizer), arguments(), programs=2)


def test_no_momentum_and_some_are_two_programs():
    def optimizer(variant):
        return optimizers.SGD(RATES[variant], momentum=(0.0, 0.9, 0.5)[variant])

    check_shared(mlp(hidden, optimizer), arguments(), programs=2)


def test_one_schedule_is_not_taken_for_another():
    def optimizer(variant):
        boundaries, rates = [(4, 9), (3, 5)][variant], (0.1, 0.05, 0.01)
        return optimizers.SGD(schedules.PiecewiseConstantDecay([*boundaries], [*rates]))

    check_shared(mlp(hidden, optimizer), arguments(), programs=2)


def test_with_warmup_and_without_are_two_programs():
    def optimizer(variant):
        warmup = {"warmup_target": 0.05, "warmup_steps": 4} if variant else {}
        return optimizers.SGD(schedules.CosineDecay(RATES[variant], 9, **warmup))

    check_shared(mlp(hidden, optimizer), arguments(), programs=2)


def excluding(variant):
    optimizer = optimizers.AdamW(RATES[variant], weight_decay=0.5)
    optimizer.exclude_from_weight_decay(var_names=["bias", "kernel"])
    return optimizer


@keras.saving.register_keras_serializable("equality")
class Doubled(optimizers.SGD):
    """An optimizer of the user's own."""

    def update_step(self, gradient, variable, learning_rate):
        super().update_step(2 * gradient, variable, learning_rate)


class Halving(schedules.LearningRateSchedule):
    """A schedule of the user's own."""

    def __call__(self, step):
        return 0.1 * 0.5 ** keras.ops.cast(step // 4, "float32")

    def get_config(self):
        return {}


OWN = {
    "ema that overwrites": lambda v: optimizers.Adam(
        RATES[v], use_ema=True, ema_momentum=0.8, ema_overwrite_frequency=3
    ),
    "gradient accumulation": lambda v: optimizers.Adam(RATES[v], gradient_accumulation_steps=2),
    "loss scaling": lambda v: optimizers.LossScaleOptimizer(
        optimizers.Adam(RATES[v]), initial_scale=64.0
    ),
    "muon": lambda v: optimizers.Muon(RATES[v]),
    "excluded from weight decay": excluding,
    "the user's own": lambda v: Doubled(RATES[v]),
    "a schedule of the user's own": lambda v: optimizers.SGD(Halving()),
}


@pytest.mark.parametrize(
    "name", rare_is_slow(OWN, ["gradient accumulation", "loss scaling", "the user's own"])
)
def test_optimizers_that_need_a_trace_of_their_own(name):
    check_own(mlp(hidden, OWN[name]), arguments())


def test_an_optimizer_that_copies_weights_when_it_is_built():
    if not hasattr(optimizers, "ScheduleFreeAdamW"):
        pytest.skip("not in this version of Keras")
    # `fit` builds it inside of the traced step, and so copies them again with each batch.
    build = mlp(hidden, lambda v: optimizers.ScheduleFreeAdamW(RATES[v]))
    check_plain(build, arguments(), "copies of weights")


@pytest.mark.parametrize("name", rare_is_slow(["sgd", "adam", "ema"], ["adam"]))
def test_the_whole_state_on_a_trace_of_its_own(name):
    check_own(mlp(hidden, SHARED[name]), arguments(), "asked for", fastest="own trace")


@pytest.mark.parametrize(
    "kind",
    rare_is_slow(["momentum", "adam", "cosine decay", "ema"], ["momentum", "cosine decay"]),
)
def test_a_second_fit_goes_on_where_the_first_one_ended(kind):
    build, fit = mlp(hidden, SHARED[kind]), arguments()
    again = {**fit(1), "epochs": 5, "initial_epoch": 3}
    right = by_fit(build, fit, 1)
    right.history = right.model.fit(**again)
    for path in PATHS:
        with no_programs(), no_warnings():
            if path == "shared trace":
                dispatched(build, fit, 0)
            first = dispatched(build, fit, 1, path, whole=True)
            history, taken = Dispatcher(fastest=path).fit(first.model, (), again, SEED, True)
        assert first.path == taken.path == path
        check_same(Outcome(first.model, history), right)


def test_the_model_can_be_trained_by_fit_afterwards():
    build, fit = mlp(hidden, SHARED["adam"]), arguments()
    with no_programs():
        outcome = dispatched(build, fit, whole=True)
    right = by_fit(build, fit)
    for each in (outcome, right):
        each.history = each.model.fit(**fit(0))
    check_same(outcome, right)
