"""Parts of Keras and TensorFlow that are not public: looked for once, when first needed.

A part has a probe, which tries it on a small example. Where one fails, what needs the part takes
its way out, with one line in the log.
"""

from __future__ import annotations

import dataclasses
import functools
import logging
from collections.abc import Callable, Mapping

from kerastune_lite._src.keras.compat.global_state import names_given_back
from kerastune_lite._src.keras.loading import load_keras
from kerastune_lite._src.util.generators import kept_generators

logger = logging.getLogger(__name__)


@dataclasses.dataclass(frozen=True, eq=False)
class Part:
    """A part that is not public.

    Attributes:
        without: what becomes of what needs it where it is missing, for the log.
        probes: what is looked for, in words -> whether it is there. What they draw from Python's
            and NumPy's generators is put back: the seed of the trial may have been set by now.
        backend: of Keras, without which nothing is looked for; None: it is there with all.
    """

    without: str
    probes: Mapping[str, Callable[[], bool]]
    backend: str | None = None

    @property
    def is_there(self) -> bool:
        """Whether nothing is missing."""
        return self.missing() is None

    def missing(self) -> str | None:
        """What is missing, in words; None if nothing is."""
        reason = _missing(self)
        if reason is not None:
            _say_once(f"{self.without}: {reason}.")
        return reason


@functools.cache
def _missing(part: Part) -> str | None:
    keras = load_keras()
    backend = keras.backend.backend()
    if part.backend not in (None, backend):
        return f"the {backend} backend"
    for what, probe in part.probes.items():
        try:
            # Names are as they were: those of a trial must not tell whether it was the first.
            with names_given_back(), kept_generators():
                works = probe()
        except Exception as error:
            logger.debug("The probe of %s failed.", what, exc_info=error)
            works = False
        if not works:
            return f"{_versions(backend)} differs in {what}"
    return None


def _versions(backend: str) -> str:
    keras = f"Keras {load_keras().__version__}"
    if backend != "tensorflow":
        return keras
    import tensorflow as tf

    return f"{keras} on TensorFlow {tf.__version__}"


@functools.cache
def _say_once(line: str) -> None:
    logger.info(line)
