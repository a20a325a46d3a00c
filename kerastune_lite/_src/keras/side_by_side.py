"""Executions and folds that are trained together."""

from __future__ import annotations

import contextlib
import logging
import time
from collections.abc import Generator, Sequence
from typing import Any, Protocol, TypeVar

from kerastune_lite._src.keras import session
from kerastune_lite._src.keras.fast.dispatcher import Dispatcher
from kerastune_lite._src.keras.fast.member import Member, NotStacked

logger = logging.getLogger(__name__)


class Waiting(Protocol):
    """Something that waits for its training."""

    member: Member | None


W = TypeVar("W", bound=Waiting)


def groups(dispatcher: Dispatcher, waiting: Sequence[W]) -> list[list[W]]:
    """What can be trained together; a group of one is better trained alone."""
    of_member = {id(each.member): each for each in waiting}
    members = [each.member for each in waiting if each.member is not None]
    return [[of_member[id(member)] for member in group] for group in dispatcher.groups(members)]


def train_together(
    dispatcher: Dispatcher, group: Sequence[W]
) -> Generator[tuple[W, Any, float], None, None]:
    """Train a group side by side.

    Yields:
        Each one that has ended, with its History or the exception that ended it, and its share of
        the time in seconds. After a NotStacked, it must be trained again, alone.
    """
    left = {id(each.member): each for each in group}
    members = [each.member for each in group if each.member is not None]
    started = time.perf_counter()
    failure: Exception
    try:
        results = dispatcher.fit_together(members)
        with session.traced_functions(), contextlib.closing(results):
            for member, result in results:
                share = (time.perf_counter() - started) / len(members)
                yield left.pop(id(member)), result, share
        return
    except NotStacked as reason:
        logger.debug("Not side by side after all: %s", reason)
        failure = reason
    except Exception as error:
        failure = error
    for each in left.values():
        yield each, failure, 0.0
