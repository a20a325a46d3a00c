"""`tuner.tensorboard()`: a process that is started, shown, used again, and stopped."""

import os
import signal
import socket
import subprocess
import sys

import pytest

import kerastune_lite as kt
from kerastune_lite._src.views.tensorboard import server
from tests.processes import environment
from tests.views.test_tensorboard_http import groups, wait_for


class Square(kt.RandomSearch):
    def run_trial(self, trial):
        return trial.hyperparameters.Float("x", -1.0, 1.0) ** 2


def project(directory):
    tuner = Square(max_trials=3, seed=0, directory=directory, project_name="square")
    tuner.search(verbose=0)
    return tuner


class Stub:
    """Stands in for the process."""

    port, pid, alive = 6006, 4711, True
    url = server.TensorBoardServer.url

    def __init__(self, logdir, port=0):
        self.logdir = logdir


@pytest.fixture
def shown(monkeypatch):
    """What a notebook shows."""
    display = pytest.importorskip("IPython.display")
    frames = []
    monkeypatch.setattr(display, "display", frames.append)
    monkeypatch.setattr(server, "in_notebook", lambda: True)
    monkeypatch.setattr(server, "TensorBoardServer", Stub)
    monkeypatch.setattr(server, "_running", [])
    monkeypatch.delenv("TENSORBOARD_PROXY_URL", raising=False)
    return frames


def test_a_notebook_shows_one_frame_at_the_hparams_page(shown, tmp_path, capsys):
    server.show(str(tmp_path), height=500)
    (frame,) = shown
    assert 'src="http://127.0.0.1:6006/#hparams"' in frame._repr_html_()
    assert 'height="500"' in frame._repr_html_()
    assert "http://127.0.0.1:6006/#hparams (pid 4711)" in capsys.readouterr().out


def test_a_proxy_is_gone_through(shown, tmp_path, monkeypatch, capsys):
    monkeypatch.setenv("TENSORBOARD_PROXY_URL", "/user/me/proxy/%PORT%/")
    assert server.show(str(tmp_path)).url == "/user/me/proxy/6006/"
    assert 'src="/user/me/proxy/6006/#hparams"' in shown[0]._repr_html_()
    assert "/user/me/proxy/6006/#hparams" in capsys.readouterr().out


def test_one_that_is_dead_or_elsewhere_is_not_used_again(shown, tmp_path, monkeypatch):
    first = server.show(str(tmp_path))
    assert server.show(str(tmp_path), port=6006) is first
    assert server.show(str(tmp_path), port=6007) is not first
    assert server.show(str(tmp_path / "other")) is not first
    monkeypatch.setattr(Stub, "alive", False)
    assert server.show(str(tmp_path)) is not first


@pytest.mark.parametrize(
    ("arguments", "said"),
    [({"port": 70000}, "port=70000"), ({"height": 0}, "height=0"), ({"height": "9"}, "height='9'")],
)
def test_bad_arguments(tmp_path, arguments, said):
    with pytest.raises(ValueError, match=f"must be a whole number from .* Received: {said}"):
        server.show(str(tmp_path), **arguments)


@pytest.mark.slow
def test_it_shows_this_project_until_it_is_stopped(tmp_path, capsys, monkeypatch):
    monkeypatch.delenv("TENSORBOARD_PROXY_URL", raising=False)
    tuner = project(tmp_path)
    shown = tuner.tensorboard()
    try:
        rows = groups(shown.url, lambda found: len(found) == 3)
        again = kt.open_project(tmp_path / "square").tensorboard()
        with pytest.raises(RuntimeError, match=r"did not start; .*`port=0`(?s:.*)already in use"):
            server.TensorBoardServer(str(tmp_path), port=shown.port)
    finally:
        shown.stop()
    assert list(rows) == [f"square/trial_{number:04d}" for number in range(3)]
    assert again is shown
    first, second = capsys.readouterr().out.splitlines()
    assert first.startswith(f"TensorBoard: http://127.0.0.1:{shown.port}/#hparams (pid {shown.pid}")
    assert second.startswith("TensorBoard (already running): ")
    assert not shown.alive
    shown.stop()
    with pytest.raises(ConnectionRefusedError), socket.socket() as client:
        client.connect(("127.0.0.1", shown.port))


@pytest.mark.slow
@pytest.mark.skipif(not hasattr(os, "kill"), reason="needs kill")
def test_it_ends_with_the_process_that_started_it_even_by_sigkill(tmp_path):
    program = f"""if True:
        import time
        from kerastune_lite._src.views.tensorboard.server import show
        print(show({str(tmp_path)!r}).pid, flush=True)
        time.sleep(600)
    """
    owner = subprocess.Popen(
        [sys.executable, "-c", program], stdout=subprocess.PIPE, text=True, env=environment()
    )
    assert owner.stdout is not None
    with owner.stdout:
        owner.stdout.readline()
        pid = int(owner.stdout.readline())
        os.kill(pid, 0)
        owner.send_signal(signal.SIGKILL)
        owner.wait()
    wait_for(lambda: not _exists(pid))


def _exists(pid):
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    # A container's first process may not reap what it inherits.
    try:
        with open(f"/proc/{pid}/stat") as file:
            return file.read().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False
