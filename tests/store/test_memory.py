import pytest

from tests.doubles import MemoryStore
from tests.store.conformance import StoreConformance


class TestMemoryStore(StoreConformance):
    """The double that other tests rely on behaves as the real one does."""

    @pytest.fixture
    def store(self):
        return MemoryStore()

    @pytest.fixture
    def reopen(self):
        return lambda store: store
