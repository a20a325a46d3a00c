"""As in a search, what TensorFlow traces in a test is let go of after it."""

import pytest

from kerastune_lite._src.keras import session


@pytest.fixture(autouse=True)
def traced_functions():
    with session.traced_functions():
        yield
