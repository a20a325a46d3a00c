"""Keras's optimizers on all weights of a model at once.

The weights of a member are one row, and so are those of its optimizer's variables that belong to
them: an update is a handful of operations, however many layers there are. Formulas and order of
operations follow `keras.optimizers`; what Keras computes of Python numbers is computed in double
precision here, too.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from kerastune_lite._src.keras.fast.numpy.values import ArrayValues, Bound, views

Array = np.ndarray


OF_ALL = ("clipnorm", "clipvalue", "global_clipnorm", "weight_decay")
"""The numbers that all optimizers have."""


class Update:
    """The updates of all weights, as an optimizer makes them; numbers are `(G, 1)`.

    Args:
        rule: of the optimizer.
        values: changed in place.
        bound: the gradients, `(G, size)`, read and overwritten by each call.
        numbers: the optimizer's scalars, in double precision: those of the rule, and `OF_ALL`.
        options: its attributes that are no scalars.
        rate_at: the learning rate of the steps `(G, 1)`; None if it is one of the values.
    """

    def __init__(
        self,
        rule: Rule,
        values: ArrayValues,
        bound: Bound,
        numbers: Mapping[str, Any],
        options: Mapping[str, Any],
        rate_at: Callable[[Array], Array] | None = None,
    ) -> None:
        self._rule = rule
        self.numbers, self.options = numbers, options
        self.weights, self.gradients, self.slots = values.weights, bound.gradients, values.rows
        self._sums = bound.sums
        self._iterations, *alone = values.alone
        self.others = [value.reshape(-1, 1) for value in alone]
        """Variables that are of no weight's size."""
        self._sizes = [size for size in (int(np.prod(shape)) for shape in values.shapes) if size]
        self._rate_at = rate_at
        self.step = (self._iterations + 1).astype(np.float32).reshape(-1, 1)
        """From 1 on, in single precision."""
        self.rate = self.others.pop(0) if rate_at is None else np.empty_like(self.step)
        """The learning rate."""
        self.scratch = np.empty_like(self.gradients)
        """A row to compute in."""
        self._parts = views(self.scratch, values.shapes)
        # Zeros stand for what was not asked for: found once, not in each of many short steps.
        asked = {name: _single(numbers[name]) for name in OF_ALL if np.any(numbers[name])}
        self._decay = asked.pop("weight_decay", None)
        self._limit = next(iter(asked.items()), None)
        """How gradients are clipped, and at which number; Keras takes one way of the three."""

    def __call__(self) -> None:
        """Change the weights."""
        if self._rate_at is not None:
            self.rate = self._rate_at(self._iterations.astype(np.float32).reshape(-1, 1))
        if self._limit is not None:
            self._clip(*self._limit)
        if self._decay is not None:
            decayed = np.multiply(self.weights, self._decay, out=self.scratch)
            decayed *= self.rate
            self.weights -= decayed
        self.step = (self._iterations + 1).astype(np.float32).reshape(-1, 1)
        self._rule.change(self)
        self._iterations += 1

    def of_gradients(self, function: Callable[..., Array]) -> Array:
        """A function of the gradients, in `scratch`.

        Of a table whose rows are looked up, Keras takes it of each look-up's gradient and adds up
        what comes out: in the velocities of Adam, the sum of the squares.

        Args:
            function: (gradients, out) -> their square, or their size.
        """
        function(self.gradients, out=self.scratch)
        for index, sums in self._sums.items():
            sums(function, self._parts[index])
        return self.scratch

    def _clip(self, way: str, limit: Any) -> None:
        gradients = self.gradients
        if way == "clipnorm":
            norms = np.sqrt(self._squares())
            gradients *= limit
            gradients /= np.repeat(np.maximum(norms, limit), self._sizes, 1)
        elif way == "global_clipnorm":
            norms = np.sqrt(self._squares().sum(1, keepdims=True))
            # What is not finite becomes NaN as a whole.
            gradients *= limit * np.minimum(1 / norms, 1 / limit) + (norms - norms)
        else:
            np.clip(gradients, -limit, limit, out=gradients)

    def _squares(self) -> Array:
        """The gradients of each weight, squared, in sum, `(G, weights)`."""
        begins = np.cumsum([0, *self._sizes[:-1]])
        squares = np.multiply(self.gradients, self.gradients, out=self.scratch)
        return np.add.reduceat(squares, begins, 1, np.float64).astype(np.float32)


def _single(value: Any) -> Any:
    return np.float32(value) if np.ndim(value) == 0 else value.astype(np.float32)


def _toward(slot: Array, target: Array, share: Any, scratch: Array) -> None:
    """slot += (target - slot) * share."""
    np.subtract(target, slot, out=scratch)
    scratch *= _single(share)
    slot += scratch


def _squares_toward(slot: Array, update: Update, share: Any) -> None:
    """slot += (gradients^2 - slot) * share."""
    squares = update.of_gradients(np.square)
    squares -= slot
    squares *= _single(share)
    slot += squares


def _sgd(update: Update) -> None:
    gradients = update.gradients
    gradients *= update.rate
    if not update.slots:
        update.weights -= gradients
        return
    momentum, (slot,) = _single(update.numbers["momentum"]), update.slots
    slot *= momentum
    slot -= gradients
    if update.options["nesterov"]:
        np.multiply(slot, momentum, out=update.scratch)
        update.scratch -= gradients
        update.weights += update.scratch
    else:
        update.weights += slot


def _power(base: Any, step: Array) -> Array:
    return np.power(_single(base), step, dtype=np.float32)


def _adam(update: Update) -> None:
    beta_1, beta_2 = update.numbers["beta_1"], update.numbers["beta_2"]
    moment, velocity, *largest = update.slots
    scratch = update.scratch
    alpha = update.rate * np.sqrt(1 - _power(beta_2, update.step))
    alpha /= 1 - _power(beta_1, update.step)
    _toward(moment, update.gradients, 1 - beta_1, scratch)
    _squares_toward(velocity, update, 1 - beta_2)
    if largest:
        velocity = np.maximum(largest[0], velocity, out=largest[0])
    np.sqrt(velocity, out=scratch)
    scratch += _single(update.numbers["epsilon"])
    change = np.multiply(moment, alpha, out=update.gradients)
    change /= scratch
    update.weights -= change


def _adamax(update: Update) -> None:
    beta_1, beta_2 = update.numbers["beta_1"], update.numbers["beta_2"]
    moment, norm = update.slots
    _toward(moment, update.gradients, 1 - beta_1, update.scratch)
    norm *= _single(beta_2)
    np.maximum(norm, update.of_gradients(np.abs), out=norm)
    np.add(norm, _single(update.numbers["epsilon"]), out=update.scratch)
    update.scratch *= 1 - _power(beta_1, update.step)
    change = np.multiply(moment, update.rate, out=update.gradients)
    change /= update.scratch
    update.weights -= change


def _nadam(update: Update) -> None:
    beta_1, beta_2 = _single(update.numbers["beta_1"]), _single(update.numbers["beta_2"])
    moment, velocity = update.slots
    (product,) = update.others
    one, half = np.float32(1), np.float32(0.5)
    now = beta_1 * (one - half * _power(0.96, update.step))
    following = beta_1 * (one - half * _power(0.96, update.step + 1))
    product *= now
    _toward(moment, update.gradients, one - beta_1, update.scratch)
    _squares_toward(velocity, update, one - beta_2)
    gradients = update.gradients
    gradients *= (one - now) / (one - product)
    gradients += moment * (following / (one - product * following))
    np.divide(velocity, one - _power(beta_2, update.step), out=update.scratch)
    np.sqrt(update.scratch, out=update.scratch)
    update.scratch += _single(update.numbers["epsilon"])
    gradients *= update.rate
    gradients /= update.scratch
    update.weights -= gradients


def _rmsprop(update: Update) -> None:
    rho, gradients, scratch = update.numbers["rho"], update.gradients, update.scratch
    velocity, *rest = update.slots
    velocity *= _single(rho)
    squares = update.of_gradients(np.square)
    squares *= _single(1 - rho)
    velocity += squares
    moment = rest.pop(0) if update.options["momentum"] else None
    if update.options["centered"]:
        (average,) = rest
        average *= _single(rho)
        np.multiply(gradients, _single(1 - rho), out=scratch)
        average += scratch
        np.multiply(average, average, out=scratch)
        np.subtract(velocity, scratch, out=scratch)
        scratch += _single(update.numbers["epsilon"])
    else:
        np.add(velocity, _single(update.numbers["epsilon"]), out=scratch)
    np.sqrt(scratch, out=scratch)
    gradients *= update.rate
    gradients /= scratch
    if moment is None:
        update.weights -= gradients
        return
    moment *= _single(update.numbers["momentum"])
    moment += gradients
    update.weights -= moment


def _adagrad(update: Update) -> None:
    (accumulator,) = update.slots
    accumulator += update.of_gradients(np.square)
    np.add(accumulator, _single(update.numbers["epsilon"]), out=update.scratch)
    np.sqrt(update.scratch, out=update.scratch)
    update.gradients *= update.rate
    update.gradients /= update.scratch
    update.weights -= update.gradients


def _adadelta(update: Update) -> None:
    rho, epsilon = update.numbers["rho"], _single(update.numbers["epsilon"])
    of_gradients, of_changes = update.slots
    gradients, scratch = update.gradients, update.scratch

    def averaged(slot: Array, values: Array) -> None:
        slot *= _single(rho)
        np.multiply(values, values, out=scratch)
        np.multiply(scratch, _single(1 - rho), out=scratch)
        slot += scratch

    averaged(of_gradients, gradients)
    gradients *= np.sqrt(of_changes + epsilon)
    gradients /= np.sqrt(of_gradients + epsilon)
    averaged(of_changes, gradients)
    gradients *= update.rate
    update.weights -= gradients


def _lion(update: Update) -> None:
    beta_1, beta_2 = _single(update.numbers["beta_1"]), _single(update.numbers["beta_2"])
    (moment,) = update.slots
    np.multiply(moment, beta_1, out=update.scratch)
    update.scratch += update.gradients * (np.float32(1) - beta_1)
    np.sign(update.scratch, out=update.scratch)
    update.scratch *= update.rate
    update.weights -= update.scratch
    moment *= beta_2
    update.gradients *= np.float32(1) - beta_2
    moment += update.gradients


@dataclasses.dataclass(frozen=True)
class Rule:
    """How an optimizer changes weights.

    Attributes:
        change: does it.
        numbers: the attributes that it reads as numbers.
        options: the attributes that decide what it does.
    """

    change: Callable[[Update], None]
    numbers: tuple[str, ...]
    options: tuple[str, ...] = ()


_BETAS = ("beta_1", "beta_2", "epsilon")

RULES: Mapping[str, Rule] = {
    "Adadelta": Rule(_adadelta, ("rho", "epsilon")),
    "Adagrad": Rule(_adagrad, ("epsilon",)),
    "Adam": Rule(_adam, _BETAS),
    "AdamW": Rule(_adam, _BETAS),
    "Adamax": Rule(_adamax, _BETAS),
    "Lion": Rule(_lion, ("beta_1", "beta_2")),
    "Nadam": Rule(_nadam, _BETAS),
    "RMSprop": Rule(_rmsprop, ("rho", "momentum", "epsilon"), ("momentum", "centered")),
    "SGD": Rule(_sgd, ("momentum",), ("nesterov",)),
}
"""By the name of the class in `keras.optimizers`."""
