"""All of Keras and TensorFlow that is not public and that we lean on, with a probe of each.

parts.py                      what a part is: probes, and a line in the log where one fails
internals.py symbolic_build.py probes.py    the fast paths'; without them they are switched off
nesting.py datasets.py        which array of nested data goes where; what datasets are made of
models.py callbacks.py names.py thread_state.py process_state.py    the others', with a way out each
kernels.py saving.py          what is kept from trial to trial: kernels, which attributes are saved
differentiation.py            for derivatives through a training
traces.py                     whether a trace may be used again
recording.py                  which layers a model calls
global_state.py               where Keras keeps names and seeds
"""
