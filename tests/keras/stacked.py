"""Trainings side by side, for the tests: members of a stack, and what became of them."""

from kerastune_lite._src.keras.fast import driver
from kerastune_lite._src.keras.fast.fit_call import bound
from kerastune_lite._src.keras.fast.member import Member
from kerastune_lite._src.keras.fast.numpy.trusted_programs import program_in_arrays
from kerastune_lite._src.keras.fast.samples import DeviceData
from tests.keras.equality.cases import (
    DROPPED,
    FACTORS,
    MOMENTA,
    RATES,
    Outcome,
    arguments,
    by_fit,
    check_same,
    keras,
    made,
)

layers, regularizers = keras.layers, keras.regularizers

SEEDS = ([0], [1], [2])


def written_out(member):
    """A program in NumPy."""
    return program_in_arrays(member)


def members_of(build, fit, variants, data=None, **kinds):
    """Members that were made one after the other, as the variants of `build` and `fit`."""
    data = data or DeviceData()
    found = []
    for variant in variants:
        model = made(build, variant)
        call = bound((), fit(variant))
        member = Member(model, call, *data.of(call), SEEDS[variant], **kinds)
        member.check_beside()
        found.append(member)
    return found


def train_together(members, program):
    """What came of each member, in the order of the members."""
    results = {id(member): result for member, result in driver.train_together(members, program)}
    return [results[id(member)] for member in members]


def together(build, fit, variants=(0, 2), **kinds):
    """The outcomes of the variants, trained side by side."""
    members = members_of(build, fit, variants, **kinds)
    assert len({member.key for member in members}) == 1
    results = train_together(members, written_out(members[0]))
    for result in results:
        if isinstance(result, Exception):
            raise result
    return [Outcome(m.model, result) for m, result in zip(members, results)]


def fit_of(data=None, **others):
    """As `arguments`, with one size of batches."""
    others.setdefault("batch_size", 16)
    return arguments(data, **others)


def check_stacked(build, fit, null=(), variants=(0, 2), compared=None, **tolerances):
    """Members are as they would be by `model.fit`.

    Args:
        build: variant -> a compiled model.
        fit: variant -> the arguments of `fit`.
        variants: of the members, in their order.
        compared: the variants that `fit` trains, too, in most of a test's time. The last one, if it
            is not given; the program was traced for the first.
    """
    outcomes = dict(zip(variants, together(build, fit, variants)))
    for variant in variants[-1:] if compared is None else compared:
        check_same(outcomes[variant], by_fit(build, fit, variant), null, **tolerances)


def compiled(model, optimizer, loss="sparse_categorical_crossentropy", metrics=("accuracy",)):
    model.compile(optimizer, loss=loss, metrics=list(metrics))
    return model


def dense(variant, optimizer=None, **compile_arguments):
    """A small classifier whose scalars depend on the variant."""
    model = keras.Sequential(
        [
            keras.Input((6,)),
            layers.Dense(8, "relu", kernel_regularizer=regularizers.L2(FACTORS[variant])),
            layers.Dropout(DROPPED[variant], seed=variant),
            layers.Dense(5, "tanh", use_bias=False),
            layers.Dense(3, "softmax"),
        ]
    )
    optimizer = optimizer or keras.optimizers.SGD(RATES[variant], momentum=MOMENTA[variant])
    return compiled(model, optimizer, **compile_arguments)


def plain(variant):
    """A classifier without anything that is random."""
    model = keras.Sequential(
        [keras.Input((6,)), layers.Dense(8, "relu"), layers.Dense(3, "softmax")]
    )
    return compiled(model, keras.optimizers.SGD(RATES[variant], momentum=0.9))


def with_optimizer(make):
    def build(variant):
        model = plain(variant)
        return compiled(model, make(RATES[variant]))

    return build
