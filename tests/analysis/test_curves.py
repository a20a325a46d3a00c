import numpy as np
import pytest

from kerastune_lite._src.analysis.curves import fan, mean_curve
from kerastune_lite._src.core.objective import Objective, Sum
from tests.analysis.trials import LOSS

NAN = float("nan")


def of(*values):
    return [{"val_loss": list(values), "loss": [2 * value for value in values]}]


def test_quantiles_are_over_those_that_were_trained_so_long():
    found = fan({n: of(*[float(n)] * (2 if n < 4 else 3)) for n in range(7)}, LOSS)
    assert sorted(found.lines) == list(range(7))
    assert found.band.shape == (3, 3)
    np.testing.assert_allclose(found.band[1], [3, 3, 5])
    np.testing.assert_allclose(found.band[0], [0.6, 0.6, 4.2])


def test_two_trials_make_no_quantiles():
    assert np.isnan(fan({0: of(1, 2), 1: of(2, 3)}, LOSS).band).all()


def test_a_line_is_the_mean_of_executions_as_far_as_all_came():
    np.testing.assert_allclose(mean_curve(of(1, 2, 3) + of(3, 4), LOSS), [2, 3])
    np.testing.assert_allclose(mean_curve(of(1, 2) + of(3, NAN), LOSS), [2, NAN])
    assert mean_curve([], LOSS).shape == (0,)


def test_other_metrics_and_several_objectives():
    np.testing.assert_allclose(fan({0: of(1, 2)}, LOSS, "loss").lines[0], [2, 4])
    both = Sum((Objective("loss", "min"), Objective("val_loss", "max")))
    np.testing.assert_allclose(fan({0: of(1, 2)}, both).lines[0], [1, 2])


def test_trials_without_the_metric_are_left_out():
    assert list(fan({0: of(1, 2), 1: [], 2: of(NAN)}, LOSS).lines) == [0]


def test_a_metric_that_nobody_measured():
    with pytest.raises(ValueError, match=r"'auc'\. What was measured is \['loss', 'val_loss'\]"):
        fan({0: of(1, 2)}, LOSS, "auc")
    with pytest.raises(ValueError, match=r"Nothing was measured by epoch"):
        fan({0: []}, LOSS)
