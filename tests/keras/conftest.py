"""Of a table of cases one is quick here, the others are slow: they train hundreds of networks."""

from pathlib import Path

import pytest

HERE = Path(__file__).parent


def pytest_collection_modifyitems(items):
    begun = set()
    for item in items:
        if not hasattr(item, "callspec") or HERE not in item.path.parents:
            continue
        table = item.parent.nodeid, item.originalname
        if table in begun:
            item.add_marker(pytest.mark.slow)
        elif item.get_closest_marker("slow") is None:
            begun.add(table)


@pytest.fixture
def probed_anew():
    """What a probe has found before does not count, and what this test finds is forgotten."""
    from kerastune_lite._src.keras.compat import parts

    found = parts._missing, parts._say_once
    for each in found:
        each.cache_clear()
    yield
    for each in found:
        each.cache_clear()
