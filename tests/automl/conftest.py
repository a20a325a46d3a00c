import pytest

from kerastune_lite._src.automl import learning
from tests.automl.models import small


@pytest.fixture(scope="module")
def small_networks():
    """Searches are of a small space whose networks train in NumPy."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(learning, "hypermodel_for", small)
        yield
