"""Models that are graphs: branches, nested and shared layers; frozen parts; regularizers."""

import pytest

from tests.keras.equality.cases import (
    DROPPED,
    FACTORS,
    MORE_UNITS,
    UNITS,
    adam,
    arguments,
    by_fit,
    check_own,
    check_same,
    check_shared,
    classes,
    dispatched,
    grid,
    keras,
    mlp,
    no_programs,
    rare_is_slow,
    sgd,
)

L, R = keras.layers, keras.regularizers


def graph(call, optimizer=sgd, inputs=(6,), freeze=None):
    """variant -> a functional model that computes `call(inputs, variant)` and a softmax."""

    def build(variant):
        given = keras.Input(inputs)
        outputs = L.Dense(3, activation="softmax")(call(given, variant))
        model = keras.Model(given, outputs)
        if freeze is not None:
            freeze(model)
        loss = "sparse_categorical_crossentropy"
        model.compile(optimizer(variant), loss=loss, metrics=["accuracy"])
        return model

    return build


def residual(x, variant):
    one = L.Dense(UNITS[variant], activation="relu")(x)
    other = L.Dense(UNITS[variant], activation="tanh")(x)
    return L.Add()([one, other])


def merged(x, variant):
    one, other = L.Dense(UNITS[variant])(x), L.Dense(UNITS[variant])(x)
    parts = [kind()([one, other]) for kind in (L.Multiply, L.Average, L.Maximum, L.Minimum)]
    return L.Subtract()([L.Add()(parts), one])


def operators(x, variant):
    one, other = L.Dense(UNITS[variant])(x), L.Dense(UNITS[variant])(x)
    return keras.ops.relu(one + 2.0 * other) - keras.ops.mean(one, axis=-1, keepdims=True)


def used_twice(x, variant):
    layer = L.Dense(6, activation="tanh")
    return L.Dropout(DROPPED[variant])(layer(layer(x)))


def nested(x, variant):
    inner = keras.Sequential(
        [keras.Input((6,)), L.Dense(UNITS[variant], activation="relu"), L.Dropout(DROPPED[variant])]
    )
    return L.Dense(MORE_UNITS[variant])(inner(x))


def nested_twice(x, variant):
    inner = keras.Sequential([keras.Input((6,)), L.Dense(6, "tanh"), L.Dropout(DROPPED[variant])])
    outer = keras.Sequential([keras.Input((6,)), inner, L.Dense(MORE_UNITS[variant])])
    return outer(x)


def nested_shared(x, variant):
    inner = keras.Sequential([keras.Input((6,)), L.Dense(6, "tanh"), L.Dropout(DROPPED[variant])])
    return L.Add()([inner(x), inner(inner(x))])


GRAPHS = {
    "add": residual,
    "multiply, average, maximum, minimum, subtract": merged,
    "operators": operators,
    "a layer that is used twice": used_twice,
    "a nested model": nested,
    "nested in nested": nested_twice,
    "a nested model that is used three times": nested_shared,
}


@grid(GRAPHS, [n for n in GRAPHS if n not in ("a nested model", "nested in nested", "operators")])
def test_graphs(name, extent):
    check_shared(graph(GRAPHS[name]), arguments(), **extent)


def test_concatenate_is_a_program_for_each_size():
    def call(x, variant):
        return L.Concatenate()([L.Dense(UNITS[variant])(x), L.Dense(4)(x), x])

    check_shared(graph(call), arguments(), programs=2)


def test_one_layer_used_twice_is_not_taken_for_two_layers():
    def build(variant):
        if variant == 0:
            return graph(used_twice)(0)
        return graph(lambda x, v: L.Dropout(0.3)(L.Dense(6, "tanh")(L.Dense(6, "tanh")(x))))(1)

    check_shared(build, arguments(), programs=2)


# ------------------------------------------------------------------ frozen


def freeze_first(model):
    model.layers[1].trainable = False


@pytest.mark.parametrize("frozen", ["a dense layer", "batch normalization", "a nested model"])
def test_frozen_layers(frozen):
    def call(x, variant):
        if frozen == "a nested model":
            inner = keras.Sequential([keras.Input((6,)), L.Dense(4), L.Dense(MORE_UNITS[variant])])
            inner.trainable = False
            return L.Dense(UNITS[variant])(inner(x))
        x = L.Dense(UNITS[variant], use_bias=False)(x)
        return L.BatchNormalization(trainable=frozen != "batch normalization")(x)

    freeze = freeze_first if frozen == "a dense layer" else None
    check_shared(graph(call, freeze=freeze), arguments())


def test_a_frozen_layer_is_another_structure():
    def build(variant):
        return graph(residual, freeze=freeze_first if variant else None)(variant)

    check_shared(build, arguments(), programs=2)


def test_all_frozen():
    def build(variant):
        model = mlp()(variant)
        model.trainable = False
        return model

    outcomes = []
    for train in (dispatched, by_fit):
        with no_programs(), pytest.warns(UserWarning, match="any trainable weights"):
            outcomes.append(train(build, arguments()))
    check_same(*outcomes)


# ------------------------------------------------------------------ regularizers, constraints

REGULARIZED = {
    "l2": lambda v: [L.Dense(5, kernel_regularizer=R.L2(FACTORS[v]))],
    "by name": lambda v: [L.Dense(5, kernel_regularizer="L1L2")],
    "l1 of a bias": lambda v: [L.Dense(5, bias_regularizer=R.L1(FACTORS[v]))],
    "l1l2": lambda v: [L.Dense(5, kernel_regularizer=R.L1L2(FACTORS[v], FACTORS[v] / 3))],
    "l1l2 of which one is 0": lambda v: [L.Dense(5, kernel_regularizer=R.L1L2(0.0, FACTORS[v]))],
    "activity": lambda v: [L.Dense(MORE_UNITS[v], activity_regularizer=R.L2(FACTORS[v]))],
    "all at once": lambda v: [
        L.Dense(
            MORE_UNITS[v],
            kernel_regularizer=R.L2(FACTORS[v]),
            bias_regularizer=R.L1(FACTORS[v] / 2),
            activity_regularizer=R.L1L2(FACTORS[v] / 3, FACTORS[v] / 4),
        ),
        L.Dropout(DROPPED[v]),
        L.Dense(MORE_UNITS[v], kernel_regularizer=R.L1(FACTORS[-v])),
    ],
    "of batch normalization": lambda v: [
        L.BatchNormalization(gamma_regularizer=R.L2(FACTORS[v]), beta_regularizer=R.L1(FACTORS[v]))
    ],
}


@grid(REGULARIZED, ("l2", "l1l2 of which one is 0", "all at once"))
def test_regularizers(name, extent):
    check_shared(mlp(REGULARIZED[name]), arguments(), **extent)


def test_regularizers_of_convolutions():
    def build(variant):
        factors = FACTORS[variant]
        model = keras.Sequential(
            [
                keras.Input((6, 6, 1)),
                L.Conv2D(UNITS[variant], 3, kernel_regularizer=R.L2(factors)),
                L.Flatten(),
                L.Dense(3, activation="softmax", kernel_regularizer=R.L1(factors)),
            ]
        )
        model.compile(adam(variant), loss="sparse_categorical_crossentropy")
        return model

    check_shared(build, arguments(classes(60, (6, 6, 1))))


@pytest.mark.parametrize("layer", rare_is_slow(["bidirectional", "lstm", "attention"], ["lstm"]))
def test_regularizers_in_some_nook(layer):
    """Where a factor is not found again on the objects, it is part of the key."""

    def call(x, variant):
        factor = R.L2(FACTORS[variant])
        x = L.Reshape((3, 2))(x)
        if layer == "lstm":
            return L.LSTM(3, kernel_regularizer=factor, recurrent_regularizer=R.L1(0.01))(x)
        if layer == "attention":
            attention = L.MultiHeadAttention(1, 2, kernel_regularizer=factor)
            return L.Flatten()(attention(x, x))
        return L.Flatten()(L.Bidirectional(L.GRU(2, bias_regularizer=factor))(x))

    with no_programs():
        for variant in (0, 1):
            outcome = dispatched(graph(call), arguments(), variant)
            assert outcome.path == "shared trace", outcome.reason
    check_same(outcome, by_fit(graph(call), arguments(), variant), null=("key/bias",))


@pytest.mark.parametrize("order", [(0, 2), (2, 0), pytest.param((0, 1, 2), marks=pytest.mark.slow)])
def test_one_regularizer_for_two_layers_is_not_taken_for_two(order):
    """Whether layers have one regularizer object in common depends on the variant."""

    def layers(variant):
        one, other = R.L2(FACTORS[variant]), R.L2(10 * FACTORS[variant])
        return [
            L.Dense(5, kernel_regularizer=one),
            L.Dense(5, kernel_regularizer=other if variant == 2 else one),
        ]

    with no_programs():
        outcomes = {variant: dispatched(mlp(layers), arguments(), variant) for variant in order}
    for variant in order[1:]:
        check_same(outcomes[variant], by_fit(mlp(layers), arguments(), variant))


CONSTRAINED = {
    "max norm": lambda v: [
        L.Dense(MORE_UNITS[v], kernel_constraint=keras.constraints.MaxNorm(0.8))
    ],
    "non negative": lambda v: [L.Dense(MORE_UNITS[v], kernel_constraint="non_neg")],
    "unit norm": lambda v: [L.Dense(MORE_UNITS[v], kernel_constraint="unit_norm")],
    "of a bias": lambda v: [L.Dense(5, bias_constraint=keras.constraints.MinMaxNorm(0.1, 0.2))],
}


@grid(CONSTRAINED, ("max norm", "non negative"))
def test_constraints(name, extent):
    check_shared(mlp(CONSTRAINED[name]), arguments(), **extent)


class Halved(keras.constraints.Constraint):
    """A constraint of the user's own."""

    def __call__(self, w):
        return w / 2


def test_a_constraint_of_the_users_own():
    check_own(mlp(lambda v: [L.Dense(4, kernel_constraint=Halved())]), arguments(), "Halved")


class Cubic(R.Regularizer):
    """A regularizer of the user's own."""

    def __call__(self, w):
        return 0.01 * keras.ops.sum(keras.ops.abs(w) ** 3)

    def get_config(self):
        return {}


def test_a_regularizer_of_the_users_own():
    check_own(mlp(lambda v: [L.Dense(4, kernel_regularizer=Cubic())]), arguments(), "Cubic")
