"""KerasTuner's hypermodels and ours have the same arguments, spaces, and sizes."""

import dataclasses
import functools
import inspect

import pytest

import kerastune_lite as kt
from kerastune_lite import applications as ours

SHAPE = (16, 16, 3)
SHALLOW = {"conv3_depth": 2, "conv4_depth": 2}
SMALL = {"num_residual_blocks": 1, "sep_num_filters": 8}


@pytest.fixture
def keras_tuner(monkeypatch):
    """KerasTuner, whose EfficientNet downloads weights unless it is kept from it."""
    package = pytest.importorskip("keras_tuner")
    module = inspect.getmodule(package.applications.HyperEfficientNet)
    networks = module.EFFICIENTNET_MODELS
    untrained = {name: functools.partial(each, weights=None) for name, each in networks.items()}
    monkeypatch.setattr(module, "EFFICIENTNET_MODELS", untrained)
    return package


def built(package, kind, values, arguments):
    """The model that a package's hypermodel builds, and what it has declared."""
    hp = package.HyperParameters()
    hp.values = dict(values)
    return getattr(package.applications, kind)(**arguments).build(hp), hp


def declared(parameter):
    """The domain of one of our hyperparameters, or of KerasTuner's."""
    if hasattr(parameter, "domain"):
        fields = dataclasses.asdict(parameter.domain)
    else:
        fields = {**parameter.get_config(), "default": parameter.default}
    left_out = ("name", "conditions", "ordered", "prior")
    fields = {k: v for k, v in fields.items() if k not in left_out}
    return parameter.name, {
        name: list(value) if isinstance(value, tuple) else value for name, value in fields.items()
    }


@pytest.mark.parametrize("kind", ours.__all__)
def test_the_arguments_agree(keras_tuner, kind):
    def parameters(package):
        found = inspect.signature(getattr(package.applications, kind)).parameters.values()
        return [(each.name, each.default) for each in found if each.kind is not each.KEYWORD_ONLY]

    assert parameters(kt) == parameters(keras_tuner)


IMAGES = {"input_shape": SHAPE}
CLASSES = {**IMAGES, "classes": 10}


@pytest.mark.slow
@pytest.mark.parametrize(
    ("kind", "values", "arguments"),
    [
        ("HyperXception", SMALL, CLASSES),
        ("HyperXception", {**SMALL, "pooling": "flatten", "num_dense_layers": 3}, CLASSES),
        ("HyperXception", {**SMALL, "kernel_size": 5, "dense_use_bn": False}, CLASSES),
        ("HyperXception", {**SMALL, "activation": "selu"}, {**CLASSES, "include_top": False}),
        ("HyperResNet", {**SHALLOW, "version": "v1"}, CLASSES),
        ("HyperResNet", {**SHALLOW, "version": "v2"}, CLASSES),
        ("HyperResNet", {**SHALLOW, "pooling": "max"}, {**CLASSES, "include_top": False}),
        ("HyperEfficientNet", {}, CLASSES),
        ("HyperImageAugment", {}, IMAGES),
        ("HyperImageAugment", {}, {**IMAGES, "augment_layers": [0, 4]}),
        ("HyperImageAugment", {}, {**IMAGES, "augment_layers": 0, "rotate": [0.2, 0.4]}),
        ("HyperImageAugment", {}, {**IMAGES, "contrast": None, "translate_x": [0.1, 0.3]}),
    ],
)
def test_spaces_and_weights_agree(keras_tuner, kind, values, arguments):
    our_model, our_hp = built(kt, kind, values, arguments)
    their_model, their_hp = built(keras_tuner, kind, values, arguments)
    assert our_hp.values == their_hp.values
    assert [*map(declared, our_hp.space)] == [*map(declared, their_hp.space)]
    assert not any(each.conditions for each in [*our_hp.space, *their_hp.space])

    def shapes(model):
        return sorted(tuple(weight.shape) for weight in model.weights)

    assert shapes(our_model) == shapes(their_model)
    assert our_model.name == their_model.name
    assert our_model.output_shape == their_model.output_shape


@pytest.mark.slow
def test_their_resnext_is_narrower_than_that_of_the_paper(keras_tuner):
    """64 filters in its first stage, not 128: the one difference in size."""
    values = {**SHALLOW, "version": "next"}
    our_model, our_hp = built(kt, "HyperResNet", values, CLASSES)
    their_model, their_hp = built(keras_tuner, "HyperResNet", values, CLASSES)
    assert our_hp.values == their_hp.values

    def after(model):
        return {
            weight.path: weight.shape
            for weight in model.weights
            if weight.path.startswith(("conv3_block2", "conv4", "conv5", "probs"))
        }

    assert after(our_model) == after(their_model)
    assert our_model.get_layer("conv2_block1_1_conv").filters == 128
    assert their_model.get_layer("conv2_block1_1_conv").filters == 64
