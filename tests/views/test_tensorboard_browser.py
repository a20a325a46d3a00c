"""What somebody sees who opens the TensorBoard of a finished search, in a real browser.

The pictures of the pages are kept in tests/screenshots/. The same code makes those of the
documentation (docs/screenshots.py).
"""

from pathlib import Path

import pytest

from kerastune_lite._src.core.events import EpochEnded
from kerastune_lite._src.views.tensorboard.server import TensorBoardServer
from kerastune_lite._src.views.tensorboard.tensorboard_view import TensorBoardView
from tests.views.fake_search import FakeSearch
from tests.views.test_tensorboard_http import SPACE, groups

pytest.importorskip("playwright.sync_api", reason="playwright is not installed")

from docs.tensorboard_pages import browser, pages

pytestmark = [
    pytest.mark.browser,
    pytest.mark.slow,
    pytest.mark.skipif(browser() is None, reason="there is no Chromium"),
]

SCREENSHOTS = Path(__file__).parents[1] / "screenshots"
DEEP = {"optimizer": "sgd", "momentum": 0.5, "layers": 2, "units_1": 16}
DEEP |= {"dropout": True, "decay": None}
FLAT = {"optimizer": "adam", "layers": 1, "dropout": False, "decay": 0.5}


def demo(directory):
    """A search with all that happens; the loss depends on `units_1` and little else."""
    search = FakeSearch(TensorBoardView(directory), space=SPACE)
    search.run(0, DEEP, scores=(0.25,))
    search.run(1, {**FLAT, "units_1": 32}, used=FLAT, scores=(0.5,))
    search.run(2, {**DEEP, "momentum": 0.25}, scores=(0.125, 0.375))
    failed = search.start(3, DEEP)
    search.tell(EpochEnded(3, 0, 0, 0, {"loss": float("nan"), "val_loss": float("inf")}))
    message = "ValueError: the loss is not finite"
    search.end(failed, search.train(failed, epochs=(1, 1), score=None, message=message))
    for number in range(4, 20):
        units, momentum = 8 + 3 * (number - 4), (number * 7 % 16) / 16
        values = {**DEEP, "units_1": units, "momentum": momentum}
        search.run(number, values, scores=(0.2 + (units / 64) ** 2,))
    search.stop()


def test_the_pages_show_the_search(tmp_path):
    SCREENSHOTS.mkdir(exist_ok=True)
    demo(tmp_path)
    server = TensorBoardServer(str(tmp_path))
    try:
        groups(server.url, lambda found: len(found) == 20)
        with pages(server.url, SCREENSHOTS) as site:
            headers, cells = site.hparams("digits/trial_0003")
            axes, lines = site.parallel_coordinates(19)
            runs, charts = site.time_series("train/epoch_")
            site.custom_scalars(["val_loss by epoch", "val_loss by trial"])
            ranked = site.text()
            width, height = site.images()
    finally:
        server.stop()
    assert not site.errors

    # The most important column is the first, and the objective the first of the metrics.
    assert headers[:3] == ["Trial ID", "Show Metrics", "units_1"]
    assert headers.index("objective") == 7  # after the five columns that TensorBoard shows
    trial = cells.index("digits/trial_0001")
    assert cells[trial + 2] == "inactive"
    assert {f"digits/trial_{number:04d}" for number in range(4)} <= set(cells)
    assert {"None", "0.25000", "0.50000"} <= set(cells)
    # All that have a score, whichever parameters they use; a failed trial has no end to draw to.
    assert lines == 19
    assert axes[0] == "units_1"
    assert "objective" in axes
    assert {"_search", "trial_0000", "trial_0002/execution1"} <= set(runs)
    assert sorted(charts) == ["train/epoch_learning_rate", "train/epoch_loss"]
    at = charts["train/epoch_loss"].index("trial_0000")
    assert charts["train/epoch_loss"][at + 2 : at + 4] == ["1", "1"]  # the loss at the last epoch
    assert ranked[0][:4] == ["rank", "trial", "val_loss", "±"]
    assert [row[1] for row in ranked[1:6]] == ["4", "5", "6", "0", "2"]
    assert (width, height) == (560, 32 + 30 * 7)
