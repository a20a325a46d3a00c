"""Drives a headless Chromium through the pages of a TensorBoard, and photographs them.

For `screenshots.py`, which makes the pictures of the documentation, and for the test of what a
finished search looks like (tests/views/test_tensorboard_browser.py).
"""

import contextlib
import re
import shutil
import sys

from playwright.sync_api import TimeoutError as Timeout
from playwright.sync_api import sync_playwright

BROWSERS = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
PATIENCE = 60
"""Seconds to wait for what a page should show."""


def browser():
    """The path of this machine's Chromium, or None."""
    return next(filter(None, map(shutil.which, BROWSERS)), None)


@contextlib.contextmanager
def pages(url, folder, logdir=None):
    """The pages of the TensorBoard at `url`; pictures go to `folder`.

    `logdir` is what the pages are to call the log directory, if not by its name.
    """
    with sync_playwright() as driver:
        chromium = driver.chromium.launch(executable_path=browser(), args=["--no-sandbox"])
        try:
            site = Pages(chromium, url.rstrip("/"), folder)
            if logdir is not None:
                site.call_the_log_directory(logdir)
            yield site
        finally:
            chromium.close()


class Pages:
    """Each method opens a page, waits until it shows what it should, and photographs it.

    Attributes:
        errors: what went wrong in the pages' scripts.
    """

    def __init__(self, chromium, url, folder):
        self.errors = []
        self._url = url
        self._folder = folder
        self._page = chromium.new_page(viewport={"width": 1500, "height": 800})
        self._page.set_default_timeout(PATIENCE * 1000)
        self._page.on("pageerror", lambda error: self.errors.append(error))

    def call_the_log_directory(self, name):
        """Show this where TensorBoard shows its log directory."""

        def answer(route):
            response = route.fetch()
            route.fulfill(response=response, json={**response.json(), "data_location": name})

        self._page.route("**/data/environment*", answer)

    def hparams(self, last, name="hparams", height=620):
        """The table, as soon as it holds the trial `last`: the headers, and the texts of cells."""
        self._open("hparams", height)
        cells = self._page.locator("vaadin-grid-cell-content")
        with self._photographed(name):
            cells.get_by_text(last, exact=True).wait_for(state="attached")
        texts = [text.strip() for text in cells.all_inner_texts()]
        headers = self._page.locator("vaadin-grid-sorter, .table-header").all_inner_texts()
        return [text.strip() for text in headers], texts

    def parallel_coordinates(self, count, name="parallel_coordinates", height=620):
        """The axes, as soon as `count` lines are drawn, and how many there are."""
        self._open("hparams", height)
        self._page.get_by_text("Parallel coordinates view").click()
        plot = self._page.locator("tf-hparams-parallel-coords-plot")
        lines = plot.locator(".foreground path")
        with self._photographed(name):
            lines.nth(count - 1).wait_for(state="attached")
        return plot.locator(".axis-title").all_text_contents(), lines.count()

    def time_series(self, tag, name="time_series", height=620):
        """The runs, and by title the tables below the charts for `tag` (a regex)."""
        self._open("timeseries", height)
        cards = self._page.locator("scalar-card", has_text=re.compile(tag))
        with self._photographed(name):
            self._page.locator("button", has_text="Settings").click()
            self._page.get_by_role("combobox", name="Filter tags (regex)").fill(tag)
            cards.locator("line-chart").first.wait_for()
            self._page.keyboard.press("Escape")  # the list of tags that fit
        runs = self._page.locator("runs-data-table").inner_text().split()
        return runs, {
            "".join(card.locator("tb-truncated-path").first.inner_text().split()): card.locator(
                "scalar-card-data-table"
            )
            .inner_text()
            .split()
            for card in cards.all()
        }

    def custom_scalars(self, charts, name="custom_scalars", height=480):
        """The titles of the charts, as soon as all of `charts` have lines."""
        self._open("custom_scalars", height)
        with self._photographed(name):
            for title in charts:
                self._page.get_by_text(title).first.wait_for()
            self._page.locator("svg .plot path, svg .area").first.wait_for(state="attached")

    def text(self, run="_search", name="ranking", height=800):
        """The table's rows, as lists of texts."""
        self._open("text", height)
        with self._photographed(name):
            self._page.locator("tf-text-loader table tr").nth(1).wait_for()
        rows = self._page.locator("tf-text-loader table tr").all()
        return [row.locator("th, td").all_inner_texts() for row in rows]

    def images(self, name="importances", height=480):
        """The size of the first picture, (width, height) in pixels."""
        self._open("images", height)
        picture = self._page.locator("tf-image-loader img")
        with self._photographed(name):
            picture.first.wait_for()
        return picture.first.evaluate("image => [image.naturalWidth, image.naturalHeight]")

    def _open(self, page, height):
        self._page.set_viewport_size({"width": 1500, "height": height})
        # By way of another address, since a change of what follows # loads nothing.
        self._page.goto("about:blank")
        self._page.goto(f"{self._url}/#{page}")

    @contextlib.contextmanager
    def _photographed(self, name):
        path = self._folder / f"{name}.png"
        try:
            yield
            self._page.wait_for_timeout(1500)  # transitions of the page's own
        except Timeout:
            print(f"What it showed instead is in {path}", file=sys.stderr)
            raise
        finally:
            self._page.screenshot(path=path)
