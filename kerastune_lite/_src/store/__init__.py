"""What happened: every trial, execution, segment and epoch, stored as soon as it is known.

    directory/project_name/
      study.sqlite3    everything that happened; schema.py documents the tables
      checkpoints/     trial_0007_execution0.weights.h5, in Keras's own format
      tensorboard/     one run for each trial
      search.lock      held while a search writes

`leftovers.py` says which files can be deleted.

SQLite with write-ahead logging and `synchronous=NORMAL`: what was committed survives the death of
the process at any moment; a power failure may lose the last commits, but never damages the file.
The database is created under another name and renamed, so an empty one is always a damaged one.
There is no pickle: opening a project from somebody else runs no code.

Only the process that runs `search()` writes. It holds a lock of the operating system, which is
released when it dies. Readers need no lock. The weights of a trial's best epoch are written once,
if the trial is among the best `keep_checkpoints`, and before the trial is recorded as completed.

Projects of KerasTuner are read (`kerastuner_reading.py`) as if they were ours, and never changed;
`kerastuner_writing.py` writes ours in its form.
"""
