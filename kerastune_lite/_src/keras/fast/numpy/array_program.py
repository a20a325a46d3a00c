"""Epochs of members side by side, in NumPy; a training alone is one member.

For networks of this kind nearly all the time of a step in TensorFlow goes into starting its
operations. NumPy starts one in a microsecond and needs fewer, since gradients are written out and
an optimizer updates all weights at once; and there is nothing to trace.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from typing import Any

import numpy as np

from kerastune_lite._src.keras.compat import internals
from kerastune_lite._src.keras.fast.numpy.checks import check_model, last_activation
from kerastune_lite._src.keras.fast.numpy.compiled import Compiled
from kerastune_lite._src.keras.fast.numpy.epoch import Epoch, LearningRate, Plan, Reading, Term
from kerastune_lite._src.keras.fast.numpy.matching import sources_of
from kerastune_lite._src.keras.fast.numpy.network import Network, Numbers
from kerastune_lite._src.keras.fast.numpy.nodes import NotInArrays, Steps
from kerastune_lite._src.keras.fast.numpy.optimizers import OF_ALL, RULES
from kerastune_lite._src.keras.fast.numpy.schedules import SCHEDULES
from kerastune_lite._src.keras.fast.numpy.values import ArrayValues, row, views
from kerastune_lite._src.keras.fast.program import Logs, Program
from kerastune_lite._src.keras.fast.samples import Pool, Samples
from kerastune_lite._src.keras.fast.state import Slot, State, plain_copy
from kerastune_lite._src.keras.fast.structure import Structure
from kerastune_lite._src.keras.loading import load_keras
from kerastune_lite._src.util.threads import one_thread

keras = load_keras()

Array = np.ndarray


class ArrayProgram(Program[ArrayValues]):
    """The epochs and measurements of all models of a structure.

    Args:
        model: any of them, built. It is left as it was.
        structure: its structure.
        samples: to be trained and validated on; only types and shapes matter.
        compiled: what it was compiled with.

    Raises:
        NotInArrays: it holds something that is not written out here.
    """

    def __init__(
        self, model: Any, structure: Structure, samples: Sequence[Samples], compiled: Compiled
    ) -> None:
        check_model(model, structure)
        terms = [
            Term(each.behind(last_activation(model, each.output)), each.factor, each.output)
            for each in compiled.losses
        ]
        fused = {term.output for term in terms if term.loss.fused}
        network = Network(model, structure, fused, {term.output for term in terms})
        widths = [int(x.shape[-1]) if len(x.shape) == 2 else None for x in model.outputs]
        self._training = Reading(sources_of(model, samples[0]), compiled.training)
        self._validation = None
        if compiled.validation is not None:
            self._validation = Reading(sources_of(model, samples[1]), compiled.validation)
        for reading, data in zip((self._training, self._validation), samples):
            assert reading is not None
            _check_targets(terms, widths, reading, data.tensors)
        optimizer = model.optimizer
        rule = RULES[type(optimizer).__name__]
        numbers = Numbers(structure)
        names = (*rule.numbers, *OF_ALL)
        self._plan = Plan(
            network,
            terms,
            widths,
            rule,
            {name: numbers.of(optimizer, name) for name in names},
            {name: getattr(optimizer, name) for name in rule.options},
            _learning_rate(optimizer, numbers),
        )
        if network.idle and not self._plan.numbers["weight_decay"].is_zero:
            raise NotInArrays("weights that decay and have no gradients")
        _, self.slots = plain_copy(optimizer, model.trainable_variables)
        self._rows, self._alone = _sorted(self.slots)

    @property
    def facts(self) -> set[str]:
        """What must have been seen to work; programs are right if all that they are made of is."""
        plan = self._plan
        numbers = {name: number.is_zero for name, number in plan.numbers.items()}
        options = {name: bool(option) for name, option in plan.options.items()}
        losses = [
            (
                type(term.loss).__name__,
                sorted(term.loss.options.items()),
                term.loss.fused,
                term.factor == 1,
                term.output,
            )
            for term in plan.terms
        ]
        readings = [
            (reading.sources, reading.evaluation.matches)
            for reading in (self._training, self._validation)
            if reading is not None
        ]
        learning_rate = plan.learning_rate
        scheduled = learning_rate and (
            learning_rate.schedule.rate.__name__,
            {name: number.is_zero for name, number in learning_rate.numbers.items()},
            {
                name: option is not None and bool(option)
                for name, option in learning_rate.options.items()
            },
        )
        optimizer = plan.rule.change.__name__, numbers, options, len(self._rows), scheduled
        rest = repr((losses, readings, optimizer))
        return {f"{rest}\n{fact}" for fact in plan.network.facts}

    @property
    def takes_any_length(self) -> bool:
        """Whether the one input is a sequence that layers read step by step until they end it."""
        network = self._plan.network
        if len(self._training.sources) > 1:
            return False
        sequences, ended = {-1}, False
        for place, (node, inputs) in enumerate(zip(network.nodes, network.inputs)):
            if not sequences.isdisjoint(inputs):
                if node.steps is Steps.MIXED or not sequences.issuperset(inputs):
                    return False
                ended |= node.steps is Steps.ENDED
                sequences |= {place} if node.steps is Steps.KEPT else set()
        return ended and sequences.isdisjoint(network.outputs)

    # ------------------------------------------------------------------ states

    def packed(self, states: Sequence[State]) -> ArrayValues:
        optimizers = [state.optimizer for state in states]
        return ArrayValues(
            tuple(tuple(weight.shape) for weight in states[0].trainable),
            np.stack([row(state.trainable) for state in states]),
            [np.stack(column) for column in zip(*(state.others for state in states))],
            [np.stack([row([o[i] for i in of]) for o in optimizers]) for of in self._rows],
            [np.stack([np.asarray(o[i]) for o in optimizers]) for i in self._alone],
        )

    def unpacked(self, values: ArrayValues, place: int, whole: bool) -> State:
        optimizer = [array[place] for array in values.alone]
        if whole:
            in_order = dict(zip(self._alone, optimizer))
            for of, array in zip(self._rows, values.rows):
                in_order |= zip(of, views(array[place], values.shapes))
            optimizer = [in_order[i] for i in range(len(self.slots))]
        weights = views(values.weights[place], values.shapes)
        return State(weights, [other[place] for other in values.others], optimizer)

    def picked(self, values: ArrayValues, places: Sequence[int]) -> ArrayValues:
        return values.each(lambda array: array[list(places)])

    def with_own(self, values: ArrayValues, place: int, own: Sequence[Any]) -> ArrayValues:
        # They come first among those that stand alone.
        alone = list(map(np.copy, values.alone))
        for array, value in zip(alone, own):
            array[place] = value
        return dataclasses.replace(values, alone=alone)

    # ------------------------------------------------------------------ epochs

    def epoch(
        self,
        values: ArrayValues,
        pool: Pool,
        scalars: Array,
        orders: Sequence[Array],
        halt: bool = False,
    ) -> tuple[ArrayValues, list[Logs], int]:
        with one_thread(), np.errstate(all="ignore"):
            copied = values.each(np.copy)
            data = pool.samples.on_host
            epoch = Epoch(self._plan, self._training, copied, data, scalars, orders)
            count = epoch.train(pool.batch_size, halt)
            logs = epoch.logs(pool.batch_size, count)
        return copied, logs, -(-count // pool.batch_size)

    def measure(
        self, values: ArrayValues, pool: Pool, scalars: Array, rows: Sequence[Array]
    ) -> tuple[ArrayValues, list[Logs]]:
        assert self._validation is not None
        with one_thread(), np.errstate(all="ignore"):
            data = pool.samples.on_host
            epoch = Epoch(self._plan, self._validation, values, data, scalars, rows)
            epoch.measure()
            return self._drawn(values, pool, rows), epoch.logs(pool.batch_size)

    def _drawn(self, values: ArrayValues, pool: Pool, rows: Sequence[Array]) -> ArrayValues:
        """The values after what is drawn in each batch of a measurement, and not used."""
        masked = [each for each in self._plan.network.masked if each.always and each.draw == 0]
        if not masked:
            return values
        batches = np.array([-(-len(each) // pool.batch_size) for each in rows])
        others = list(values.others)
        for each in masked:
            state = others[each.seed.index].copy()
            state[:, 1] += (each.draws * batches).astype(state.dtype)
            others[each.seed.index] = state
        return dataclasses.replace(values, others=others)


def _learning_rate(optimizer: Any, numbers: Numbers) -> LearningRate | None:
    schedule = internals.schedule_of(optimizer)
    if schedule is None:
        return None
    kind = SCHEDULES[type(schedule).__name__]
    return LearningRate(
        kind,
        {name: numbers.of(schedule, name) for name in kind.numbers},
        {name: getattr(schedule, name) for name in kind.options},
    )


def _check_targets(
    terms: Sequence[Term], widths: Sequence[int | None], reading: Reading, data: Any
) -> None:
    """Refuse targets of another shape than outputs, which Keras broadcasts."""
    _, y, _ = keras.utils.unpack_x_y_sample_weight(data)
    leaves = keras.tree.flatten(y)
    for term, match in zip(terms, reading.evaluation.matches.losses):
        width = widths[term.output]
        assert width is not None
        try:
            term.loss.targets(np.zeros((1, *leaves[match.target].shape[1:])), width)
        except ValueError as error:
            raise NotInArrays(str(error)) from None


def _sorted(slots: Sequence[Slot]) -> tuple[list[list[int]], list[int]]:
    """Which of an optimizer's variables belong to weights, and which stand alone.

    Returns:
        For each kind of the former one for every weight; the latter.
    """
    of_weight: dict[int, list[int]] = {}
    alone = []
    for i, slot in enumerate(slots):
        if slot.like is None:
            alone.append(i)
        else:
            of_weight.setdefault(slot.like, []).append(i)
    return [list(kind) for kind in zip(*(of_weight[i] for i in sorted(of_weight)))], alone
