"""The documentation's site (`make docs`), opened from the file system in a real browser.

The pictures are kept in tests/screenshots/: each page wide and narrow, in light and in dark.
"""

from pathlib import Path

import pytest

pytest.importorskip("playwright.sync_api", reason="playwright is not installed")

from playwright.sync_api import sync_playwright

from docs.tensorboard_pages import browser

SITE = Path(__file__).parents[1] / "site"
SCREENSHOTS = Path(__file__).parent / "screenshots"

pytestmark = [
    pytest.mark.browser,
    pytest.mark.slow,
    pytest.mark.skipif(browser() is None, reason="there is no Chromium"),
    pytest.mark.skipif(not (SITE / "index.html").exists(), reason="`make docs` was not run"),
]

PAGES = {
    "index": ("kerastune_lite", "a tuner finds the values of hp"),
    "docs/start": ("Start in five minutes", "The first search"),
    "docs/networks": ("Tune a network", "hp.Int"),
    "docs/choosing": ("Which search for which situation", "By gradient"),
    "docs/several_goals": ("Several objectives", "pareto_front"),
    "docs/measurements": ("What was measured", "make bench-training"),
    "docs/examples": ("Examples", "python examples/vae.py"),
    "docs/reference/tuners": ("Tuners", "class kerastune_lite.Tuner("),
    "docs/reference/oracles": ("Oracles", "kerastune_lite.oracles.CMAESOracle"),
    "notebooks/04_reading_the_results": ("", "tuner.plot.history"),
}
"""For each page its heading, and what stands on it."""


class Opened:
    """A page of a browser that loads files, and keeps what goes wrong.

    Attributes:
        wrong: messages of errors, and addresses that are not files or could not be loaded.
    """

    def __init__(self, chromium, width, scheme):
        self.page = chromium.new_page(
            viewport={"width": width, "height": 900}, color_scheme=scheme, reduced_motion="reduce"
        )
        self.wrong = []
        self.page.on("pageerror", lambda error: self.wrong.append(str(error)))
        self.page.on("requestfailed", lambda request: self.wrong.append(request.url))
        self.page.on("console", lambda m: m.type == "error" and self.wrong.append(m.text))
        self.page.on("request", self._note)

    def _note(self, request):
        if not request.url.startswith(("file:", "data:")):
            self.wrong.append(request.url)

    def show(self, name):
        self.page.goto(SITE.joinpath(f"{name}.html").as_uri(), wait_until="networkidle")
        self.page.wait_for_selector("h1")
        return self.page


@pytest.fixture(scope="module")
def chromium():
    with sync_playwright() as driver:
        chromium = driver.chromium.launch(executable_path=browser(), args=["--no-sandbox"])
        yield chromium
        chromium.close()


@pytest.fixture
def opened(chromium, request):
    opened = Opened(chromium, *getattr(request, "param", (1280, "light")))
    yield opened
    opened.page.close()


@pytest.mark.parametrize(
    "opened", [(1280, "light"), (400, "dark")], indirect=True, ids=["wide", "narrow"]
)
def test_ten_pages(opened, request):
    SCREENSHOTS.mkdir(exist_ok=True)
    kind = request.node.callspec.id
    for name, (heading, content) in PAGES.items():
        page = opened.show(name)
        assert page.inner_text("h1").startswith(heading)
        assert "kerastune_lite" in page.title()
        assert content in page.inner_text("article").replace("\n", " ").replace("  ", " ")
        width = page.viewport_size["width"]
        assert page.evaluate("document.documentElement.scrollWidth") <= width, name
        broken = "[...document.images].filter(each => !each.naturalWidth).map(each => each.src)"
        assert page.evaluate(broken) == []
        page.screenshot(path=SCREENSHOTS / f"site-{name.replace('/', '-')}-{kind}.png")
    assert opened.wrong == []


def test_search_finds_a_name(opened):
    page = opened.show("docs/start")
    page.fill("input[name=q]", "pareto_front")
    page.press("input[name=q]", "Enter")
    page.wait_for_selector("#search-results li a")
    page.wait_for_function("document.querySelector('.search-summary')?.innerText.includes('found')")
    found = page.eval_on_selector_all("#search-results li a", "all => all.map(each => each.href)")
    assert any("tuners.html#kerastune_lite.Tuner.pareto_front" in href for href in found)
    assert any("docs/several_goals.html" in href for href in found)
    page.screenshot(path=SCREENSHOTS / "site-search.png")
    page.goto(found[0])
    assert "pareto_front" in page.inner_text("article")
    assert opened.wrong == []


def test_light_becomes_dark(opened):
    page = opened.show("docs/choosing")
    background = "getComputedStyle(document.body).backgroundColor"
    light = page.evaluate(background)
    while page.evaluate("document.body.dataset.theme") != "dark":
        page.locator("button.theme-toggle:visible").first.click()
    assert page.evaluate(background) != light
    assert opened.wrong == []
