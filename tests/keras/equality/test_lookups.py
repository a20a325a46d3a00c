"""Embedding and pooling in NumPy: trained as by `model.fit`."""

import numpy as np
import pytest

from kerastune_lite._src.keras.fast.dispatcher import ARRAYS, SHARED
from kerastune_lite._src.keras.fast.numpy.optimizers import RULES
from tests.keras.equality.cases import (
    DROPPED,
    RATES,
    adam,
    arguments,
    by_fit,
    check_arrays,
    check_same,
    classes,
    dispatched,
    keras,
    no_programs,
    rare_is_slow,
    sgd,
)
from tests.keras.stacked import check_stacked, fit_of

layers = keras.layers


def check(build, fit, variant=0, **others):
    """A model is trained in NumPy, and as by `fit`."""
    check_arrays(build, fit, by_fit(build, fit, variant), variant, must=True, **others)


def tokens(kind="int32", rows=90, length=7, vocabulary=11):
    """x (rows, length) of word numbers, many of them twice in a row; y (rows,) of three classes."""
    x = np.random.default_rng(3).integers(0, vocabulary, (rows, length))
    return x.astype(kind), (x.sum(axis=1) % 3).astype("int64")


def read(made, optimizer=adam, shape=(7,)):
    """variant -> the layers of `made(variant)` and a softmax."""

    def build(variant):
        last = layers.Dense(3, activation="softmax")
        model = keras.Sequential([keras.Input(shape), *made(variant), last])
        model.compile(optimizer(variant), "sparse_categorical_crossentropy", metrics=["accuracy"])
        return model

    return build


def mean_of_words(variant, **options):
    return [layers.Embedding(11, (4, 6, 3)[variant], **options), layers.GlobalAveragePooling1D()]


class TestEmbedding:
    @pytest.mark.parametrize(
        "name", rare_is_slow([n for n in RULES if n != "Adadelta"], ["Adam", "Adamax"])
    )
    def test_optimizers(self, name):
        """Of a word that occurs twice, Adam is given the sum of two squares."""
        kind = getattr(keras.optimizers, name)
        check(read(mean_of_words, lambda variant: kind(0.01)), arguments(tokens()), whole=True)

    @pytest.mark.parametrize(
        "make",
        [
            lambda: keras.optimizers.SGD(0.05, weight_decay=0.01),
            lambda: keras.optimizers.SGD(0.05, momentum=0.8, nesterov=True),
            lambda: keras.optimizers.Adam(0.01, amsgrad=True),
            lambda: keras.optimizers.RMSprop(0.01, momentum=0.5),
        ],
        ids=["plain", "nesterov", "amsgrad", "momentum"],
    )
    def test_optimizers_with_arguments(self, make):
        check(read(mean_of_words, lambda variant: make()), arguments(tokens()), whole=True)

    @pytest.mark.parametrize("regularizer", ["l1", "l2"])
    def test_a_table_that_is_held_small(self, regularizer):
        build = read(lambda v: mean_of_words(v, embeddings_regularizer=regularizer))
        check(build, arguments(tokens()), whole=True)

    def test_a_table_that_is_not_trained(self):
        def made(variant):
            table, mean = mean_of_words(variant)
            table.trainable = False
            return [table, mean, layers.Dense(4, "tanh")]

        check(read(made), arguments(tokens()))

    def test_words_in_their_places(self):
        def made(variant):
            return [layers.Embedding(11, 3), layers.Flatten(), layers.Dropout(0.2, seed=1)]

        for variant in (0, 1):
            check(read(made, sgd), arguments(tokens()), variant)

    @pytest.mark.parametrize("kind", ["uint8", "int64", "float32"])
    def test_types_of_words(self, kind):
        check(read(mean_of_words), arguments(tokens(kind)))

    @pytest.mark.parametrize("kind", ["uint8", "int8"])
    def test_more_words_than_their_type_has_numbers(self, kind):
        """After a table that is small enough for it."""
        x, y = tokens(kind)

        def build(variant):
            words = keras.Input((7,), dtype=kind)
            mean = layers.GlobalAveragePooling1D()(layers.Embedding((11, 300)[variant], 4)(words))
            model = keras.Model(words, layers.Dense(3, "softmax")(mean))
            model.compile(adam(variant), "sparse_categorical_crossentropy")
            return model

        fit = arguments((x, y))
        with no_programs():
            outcomes = [dispatched(build, fit, variant, ARRAYS) for variant in (0, 1)]
        assert [outcome.path for outcome in outcomes] == [ARRAYS] * 2
        check_same(outcomes[1], by_fit(build, fit, 1))

    def test_words_counted_from_the_end(self):
        x, y = tokens()
        check(read(mean_of_words), arguments((x - 4, y)))

    def test_a_word_that_is_not_in_the_table(self):
        x, y = tokens()
        with pytest.raises(Exception, match="not in"), no_programs():
            dispatched(read(mean_of_words), arguments((np.where(x == 5, 11, x), y)))

    @pytest.mark.parametrize(
        "make",
        [
            lambda: keras.optimizers.Adadelta(0.1),
            lambda: keras.optimizers.SGD(0.1, clipvalue=0.1),
            lambda: keras.optimizers.SGD(0.1, clipnorm=0.1),
            lambda: keras.optimizers.SGD(0.1, global_clipnorm=0.1),
            lambda: keras.optimizers.RMSprop(0.1, centered=True),
        ],
        ids=["adadelta", "clipvalue", "clipnorm", "global_clipnorm", "centered"],
    )
    def test_optimizers_that_change_the_gradient_of_each_look_up(self, make):
        reason = "Embedding layers with Adadelta, centered RMSprop or clipping"
        self.check_left(read(mean_of_words, lambda variant: make()), reason)

    def test_words_that_weights_make(self):
        """There is no gradient by numbers of words."""

        def made(variant):
            return [layers.Dense(4, "sigmoid"), *mean_of_words(variant)]

        with pytest.warns(UserWarning, match="Gradients do not exist"):
            self.check_left(read(made), "weights whose gradients end at another layer")

    def test_masks_of_means(self):
        build = read(lambda variant: mean_of_words(variant, mask_zero=True))
        self.check_left(build, "a mask for a GlobalAveragePooling1D layer")

    @pytest.mark.parametrize("kind", ["int32", "float32"])
    def test_recurrent_layers_skip_the_word_zero(self, kind):
        def made(variant):
            embedded = layers.Embedding(11, (4, 6, 3)[variant], mask_zero=True)
            return [embedded, layers.Bidirectional(layers.LSTM(4)), layers.Dropout(0.2, seed=1)]

        x, y = tokens(kind)
        x[:, 5:] = 0
        x[::4, 2:] = 0
        check(read(made), arguments((x, y)), whole=True)

    @staticmethod
    def check_left(build, reason):
        with no_programs():
            # Few samples: with more, centered RMSprop's sparse arithmetic in Keras raises an error.
            fit = arguments(tokens(rows=30), epochs=1)
            outcome = dispatched(build, fit, fastest="NumPy")
        assert (outcome.path, outcome.reason) == (SHARED, reason)

    def test_side_by_side(self):
        """Each member reads in a table of its own."""
        build = read(lambda v: mean_of_words(0), lambda v: keras.optimizers.Adam(RATES[v]))
        check_stacked(build, fit_of(tokens()), compared=(0, 2))


@pytest.mark.parametrize("shape", [(6, 3), (4, 5, 3), (2, 3, 2, 3)], ids=["1D", "2D", "3D"])
@pytest.mark.parametrize("keeps", [False, True])
@pytest.mark.parametrize("kind", ["Average", "Max"])
def test_one_number_for_each_channel(shape, keeps, kind):
    """Where several are the largest one, they share the gradient."""
    pooling = getattr(layers, f"Global{kind}Pooling{len(shape) - 1}D")

    def made(variant):
        return [
            layers.Flatten(),
            layers.Dense(int(np.prod(shape)), "relu"),
            layers.Reshape(shape),
            layers.Dropout(DROPPED[variant], seed=1),
            pooling(keepdims=keeps),
            layers.Flatten(),
        ]

    check(read(made, shape=shape), arguments(classes(shape=shape)))
