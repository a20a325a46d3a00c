"""Freeze-thaw: a model of learning curves decides which training goes on."""

import pytest

from kerastune_lite.schedulers import FreezeThaw
from tests.algorithms.schedulers.conformance import RungConformance


class TestFreezeThaw(RungConformance):
    @pytest.fixture
    def scheduler(self):
        return FreezeThaw(27)
