"""What users construct: the tuner, its presets, and searches without Keras.

tuner.py presets.py tune_function.py
training_side.py user_trials.py    how its trials are trained; a user's own `run_trial`
models.py                          the models of trials: loaded, evaluated, trained anew
oracle_view.py overrides.py        what KerasTuner's scripts read, override and set
"""
