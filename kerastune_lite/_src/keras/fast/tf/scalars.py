"""Scalars that a program reads at run time, although Keras's code takes them for Python numbers."""

from __future__ import annotations

import contextlib
import numbers
import operator
from collections.abc import Callable, Iterator, Sequence
from typing import Any

from kerastune_lite._src.keras.loading import load_keras

keras = load_keras()


class RunTimeScalar:
    """Compares as the number it was traced with, and computes with what the program is given.

    Like a Python number it takes on the type of what it meets; among its like it stays in double
    precision, since `1 - beta_2` in single precision is wrong by 4e-6. What was computed once is
    not computed again for every variable of an optimizer.

    Args:
        number: what branches (`if self.momentum != 0`) are decided by.
        tensor: a double.
    """

    __array_ufunc__ = None
    """NumPy leaves the arithmetic to this class."""

    def __init__(self, number: float, tensor: Any) -> None:
        self._number = number
        self._tensor = tensor
        self._computed: dict[Any, Any] = {}

    def __float__(self) -> float:
        return self._number

    def __bool__(self) -> bool:
        return bool(self._number)

    def __hash__(self) -> int:
        return hash(self._number)

    def __eq__(self, other: Any) -> bool:
        return bool(self._number == other)

    def __lt__(self, other: Any) -> bool:
        return bool(self._number < other)

    def __le__(self, other: Any) -> bool:
        return bool(self._number <= other)

    def __gt__(self, other: Any) -> bool:
        return bool(self._number > other)

    def __ge__(self, other: Any) -> bool:
        return bool(self._number >= other)

    def __tf_tensor__(self, dtype: Any = None, name: str | None = None) -> Any:
        import tensorflow as tf

        dtype = tf.as_dtype(dtype or keras.config.floatx())
        return self._once(dtype.name, lambda: tf.cast(self._tensor, dtype))

    def __neg__(self) -> RunTimeScalar:
        return RunTimeScalar(-self._number, -self._tensor)

    def as_constant(self) -> RunTimeScalar:
        """The same scalar, by which there is no derivative."""
        import tensorflow as tf

        return RunTimeScalar(self._number, tf.stop_gradient(self._tensor))

    def _once(self, what: Any, compute: Callable[[], Any]) -> Any:
        """What `compute` returns; from memory, if it was computed in this graph before."""
        import tensorflow as tf

        # Tensors of a loop's body cannot be used outside of it.
        key = (what, id(tf.compat.v1.get_default_graph()))
        if key not in self._computed:
            self._computed[key] = compute()
        return self._computed[key]

    def _combined(self, name: str, other: Any, compute: Callable[[Any, Any], Any]) -> Any:
        import tensorflow as tf

        if isinstance(other, (int, float)):
            return self._once(
                (name, other),
                lambda: RunTimeScalar(
                    compute(self._number, other),
                    compute(self._tensor, tf.constant(other, self._tensor.dtype)),
                ),
            )
        if isinstance(other, RunTimeScalar):
            tensor = compute(self._tensor, other._tensor)
            return RunTimeScalar(compute(self._number, other._number), tensor)
        other = keras.ops.convert_to_tensor(other)
        return compute(self.__tf_tensor__(other.dtype), other)


def _arithmetic() -> None:
    """Give the class its operators, in both orders."""
    for name in ("add", "sub", "mul", "truediv", "pow"):
        compute = getattr(operator, name)

        def forward(
            self: RunTimeScalar, other: Any, compute: Any = compute, name: str = name
        ) -> Any:
            return self._combined(f"{name} of", other, compute)

        def backward(
            self: RunTimeScalar, other: Any, compute: Any = compute, name: str = name
        ) -> Any:
            return self._combined(f"{name} from", other, lambda own, given: compute(given, own))

        setattr(RunTimeScalar, f"__{name}__", forward)
        setattr(RunTimeScalar, f"__r{name}__", backward)


_arithmetic()
# TensorFlow's dropout wants its rate to be a tensor or a number, and computes with a number as with
# this class.
numbers.Real.register(RunTimeScalar)


@contextlib.contextmanager
def read_at_run_time(places: Sequence[tuple[Any, str]], values: Any) -> Iterator[None]:
    """Within it, these attributes are read from `values`.

    Args:
        places: (object, attribute).
        values: a double tensor, `(len(places),)`.
    """
    kept = [getattr(owner, attribute) for owner, attribute in places]
    try:
        for i, (owner, attribute) in enumerate(places):
            object.__setattr__(owner, attribute, RunTimeScalar(float(kept[i]), values[i]))
        yield
    finally:
        for (owner, attribute), number in zip(places, kept):
            object.__setattr__(owner, attribute, number)
