"""`kerastune tensorboard` and `dashboard`: pages in the browser, served until Ctrl-C."""

from __future__ import annotations

import argparse
import tempfile
import time
from pathlib import Path

from kerastune_lite.cli.errors import CommandError
from kerastune_lite.cli.projects import folder_of, open_one, projects_below

HOST = "127.0.0.1"
"""Only programs on this machine can ask; a project is nobody else's business."""


def run_tensorboard(options: argparse.Namespace) -> None:
    """Serve TensorBoard on a project, or on all projects below a folder."""
    from kerastune_lite.views.tensorboard.server import PAGE, TensorBoardServer

    folder = folder_of(options.directory)
    logdir = folder.tensorboard if folder.exists else folder.root
    if not folder.exists and next(projects_below(options.directory), None) is None:
        open_one(options.directory)  # It says what is wrong.
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
    project = open_one(options.directory)
    if not project.trials:
        raise CommandError(f"No trial was recorded in {project.project_dir} yet.")
    try:
        import optuna_dashboard
    except ImportError as error:
        raise CommandError(
            "This needs optuna-dashboard. Install it with: pip install 'kerastune_lite[dashboard]'"
        ) from error
    with tempfile.TemporaryDirectory(prefix="kerastune-") as folder:
        # A journal, which is written at once; into SQLite a thousand trials take minutes.
        path = str(Path(folder, "study.log"))
        project.to_optuna(path)
        try:
            optuna_dashboard.run_server(path, HOST, options.port)
        except OSError as error:
            raise CommandError(
                f"The dashboard cannot listen on port {options.port}: {error}. Choose "
                "another one with --port."
            ) from error
    raise KeyboardInterrupt  # The server takes it for its own, and returns.
