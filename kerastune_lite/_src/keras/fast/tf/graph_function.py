"""A traced function that starts once, however often TensorFlow is seeded in between."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from kerastune_lite._src.keras.compat.traces import keeps_nothing_else
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
        rewritten: whether TensorFlow rewrites it first, so that it takes less time later.

    Raises:
        NotShared: it uses variables.
    """

    def __init__(self, function: Any, rewritten: bool = True) -> None:
        import tensorflow as tf

        captured = list(function.captured_inputs)
        if any(value.dtype == tf.resource for value in captured):
            raise NotShared("its computation has variables of its own")
        self._captured = [value.numpy() for value in captured]
        graph = tf.Graph()
        with graph.as_default():
            tf.import_graph_def(function.graph.as_graph_def(), name="")
        self._types = [value.dtype.as_numpy_dtype for value in function.inputs]
        threads = tf.config.threading
        config = tf.compat.v1.ConfigProto(
            inter_op_parallelism_threads=threads.get_inter_op_parallelism_threads(),
            intra_op_parallelism_threads=threads.get_intra_op_parallelism_threads(),
        )
        config.graph_options.rewrite_options.disable_meta_optimizer = not rewritten
        self._session = tf.compat.v1.Session(graph=graph, config=config)
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


def started_once(function: Any) -> Callable[..., Any]:
    """A traced function, as a `GraphFunction` where that is the same and saves time.

    It is not the same where an operation keeps a state, which seeding would reset. Beside a GPU the
    data would have to be brought there for each call.
    """
    import tensorflow as tf

    if tf.config.list_physical_devices("GPU") or not keeps_nothing_else(function, ()):
        traced: Callable[..., Any] = function
        return traced
    # Tensors in its place would keep the graph.
    structure = tf.nest.map_structure(lambda _: 0, function.structured_outputs)
    started = GraphFunction(function, rewritten=False)
    return lambda *args: tf.nest.pack_sequence_as(structure, started(*args))
