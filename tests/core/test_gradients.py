import pytest

from kerastune_lite._src.core.gradients import gradient_metric, gradient_of, is_continuous
from kerastune_lite._src.core.metrics import Metrics
from kerastune_lite._src.core.trial import Trial
from kerastune_lite.hyperparameters import Boolean, Choice, Fixed, Float, Int


@pytest.mark.parametrize(
    ("domain", "expected"),
    [
        (Float(0.0, 1.0), True),
        (Float(1e-4, 1.0, sampling="log"), True),
        (Float(0.0, 1.0, step=0.5), False),
        (Float(0.5, 0.5), False),
        (Int(1, 100), False),
        (Choice([0.1, 0.2]), False),
        (Boolean(), False),
        (Fixed(0.1), False),
    ],
)
def test_what_can_have_a_derivative(domain, expected):
    assert is_continuous(domain) is expected


def test_derivatives_are_metrics_of_a_trial():
    metrics = {"val_loss": 0.5, gradient_metric("lr"): -2.0, gradient_metric("a/b"): 1.0}
    assert gradient_of(Trial(0, {}, metrics=Metrics(metrics))) == {"lr": -2.0, "a/b": 1.0}
    assert gradient_of(Trial(0, {})) == {}
