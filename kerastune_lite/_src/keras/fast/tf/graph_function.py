"""A traced function that starts once, however often TensorFlow is seeded in between."""

from __future__ import annotations

from typing import Any

import numpy as np

from kerastune_lite._src.keras.fast.structure import NotShared
from kerastune_lite._src.keras.loading import load_keras

keras = load_keras()


class GraphFunction:
    """A traced function, run by a session of its own.

    Seeding TensorFlow, which each trial begins with, makes it prepare all functions again before
    they run. For a function of thousands of operations that takes seconds; a session is not
    affected.

    Args:
        function: concrete, of tensors alone.

    Raises:
        NotShared: it uses variables.
    """

    def __init__(self, function: Any) -> None:
        import tensorflow as tf

        captured = list(function.captured_inputs)
        if any(value.dtype == tf.resource for value in captured):
            raise NotShared("its computation has variables of its own")
        self._captured = [value.numpy() for value in captured]
        graph = tf.Graph()
        with graph.as_default():
            tf.import_graph_def(function.graph.as_graph_def(), name="")
        self._types = [value.dtype.as_numpy_dtype for value in function.inputs]
        self._session = tf.compat.v1.Session(graph=graph)
        self._call = self._session.make_callable(
            [value.name for value in function.outputs], [value.name for value in function.inputs]
        )

    def __call__(self, *args: Any) -> list[np.ndarray]:
        """The outputs, flat.

        Args:
            *args: those of the function.
        """
        given = [*keras.tree.flatten(list(args)), *self._captured]
        arrays = (np.asarray(value, kind) for value, kind in zip(given, self._types))
        found: list[np.ndarray] = self._call(*arrays)
        return found

    def __del__(self) -> None:
        session = getattr(self, "_session", None)
        if session is not None:
            session.close()
