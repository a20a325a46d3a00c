"""`kerastune tensorboard` and `dashboard`: real servers, asked over HTTP, and Ctrl-C."""

import contextlib
import json
import re
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request

import pytest

from kerastune_lite._src.cli.command import main
from kerastune_lite._src.views.tensorboard.tensorboard_view import TensorBoardView
from tests.processes import environment
from tests.projects import recorded
from tests.views import streams

pytestmark = [pytest.mark.slow, pytest.mark.usefixtures("heard")]


@contextlib.contextmanager
def served(*arguments):
    """A command that serves, and its address; it is there until the end of the block."""
    command = [sys.executable, "-u", "-m", "kerastune_lite", *map(str, arguments)]
    process = subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, env=environment()
    )
    try:
        said = []
        for line in process.stdout:
            said.append(line)
            found = re.search(r"http://127\.0\.0\.1:\d+", line)
            if found:
                break
        else:
            raise RuntimeError("".join(said))
        yield process, found.group()
    finally:
        process.kill()
        process.communicate()


def answer(url):
    """What is answered as soon as somebody listens: some say their address before they do."""
    for _ in range(100):
        with contextlib.suppress(urllib.error.URLError):
            return get(url)
        time.sleep(0.1)
    raise TimeoutError(url)


def get(url):
    with urllib.request.urlopen(url, timeout=30) as response:
        return json.load(response)


def stopped(process):
    """The exit code after Ctrl-C, and what was said in the end."""
    process.send_signal(signal.SIGINT)
    said, _ = process.communicate(timeout=30)
    return process.returncode, said


def with_event_files(directory, name):
    events = streams.simple()
    project = recorded(directory, events, name)
    view = TensorBoardView(project / "tensorboard")
    for event in events:
        view.on_event(event)
    view.close()
    return project


def test_tensorboard_shows_one_project_or_all_of_a_folder(tmp_path):
    one = with_event_files(tmp_path, "one")
    with_event_files(tmp_path, "two")
    for directory, logdir in ((one, one / "tensorboard"), (tmp_path, tmp_path)):
        with served("tensorboard", directory, "--port", 0) as (process, url):
            assert get(f"{url}/data/environment")["data_location"] == str(logdir)
            code, said = stopped(process)
            assert (code, said) == (130, "")
            with pytest.raises(OSError, match="refused"):
                get(f"{url}/data/environment")


def test_a_port_that_is_taken_is_said_in_words(tmp_path, capsys):
    project = with_event_files(tmp_path, "one")
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = str(taken.getsockname()[1])
        assert main(["tensorboard", str(project), "--port", port]) == 1
    err = capsys.readouterr().err
    assert "TensorBoard did not start" in err
    assert "Traceback" not in err


def free_port():
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return found.getsockname()[1]


def test_dashboard_shows_the_trials_so_far(tmp_path):
    pytest.importorskip("optuna_dashboard")
    project = recorded(tmp_path, streams.interrupted())
    with served("dashboard", project, "--port", free_port()) as (process, url):
        (study,) = answer(f"{url}/api/studies")["study_summaries"]
        assert (study["study_name"], study["directions"]) == ("digits", ["maximize"])
        trials = get(f"{url}/api/studies/{study['study_id']}")["trials"]
        assert [(trial["number"], trial["state"]) for trial in trials] == [
            (0, "Complete"),
            (1, "Running"),
        ]
        assert trials[0]["values"] == [0.9]
        assert stopped(process)[0] == 130
    assert list(tmp_path.iterdir()) == [project]


def test_dashboard_without_its_package_says_what_to_install(tmp_path, monkeypatch, capsys):
    monkeypatch.setitem(sys.modules, "optuna_dashboard", None)
    assert main(["dashboard", str(recorded(tmp_path, streams.simple()))]) == 1
    assert "pip install 'kerastune_lite[dashboard]'" in capsys.readouterr().err
