"""Data that each process loads for itself: the argument `data_fn` of `search()`."""

from __future__ import annotations

import copy
import dataclasses
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

from kerastune_lite._src.core.trial import Report, Segment
from kerastune_lite._src.keras.tuned_data import arguments_from
from kerastune_lite._src.search.execution.job import Emit, Job
from kerastune_lite._src.tuner.call import SearchCall, process_settings, reduced_dataset


class LateDataJob(Job):
    """Makes its job when it is opened, with the arguments that a function of the user returns.

    Args:
        data_fn: returns what `fit` takes; see `Tuner.search`.
        call: of `search()`.
        make: makes the job of a call.
    """

    def __init__(
        self,
        data_fn: Callable[[], Any],
        call: SearchCall,
        make: Callable[[SearchCall], Job],
        whole_trials: bool,
        resumable: bool,
    ) -> None:
        if not callable(data_fn):
            raise TypeError(
                "`data_fn` is a function without arguments that returns what fit() takes, such as "
                f"(x, y). Received: {data_fn!r} of type {type(data_fn).__name__}."
            )
        if call.args or "x" in call.kwargs:
            raise ValueError(
                "The data comes either from `data_fn` or from the arguments of search(). Received "
                "both: leave one of them out."
            )
        self._data_fn, self._call, self._make = data_fn, call, make
        self.whole_trials, self.resumable = whole_trials, resumable
        self.settings = process_settings()
        self._job: Job | None = None
        self._folder: Path | None = None

    def reduced(self, value: Any) -> tuple[Any, ...] | None:
        return reduced_dataset(value)  # validation data, for example

    def relocated(self, folder: Path) -> LateDataJob:
        other = copy.copy(self)
        other._folder = folder
        return other

    def open(self) -> None:
        args, kwargs = arguments_from(self._data_fn(), "`data_fn`")
        kwargs = {**self._call.kwargs, **kwargs}
        job = self._make(dataclasses.replace(self._call, args=args, kwargs=kwargs))
        self._job = job if self._folder is None else job.relocated(self._folder)
        self._job.open()

    def close(self) -> None:
        job, self._job = self._job, None
        if job is not None:
            job.close()

    @property
    def together(self) -> int:
        return 1 if self._job is None else self._job.together

    def run(self, segments: Sequence[Segment], emit: Emit) -> Iterator[Report]:
        assert self._job is not None
        return self._job.run(segments, emit)
