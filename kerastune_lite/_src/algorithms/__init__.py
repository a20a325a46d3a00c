"""What to try (oracles), and whether to go on (schedulers).

Both are functions of the history of a search: no files, no clock, no Keras, no state. The generator
of a proposal comes from `(seed, number of the trial)`; an oracle that needs more (the scrambling of
Sobol points) is given the search's seed. So resuming is reading the store, and the same seed
proposes the same values whatever died in between.

To add one, write a file with a subclass of `Oracle` or `Scheduler` and a test file that subclasses
the conformance suite, and name it in the public module; add a preset if users should find it by
name.
"""
