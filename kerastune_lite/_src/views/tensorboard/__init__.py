"""TensorBoard: learning curves while trials train, and the HParams table of those that ended.

What is where. A trial is one run, `trial_0007/`; with several executions each is a run of its own,
`trial_0007/execution0/`; a retry is a fresh one, `trial_0007_retry1/` or
`trial_0007/execution0_retry1/`. Epochs are written as they end, under the tags that Keras uses
(`train/epoch_loss`, `validation/epoch_loss`). What makes a run a session of HParams, namely its
hyperparameters, the score as the scalar `objective` and the status, follows in one record when the
trial has ended.

Why not when it starts. TensorBoard believes the first record it reads of a run's hyperparameters,
for as long as it lives. At the start they are not known: a builder may ask for parameters that
nobody has heard of, and leave unused some that were proposed (the units of a layer that this trial
does not have). A running trial is therefore seen in Time Series but not yet in HParams, and no row
there is ever wrong, nor left over from a search that was killed.

What a row holds. Parallel coordinates drop a trial that lacks a column, and a column of mixed
types is no axis. So each trial gets all columns, and each column has one type: boolean, number, or
text where the parameter is conditional, where a trial did without it ("inactive"), or where its
values are of several types. Late news (trial 40 is the first to ask for a parameter, or to do
without one) is written into the files of the earlier trials, too. A TensorBoard that is running
sees that change when it is started again.

Attempts that were tried again are no sessions: a row shows the means over its sessions, and what
an attempt reached before it failed does not belong there. Their curves stay in Time Series.

What all trials show together is one more run, `_search/`: the fan of learning curves and the best
so far (Custom Scalars), the ranking (Text), the importances (Images).

    view.py           events as runs and sessions; columns.py, names.py: what these are called
    search_run.py     when `_search` is written; search_events.py what it holds: curves.py,
                      ranking.py, picture.py
    event_files.py    the files, and scalars and sessions in them; summaries.py other events
    server.py         TensorBoard in a process of its own: serve.py
"""
