"""What the hypermodels of images have in common: arguments, augmentation, searches."""

import cloudpickle
import numpy as np
import pytest

import kerastune_lite as kt
from kerastune_lite._src.keras.applications.image_classifier import ImageClassifier, pooled
from kerastune_lite.applications import (
    HyperEfficientNet,
    HyperImageAugment,
    HyperResNet,
    HyperXception,
)
from tests.keras.models import keras, same_weights

SHAPE = (8, 8, 3)
RNG = np.random.default_rng(0)
IMAGES = RNG.uniform(0, 255, (12, *SHAPE)).astype("float32")
LABELS = np.eye(3, dtype="float32")[RNG.integers(3, size=12)]
CLASSIFIERS = [HyperResNet, HyperXception, HyperEfficientNet]


class Tiny(ImageClassifier):
    """One convolution."""

    architecture = "Tiny"

    def __init__(self, augmentation_model=None, include_top=True, input_tensor=None):
        super().__init__(include_top, SHAPE, input_tensor, 3, augmentation_model=augmentation_model)

    def _features(self, x, hp):
        x = keras.layers.Rescaling(1 / 255)(x)
        return pooled(keras.layers.Conv2D(4, 3)(x), hp.Choice("pooling", ["avg", "flatten"]))

    def _optimizer(self, hp):
        return keras.optimizers.SGD(hp.Float("rate", 0.01, 0.1))


def layers_of(model):
    return [type(each).__name__ for each in model.layers]


@pytest.mark.parametrize("kind", CLASSIFIERS)
@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ({"classes": 10}, "`input_shape` or `input_tensor`"),
        ({"input_shape": SHAPE}, "`classes`, the number of classes"),
        ({"input_shape": SHAPE, "classes": 0}, "Received: 0"),
        ({"input_shape": (28, 28), "classes": 10}, r"Received: \(28, 28\).*\(28, 28, 1\)"),
        ({"input_shape": 28, "classes": 10}, "height, width, channels"),
        ({"input_tensor": IMAGES, "classes": 10}, "must be a Keras tensor"),
        (
            {"input_shape": SHAPE, "classes": 10, "augmentation_model": 0},
            "`augmentation_model` must be a HyperModel",
        ),
    ],
)
def test_wrong_arguments_are_named(kind, arguments, said):
    with pytest.raises(ValueError, match=said):
        kind(**arguments)


@pytest.mark.parametrize("kind", CLASSIFIERS)
def test_name_and_tunable_are_those_of_a_hypermodel(kind):
    hypermodel = kind(input_shape=SHAPE, classes=3, name="mine", tunable=False)
    assert (hypermodel.name, hypermodel.tunable) == ("mine", False)


def test_with_a_top_it_is_compiled():
    hp = kt.HyperParameters()
    model = Tiny().build(hp)
    assert (model.name, model.output_shape) == ("Tiny", (None, 3))
    assert model.loss == "categorical_crossentropy"
    assert list(hp.values) == ["pooling", "rate"]


def test_without_a_top_it_returns_features():
    hp = kt.HyperParameters()
    model = Tiny(include_top=False).build(hp)
    assert model.output_shape == (None, 4)
    assert not model.compiled
    assert list(hp.values) == ["pooling"]


def test_the_layers_before_the_input_tensor_belong_to_the_model():
    inputs = keras.Input(SHAPE)
    model = Tiny(input_tensor=keras.layers.Identity()(inputs)).build(kt.HyperParameters())
    assert model.inputs == [inputs]
    assert "Identity" in layers_of(model)


def test_how_it_is_compiled_may_be_overridden():
    class Own(Tiny):
        def _compile(self, model, hp):
            model.compile(hp.Choice("optimizer", ["adam", "sgd"]), "mse")

    hp = kt.HyperParameters()
    assert Own().build(hp).loss == "mse"
    assert list(hp.values) == ["pooling", "optimizer"]


# ---------------------------------------------------------------------- augmentation


def test_an_augmentation_may_have_hyperparameters():
    hp = kt.HyperParameters()
    model = Tiny(HyperImageAugment(SHAPE, rotate=(0.1, 0.2), contrast=None)).build(hp)
    assert model.layers[1].name == "image_rand_augment"
    assert list(hp.values)[:2] == ["augment_layers", "factor_rotate"]


def test_an_augmentation_of_the_user_draws_from_the_seed_of_the_trial():
    own = keras.Sequential(
        [
            keras.layers.Normalization(mean=0.0, variance=4.0),
            keras.layers.RandomContrast((0.9, 0.9)),
            keras.layers.Lambda(lambda x: x + 1),
        ],
        name="own",
    )

    def changed():
        keras.utils.set_random_seed(1)
        model = Tiny(own).build(kt.HyperParameters())
        return np.asarray(model.get_layer("own")(IMAGES, training=True))

    first = changed()
    np.testing.assert_array_equal(changed(), first)
    assert not np.allclose(first, IMAGES / 2 + 1, atol=0.1)
    np.testing.assert_allclose(own(IMAGES, training=False), IMAGES / 2 + 1, rtol=1e-5)


def test_an_augmentation_that_keras_cannot_take_apart_is_used_as_it_is():
    class Own(keras.Model):
        def call(self, inputs):
            return inputs

    own = Own()
    assert Tiny(own).build(kt.HyperParameters()).layers[1] is own


# ---------------------------------------------------------------------- searches


def test_a_search_trains_as_model_fit_does(tmp_path):
    augment = HyperImageAugment(SHAPE, rotate=(0.1, 0.2), translate_x=0, translate_y=0)

    def searched(**arguments):
        folder = tmp_path / str(len(arguments))
        tuner = kt.RandomSearch(Tiny(augment), "val_loss", 1, seed=4, directory=folder)
        fit = {"epochs": 2, "shuffle": False, "verbose": 0, **arguments}
        tuner.search(IMAGES, LABELS, validation_data=(IMAGES, LABELS), **fit)
        return tuner

    ours, plain = searched(), searched(fast=False)
    (trial,), (same,) = ours.trials, plain.trials
    assert trial.values == same.values
    assert trial.score == pytest.approx(same.score, rel=1e-5)
    best = ours.get_best_models()[0]
    assert best.evaluate(IMAGES, LABELS, verbose=0)[0] == pytest.approx(trial.score, rel=1e-5)


@pytest.mark.parametrize(
    "hypermodel",
    [
        HyperXception(input_tensor=keras.Input(SHAPE), classes=3),
        HyperXception(
            input_shape=SHAPE,
            classes=3,
            augmentation_model=keras.Sequential(
                [keras.Input(SHAPE), keras.layers.RandomFlip()], name="own"
            ),
        ),
        HyperXception(
            input_shape=SHAPE, classes=3, augmentation_model=HyperImageAugment(SHAPE, rotate=0)
        ),
    ],
    ids=["tensor", "model", "hypermodel"],
)
def test_they_can_be_sent_to_other_processes(hypermodel):
    sent = cloudpickle.loads(cloudpickle.dumps(hypermodel))

    def weights(each):
        keras.utils.set_random_seed(3)
        hp = kt.HyperParameters(values={"num_residual_blocks": 1, "sep_num_filters": 8})
        return each.build(hp).get_weights()

    assert same_weights(weights(sent), weights(hypermodel))
