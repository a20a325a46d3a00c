"""Small dense and recurrent networks in NumPy, any number of them side by side.

    trusted_programs.py                whether a model is trained here, and what has to be compared
    checks.py compiled.py              what is written out: layers, optimizers; losses, metrics
    matching.py                        which arrays of the data go to which input, loss, metric
    array_program.py epoch.py values.py    an epoch of G members, each with samples of its own
    network.py nodes.py activations.py losses.py    forward passes and gradients
    written.py layers.py normalization.py    the layers
    embedding.py convolution.py pooling.py windows.py    those of words, images and series
    recurrent.py tape.py cells.py gates.py masking.py
                                       recurrent layers, and which steps they skip
    arithmetic.py                      how much a step computes
    optimizers.py schedules.py         updates of all weights at once; learning rates by steps
    masks.py measuring.py metrics.py   dropout as TensorFlow draws it; logs, and metrics one by one

A step of 2 x 128 units has some hundred and ten operations in TensorFlow, and starting them takes
two thirds of its time. Written out here it has forty, an update goes over all weights in one row,
and there is nothing to trace.
"""
