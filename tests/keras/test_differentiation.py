"""What is looked for in Keras before there are gradients, and what happens without it."""

import keras
import pytest

from kerastune_lite._src.keras.compat import differentiation, parts
from kerastune_lite._src.util.errors import FatalValueError
from tests.keras.gradients import Training, dense


@pytest.mark.parametrize("what", differentiation.DERIVATIVES.probes)
def test_it_is_there(what):
    assert differentiation.DERIVATIVES.probes[what]()


def test_keras_is_left_as_it_was():
    import tensorflow as tf

    before = tf.nn.moments, tf.nn.softmax_cross_entropy_with_logits
    with differentiation.differentiable_operations():
        assert tf.nn.moments is not before[0]
    assert (tf.nn.moments, tf.nn.softmax_cross_entropy_with_logits) == before


def test_another_keras_is_an_error_before_the_first_trial(monkeypatch):
    def build(hp):
        model = dense()
        rate = hp.Float("rate", 1e-3, 1e-1, sampling="log")
        model.compile(keras.optimizers.SGD(rate), "categorical_crossentropy")
        return model

    without = parts.Part("There are none", {"how it is": lambda: False}, "tensorflow")
    monkeypatch.setattr("kerastune_lite._src.keras.hypergradients.DERIVATIVES", without)
    with pytest.raises(FatalValueError, match="differs in how it is"):
        Training(build).check()
