"""Where it runs: runners take segments and give back reports."""

from kerastune_lite.runners.base import Runner
from kerastune_lite.runners.inline import InlineRunner

__all__ = ["InlineRunner", "Runner"]
