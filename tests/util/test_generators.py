import random

import numpy as np

from kerastune_lite._src.util.generators import kept_generators, seed_generators


class Lazy:
    """Makes its generator when it is first used."""

    def __init__(self):
        self._made = None

    @property
    def rng(self):
        if self._made is None:
            self._made = np.random.RandomState()
        return self._made


class Owner:
    def __init__(self):
        self.plain = random.Random()
        self.inside = [{"new": np.random.default_rng()}, (np.random.RandomState(), "text")]
        self.lazy = Lazy()
        self.itself = self

    def drawn(self):
        (new, (old, _)) = self.inside[0]["new"], self.inside[1]
        return [self.plain.random(), new.random(), old.rand(), self.lazy.rng.rand()]


def test_all_generators_of_an_object_are_seeded():
    one, other = Owner(), Owner()
    assert one.drawn() != other.drawn()
    for owner in (one, other):
        seed_generators(owner, [3, 1])
    numbers = one.drawn()
    assert numbers == other.drawn()
    assert len(set(numbers)) == 4
    seed_generators(one, [3, 2])
    assert not set(numbers) & set(one.drawn())


def test_those_of_the_process_are_not_touched_and_can_be_kept():
    random.seed(1)
    np.random.seed(1)
    with kept_generators():
        before = random.random(), np.random.rand()
        seed_generators(Owner(), [3])
    assert (random.random(), np.random.rand()) == before
