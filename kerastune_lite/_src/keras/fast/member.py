"""A training that can begin, alone or beside others."""

from __future__ import annotations

import functools
from collections.abc import Sequence
from typing import Any

import numpy as np

from kerastune_lite._src.keras.fast.callbacks import Callbacks
from kerastune_lite._src.keras.fast.fit_call import FitCall, Unsuitable
from kerastune_lite._src.keras.fast.graphs import graph_of
from kerastune_lite._src.keras.fast.samples import DEFAULT_BATCH_SIZE, Samples
from kerastune_lite._src.keras.fast.structure import NotShared, Structure, structure_of

_CHANGED = (
    "A dataset must have batches of one size and shape in all epochs, but for the last batch; "
    "search(fast=False) trains on any dataset."
)


class NotStacked(Exception):
    """This training is one for itself; the message says why, to follow upon a colon."""


class Member:
    """A training that can begin; a single one is a stack of one member.

    Args:
        model: compiled.
        call: the arguments of `fit`.
        training, validation: the data.
        seed: of the shuffling.
        whole: whether the state of the optimizer is wanted afterwards, too.

    Raises:
        Unsuitable: a callback wants to see batches.
    """

    def __init__(
        self,
        model: Any,
        call: FitCall,
        training: Samples,
        validation: Samples | None,
        seed: Sequence[int],
        whole: bool = False,
    ) -> None:
        self.model = model
        self.call = call
        self.training = training
        self.validation = validation
        self.whole = whole
        self.batch_size = training.batch_size or call.batch_size or DEFAULT_BATCH_SIZE
        self.validation_batch_size: int | None = None
        if validation is not None:
            wanted = call.validation_batch_size or call.batch_size
            self.validation_batch_size = validation.batch_size or wanted or DEFAULT_BATCH_SIZE
        self.callbacks = Callbacks(model, call, self.steps)
        self._seed = seed
        self._shuffle = call.shuffle if training.shuffled is None else training.shuffled

    @property
    def steps(self) -> int:
        """Batches per epoch."""
        return -(-self.training.count // self.batch_size)

    def renew(self, what: str) -> bool:
        """Read the samples of the next epoch, if they may be others; whether they may.

        Args:
            what: "training" or "validation".

        Raises:
            RuntimeError: batches have another size or shape than in the first epoch.
        """
        before: Samples | None = getattr(self, what)
        if before is None or before.again is None:
            return False
        try:
            now = before.again()
        except Unsuitable as reason:
            raise RuntimeError(f"{_CHANGED} Received: {reason}.") from None
        if (now.types, now.batch_size) != (before.types, before.batch_size):
            raise RuntimeError(
                f"{_CHANGED} Received: {now.types} in batches of {now.batch_size} after "
                f"{before.types} in batches of {before.batch_size}."
            )
        setattr(self, what, now)
        return True

    def order(self, epoch: int) -> np.ndarray:
        """The samples of an epoch in the order of training; it follows from seed and epoch.

        Not the order that `fit` would draw, but of the same distribution.
        """
        count = self.training.count
        order = np.arange(count, dtype=np.int32)
        if self._shuffle:
            rng = np.random.default_rng([*self._seed, epoch])
            size = self.batch_size if self._shuffle == "batch" else count
            for begin in range(0, count, size):
                rng.shuffle(order[begin : begin + size])
        return order

    @functools.cached_property
    def graph(self) -> Any:
        """What is trained in the model's place: itself, or a functional model of its layers.

        Raises:
            NotShared: there is none.
        """
        x, _, _ = self.training.first_row
        return graph_of(self.model, x)

    def check_graph(self) -> None:
        """Refuse a model whose `call` would do something else by now than when it was recorded.

        Raises:
            RuntimeError: a callback has set what it depends on.
        """
        if self.graph is not self.model:
            x, _, _ = self.training.first_row
            if structure_of(graph_of(self.model, x), sized=False).key != self.literal_structure.key:
                raise RuntimeError("A callback has changed what the model computes.")

    @functools.cached_property
    def structure(self) -> Structure:
        """The model's, with open sizes where they can be.

        Raises:
            NotShared: it has none.
        """
        return self._structure(sized=True)

    @functools.cached_property
    def literal_structure(self) -> Structure:
        """The model's, with literal sizes.

        Raises:
            NotShared: it has none.
        """
        return self._structure(sized=False)

    def _structure(self, sized: bool) -> Structure:
        return structure_of(self.graph, sized)

    @property
    def types(self) -> tuple[str, str]:
        """Of the data to train on, and to validate on."""
        return self.training.types, "" if self.validation is None else self.validation.types

    @property
    def samples(self) -> tuple[Samples, ...]:
        """To train on, and to validate on."""
        return (self.training, *([] if self.validation is None else [self.validation]))

    @functools.cached_property
    def key(self) -> tuple[Any, ...]:
        """Members of equal keys may train side by side; each may have samples of its own."""
        call, freq = self.call, self.call.validation_freq
        return (
            self.literal_structure.key,
            self.batch_size,
            self.validation_batch_size,
            call.initial_epoch,
            call.epochs,
            freq if isinstance(freq, int) else tuple(sorted(freq)),
            *self.types,
        )

    def check_beside(self) -> None:
        """Refuse what has to be trained alone.

        Raises:
            NotStacked: with the reason.
        """
        try:
            _ = self.literal_structure
        except NotShared as reason:
            raise NotStacked(str(reason)) from None
        if self.callbacks.look_closely:
            raise NotStacked("a callback that may look at all of the model")
        if self.callbacks.halt_on_nan:
            raise NotStacked("TerminateOnNaN")
        if self.call.verbose not in (0, "auto"):
            raise NotStacked("what is printed of each epoch")
