"""What somebody sees who opens the HParams page."""

import shutil

import pytest

from kerastune_lite.events import EpochEnded
from kerastune_lite.views.tensorboard import TensorBoardView
from tests.views.fake_search import FakeSearch
from tests.views.test_tensorboard_http import PATIENCE, SPACE, groups, tensorboard

pytestmark = [pytest.mark.browser, pytest.mark.slow]

BROWSERS = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")


@pytest.fixture
def page():
    playwright = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
    executable = next(filter(None, map(shutil.which, BROWSERS)), None)
    if executable is None:
        pytest.skip(f"none of {', '.join(BROWSERS)} is installed")
    with playwright.sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=executable, args=["--no-sandbox"])
        page = browser.new_page(viewport={"width": 1800, "height": 1000})
        page.set_default_timeout(PATIENCE * 1000)
        yield page
        browser.close()


def test_the_table_and_the_parallel_coordinates_show_the_trials(tmp_path, page):
    errors = []
    page.on("pageerror", lambda error: errors.append(error))
    search = FakeSearch(TensorBoardView(tmp_path / "logs"), space=SPACE)
    deep = {"optimizer": "sgd", "momentum": 0.5, "layers": 2, "units_1": 16}
    deep |= {"dropout": True, "decay": None}
    flat = {"optimizer": "adam", "layers": 1, "dropout": False, "decay": 0.5}
    search.run(0, deep, scores=(0.25,))
    search.run(1, {**flat, "units_1": 32}, used=flat, scores=(0.5,))
    search.run(2, {**deep, "momentum": 0.25}, scores=(0.125, 0.375))
    failed = search.start(3, deep)
    search.tell(EpochEnded(3, 0, 0, 0, {"loss": float("nan"), "val_loss": float("inf")}))
    search.end(failed, search.train(failed, epochs=(1, 1), score=None))

    with tensorboard(tmp_path / "logs", tmp_path / "log.txt") as url:
        groups(url, lambda found: len(found) == 4)
        page.goto(f"{url}/#hparams")
        cells = page.locator("vaadin-grid-cell-content")
        for number in range(4):
            cells.get_by_text(f"digits/trial_{number:04d}", exact=True).wait_for()
        texts = {text.strip() for text in cells.all_inner_texts()}
        page.get_by_text("Parallel coordinates view").click()
        lines = page.locator("tf-hparams-parallel-coords-plot .foreground path")
        lines.nth(2).wait_for(state="attached")
        count = lines.count()
    assert {"momentum", "objective", "inactive", "None", "0.25000", "0.50000", "sgd"} <= texts
    # All that have a score, whichever parameters they use; a failed trial has no end to draw to.
    assert count == 3
    assert not errors
