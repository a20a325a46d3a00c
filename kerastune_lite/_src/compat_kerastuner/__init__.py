"""KerasTuner's remaining names, for scripts that were written for it (docs/migrating.md).

The rest of the house knows nothing of them: only the tuner, the command line and the public modules
import from here.

oracle.py oracle_reading.py oracles.py   oracles that hold the settings of a search
adapted_oracle.py kept_state.py          a user's oracle in a search; the file with its state
own_trials.py                            an oracle without a tuner
oracle_view.py                           `tuner.oracle`, if the tuner was given none of these
trials.py metric_tracking.py             a trial whose attributes can be set; directions of metrics
named_hyperparameters.py                 `Int("units", 8, 64)` as a parameter with a name
tuner_names.py reported.py               a tuner's arguments and methods; what `run_trial` reports
overrides.py environment.py              what has no effect here, or is an error
migrating/                               rewrites the imports of scripts and notebooks
"""
