"""A model's training and test steps as functions of tensors."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np

from kerastune_lite._src.keras.compat import internals
from kerastune_lite._src.keras.fast.state import Slot, State, plain_copy
from kerastune_lite._src.keras.fast.structure import Place
from kerastune_lite._src.keras.loading import load_keras

keras = load_keras()


class TracedModel:
    """A model's computation on tensors that stand for its variables.

    Args:
        model: the model.
        optimizer: a copy of its optimizer, built for its variables by Keras's plain methods.
        places: the scalars that are read at run time: (object, attribute).
    """

    def __init__(self, model: Any, optimizer: Any, places: Sequence[tuple[Any, str]]) -> None:
        self.places = places
        self.trainable = list(model.trainable_variables)
        self.others = list(model.non_trainable_variables)
        self.optimizer_variables = list(optimizer.variables)
        self.metrics = list(model.metrics_variables)
        self._model = model
        self._optimizer = optimizer

    @classmethod
    def with_plain_optimizer(
        cls, model: Any, places: Iterable[Place]
    ) -> tuple[TracedModel, list[Slot]]:
        """The computation of a model, and how the variables of its optimizer begin.

        Args:
            model: built, with its optimizer; it is left as it was.
            places: the scalars that are read at run time; those of the optimizer are of its copy.
        """
        optimizer, slots = plain_copy(model.optimizer, model.trainable_variables)
        schedule = internals.schedule_of
        copies = {
            id(model.optimizer): optimizer,
            id(schedule(model.optimizer)): schedule(optimizer),
        }
        there = [(copies.get(id(each.owner), each.owner), each.attribute) for each in places]
        return cls(model, optimizer, there), slots

    @property
    def specs(self) -> list[list[Any]]:
        """Of a state's tensors, as TensorFlow's specs."""
        import tensorflow as tf

        groups = self.trainable, self.others, self.optimizer_variables
        return [[tf.TensorSpec(tuple(v.shape), v.dtype) for v in group] for group in groups]

    def fresh_metrics(self) -> list[Any]:
        """The metrics' variables as an epoch begins."""
        zeros = [np.zeros(v.shape, v.dtype) for v in self.metrics]
        with keras.StatelessScope(list(zip(self.metrics, zeros))) as scope:
            self._model.reset_metrics()
        return [keras.ops.convert_to_tensor(scope.get_current_value(v)) for v in self.metrics]

    def train_step(self, state: State, metrics: list[Any], batch: Any) -> tuple[State, list[Any]]:
        """What `Model.train_step` does to a batch, on tensors."""
        import tensorflow as tf

        with tf.GradientTape() as tape:
            tape.watch(state.trainable)
            with self._scope(state, metrics) as scope:
                loss = self._forward(batch, training=True)
        gradients = tape.gradient(loss, state.trainable)
        values = [*zip(self.trainable, state.trainable)]
        values += zip(self.optimizer_variables, state.optimizer)
        with keras.StatelessScope(values) as updated:
            self._optimizer.apply_gradients(list(zip(gradients, self.trainable)))
        new = State(
            [updated.get_current_value(v) for v in self.trainable],
            [scope.get_current_value(v) for v in self.others],
            [updated.get_current_value(v) for v in self.optimizer_variables],
        )
        return new, self._metrics_in(scope)

    def test_step(
        self, state: State, metrics: list[Any], batch: Any
    ) -> tuple[list[Any], list[Any]]:
        """What `Model.test_step` does to a batch, on tensors.

        Returns:
            The state's `others` (recurrent layers draw masks even now), and the metrics.
        """
        with self._scope(state, metrics) as scope:
            self._forward(batch, training=False)
        others = [scope.get_current_value(v) for v in self.others]
        return others, self._metrics_in(scope)

    def _metrics_in(self, scope: Any) -> list[Any]:
        values = [scope.get_current_value(v) for v in self.metrics]
        for value, variable in zip(values, self.metrics):
            # Some metrics lose it, and a loop's variables have to keep theirs.
            value.set_shape(variable.shape)
        return values

    def results(self, metrics: list[Any]) -> dict[str, Any]:
        """The logs that the metrics amount to."""
        with keras.StatelessScope(list(zip(self.metrics, metrics))):
            logs: dict[str, Any] = self._model.get_metrics_result()
        return logs

    def loss_index(self) -> int:
        """Which of the metrics' variables holds the sum of losses."""
        total = internals.loss_total(self._model)
        return next(i for i, variable in enumerate(self.metrics) if variable is total)

    def _scope(self, state: State, metrics: list[Any]) -> Any:
        values = [
            *zip(self.trainable, state.trainable),
            *zip(self.others, state.others),
            *zip(self.metrics, metrics),
        ]
        return keras.StatelessScope(values, collect_losses=True)

    def _forward(self, batch: Any, training: bool) -> Any:
        import tensorflow as tf

        x, y, weight = keras.utils.unpack_x_y_sample_weight(batch)
        y_pred = internals.forward(self._model, x, training)
        # Losses and metrics look at the sizes of outputs, which are part of the key.
        for output, known in zip(
            keras.tree.flatten(y_pred), keras.tree.flatten(self._model.outputs)
        ):
            output.set_shape(known.shape)
        loss = internals.compute_loss(self._model, x, y, y_pred, weight, training)
        first = next(leaf for leaf in keras.tree.flatten(x) if leaf is not None)
        internals.track_loss(self._model, loss, tf.shape(first)[0])
        self._model.compute_metrics(x, y, y_pred, sample_weight=weight)
        return loss
