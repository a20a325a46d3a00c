"""Which values to try (oracles), and how long to train them (schedulers).

Both are functions of the history of a search: no files, no clock, no Keras, no state. The generator
of a proposal is derived from `(seed, number of the trial)`; an oracle that needs more (scrambled
Sobol points) also receives the seed of the search. So a search that died and was resumed proposes
the same values as one that was never interrupted.

To add one, write a file with a subclass of `Oracle` or `Scheduler` and a test file that subclasses
the conformance suite, and export it from the public module; add a preset if users should find it
by name.
"""
