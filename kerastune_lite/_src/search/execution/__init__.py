"""Where and how a segment is run.

    job.py         what a runner needs of the code that trains: `Job.run(segments, emit)`
    guard.py       turns what the user's code raises into a report
    returned.py    reads what `fit` or `run_trial` returned
    runner.py      the protocol of a runner; inline.py: in the process and thread of the search

A runner's `wait` calls `emit` in the thread of the search for each epoch; the answer, a `Decision`,
is the runner's to deliver. That is all a scheduler needs to stop a trial, wherever it trains.
"""
