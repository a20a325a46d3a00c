"""Training that is faster than `model.fit` and gives the same result, or is not used.

`dispatcher.py` takes the place of `model.fit` while a trial trains, whoever calls it, and picks the
fastest path that gives its result: NumPy (`numpy/`), a trace that all models of a structure share
(`tf/`), a trace of the model's own, `model.fit`.

    fit_call.py samples.py datasets.py    the arguments of `fit`; its data, on the device once
    structure.py supported.py             what two models must have in common to share a program;
          all
                                          lists of what is known to work
    loop.py engines.py                    what `fit` does around its epochs; who computes them
    member.py stack.py                    trainings that go side by side, and in lock-step
    program_cache.py self_check.py    the programs of this process, and what
                                          comparisons with a model's own training have shown of them
    slots.py                              the variables of an optimizer

What is not on a list goes to a slower path; what raises while a path gets ready goes to
`model.fit`; what differs in the self-check is banned. A program is a function: weights, optimizer
and the rest of the state go in and come out, so that it holds nothing of a training.
"""
