"""Training that is faster than `model.fit` and gives the same result, or is not used.

There is one way to train. A call of `fit` becomes a `Member`; members that do the same arithmetic
form a `Stack`, and a single training is a stack of one. The driver takes a stack through its epochs
as `fit` does, and a `Program` computes them:

    packed(states) -> values                         G states side by side
    epoch(values, samples, scalars, orders) -> values, logs
    measure(values, samples, scalars, rows) -> values, logs
    unpacked(values, place) -> state                 what callbacks see in the model

A program is a function: it holds nothing of a training, and all models of a structure share it. It
is compared with the `train_step` of a model before it is trusted. NumPy trains any number of
members, TensorFlow one. The fastest program that there is for a model is taken, and `model.fit` is
the way out: what is not on a list of what is known to work goes to a slower path, and so does what
raises while a path gets ready; what differs in the comparison is banned.

    dispatcher.py                   takes the place of `fit`; picks the program
    fit_call.py callbacks.py        what `fit` was given
    samples.py datasets.py          its data, on the device once
    graphs.py                       the layers of a model that is written as a class
    structure.py supported.py       what models that share a program have in common; the lists
    member.py stacking.py           a training that can begin; which of them go side by side
    driver.py stack.py state.py     their epochs, as `fit` goes through them; their states
    program.py                      the interface of what computes epochs
        numpy/                      small networks: dense, recurrent, of words and small images
        tf/                         a trace that models of a structure share, or a model's own
    program_cache.py self_check.py  the programs of this process; what comparisons have shown
"""
