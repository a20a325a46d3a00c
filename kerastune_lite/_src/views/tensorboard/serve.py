"""TensorBoard with the columns of the HParams page sorted by importance.

    python -m kerastune_lite._src.views.tensorboard.serve --logdir runs/digits/tensorboard

It takes the arguments of `tensorboard`, and only changes that order. TensorBoard sorts columns by
name and shows the first five. Its files could define columns (an "experiment" record), but only for
all projects below a log directory together, and would hide the hyperparameters of the others. So
the order is set in the response to the page, and the files stay valid for everybody.

TensorFlow is not imported: TensorBoard needs it for files in the cloud and for a few plugins that
have nothing to show here, and starts five times as fast without it.
"""

from __future__ import annotations

import json
import os
import sys
import threading
import types
from collections.abc import Callable, Iterable
from typing import Any

import absl.logging
from absl import app
from tensorboard import default, plugin_util, program
from tensorboard.backend import http_util
from tensorboard.data import provider
from tensorboard.plugins import base_plugin
from tensorboard.plugins.hparams import hparams_plugin
from werkzeug import wrappers

from kerastune_lite._src.views.tensorboard.names import PLUGIN, SHARES

WSGIApp = Callable[..., Iterable[bytes]]

_EXPERIMENT = "/experiment"


class OrderedHParams(hparams_plugin.HParamsPlugin):
    """The HParams page with the most important columns first.

    The importances are the latest in the runs `_search`; of several projects, the largest.
    """

    def __init__(self, context: base_plugin.TBContext) -> None:
        super().__init__(context)
        self._data = context.data_provider

    def get_plugin_apps(self) -> dict[str, WSGIApp]:
        """See the base class."""
        apps = super().get_plugin_apps()
        return {**apps, _EXPERIMENT: self._in_order(apps[_EXPERIMENT])}

    def _in_order(self, plain: WSGIApp) -> WSGIApp:
        @wrappers.Request.application
        def route(request: wrappers.Request) -> wrappers.Response:
            environ = dict(request.environ)
            environ.pop("HTTP_ACCEPT_ENCODING", None)  # a compressed response could not be read
            response = wrappers.Response.from_app(plain, environ)
            if response.status_code != 200:
                return response
            content = json.loads(response.get_data())
            columns = content.get("hparamInfos", [])
            shares = self._shares(request)
            columns.sort(key=lambda column: -shares.get(column["name"], -1.0))
            return http_util.Respond(request, content, "application/json")

        return route

    def _shares(self, request: wrappers.Request) -> dict[str, float]:
        found = self._data.read_tensors(
            plugin_util.context(request.environ),
            experiment_id=plugin_util.experiment_id(request.environ),
            plugin_name=PLUGIN,
            run_tag_filter=provider.RunTagFilter(tags=[SHARES]),
            downsample=1,  # the latest
        )
        shares: dict[str, float] = {}
        for tags in found.values():
            for name, share in json.loads(tags[SHARES][-1].numpy.item()).items():
                shares[name] = max(share, shares.get(name, 0.0))
        return shares


def plugins() -> list[Any]:
    """TensorBoard's plugins, with ours instead of its HParams."""
    return [
        OrderedHParams if plugin is hparams_plugin.HParamsPlugin else plugin
        for plugin in default.get_plugins()
    ]


def main(with_parent: bool = False) -> None:
    """Run until it is stopped, like `tensorboard`.

    Args:
        with_parent: also end when the standard input is closed, which happens when the parent
            process dies.
    """
    # The module by which TensorBoard recognises that it must not use TensorFlow.
    sys.modules.setdefault("tensorboard.compat.notf", types.ModuleType("notf"))
    absl.logging.set_verbosity(absl.logging.WARNING)
    if with_parent:
        threading.Thread(target=_end_with_input, daemon=True).start()
    server = program.TensorBoard(plugins=plugins())
    try:
        app.run(server.main, flags_parser=server.configure)
    except base_plugin.FlagsError as error:
        sys.exit(f"Error: {error}")


def _end_with_input() -> None:
    while os.read(sys.stdin.fileno(), 4096):
        pass
    os._exit(0)


if __name__ == "__main__":
    main()
