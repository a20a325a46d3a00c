"""What somebody sees who opens MLflow's page of a search, in a real browser."""

import contextlib
import socket
import subprocess
import sys
import time
import urllib.request
from pathlib import Path

import pytest

import kerastune_lite as kt

pytest.importorskip("mlflow", reason="MLflow is not installed")
pytest.importorskip("playwright.sync_api", reason="playwright is not installed")

from docs.tensorboard_pages import browser

pytestmark = [
    pytest.mark.browser,
    pytest.mark.slow,
    pytest.mark.skipif(browser() is None, reason="there is no Chromium"),
    pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::FutureWarning"),
]

SCREENSHOTS = Path(__file__).parents[2] / "screenshots"


@contextlib.contextmanager
def server(folder):
    """A server of MLflow on this machine."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = str(free.getsockname()[1])
    command = [sys.executable, "-m", "mlflow", "server", "--host", "127.0.0.1", "--port", port]
    command += ["--workers", "1", "--backend-store-uri", f"sqlite:///{folder}/mlflow.db"]
    command += ["--artifacts-destination", str(folder / "artifacts")]
    with open(folder / "server.log", "w", encoding="utf-8") as log:
        process = subprocess.Popen(command, stdout=log, stderr=log, cwd=folder)
        try:
            url = f"http://127.0.0.1:{port}"
            wait_for(url)
            yield url
        finally:
            process.terminate()
            process.wait(30)


def wait_for(url):
    for _ in range(600):
        with contextlib.suppress(OSError), urllib.request.urlopen(f"{url}/health", timeout=5):
            return
        time.sleep(0.2)
    raise AssertionError(f"{url} does not answer")


class Paraboloid(kt.RandomSearch):
    def run_trial(self, trial, **kwargs):
        return (trial.hyperparameters.Float("rate", -1.0, 1.0) - 0.25) ** 2


def test_the_page_of_the_experiment_has_the_search_and_its_trials(tmp_path):
    from mlflow.tracking import MlflowClient
    from playwright.sync_api import expect, sync_playwright

    SCREENSHOTS.mkdir(exist_ok=True)
    with server(tmp_path) as url:
        tuner = Paraboloid(max_trials=4, directory=tmp_path, project_name="paraboloid", seed=0)
        tuner.search(callbacks=[kt.callbacks.MLflowLogger(url)], verbose=0)
        experiment = MlflowClient(url).get_experiment_by_name("paraboloid").experiment_id
        with sync_playwright() as play:
            opened = play.chromium.launch(executable_path=browser(), args=["--no-sandbox"])
            page = opened.new_page(viewport={"width": 1280, "height": 800})
            page.goto(f"{url}/#/experiments/{experiment}/runs")
            parent = page.get_by_role("row").filter(has=page.get_by_role("link", name="paraboloid"))
            parent.get_by_role("button").first.click(timeout=60_000)  # it shows the runs below it
            for number in range(4):
                link = page.get_by_role("link", name=f"trial_000{number}")
                expect(link).to_be_visible(timeout=60_000)
            page.screenshot(path=SCREENSHOTS / "mlflow.png")
            opened.close()
