"""One model at a time in TensorFlow, an epoch's loop over its batches traced as one function.

shared_program.py traced_program.py traced_model.py scalars.py
                                   a trace that all models of a structure share
own_program.py                     a trace of a model's own, on its own variables
"""
