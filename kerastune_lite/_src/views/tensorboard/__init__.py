"""TensorBoard: learning curves while trials train, and the HParams table of trials that ended.

Layout. A trial is one run, `trial_0007/`. With several executions each of them is a run,
`trial_0007/execution0/`; a retry is a new one, `trial_0007_retry1/` or
`trial_0007/execution0_retry1/`. Epochs are written as they end, under Keras's tags
(`train/epoch_loss`, `validation/epoch_loss`). What makes a run a session of HParams (its
hyperparameters, the score as the scalar `objective`, and the status) is written in one record when
the trial has ended.

Why not when it starts. TensorBoard keeps the first record of a run's hyperparameters that it reads.
At the start they are not known: a builder may ask for parameters that are not in the space yet, and
not use some that were proposed (the units of a layer that this trial does not have). So a running
trial is in Time Series but not in HParams, and no row there is ever wrong or left by a search that
was killed.

Rows. Parallel coordinates leave out a trial that lacks a column, and cannot draw a column of mixed
types. So each trial has all columns, and each column has one type: boolean, number, or text if the
parameter is conditional, if a trial does not use it ("inactive"), or if its values have several
types. If a later trial changes the columns (trial 40 is the first to ask for a parameter, or not
to), the files of the earlier trials are rewritten. A running TensorBoard shows that change once it
is restarted.

Attempts that were tried again are not sessions: a row shows the means over its sessions, and what
an attempt reached before it failed does not count. Their curves stay in Time Series.

What all trials show together is one more run, `_search/`: the learning curves' quantiles and the
best score so far (Custom Scalars), the ranking (Text), the importances (Images).

    tensorboard_view.py    events as runs and sessions; hparams_columns.py, names.py: their names
    search_run.py          when `_search` is written; search_events.py what it contains:
                           curve_fan.py, ranking.py, picture.py
    event_files.py         the files, their scalars and sessions; summaries.py other events
    server.py              TensorBoard in a separate process: serve.py
"""
