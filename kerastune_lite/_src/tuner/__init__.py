"""What users construct: the tuner, its presets, and searches without Keras.

tuner.py presets.py gradient_search.py freeze_thaw.py tune_function.py sklearn_tuner.py
known_search.py                what a tuner knows between two searches
probing.py                     the builder, run before the first trial
call.py training.py            the arguments of `search()`; how trials are trained with them
placement.py late_data.py      where they are trained; data that each worker loads
user_trials.py                 trials that the user's own `run_trial` trains
best_models.py ensembling.py   the best models; their average
evaluating.py                  their scores on data that the search has not seen
"""
