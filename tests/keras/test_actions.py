import keras
import numpy as np
import pytest

from kerastune_lite._src.keras.actions import Actions
from kerastune_lite._src.keras.building import ModelFactory
from kerastune_lite._src.keras.hypermodel import get_hypermodel
from kerastune_lite.hyperparameters import HyperParameters
from tests.keras.gradients import dense


class Builder:
    """Counts the models that `make(hp)` compiles."""

    def __init__(self, make):
        self.count = 0
        self._make = make
        self.actions = Actions(ModelFactory(get_hypermodel(self.build)))

    def build(self, hp):
        self.count += 1
        return self._make(hp)

    def at(self, **values):
        return self.actions.at(HyperParameters(values=values), seed=0)


def compiled(rate, momentum, penalty=0.01):
    model = dense(regularizer=keras.regularizers.L2(penalty))
    model.compile(keras.optimizers.SGD(rate, momentum), "categorical_crossentropy")
    return model


def separate(hp):
    rate = hp.Float("rate", 1e-4, 1e-1, sampling="log")
    return compiled(rate, 1 - hp.Float("friction", 0.1, 0.5))


def slopes_of(acting, name):
    """By hyperparameter, of the number with the attribute `name`; "rate": the learning rate."""
    attributes = ["rate", *(place.attribute for place in acting.numbers.places)]
    return dict(zip(acting.names, acting.slopes[:, attributes.index(name)]))


def test_derivatives_of_numbers_by_positions_in_domains():
    acting = Builder(separate).at(rate=0.01, friction=0.2)
    assert not acting.moved
    assert slopes_of(acting, "rate") == pytest.approx(
        {"rate": 0.01 * np.log(1e3), "friction": 0.0}, rel=1e-4
    )
    assert slopes_of(acting, "momentum") == pytest.approx({"rate": 0.0, "friction": -0.4})
    assert slopes_of(acting, "l2") == {"rate": 0.0, "friction": 0.0}


def test_two_models_tell_all_derivatives_where_each_number_has_one_hyperparameter():
    builder = Builder(separate)
    first = builder.at(rate=0.01, friction=0.2)
    assert builder.count == 1 + 2 * 2
    again = builder.at(rate=0.01, friction=0.2)
    assert builder.count == 5 + 1 + 2
    assert np.allclose(first.slopes, again.slopes, rtol=1e-6)
    alone = Builder(separate).at(rate=0.05, friction=0.4)
    assert np.allclose(builder.at(rate=0.05, friction=0.4).slopes, alone.slopes, rtol=1e-6)


def test_a_number_that_two_hyperparameters_change():
    def make(hp):
        strength, scale = hp.Float("strength", 0.0, 1.0), hp.Float("scale", 0.0, 2.0)
        return compiled(0.1 * strength * scale, strength)

    builder = Builder(make)
    for _ in range(2):
        slopes = slopes_of(builder.at(strength=0.5, scale=1.0), "rate")
        assert slopes == pytest.approx({"strength": 0.1, "scale": 0.1}, rel=1e-4)
    assert builder.count == 10


def test_a_number_that_was_constant_at_the_first_point():
    def make(hp):
        rate = hp.Float("rate", 0.01, 1.0)
        return compiled(rate, hp.Float("momentum", 0.1, 0.9), 0.1 * rate if rate > 0.5 else 0.01)

    builder = Builder(make)
    assert slopes_of(builder.at(rate=0.2, momentum=0.5), "l2") == {"rate": 0.0, "momentum": 0.0}
    slopes = slopes_of(builder.at(rate=0.8, momentum=0.5), "l2")
    assert slopes == pytest.approx({"rate": 0.099, "momentum": 0.0}, rel=1e-4)


def test_at_the_end_of_a_domain_a_point_inside():
    acting = Builder(separate).at(rate=1e-4, friction=0.1)
    assert acting.moved
    assert acting.numbers.values[0] == pytest.approx(1e-4 * 1e3**0.002)
