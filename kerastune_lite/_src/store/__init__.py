"""What happened: every trial, execution, segment and epoch, on disk the moment it is known.

    directory/project_name/
      study.sqlite3    everything that happened; the tables are documented in schema.py
      checkpoints/     trial_0007_execution0.weights.h5, Keras's own format
      tensorboard/     one run for each trial
      search.lock      held while a search writes

SQLite with write-ahead logging and `synchronous=NORMAL`: a commit survives the death of the process
at any moment; a power cut may cost the last commits, never the file. The database is made under
another name and moved into place, so an empty one is always a damaged one. There is no pickle: to
open a project that somebody sent you runs no code.

The process that runs `search()` is the only one that writes; it holds a lock of the operating
system, which dies with it. Readers need no permission. The weights of a trial's best epoch are
written once, if the trial is among the best `keep_checkpoints`, and before the trial is recorded as
completed.
"""
