"""Makes the documentation's pictures by running the demo: `make screenshots`.

Runs examples/digits.py in a pseudo-terminal and draws what it showed, then opens the project in
TensorBoard and photographs its pages in a headless Chromium. The pictures land in docs/images/.
"""

import os
import pty
import re
import select
import sys
import tempfile
from pathlib import Path

from rich.ansi import AnsiDecoder
from rich.console import Console
from tensorboard_pages import pages

import kerastune_lite as kt

ROOT = Path(__file__).parents[1]
IMAGES = ROOT / "docs" / "images"
WIDTH, HEIGHT = 118, 60


def run_in_terminal(command):
    """What `command` writes to a terminal of our width, as one text."""
    pid, terminal = pty.fork()
    if pid == 0:
        os.environ.update(COLUMNS=str(WIDTH), LINES=str(HEIGHT), TERM="xterm-256color")
        os.execv(command[0], command)
    chunks = []
    while True:
        select.select([terminal], [], [])
        try:
            chunk = os.read(terminal, 65536)
        except OSError:  # how Linux says that the other end was closed
            break
        if not chunk:
            break
        chunks.append(chunk)
    os.waitpid(pid, 0)
    return b"".join(chunks).decode()


def picture_of_console(text, path):
    """The live line as it was in mid-search, and all that stayed on the screen."""
    frames = [frame for frame in re.split(r"[\r\n]+|\x1b\[[0-9]*[KAGJ]", text) if "epoch" in frame]
    screen = re.sub(r"[^\n]*\r(?!\n)", "", text.replace("\r\n", "\n"))
    console = Console(record=True, width=WIDTH, file=open(os.devnull, "w"), force_terminal=True)  # noqa: SIM115
    console.print("[bold]$ python examples/digits.py[/bold]\n")
    for line in AnsiDecoder().decode(frames[len(frames) // 2]):
        console.print(line)
    console.print("\n[dim]  ... a minute later:[/dim]\n")
    for line in AnsiDecoder().decode(screen.strip("\n")):
        console.print(line)
    svg = console.export_svg(title="kerastune_lite")
    # The reader's own monospaced font will do; a picture has no business fetching one.
    path.write_text(re.sub(r"@font-face \{.*?\}\s*", "", svg, flags=re.DOTALL), encoding="utf-8")


def pictures_of_tensorboard(project, images):
    """The pages of TensorBoard, once they show the whole search."""
    server = kt.open_project(project).tensorboard()
    try:
        with pages(server.url, images, "runs/digits/tensorboard") as site:
            site.hparams("digits/trial_0019")
            site.parallel_coordinates(20)
            site.time_series("validation/epoch_")
            site.custom_scalars(["val_accuracy by epoch", "val_accuracy by trial"])
            site.text()
            site.images()
    finally:
        server.stop()


def _as_at_home(text, directory):
    """The text without the folders of this run."""
    text = text.replace(os.path.relpath(sys.executable), "python")
    return text.replace(directory, "runs")


def main():
    IMAGES.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory() as directory:
        demo = str(ROOT / "examples" / "digits.py")
        text = run_in_terminal([sys.executable, demo, "--directory", directory])
        picture_of_console(_as_at_home(text, directory), IMAGES / "console.svg")
        pictures_of_tensorboard(Path(directory, "digits"), IMAGES)


if __name__ == "__main__":
    main()
