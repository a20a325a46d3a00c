"""Where and how a segment is run.

    job.py         the interface of the code that trains: `Job.run(segments, emit)`
    guard.py       turns exceptions of the user's code into reports
    returned.py    reads what `fit` or `run_trial` returned
    runner.py      the interface of a runner; inline.py: in the process and thread of the search

A runner's `wait` calls `emit` in the thread of the search for each epoch, and passes its result, a
`Decision`, to the training. So a scheduler can stop a trial wherever it is trained.
"""
