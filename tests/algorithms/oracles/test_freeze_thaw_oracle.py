"""The oracle of freeze-thaw: points by a model of learning curves."""

import pytest

from kerastune_lite.oracles import FreezeThawOracle
from tests.algorithms.oracles.conformance import FLAT, OracleConformance, run


class TestFreezeThawOracle(OracleConformance):
    @pytest.fixture
    def oracle(self):
        return FreezeThawOracle(27)


def test_begins_with_the_start():
    oracle = FreezeThawOracle(27)
    first, second = run(oracle, FLAT, 2)
    assert first.values == FLAT.start() != second.values
    assert oracle.unseen == "start"


@pytest.mark.parametrize(("error", "arguments"), [(TypeError, (2.5,)), (ValueError, (0,))])
def test_it_needs_a_number_of_epochs(error, arguments):
    with pytest.raises(error, match="max_epochs"):
        FreezeThawOracle(*arguments)
