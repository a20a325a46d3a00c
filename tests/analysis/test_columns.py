import numpy as np
import pytest

from kerastune_lite._src.analysis.unit_cube import columns_of, winsorized
from kerastune_lite.hyperparameters import Choice, Condition, Float, Parameter, Space
from tests.analysis.trials import completed


def test_inactive_is_not_a_number():
    space = Space(
        [
            Parameter("optimizer", Choice(("sgd", "adam"))),
            Parameter("momentum", Float(0.0, 0.5), (Condition("optimizer", ("sgd",)),)),
            Parameter("constant", Float(0.0, 1.0)),
        ]
    )
    found = columns_of(
        [
            completed(0, {"optimizer": "sgd", "momentum": 0.25, "constant": 0.5}, space, 1.0),
            completed(1, {"optimizer": "adam", "constant": 0.5}, space, 2.0),
        ]
    )
    assert found.names == ("optimizer", "momentum")
    np.testing.assert_allclose(found.units, [[0.25, 0.5], [0.75, np.nan]])


def test_names_stand_in_the_order_of_their_losses():
    space = Space([Parameter("kind", Choice(("a", "b", "c", "unused")))])
    losses = {"a": [5.0, 7.0], "b": [1.0], "c": [3.0]}
    pairs = [(kind, loss) for kind, each in losses.items() for loss in each]
    found = columns_of(
        [completed(n, {"kind": k}, space, loss) for n, (k, loss) in enumerate(pairs)]
    )
    np.testing.assert_allclose(found.units[:, 0], [5 / 6, 5 / 6, 1 / 6, 1 / 2])


@pytest.mark.parametrize(
    ("losses", "expected"),
    [
        ([0.0, 1.0, 2.0, 1e6], [0.0, 1.0, 2.0, 16.5]),  # the median is 1.5
        ([1.0, 1.0, 1.0, 9.0], [1.0, 1.0, 1.0, 9.0]),
        ([], []),
    ],
)
def test_what_diverged_is_moved_to_a_bound(losses, expected):
    np.testing.assert_allclose(winsorized(np.array(losses)), expected)
