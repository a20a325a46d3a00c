"""Recurrent layers in NumPy are trained as by `model.fit`."""

import numpy as np
import pytest

from kerastune_lite._src.keras.fast.fit_call import bound
from kerastune_lite._src.keras.fast.member import Member
from kerastune_lite._src.keras.fast.numpy import trusted_programs
from kerastune_lite._src.keras.fast.numpy.arithmetic import arithmetic
from kerastune_lite._src.keras.fast.numpy.nodes import NotInArrays
from kerastune_lite._src.keras.fast.numpy.trusted_programs import program_in_arrays
from kerastune_lite._src.keras.fast.samples import DeviceData
from tests.keras.equality.cases import (
    DROPPED,
    FACTORS,
    UNITS,
    adam,
    arguments,
    by_fit,
    check_arrays,
    classes,
    dispatched,
    keras,
    made,
    no_programs,
    no_warnings,
    rare_is_slow,
)

L, R = keras.layers, keras.regularizers

SHAPE = (7, 3)
LAST = (L.GRU, L.LSTM, L.SimpleRNN)


def network(middle, shape=SHAPE):
    """variant -> the layers of `middle(variant)`, and a softmax of three classes."""

    def build(variant):
        last = L.Dense(3, activation="softmax")
        model = keras.Sequential([keras.Input(shape), *middle(variant), last])
        model.compile(adam(variant), "sparse_categorical_crossentropy", metrics=["accuracy"])
        return model

    return build


def data(shape=SHAPE, rows=60):
    return classes(rows, shape)


def check(middle, shape=SHAPE, variant=0, given=None, **others):
    """A model is trained in NumPy, and as by `fit`."""
    build = network(middle, shape)
    fit = arguments(given or data([size or 5 for size in shape]), **others)
    check_arrays(build, fit, by_fit(build, fit, variant), variant, must=True)


WRITTEN = {
    **{kind.__name__: lambda v, kind=kind: [kind(UNITS[v])] for kind in LAST},
    "GRU, reset first": lambda v: [L.GRU(5, reset_after=False)],
    "stacked": lambda v: [
        L.LSTM(5, return_sequences=True),
        L.Dropout(DROPPED[v], seed=1),
        L.GRU(3, return_sequences=True),
        L.SimpleRNN(4),
    ],
    "backwards": lambda v: [
        L.LSTM(5, return_sequences=True, go_backwards=True),
        L.SimpleRNN(4, go_backwards=True),
    ],
    "without biases": lambda v: [
        L.LSTM(5, return_sequences=True, use_bias=False),
        L.GRU(4, return_sequences=True, use_bias=False),
        L.GRU(3, return_sequences=True, use_bias=False, reset_after=False),
        L.SimpleRNN(4, use_bias=False),
    ],
    "other functions": lambda v: [
        L.LSTM(5, "elu", "hard_sigmoid", return_sequences=True),
        L.GRU(4, "leaky_relu", "linear", return_sequences=True),
        L.GRU(3, None, "relu", return_sequences=True, reset_after=False),
        L.SimpleRNN(4, "selu"),
    ],
    "unrolled, and of the other implementation": lambda v: [
        L.LSTM(5, unroll=True, return_sequences=True, unit_forget_bias=False),
        L.GRU(4, implementation=1),
    ],
    "both directions": lambda v: [
        L.Bidirectional(L.LSTM(5, return_sequences=True)),
        L.Bidirectional(L.GRU(4), "sum"),
    ],
    "other ways to merge directions": lambda v: [
        L.Bidirectional(L.SimpleRNN(3, return_sequences=True), "ave"),
        L.Bidirectional(L.GRU(4, return_sequences=True, reset_after=False), "mul"),
        L.Bidirectional(L.LSTM(4)),
    ],
    "the last outputs of both directions": lambda v: [
        L.Bidirectional(L.SimpleRNN(4), "mul", backward_layer=L.SimpleRNN(4, go_backwards=True)),
    ],
    "weights that count": lambda v: [
        L.LSTM(4, kernel_regularizer=R.L2(FACTORS[v]), bias_regularizer="l1",
               recurrent_regularizer=R.L1L2(0.01, FACTORS[v]), return_sequences=True),
        L.Bidirectional(L.GRU(3, kernel_regularizer=R.L2(FACTORS[v]))),
    ],
    "dropout": lambda v: [
        L.LSTM(5, dropout=DROPPED[v], seed=1, return_sequences=True),
        L.GRU(4, dropout=0.2, seed=2, return_sequences=True, reset_after=False),
        L.SimpleRNN(4, dropout=0.2, recurrent_dropout=0.3, seed=3),
    ],
    "dropout of each gate": lambda v: [
        L.LSTM(5, dropout=0.1, recurrent_dropout=DROPPED[v], seed=1),
    ],
    "dropout of each gate, of inputs and of states": lambda v: [
        L.Bidirectional(L.GRU(4, dropout=0.2, recurrent_dropout=0.3, seed=2, use_bias=False)),
    ],
    "layers on sequences": lambda v: [
        L.Dense(4, "tanh"),
        L.LSTM(5, return_sequences=True),
        L.BatchNormalization(),
        L.TimeDistributed(L.Dense(3, "softmax")),
        L.Dense(2, use_bias=False),
        L.Activation("relu"),
        L.Flatten(),
    ],
}  # fmt: skip


COMMON = (
    "LSTM",
    "GRU",
    "GRU, reset first",
    "stacked",
    "both directions",
    "dropout of each gate",
    "layers on sequences",
)


@pytest.mark.parametrize("name", rare_is_slow(WRITTEN, COMMON))
def test_what_is_written_out(name):
    check(WRITTEN[name], variant=2)


MASKED = {
    "LSTM and GRU": lambda v: [
        L.Masking(),
        L.LSTM(5, return_sequences=True),
        L.Dropout(0.2, seed=1),
        L.TimeDistributed(L.Dense(4, "tanh")),
        L.GRU(4, reset_after=False),
    ],
    "both directions": lambda v: [
        L.Masking(),
        L.Bidirectional(L.LSTM(4, return_sequences=True)),
        L.Bidirectional(L.GRU(4), "mul"),
    ],
    "backwards, with zeros": lambda v: [
        L.Dense(3),
        L.Masking(),
        L.GRU(5, return_sequences=True, go_backwards=True, zero_output_for_mask=True),
        L.SimpleRNN(4, zero_output_for_mask=True),
    ],
    "another padding, and dropout": lambda v: [
        L.Masking(2.0),
        L.Activation("tanh"),
        L.LSTM(4, dropout=0.2, recurrent_dropout=0.3, seed=1),
    ],
}  # fmt: skip


@pytest.mark.parametrize("name", rare_is_slow(MASKED, ("LSTM and GRU", "both directions")))
def test_masks_of_sequences(name):
    x, y = data()
    padding = 2.0 if name.startswith("another") else 0.0
    # Not 0: classes whose biases are all that differs are told apart by rounding.
    lengths = np.random.default_rng(1).integers(1, 8, len(x))
    for sample, length in zip(x, lengths):
        sample[length:] = padding
    x[::5, 2] = padding  # one in the middle
    x[::3] = x[::3, ::-1]  # padding at the beginning
    check(MASKED[name], given=(x, y))


def test_masks_in_a_graph():
    def build(variant):
        x = keras.Input(SHAPE)
        masked = L.Masking()(x)
        both = [L.LSTM(4)(masked), L.GRU(3)(L.Dense(4, "relu")(masked)), L.SimpleRNN(2)(x)]
        y = L.Dense(3, activation="softmax")(L.Concatenate()(both))
        model = keras.Model(x, y)
        model.compile(adam(variant), "sparse_categorical_crossentropy")
        return model

    x, y = data()
    x[:, 4:] *= np.random.default_rng(1).integers(0, 2, (len(x), 3, 1))
    fit = arguments((x, y))
    check_arrays(build, fit, by_fit(build, fit), must=True)


def test_one_sample_in_the_last_batch_and_one_step():
    check(lambda v: [L.LSTM(4, return_sequences=True), L.GRU(3)], (1, 3), batch_size=34)


def test_lengths_that_the_model_does_not_know():
    check(lambda v: [L.Bidirectional(L.LSTM(4, return_sequences=True)), L.GRU(3)], (None, 3))


def test_layers_that_are_not_trained():
    def middle(variant):
        frozen = [L.LSTM(4, return_sequences=True), L.Bidirectional(L.GRU(3, reset_after=False))]
        for layer in frozen:
            layer.trainable = False
        return [L.LSTM(3, return_sequences=True), *frozen]

    check(middle)


def test_branches():
    def build(variant):
        x = keras.Input(SHAPE)
        both = [L.LSTM(4)(x), L.GRU(4)(L.LSTM(3, return_sequences=True)(x))]
        y = L.Dense(3, activation="softmax")(L.Concatenate()(both))
        model = keras.Model(x, y)
        model.compile(adam(variant), "sparse_categorical_crossentropy", metrics=["accuracy"])
        return model

    fit = arguments(data())
    check_arrays(build, fit, by_fit(build, fit), must=True)


def test_more_samples_than_are_measured_at_once(monkeypatch):
    from kerastune_lite._src.keras.fast.numpy import epoch

    monkeypatch.setattr(epoch, "_MEASURED", 10)
    check(lambda v: [L.GRU(4, return_sequences=True), L.BatchNormalization(), L.LSTM(3)])


def test_trials_of_other_sizes_are_not_compared_again(monkeypatch):
    """The code of a layer does not know sizes."""
    compared = []
    difference = trusted_programs.difference
    monkeypatch.setattr(
        trusted_programs, "difference", lambda *given: compared.append(1) or difference(*given)
    )
    build = network(lambda v: [L.LSTM(UNITS[v])])
    with no_programs(), no_warnings():
        for variant in range(3):
            fit = arguments(data(), epochs=1)
            assert dispatched(build, fit, variant, "NumPy").path == "NumPy"
    assert len(compared) == 1


@pytest.fixture
def read_by_keras(monkeypatch):
    """How many steps Keras's cells were given."""
    read = []
    call = L.SimpleRNNCell.call

    def counting(self, *given, **named):
        read.append(1)
        return call(self, *given, **named)

    monkeypatch.setattr(L.SimpleRNNCell, "call", counting)
    return read


def nested(variant):
    x = keras.Input((40, 3))
    inner = keras.Sequential([keras.Input((40, 3)), L.Dense(4, "tanh"), L.Dropout(0.2, seed=1)])
    other = keras.Model(x, L.BatchNormalization()(L.SimpleRNN(3, return_sequences=True)(x)))
    y = L.Dense(3, activation="softmax")(L.SimpleRNN(4)(inner(other(x))))
    model = keras.Model(x, y)
    model.compile(adam(variant), "sparse_categorical_crossentropy")
    return model


def compared_with_keras(build, shape):
    model = made(build)
    fit = bound((), arguments(data(shape))(0))
    member = Member(model, fit, *DeviceData().of(fit), [0])
    with no_programs():
        return member, program_in_arrays(member)


def test_few_steps_are_compared(read_by_keras):
    """The length of sequences is nothing that the code depends on."""
    build = network(lambda v: [L.SimpleRNN(4, return_sequences=True), L.SimpleRNN(3)], (40, 3))
    assert compared_with_keras(network(WRITTEN["LSTM"]), SHAPE)[1].takes_any_length
    for each in (build, nested):
        read_by_keras.clear()
        member, program = compared_with_keras(each, (40, 3))
        assert program.takes_any_length
        # By two layers, in two steps of training and two of validation; and to build them.
        assert 2 * 4 * 5 <= sum(read_by_keras) < 2 * 4 * 10
        assert "40" in repr(keras.Model(member.model.inputs, member.model.outputs).input_spec)


def test_all_steps_are_compared_where_layers_mix_them(read_by_keras):
    build = network(lambda v: [L.SimpleRNN(4, return_sequences=True), L.Flatten()], (40, 3))
    _, program = compared_with_keras(build, (40, 3))
    assert not program.takes_any_length
    assert sum(read_by_keras) > 4 * 40


def test_large_ones_are_left_to_tensorflow(monkeypatch):
    """By the steps of a sequence, too."""
    monkeypatch.setattr(trusted_programs, "_OF_RECURRENT", 10_000)
    build, fit = network(lambda v: [L.SimpleRNN(4)]), arguments(data(), epochs=1)
    with no_programs(), no_warnings():
        outcome = dispatched(build, fit, 0, "NumPy")
    # 3 x 4 + 4 x 4 + 4 weights of 7 steps and 4 x 3 + 3 others, of 16 samples.
    assert arithmetic(outcome.model, 16) == 16 * (7 * 32 + 15)
    assert outcome.path == "NumPy"
    monkeypatch.setattr(trusted_programs, "_OF_RECURRENT", 16 * (7 * 32 + 15) - 1)
    with no_programs(), no_warnings():
        outcome = dispatched(build, fit, 0, "NumPy")
    assert (outcome.path, outcome.reason) == ("shared trace", "a large network")


def with_states(variant):
    x = keras.Input(SHAPE)
    h = L.Dense(4)(L.Flatten()(x))
    return x, L.GRU(4)(x, initial_state=h)


def with_a_mask(variant):
    x = keras.Input(SHAPE)
    return x, L.GRU(4)(x, mask=L.Dense(7, "relu")(L.Flatten()(x)))


def with_a_mask_as_numbers(variant):
    x = keras.Input(SHAPE)
    differs = keras.ops.not_equal(x, 0.0)
    return x, L.Multiply()([L.Flatten()(x), L.Flatten()(differs)])


def own_backwards():
    return L.GRU(3, reset_after=False, go_backwards=True)


REFUSED = {
    "all dropped": ([L.LSTM(4, dropout=1.0)], "a special LSTM layer"),
    "dropped and reset": (
        [L.GRU(4, recurrent_dropout=0.2, reset_after=False)],
        "a special GRU layer",
    ),
    "other functions": ([L.LSTM(4, "gelu")], "a special LSTM layer"),
    "softmax": ([L.SimpleRNN(4, "softmax")], "a special SimpleRNN layer"),
    "a loss of its own": ([L.LSTM(4, activity_regularizer="l2")], "a special LSTM layer"),
    "a loss within": (
        [L.Bidirectional(L.LSTM(4, activity_regularizer="l2"))],
        "a special Bidirectional layer",
    ),
    "other directions": (
        [L.Bidirectional(L.GRU(3), backward_layer=own_backwards())],
        "a special Bidirectional layer",
    ),
    "masked means": (
        [L.Masking(), L.BatchNormalization(), L.LSTM(4)],
        "a mask for a BatchNormalization layer",
    ),
    "a mask that is lost": ([L.Masking(), L.Flatten()], "a mask for a Flatten layer"),
    "a mask for each feature": ([L.Masking([0.0, 1.0, 0.0]), L.GRU(4)], "a special Masking layer"),
    "convolutions of steps": (
        [L.Reshape((7, 3, 1)), L.TimeDistributed(L.Conv1D(2, 2)), L.Flatten()],
        "a special TimeDistributed layer",
    ),
    "a mask as numbers": (with_a_mask_as_numbers, "operations that are no layers"),
    "initial states": (with_states, "a special GRU layer"),
    "masks that are given": (with_a_mask, "a special GRU layer"),
}


@pytest.mark.filterwarnings("ignore:Layer .* was passed an input with a mask:UserWarning")
@pytest.mark.parametrize("name", REFUSED)
def test_what_is_left_to_tensorflow(name):
    given, reason = REFUSED[name]
    if callable(given):
        x, y = given(0)
        model = keras.Model(x, L.Dense(3, activation="softmax")(y))
    else:
        model = keras.Sequential([keras.Input(SHAPE), *given, L.Dense(3, activation="softmax")])
    model.compile("adam", "sparse_categorical_crossentropy")
    fit = bound((), arguments(data())(0))
    member = Member(model, fit, *DeviceData().of(fit), [0])
    with no_programs(), pytest.raises(NotInArrays) as refused:
        program_in_arrays(member)
    assert str(refused.value) == reason
