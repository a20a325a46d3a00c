"""Which NumPy programs are compared with Keras's own training before they train."""

import pytest

from kerastune_lite._src.keras.fast.dispatcher import SHARED
from tests.keras.equality.cases import (
    DROPPED,
    FACTORS,
    adam,
    arguments,
    classes,
    dispatched,
    keras,
    mlp,
    no_programs,
    no_warnings,
    numbers,
    one_output,
)

layers, regularizers = keras.layers, keras.regularizers


def test_a_program_is_compared_with_keras_when_it_is_made(monkeypatch, caplog):
    from kerastune_lite._src.keras.fast.numpy import losses

    monkeypatch.setattr(losses._OfErrors, "gradient", lambda self, x, p, y, share: (p - y) * share)
    with no_programs():
        outcome = dispatched(one_output(), arguments(numbers(), epochs=1), fastest="NumPy")
    assert outcome.path == SHARED
    assert "the self-check found" in outcome.reason
    assert "gave another result" in caplog.text


def compared(monkeypatch):
    """The structures that are compared from now on."""
    from kerastune_lite._src.keras.fast.numpy import trusted_programs

    calls = []
    check = trusted_programs._difference
    monkeypatch.setattr(
        trusted_programs, "_difference", lambda *given: calls.append(1) or check(*given)
    )
    return calls


def train(*networks, optimizer=adam):
    """The paths of the models with these hidden layers, one after the other."""
    outcomes = []
    for hidden in networks:
        build = mlp(lambda variant, hidden=hidden: hidden(), optimizer)
        outcomes.append(dispatched(build, arguments(epochs=1), fastest="NumPy"))
    return [outcome.path for outcome in outcomes]


TANH, RELU, DROP = (
    lambda: layers.Dense(5, "tanh"),
    lambda: layers.Dense(6, "relu"),
    lambda: layers.Dropout(0.3, seed=1),
)


@pytest.mark.parametrize(
    ("first", "then"),
    [
        ([TANH], [RELU, TANH]),
        ([TANH, RELU], [RELU, TANH]),
        ([TANH, DROP, RELU], [TANH, RELU, DROP]),
        ([TANH, DROP, TANH, RELU, DROP, RELU], [TANH, DROP, RELU, RELU, DROP, TANH]),
    ],
    ids=["a pair", "order", "dropout", "across dropout"],
)
def test_order_is_compared_anew(first, then, monkeypatch):
    calls = compared(monkeypatch)
    networks = [lambda made=made: [each() for each in made] for made in (first, then, first, then)]
    with no_programs(), no_warnings():
        assert train(*networks) == ["NumPy"] * 4
    assert len(calls) == 2


def test_what_was_seen_in_parts_is_not_compared_again(monkeypatch):
    calls = compared(monkeypatch)
    with no_programs(), no_warnings():
        train(
            lambda: [TANH(), TANH(), RELU()],
            lambda: [RELU(), RELU(), TANH()],
            lambda: [TANH(), RELU(), RELU()],
            lambda: [RELU(), TANH(), TANH()],
        )
    assert len(calls) == 2


def test_depth_is_not_compared_anew(monkeypatch):
    """`test_nodes` says why."""
    calls = compared(monkeypatch)
    with no_programs(), no_warnings():
        networks = [lambda depth=depth: [TANH() for _ in range(depth)] for depth in (2, 1, 3, 5)]
        assert train(*networks) == ["NumPy"] * 4
    assert len(calls) == 1


@pytest.mark.parametrize("kind", ["momentum", "rate"])
def test_a_scalar_that_was_kept_from_the_first_model(kind, monkeypatch, caplog):
    from kerastune_lite._src.keras.fast.numpy import network

    monkeypatch.setattr(
        network.Number,
        "of",
        lambda self, scalars: self.constant,
    )

    def build(variant):
        momentum = 0.5 if kind == "rate" else (0.5, 0.9, 0.7)[variant]
        rate = 0.3 if kind == "momentum" else (0.3, 0.6, 0.4)[variant]
        return mlp(
            lambda v: [layers.Dropout(rate, seed=1)],
            lambda v: keras.optimizers.SGD(0.1, momentum=momentum),
        )(0)

    with no_programs():
        paths = [dispatched(build, arguments(), v, fastest="NumPy").path for v in range(3)]
    assert paths == [SHARED] * 3
    assert "The result is not affected" in caplog.text


def test_scalars_are_compared_with_other_values_at_once(monkeypatch):
    """Later models with values of their own are not compared, and all keep theirs."""
    calls = compared(monkeypatch)
    models = []

    def hidden(variant):
        return [
            layers.Dense(5, kernel_regularizer=regularizers.L1L2(FACTORS[variant], 0.1)),
            layers.Dropout(DROPPED[variant], seed=1),
        ]

    def build(variant):
        momentum = (0.5, 0.9, 0.7)[variant]
        made = mlp(hidden, lambda v: keras.optimizers.SGD(0.1, momentum=momentum))(variant)
        models.append(made)
        return made

    with no_programs(), no_warnings():
        paths = [dispatched(build, arguments(epochs=1), v, fastest="NumPy").path for v in (0, 2)]
    assert paths == ["NumPy"] * 2
    assert len(calls) == 1
    for variant, model in zip((0, 2), models):
        regularizer, dropout = model.layers[1].kernel_regularizer, model.layers[2]
        assert (regularizer.l1, regularizer.l2) == (FACTORS[variant], 0.1)
        assert (dropout.rate, model.optimizer.momentum) == (
            DROPPED[variant],
            (0.5, 0.9, 0.7)[variant],
        )


def a_layer_that_is_wrapped(x, usual):
    """Which is used by itself, too."""
    layer = layers.Dense(4, "tanh")
    other = layers.Dense(4, "tanh") if usual else layer
    return layers.Add()([layers.TimeDistributed(layer)(x), other(x)])


def a_direction_that_is_used_alone(x, usual):
    backwards = layers.SimpleRNN(4, go_backwards=True)
    both = layers.Bidirectional(layers.SimpleRNN(4), backward_layer=backwards)(x)
    alone = layers.SimpleRNN(4, go_backwards=True) if usual else backwards
    return layers.Concatenate()([both, alone(x)])


def an_operation_within(x, usual):
    """It has the name of a layer, and another axis."""
    given = keras.Input((2, 3))
    made = layers.Softmax()(given) if usual else keras.ops.softmax(given, axis=1)
    return keras.Model(given, made)(layers.Dense(3)(x))


def a_bias_that_is_not_trained(x, usual):
    layer = layers.Dense(3)
    y = layer(layers.Dense(3, "tanh")(x))
    layer.bias.trainable = usual
    return y


def a_bias_of_a_convolution(x, usual):
    layer = layers.Conv1D(3, 1)
    y = layer(layers.Dense(3, "tanh")(x))
    layer.bias.trainable = usual
    return y


@pytest.mark.parametrize(
    ("hidden", "reason"),
    [
        (a_layer_that_is_wrapped, "a layer that is used twice"),
        (a_direction_that_is_used_alone, "a layer that is used twice"),
        (an_operation_within, "operations that are no layers"),
        (a_bias_that_is_not_trained, "a special Dense layer"),
        (a_bias_of_a_convolution, "a special Conv1D layer"),
    ],
)
def test_what_was_proven_does_not_stand_for_what_looks_like_it(hidden, reason):
    """The nodes of the second model would be those of the first, which is right."""

    def build(variant):
        x = keras.Input((2, 3))
        y = layers.Flatten()(hidden(x, usual=variant == 0))
        model = keras.Model(x, layers.Dense(3, "softmax")(y))
        model.compile(adam(0), "sparse_categorical_crossentropy")
        return model

    fit = arguments(classes(shape=(2, 3)), epochs=1)
    with no_programs(), no_warnings():
        first, second = (dispatched(build, fit, variant, fastest="NumPy") for variant in (0, 1))
    assert first.path == "NumPy"
    assert (second.path, second.reason) == (SHARED, reason)
