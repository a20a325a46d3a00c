"""`kerastune tensorboard` and `dashboard`: pages in the browser, served until Ctrl-C."""

from __future__ import annotations

import argparse
import tempfile
import threading
import time
from pathlib import Path
from typing import Any
from wsgiref.simple_server import WSGIRequestHandler, make_server

from kerastune_lite._src.cli.projects import open_with_trials
from kerastune_lite._src.cli.usage_errors import CommandError
from kerastune_lite._src.search.open_project import open_project
from kerastune_lite._src.store.project_folder import ProjectFolder, projects_below


def run_tensorboard(options: argparse.Namespace) -> None:
    """Serve TensorBoard on a project, or on all projects below a folder."""
    from kerastune_lite._src.views.tensorboard.server import PAGE, TensorBoardServer

    folder = ProjectFolder.at(options.directory)
    logdir = folder.tensorboard if folder.exists else folder.root
    if not folder.exists and next(projects_below(options.directory), None) is None:
        open_project(options.directory)  # raises, and says what is wrong
    try:
        server = TensorBoardServer(str(logdir), options.port)
    except RuntimeError as error:
        raise CommandError(str(error)) from error
    try:
        print(f"TensorBoard: {server.url}{PAGE} (Ctrl-C ends it)", flush=True)
        while server.alive:
            time.sleep(1)
    finally:
        server.stop()
    raise CommandError("TensorBoard has ended.")


def run_dashboard(options: argparse.Namespace) -> None:
    """Serve optuna-dashboard on a copy of the trials."""
    from kerastune_lite._src.views.tensorboard.server import HOST

    project = open_with_trials(options.directory)
    try:
        import optuna_dashboard
    except ImportError as error:
        raise CommandError(
            "This needs optuna-dashboard. Install it with: pip install 'kerastune_lite[dashboard]'"
        ) from error
    with tempfile.TemporaryDirectory(prefix="kerastune-") as folder:
        # A journal, which is written quickly; a thousand trials take minutes with SQLite.
        path = str(Path(folder, "study.log"))
        project.to_optuna(path)
        app = optuna_dashboard.wsgi(path)
        try:
            server = make_server(HOST, options.port, app, handler_class=_Quiet)
        except OSError as error:
            raise CommandError(
                f"The dashboard cannot listen on port {options.port}: {error}. Choose "
                "another one with --port."
            ) from error
        with server:
            # In a thread: Ctrl-C during a response would only end that response.
            threading.Thread(target=server.serve_forever, daemon=True).start()
            try:
                print(
                    f"optuna-dashboard: http://{HOST}:{options.port}/ (Ctrl-C ends it)", flush=True
                )
                while True:
                    time.sleep(1)
            finally:
                server.shutdown()


class _Quiet(WSGIRequestHandler):
    """Does not log the requests."""

    def log_message(self, format: str, *args: Any) -> None: ...
