"""What users construct: the tuner, its presets, and searches without Keras.

tuner.py presets.py tune_function.py
probing.py                     the builder, run before the first trial
call.py training.py            the arguments of `search()`; how trials are trained with them
user_trials.py                 trials that the user's own `run_trial` trains
evaluating.py                  the best models on data that the search has not seen
oracle_view.py overrides.py    what scripts for KerasTuner read, override and set
"""
