"""Which arrays of the data go where: to inputs, losses and metrics.

Keras is asked for it, with numbered leaves in place of the data, so that any nesting and any names
count here as they do in training.
"""

from __future__ import annotations

import dataclasses
import itertools
from collections.abc import Sequence
from typing import Any

import numpy as np

from kerastune_lite._src.keras.compat import nesting
from kerastune_lite._src.keras.fast.numpy.nodes import NotInArrays
from kerastune_lite._src.keras.fast.samples import Samples
from kerastune_lite._src.keras.loading import load_keras

keras = load_keras()

Array = np.ndarray


@dataclasses.dataclass(frozen=True)
class Source:
    """Where an input of a model comes from.

    Attributes:
        leaf: of the data, among its inputs.
        shape: of a sample, as the model takes it.
        dtype: as the model takes it.
    """

    leaf: int
    shape: tuple[int, ...]
    dtype: str

    def of(self, leaves: Sequence[Array]) -> Array:
        """The samples, `(n, *shape)`, or some steps of them; their type is that of the data."""
        leaf = np.asarray(leaves[self.leaf])
        if leaf.ndim == 1 + len(self.shape):
            return leaf
        return leaf.reshape(len(leaf), *self.shape)


@dataclasses.dataclass(frozen=True)
class Match:
    """What meets in a loss or a metric: places among the leaves of the data, and of the outputs.

    Attributes:
        weight: of the weights of samples; None where they do not count.
    """

    target: int
    output: int
    weight: int | None


@dataclasses.dataclass(frozen=True)
class Matches:
    """Of the losses of a model, and of its metrics, in Keras's order."""

    losses: tuple[Match, ...]
    metrics: tuple[Match, ...]

    @property
    def outputs(self) -> set[int]:
        """Those that are looked at."""
        return {match.output for match in (*self.losses, *self.metrics)}


def sources_of(model: Any, samples: Samples) -> tuple[Source, ...]:
    """Where the inputs of a model come from.

    Raises:
        NotInArrays: Keras would convert them in some special way.
    """
    x, _, _ = keras.utils.unpack_x_y_sample_weight(samples.tensors)
    leaves = keras.tree.flatten(x)
    numbers = itertools.count()
    numbered = keras.tree.map_structure(
        lambda leaf: np.full((1, *leaf.shape[1:]), next(numbers), np.float32), x
    )
    found = []
    for given, tensor in zip(nesting.as_inputs(model, numbered), model.inputs, strict=True):
        taken = np.asarray(given)
        source = Source(int(taken.flat[0]), taken.shape[1:], str(tensor.dtype))
        _check_type(leaves[source.leaf].dtype.name, source.dtype)
        found.append(source)
    return tuple(found)


def _check_type(given: str, taken: str) -> None:
    whole = "int" in given or given == "bool"
    if not (taken == "float32" or "int" in taken):
        raise NotInArrays(f"inputs of type {taken}")
    if not (whole or given == taken == "float32"):
        raise NotInArrays(f"inputs of type {given}")


def matches_of(model: Any, samples: Samples) -> Matches:
    """What meets in the losses and metrics of a model that is built, with them.

    Raises:
        NotInArrays: there are no targets, or weights of parts of samples.
    """
    _, y, weight = keras.utils.unpack_x_y_sample_weight(samples.tensors)
    if y is None:
        raise NotInArrays("data without targets")
    places: dict[int, int] = {}
    kept = []

    def numbered(structure: Any) -> Any:
        numbers = itertools.count()

        def mark(leaf: Any) -> Any:
            kept.append(np.zeros(1, np.float32))
            places[id(kept[-1])] = next(numbers)
            return kept[-1]

        return keras.tree.map_structure(mark, structure)

    outputs = nesting.output_structure(model)
    given = numbered(y), numbered(outputs), None if weight is None else numbered(weight)

    def match(leaves: Sequence[Any]) -> Match:
        target, output, *rest = leaves
        of_samples = rest[0] if rest else None
        found = None if of_samples is None else places[id(of_samples)]
        return Match(places[id(target)], places[id(output)], found)

    found = Matches(
        tuple(map(match, nesting.losses_meet(model, *given))),
        tuple(map(match, nesting.metrics_meet(model, *given))),
    )
    _check_parts(model, keras.tree.flatten(weight), found)
    return found


def _check_parts(model: Any, weights: Sequence[Any], matches: Matches) -> None:
    if any(len(model.outputs[output].shape) != 2 for output in matches.outputs):
        raise NotInArrays("outputs of more than one axis")
    for place in {match.weight for match in (*matches.losses, *matches.metrics)}:
        if place is None:
            continue
        if len(weights[place].shape) != 1 or weights[place].dtype.name != "float32":
            raise NotInArrays("weights of parts of samples")
